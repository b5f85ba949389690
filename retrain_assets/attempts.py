"""The record of retraining attempts: what was trained, how it was judged, what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from retrain_assets.lake import Lake
from retrain_assets.lake_tables import SCHEMAS

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
    return [_parsed(row) for row in _record(lake, stage).iter_rows(named=True)]


def newest_attempt(lake: Lake, stage: Stage, attempt: str | None = None) -> Attempt | None:
    """The stage of a given attempt; where none is given, or it has none, the newest there is."""
    record = _record(lake, stage)
    own = record.clear() if attempt is None else record.filter(pl.col("attempt") == attempt)
    newest = (record if own.is_empty() else own).tail(1)
    return next(map(_parsed, newest.iter_rows(named=True)), None)


def attempt_of_version(lake: Lake, entries: Sequence[LedgerEntry], version: int) -> Attempt | None:
    """The training that a version came from, by the ledger's evidence; None where it is not on record."""
    named = [entry.evidence.get("attempt") for entry in entries if entry.version == version]
    wanted = next((name for name in named if name), None)
    if wanted is None:
        return None
    own = _record(lake, "trained").filter(pl.col("attempt").eq_missing(wanted)).head(1)
    return next(map(_parsed, own.iter_rows(named=True)), None)


def _record(lake: Lake, stage: Stage | None) -> pl.DataFrame:
    rows = lake.read("attempts")
    return (rows if stage is None else rows.filter(pl.col("stage") == stage)).sort("at")


def _parsed(row: Mapping[str, Any]) -> Attempt:
    return Attempt(**{**row, "payload": json.loads(row["payload"])})
