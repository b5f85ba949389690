"""Files of three days, and what a source makes of them."""

from __future__ import annotations

from pathlib import Path

from retrain_assets.training_data.sources.delivery import Delivery
from retrain_assets.training_data.sources.source import Source
from retrain_assets_tests.training_data.declared import DAILY, DAYS, rows

BY_DAY = {"path": "{partition:%Y-%m-%d}.parquet"}
WHOLE = {"path": "all.parquet"}
BROKEN = {
    "empty": (
        b"",
        "the file is empty (0 bytes). Deliver it again; a period without rows is a file with its columns "
        "and no rows.",
    ),
    "truncated": (
        None,
        "the file is truncated: it begins as Parquet and its end is missing. Deliver it again.",
    ),
    "no parquet": (
        b"a,b\n1,2\n",
        "the file is no Parquet file. Write it as Parquet, or name it .csv if it is CSV.",
    ),
}


def by_key(source: Source, cursor: str | None = None) -> dict[str, str]:
    """Fingerprint every day."""
    return dict(source.fingerprints(DAILY, DAYS, {}, cursor).by_key)


def delivered(source: Source, keys: list[str] = DAYS) -> dict[str, Delivery]:
    """Read days."""
    return {delivery.key: delivery for delivery in source.read(DAILY, keys)}


def write_days(folder: Path) -> None:
    """Write a file a day."""
    for day in DAYS:
        rows(day).write_parquet(folder / f"{day}.parquet")
