"""The pipeline of loans with its labels in files of their own, that the tests of such labels share."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.running import QUIET

AFTER = timedelta(hours=20)
"""A loan's label is booked so long after it was asked for."""


def late(
    folder: Path,
    *,
    label: dict[str, Any] | None = None,
    declared: dict[str, Any] | None = None,
    **source: Any,
) -> Declaration:
    """Declare the loans, with labels from a CSV file a day of booking; ``declared`` are other blocks."""
    files = (
        {"path": "labels/{partition:%Y-%m-%d}.csv"}
        if source.keys().isdisjoint({"path", "url", "function"})
        else {}
    )
    where = {**files, "key": "of_loan", "column": "outcome", "known_at": "booked", **source}
    own = {"column": "repaid", "delay": "2d", "source": where, **(label or {})}
    return declare(folder, **QUIET, label=own, **(declared or {}))


def bookings_of(day: date, **options: Any) -> pl.DataFrame:
    """Labels of the loans of one day."""
    loans = loans_of(day, **options)
    return loans.select(of_loan="loan", outcome="repaid", booked=pl.col("asked_at") + AFTER)


def book(folder: Path, day: date, bookings: pl.DataFrame | None = None) -> Path:
    """Write the labels of one day where the source of labels looks for them."""
    file = folder / "labels" / f"{day.isoformat()}.csv"
    file.parent.mkdir(exist_ok=True)
    (bookings_of(day) if bookings is None else bookings).write_csv(file)
    return file


def deliver(folder: Path, days: int, *, booked: int | None = None) -> list[str]:
    """Write rows of the first days, and labels of those days or of fewer; returns the keys of the rows' partitions."""
    found = [FIRST_DAY + timedelta(days=number) for number in range(days)]
    for day in found:
        write_day(folder, day, loans_of(day).drop("repaid"))
    for day in found[:booked]:
        book(folder, day)
    return [day.isoformat() for day in found]
