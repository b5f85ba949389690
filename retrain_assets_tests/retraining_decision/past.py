"""A pipeline's past, written into its lake in the form that its runs leave it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import polars as pl

from retrain_assets.attempts import newest_attempt, record_attempt
from retrain_assets.champion.standing import Action
from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import complete
from retrain_assets.features.refresh import refresh_features
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.retraining_decision.gather import Ruling, rule
from retrain_assets.retraining_decision.record import record_decision
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.label_source.intake import take_labels
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_days
from retrain_assets_tests.ticking import Automation

DAYS = 26
"""Length of the past of :func:`started`."""
LAG = 9
"""Holdout and twice the label's delay, in days."""


def at(days: float) -> datetime:
    """Tell the moment so many days after the beginning of the first partition."""
    return datetime.combine(FIRST_DAY, time(), UTC) + timedelta(days=days)


def take_in(declaration: Declaration, keys: Sequence[str]) -> None:
    """Do what an ingest run does while there is no champion; Dagster would take four times as long over it."""
    list(ingest(declaration, keys, "run"))
    take_labels(declaration, "run")
    make_features(declaration, keys)
    complete(declaration.lake, keys, "run")


def make_features(declaration: Declaration, keys: Sequence[str]) -> None:
    """Fill ``features`` with partitions whose rows are in."""
    refresh_features(declaration, keys)


def live(declaration: Declaration, folder: Path, days: int) -> None:
    """Write the files of the first days and take them in, so that the data clock stands at their end."""
    take_in(declaration, write_days(folder, days))


def promote(
    declaration: Declaration, day: float, version: int = 1, *, action: Action = "promoted", **evidence: Any
) -> None:
    """Make a version champion, as of a day."""
    standing = declaration.ledger.standing()
    declaration.ledger.commit(
        action=action,
        version=version,
        expected_champion=standing.version,
        actor="a retrain run",
        reason="It is better.",
        evidence=evidence,
        as_of=at(day),
    )


def attempt(
    declaration: Declaration,
    day: float,
    verdict: str = "rejected",
    *,
    evidence: Mapping[str, str] | None = None,
    trial: bool = False,
    code_version: str | None = None,
    next_look: float | None = None,
    acted_on: bool = True,
    train_end: float | None = None,
    reason: str = "no_gain",
) -> str:
    """Record an attempt that came to a verdict, and by default was acted on, as of a day; returns its id."""
    run_id = str(uuid4())
    trained = {
        "task": "classification",
        "evidence": dict(evidence or {}),
        "code_version": code_version or declaration.code_version(),
        "windows": {"train_end": at(day - LAG if train_end is None else train_end).isoformat()},
    }
    record_attempt(declaration.lake, run_id, "trained", at(day), trained)
    judged = {
        "verdict": verdict,
        "reason": reason,
        "sentence": "A gain worth having is ruled out.",
        "next_look": None if next_look is None else at(next_look).isoformat(),
    }
    payload = {
        "trial": trial,
        "verdict": judged,
        "page": f"evaluations/{run_id}/index.html",
        "champion": declaration.ledger.standing().version,
    }
    record_attempt(declaration.lake, run_id, "evaluated", at(day), payload)
    if acted_on:
        done = {"outcome": "none", "version": None, "sentence": "Version 1 stays."}
        record_attempt(declaration.lake, run_id, "registered", at(day), done)
    return run_id


def look(
    declaration: Declaration,
    run_id: str,
    day: float,
    verdict: str,
    *,
    next_look: float | None = None,
    acted_on: bool = True,
) -> None:
    """Record that an attempt was looked at again, and by default acted on, as of a day."""
    before = newest_attempt(declaration.lake, "evaluated", run_id)
    assert before is not None
    due = None if next_look is None else at(next_look).isoformat()
    judged = before.payload["verdict"] | {"verdict": verdict, "next_look": due}
    record_attempt(declaration.lake, run_id, "evaluated", at(day), {**before.payload, "verdict": judged})
    if acted_on:
        done = {"outcome": "none", "version": None, "sentence": "Version 1 stays."}
        record_attempt(declaration.lake, run_id, "registered", at(day), done)


def alarm(declaration: Declaration, day: float, reason: str, onset: float, version: int = 1) -> None:
    """Record a monitoring report as of a day in which an alarm stands."""
    finding = {
        "reason": reason,
        "crossed": True,
        "since": at(day).isoformat(),
        "onset": at(onset).isoformat(),
        "sentence": f"The threshold of {reason} is crossed.",
    }
    _report(declaration, day, {"version": version, "findings": [finding]})


def found_worse(declaration: Declaration, day: float) -> None:
    """Record a monitoring report as of a day in which the watch finds the champion worse than the one before it."""
    entries = declaration.ledger.entries()
    since = declaration.ledger.standing().since
    assert since is not None
    watch = {"crossed": True, "predecessor": entries[-2].version, "sentence": "It does worse."}
    report = {
        "version": entries[-1].version,
        "promoted_at": since.isoformat(),
        "findings": [],
        "watch": watch,
    }
    _report(declaration, day, report)


def _report(declaration: Declaration, day: float, report: Mapping[str, Any]) -> None:
    row = {"partition_key": at(day - 1).date().isoformat(), "as_of": at(day), "payload": json.dumps(report)}
    declaration.lake.append("monitoring", pl.DataFrame([row], schema=SCHEMAS["monitoring"]))


def decisions(declaration: Declaration) -> list[dict[str, Any]]:
    """Read the recorded decisions, oldest first."""
    return [
        {"as_of": row["as_of"], "act": row["act"], **json.loads(row["payload"])}
        for row in declaration.lake.scan("decisions").sort("at").collect().iter_rows(named=True)
    ]


def codes(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Codes of recorded reasons or holds."""
    return [item["code"] for item in items]


def ruled(declaration: Declaration, **changes: Any) -> Ruling:
    """Decide and record as the sensor does."""
    quiet = {
        "schedule_due": False,
        "retrain_in_flight": False,
        "ingest_in_flight": False,
        "rollback_due": False,
        "failed": (),
    }
    ruling = rule(declaration, **(quiet | changes))
    if ruling.changed:
        record_decision(declaration, ruling.decision, ruling.as_of)
    return ruling


def codes_of(ruling: Ruling) -> list[str]:
    """Codes of a ruling's reasons."""
    return [reason.code for reason in ruling.decision.reasons]


def started(folder: Path, instance: dg.DagsterInstance | None = None, **changes: Any) -> Automation:
    """A pipeline of 26 days with a champion since the 18th, and nothing that asks for a retrain."""
    declaration = declare(folder, **changes)
    live(declaration, folder, DAYS)
    attempt(declaration, 18, "blessed")
    promote(declaration, 18)
    return Automation(declaration, instance)
