"""What the lake knows when a decision is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import without_features
from retrain_assets.monitoring_report.watch import newest_report, reports_since
from retrain_assets.retraining_decision.counts import count_rows
from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.decision import Decision, Hold
from retrain_assets.retraining_decision.evidence import Champion, Evidence, alarms_of
from retrain_assets.retraining_decision.history import History
from retrain_assets.retraining_decision.past import FailedRun, read_past
from retrain_assets.retraining_decision.policy import policy_of
from retrain_assets.retraining_decision.reasons import schedule_reason
from retrain_assets.retraining_decision.record import is_new, last_decision, last_holds
from retrain_assets.retraining_decision.staleness import Staleness, accumulate
from retrain_assets.retraining_decision.ticks import Tick

INGESTING = Hold("ingest_in_flight", "An ingest run is in flight.", None)
FEATURES_MISSING = "features_missing"
COLUMN_MISSING = "column_missing"
ROLLING_BACK = Hold("rollback_due", "The champion is to be rolled back first.", None)
_PUTS_OFF = {INGESTING.code, FEATURES_MISSING, COLUMN_MISSING, ROLLING_BACK.code}


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
        Whether what it does, its reasons or its holds have changed since the last one on record.
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
    rollback_due: bool,
    failed: Sequence[FailedRun],
    ticks: Sequence[datetime] = (),
) -> Ruling:
    """Decide whether to train now. Who asks reports a changed decision, and records it then.

    Parameters
    ----------
    declaration
        The pipeline.
    schedule_due
        Whether a tick of the schedule asks.
    retrain_in_flight, ingest_in_flight
        Whether such a run is queued or running.
    rollback_due
        Whether the champion is about to be rolled back; a candidate would be compared with the wrong one.
    failed
        Retrains that failed or were canceled.
    ticks
        When the schedule is due next, in its time zone; empty where none is declared.
    """
    if declaration.newest_partition() is None:
        return _waiting("Nothing has been ingested yet, so there is nothing to decide on.")
    now = declaration.data_clock()
    last = last_decision(declaration)
    coming = _coming(declaration, ingest_in_flight, rollback_due)
    if coming is not None:
        if not schedule_due:
            return _waiting(f"{coming.sentence} The decision waits for what it brings.", now)
        decision = _put_off(now, coming)
        return Ruling(decision, now, is_new(decision, last), {})
    policy = policy_of(declaration.spec)
    past = read_past(declaration, policy, failed)
    due = schedule_due or not _PUTS_OFF.isdisjoint(last_holds(declaration))
    known = _evidence(declaration, past.history, now)
    evidence = replace(
        known,
        schedule_due=due,
        in_flight=retrain_in_flight,
        unfinished=past.unfinished,
        next_look=past.next_look,
        ticks=tuple(Tick(tick, _complete_at(declaration, tick)) for tick in ticks),
    )
    decision = decide(evidence, policy, past.history, now)
    return Ruling(decision, now, is_new(decision, last), _numbers(evidence, now))


def _complete_at(declaration: Declaration, moment: datetime) -> datetime:
    """End of the last period that is complete at a moment."""
    partitions = declaration.partitions
    return partitions.bounds(partitions.key_of(moment - declaration.spec.source.complete_after))[0]


def _waiting(sentence: str, now: datetime | None = None) -> Ruling:
    decision = Decision(False, (), (), None, "", sentence)
    return Ruling(decision, now or datetime.fromtimestamp(0, UTC), False, {})


def _coming(declaration: Declaration, ingest_in_flight: bool, rollback_due: bool) -> Hold | None:
    """What is about to change what is known, so that no decision is made before it has ended."""
    if ingest_in_flight:
        return INGESTING
    if rollback_due:
        return ROLLING_BACK
    return _without_features(declaration) or _without_column(declaration)


def _without_features(declaration: Declaration) -> Hold | None:
    """Rows that an ingest run took in before it died: training would silently lack them."""
    keys = without_features(declaration.lake)
    if not keys:
        return None
    which = keys[0] if len(keys) == 1 else f"{len(keys)} partitions from {keys[0]} on"
    text = f"The rows of {which} are in and their features are not: an ingest run is missing, or its log says why."
    return Hold(FEATURES_MISSING, text, None)


def _without_column(declaration: Declaration) -> Hold | None:
    """A column declared since the last ingest, without which no row can be told to be known or labelled."""
    spec = declaration.spec
    held = declaration.lake.schema("training_data") or {}
    label = (spec.label.column, spec.label.known_at) if spec.label.source is None else ()
    for name in (spec.source.timestamp, spec.source.known_at, *label, spec.weight):
        if name is not None and name not in held:
            text = f"No row that was taken in has the column {name!r}, which is declared: an ingest run brings it."
            return Hold(COLUMN_MISSING, text, None)
    return None


def _put_off(now: datetime, hold: Hold) -> Decision:
    """Keep a tick of the schedule until what is coming has come: the next such tick may be a week away."""
    reason = schedule_reason(now)
    text = f"A retrain is held back. {reason.sentence} {hold.sentence} It is decided on when that has ended."
    return Decision(False, (reason,), (hold,), None, "The end of what holds it back.", text)


def _evidence(declaration: Declaration, history: History, now: datetime) -> Evidence:
    """What the lake knows; what the runs know is added by the caller."""
    # Each of its rows trains once its features are made, and the features' table may lack a column declared since.
    counts = count_rows(declaration, now, max((attempt.as_of for attempt in history.completed), default=None))
    champion = _champion(declaration)
    report = newest_report(declaration) if champion is not None else None
    return Evidence(
        champion=champion,
        train_rows=counts.trainable,
        train_start=counts.start,
        new_rows=counts.fresh,
        code_version=declaration.code_version(),
        alarms=alarms_of(report) if report is not None else (),
        staleness=_staleness(declaration, champion, history),
    )


def _staleness(declaration: Declaration, champion: Champion | None, history: History) -> Staleness | None:
    cost = declaration.spec.retrain_when.cost
    if cost is None or champion is None:
        return None
    crowned = next(entry for entry in reversed(declaration.ledger.entries()) if entry.action != "confirmed")
    since = max([crowned.as_of, *(attempt.as_of for attempt in history.completed)])
    reports = reports_since(declaration, since, champion.version)
    return accumulate(reports, since, cost.per_metric_unit_and_row)


def _champion(declaration: Declaration) -> Champion | None:
    entries = declaration.ledger.entries()
    if not entries:
        return None
    # An attempt with an earlier as_of may confirm the champion afterwards; that makes it no older.
    change = max(place for place, entry in enumerate(entries) if entry.action != "confirmed")
    return Champion(version=entries[-1].version, since=max(entry.as_of for entry in entries[change:]))


def _numbers(evidence: Evidence, now: datetime) -> dict[str, float]:
    found: dict[str, float] = {
        "training_rows": evidence.train_rows,
        "new_rows": evidence.new_rows,
        "alarms": len(evidence.alarms),
    }
    if evidence.staleness is not None:
        found["staleness_cost"] = evidence.staleness.cost
        found["staleness_cost_per_partition"] = evidence.staleness.per_partition
    if evidence.champion is not None:
        found["champion_age_days"] = (now - evidence.champion.since).total_seconds() / 86400
    return found
