"""What the lake knows when a decision is made, and the record of decisions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.attempts import attempts
from retrain_assets.declaration import Declaration
from retrain_assets.lake import SCHEMAS
from retrain_assets.monitoring_report.watch import newest_report
from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.decision import Decision, Hold
from retrain_assets.retraining_decision.evidence import Champion, Evidence, alarms_of
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, policy_of, train_end_at
from retrain_assets.retraining_decision.reasons import schedule_reason
from retrain_assets.windows import mature_rows, resolve_windows, training_rows

INGESTING = Hold("ingest_in_flight", "An ingest run is in flight.", None)


@dataclass(frozen=True)
class FailedRun:
    """A retrain that failed or was canceled before it came to a verdict.

    Parameters
    ----------
    attempt
        Id of the run.
    as_of
        The moment of knowledge that it was launched with.
    evidence
        By code of a reason, the identity of the evidence that it was launched for.
    """

    attempt: str
    as_of: datetime
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class Ruling:
    """A decision with its moment, and whether it differs from the one before.

    Parameters
    ----------
    decision
        What was decided.
    as_of
        The data clock.
    changed
        Whether what it does, its reasons or its holds have changed; such a decision has been recorded.
    numbers
        The evidence as numbers.
    """

    decision: Decision
    as_of: datetime
    changed: bool
    numbers: Mapping[str, float]


def rule(
    declaration: Declaration,
    *,
    schedule_due: bool,
    retrain_in_flight: bool,
    ingest_in_flight: bool,
    failed: Sequence[FailedRun],
) -> Ruling:
    """Decide whether to train now, and record a decision that differs from the last.

    Parameters
    ----------
    declaration
        The pipeline.
    schedule_due
        Whether a tick of the schedule asks.
    retrain_in_flight, ingest_in_flight
        Whether such a run is queued or running.
    failed
        Runs that failed or were canceled.
    """
    if declaration.newest_partition() is None:
        return _waiting("Nothing has been ingested yet, so there is nothing to decide on.")
    now = declaration.data_clock()
    last = _last_decision(declaration)
    if ingest_in_flight:
        if not schedule_due:
            return _waiting(f"{INGESTING.sentence} The decision waits for what it brings.", now)
        decision = _put_off(now)
        return Ruling(decision, now, _record(declaration, decision, now, last), {})
    policy = policy_of(declaration.spec)
    history = _history(declaration, policy, failed)
    due = schedule_due or (last is not None and INGESTING.code in _codes(last, "held_back_by"))
    evidence = _evidence(declaration, history, now, due, retrain_in_flight)
    decision = decide(evidence, policy, history, now)
    return Ruling(decision, now, _record(declaration, decision, now, last), _numbers(evidence, now))


def _waiting(sentence: str, now: datetime | None = None) -> Ruling:
    decision = Decision(False, (), (), None, "", sentence)
    return Ruling(decision, now or datetime.fromtimestamp(0, UTC), False, {})


def _put_off(now: datetime) -> Decision:
    """Keep a tick of the schedule until the ingest run has ended: the next such tick may be a week away."""
    reason = schedule_reason(now)
    text = f"A retrain is held back. {reason.sentence} {INGESTING.sentence} It is decided on when that has ended."
    return Decision(False, (reason,), (INGESTING,), None, "The end of the run in flight.", text)


def _evidence(
    declaration: Declaration, history: History, now: datetime, schedule_due: bool, in_flight: bool
) -> Evidence:
    spec = declaration.spec
    features = declaration.lake.scan("features")
    columns = declaration.time_columns
    windows = resolve_windows(now, spec.label.delay, spec.evaluation.holdout, spec.training.window)
    time = pl.col(columns.timestamp)
    trainable = training_rows(features, windows, columns).select(
        pl.len().alias("rows"), time.min().alias("start")
    )
    mature = mature_rows(features, now, columns)
    if history.completed:
        seen = max(attempt.as_of for attempt in history.completed)
        mature = mature.filter(time > seen - columns.delay)
    counted, fresh = pl.collect_all([trainable, mature.select(pl.len())])
    champion = _champion(declaration)
    report = newest_report(declaration) if champion is not None else None
    return Evidence(
        champion=champion,
        train_rows=counted["rows"].item(),
        train_start=counted["start"].item(),
        new_rows=fresh.item(),
        code_version=declaration.code_version(),
        alarms=alarms_of(report) if report is not None else (),
        schedule_due=schedule_due,
        in_flight=in_flight,
    )


def _champion(declaration: Declaration) -> Champion | None:
    entries = declaration.ledger.entries()
    if not entries:
        return None
    # An attempt with an earlier as_of may confirm the champion afterwards; that makes it no older.
    change = max(place for place, entry in enumerate(entries) if entry.action != "confirmed")
    return Champion(version=entries[-1].version, since=max(entry.as_of for entry in entries[change:]))


def _history(declaration: Declaration, policy: Policy, failed: Sequence[FailedRun]) -> History:
    trained = {item.attempt: item for item in attempts(declaration.lake, "trained")}
    past = []
    judged = set()
    for item in attempts(declaration.lake, "evaluated"):
        training = trained.get(item.attempt)
        if training is None or item.payload["trial"]:
            continue
        verdict = item.payload["verdict"]
        judged.add(item.attempt)
        past.append(
            PastAttempt(
                as_of=item.as_of,
                train_end=train_end_at(item.as_of, policy),
                outcome=verdict["verdict"],
                consumed=training.payload["evidence"],
                code_version=training.payload["code_version"],
                next_look=_moment(verdict["next_look"]),
            )
        )
    past += [
        PastAttempt(run.as_of, train_end_at(run.as_of, policy), "failed", run.evidence)
        for run in failed
        if run.attempt not in judged
    ]
    # A run that failed may have been tried again with success, at the same moment of knowledge.
    return History(tuple(sorted(past, key=lambda item: (item.as_of, item.outcome != "failed"))))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _last_decision(declaration: Declaration) -> dict[str, Any] | None:
    newest = declaration.lake.scan("decisions").sort("at").tail(1).collect()
    if newest.is_empty():
        return None
    row = newest.row(0, named=True)
    return {"act": row["act"], **json.loads(row["payload"])}


def _record(
    declaration: Declaration, decision: Decision, now: datetime, last: Mapping[str, Any] | None
) -> bool:
    """Append the decision unless it does the same for the same reasons with the same holds as the last."""
    payload = {
        "sentence": decision.sentence,
        "reasons": [{"code": item.code, "sentence": item.sentence} for item in decision.reasons],
        "held_back_by": [{"code": item.code, "sentence": item.sentence} for item in decision.held_back_by],
        "would_change": decision.would_change,
        "earliest": decision.earliest.isoformat() if decision.earliest else None,
    }
    if last is not None and not decision.act and not last["act"] and _kind(last) == _kind(payload):
        return False
    row = {"as_of": now, "at": datetime.now(UTC), "act": decision.act, "payload": json.dumps(payload)}
    declaration.lake.append("decisions", pl.DataFrame([row], schema=SCHEMAS["decisions"]))
    return True


def _kind(payload: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """What a decision does, without the figures in its sentences."""
    return tuple(_codes(payload, part) for part in ("reasons", "held_back_by"))


def _codes(payload: Mapping[str, Any], part: str) -> tuple[str, ...]:
    return tuple(item["code"] for item in payload[part])


def _numbers(evidence: Evidence, now: datetime) -> dict[str, float]:
    found: dict[str, float] = {
        "training_rows": evidence.train_rows,
        "new_rows": evidence.new_rows,
        "alarms": len(evidence.alarms),
    }
    if evidence.champion is not None:
        found["champion_age_days"] = (now - evidence.champion.since).total_seconds() / 86400
    return found
