"""The record of retraining attempts: what was trained, how it was judged, what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from retrain_assets.lake import SCHEMAS, Lake

if TYPE_CHECKING:
    from retrain_assets.champion.ledger import LedgerEntry

Stage = Literal["trained", "evaluated", "registered"]


@dataclass(frozen=True)
class Attempt:
    """One finished stage of a retraining attempt.

    Parameters
    ----------
    attempt
        Id of the attempt: the id of the run that trained.
    stage
        ``trained``, ``evaluated`` or ``registered``.
    as_of
        The moment of knowledge that it was trained with.
    at
        Wall time at which the stage ended.
    payload
        The stage's result, JSON-able.
    """

    attempt: str
    stage: Stage
    as_of: datetime
    at: datetime
    payload: Mapping[str, Any]


def record_attempt(
    lake: Lake, attempt: str, stage: Stage, as_of: datetime, payload: Mapping[str, Any]
) -> None:
    """Append a finished stage to the record."""
    row = {
        "attempt": attempt,
        "stage": stage,
        "as_of": as_of,
        "at": datetime.now(UTC),
        "payload": json.dumps(payload),
    }
    lake.append("attempts", pl.DataFrame([row], schema=SCHEMAS["attempts"]))


def attempts(lake: Lake, stage: Stage | None = None) -> list[Attempt]:
    """Read the record, oldest first; one stage of it, or all."""
    rows = lake.scan("attempts")
    if stage is not None:
        rows = rows.filter(pl.col("stage") == stage)
    return [
        Attempt(**(row | {"payload": json.loads(row["payload"])}))
        for row in rows.sort("at").collect().iter_rows(named=True)
    ]


def newest_attempt(lake: Lake, stage: Stage, attempt: str) -> Attempt | None:
    """The stage of a given attempt; where that attempt has none, the newest there is."""
    found = attempts(lake, stage)
    own = [item for item in found if item.attempt == attempt]
    chosen = own or found
    return chosen[-1] if chosen else None


def attempt_of_version(lake: Lake, entries: Sequence[LedgerEntry], version: int) -> Attempt | None:
    """The training that a version came from, by the ledger's evidence; None where it is not on record."""
    named = [entry.evidence.get("attempt") for entry in entries if entry.version == version]
    wanted = next((name for name in named if name), None)
    return next((item for item in attempts(lake, "trained") if item.attempt == wanted), None)
