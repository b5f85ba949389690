"""Whether a champion on watch is to be rolled back: it has been shown to be worse than the one that it replaced."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report.watch import newest_report

CODE = "watch"


@dataclass(frozen=True)
class Rollback:
    """A rollback that is due.

    Parameters
    ----------
    version
        The champion that is to go.
    predecessor
        The one that it replaced.
    reason
        The finding of the watch, as sentences.
    as_of
        The data clock.
    """

    version: int
    predecessor: int
    reason: str
    as_of: datetime


def rollback_due(declaration: Declaration) -> Rollback | None:
    """Tell whether the newest report says of the present champion that it does worse than its predecessor.

    Once it is rolled back it is no champion any more, so that nobody asks twice. A finding about an earlier
    promotion of the same version says nothing.

    Parameters
    ----------
    declaration
        The pipeline.
    """
    report = newest_report(declaration)
    watch = None if report is None else report.get("watch")
    if report is None or watch is None or not (watch["crossed"] and declaration.spec.promotion_watch):
        return None
    standing = declaration.ledger.standing()
    if standing.since is None or (report["version"], report["promoted_at"]) != (
        standing.version,
        standing.since.isoformat(),
    ):
        return None
    return Rollback(report["version"], watch["predecessor"], watch["sentence"], declaration.data_clock())


def record_rollback(declaration: Declaration, rollback: Rollback) -> None:
    """Append the decision to roll back to the record of decisions."""
    payload = {
        "sentence": rollback_sentence(declaration.name, rollback),
        "reasons": [{"code": CODE, "sentence": rollback.reason}],
        "held_back_by": [],
        "would_change": "",
        "earliest": None,
        "rolls_back": rollback.version,
    }
    row = {"as_of": rollback.as_of, "at": datetime.now(UTC), "act": False, "payload": json.dumps(payload)}
    declaration.lake.append("decisions", pl.DataFrame([row], schema=SCHEMAS["decisions"]))


def rollback_sentence(name: str, rollback: Rollback) -> str:
    """Say what is asked for, and why."""
    return (
        f"{name}_rollback is asked for: version {rollback.predecessor} is to serve again in the place of version "
        f"{rollback.version}. {rollback.reason}"
    )
