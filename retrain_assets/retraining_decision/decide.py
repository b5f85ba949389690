"""Whether to train now: one pure function, asked by the sensor and by the schedule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from retrain_assets.retraining_decision.balance import weigh
from retrain_assets.retraining_decision.decision import Decision, Hold, Reason
from retrain_assets.retraining_decision.evidence import Evidence
from retrain_assets.retraining_decision.history import History
from retrain_assets.retraining_decision.policy import Policy, train_end_at
from retrain_assets.retraining_decision.reasons import (
    NEXT_LOOK,
    Cause,
    back_off,
    find_causes,
    learning_step,
    window_until,
)
from retrain_assets.retraining_decision.ticks import first_free, foretold
from retrain_assets.spec.base import format_duration

ACTS = "Nothing: it acts now."
FORETOLD = {
    NEXT_LOOK: "look at the newest candidate again",
    "age": "train again because of the champion's age",
}
"""What a reason that does not stand yet will bring, where it is not plain from those that stand."""


def decide(evidence: Evidence, policy: Policy, history: History, now: datetime) -> Decision:
    """Decide whether to train now.

    A retrain needs a reason that nothing holds back.

    Reasons are: no champion yet (``no_champion``), a tick of the schedule (``schedule``), an alarm of harm
    about the present champion (``performance``, ``business:<name>``, ``drift``), enough new labelled rows
    (``new_rows``), lost quality that has cost more than a retrain does (``staleness_cost``), a champion that
    was not replaced or confirmed in time (``age``), changed code or declaration (``code_changed``). A person
    does not ask here, but launches the job.

    Before all others comes the attempt whose run failed after its verdict and before that was acted on
    (``unfinished``): it is gone on with, and nothing is trained. After all others comes the newest attempt,
    where it was inconclusive and its next look is due (``next_look``): its candidate is judged again on all
    rows since, and nothing is trained; a reason to train goes before, and the newer attempt takes its place.
    Only a run in flight and the back-off, after whatever failed, hold these two back.

    Holds on every other reason:

    - ``in_flight``: a retrain is queued or running;
    - ``ingest_in_flight``, ``rollback_due``: what is known, or the champion, is about to change; a tick of the
      schedule is kept until that has ended (before this function is asked);
    - ``minimum_rows``: too few rows to train on;
    - ``cooldown`` and ``budget``, by the data clock, failed attempts included;
    - ``back_off``: after n failed attempts in a row, 2**(n - 1) partitions must pass, at most the period of
      the budget. A run that failed and was to train nothing holds back such runs alone: a candidate that cannot
      be looked at again, or registered, because its files are gone must not keep the next from being trained;
    - ``nothing_new``: the end of the training rows must have moved by max(one partition, min(10 % of the window,
      one holdout)) since the last attempt that came to a verdict. It does not hold back changed code, which learns
      something new from the rows that are there; cooldown and budget bound how often the rows that judge are judged
      by anew.

    Holds on an alarm alone:

    - ``too_new_to_learn``: training rows must reach max(two partitions, min(10 % of the window, one holdout))
      beyond the onset;
    - ``already_tried``: an attempt consumes its reason until the evidence changes. For harm that persists,
      the evidence is the rows from after its onset: the reason stands again when the end of the training rows
      has moved by that step since the attempt, by twice the step after a second one, and so on, at most the
      budget's period. Otherwise one attempt made too early would leave the harm unhealed for ever, and with
      equal steps a harm that no training heals would eat the budget.

    A champion's age comes again after as much time again, or, where an inconclusive candidate cannot be looked
    at again, at the next look; changed code at such a next look only. A failed attempt consumes nothing.

    Parameters
    ----------
    evidence
        What is known.
    policy
        What is declared.
    history
        What has been tried.
    now
        The data clock: the end of the newest ingested partition.
    """
    causes = find_causes(evidence, policy, history, now)
    general = tuple(_general_holds(evidence, policy, history, now))
    free = [cause for cause in causes if cause.due <= now and not cause.holds(general)]
    if not free:
        return _held(evidence, policy, history, causes, general, now)
    if evidence.unfinished is not None and free[0].reason.code == "unfinished":
        reason, attempt = free[0].reason, evidence.unfinished.attempt
        text = f"Go on with the attempt instead of training another. {reason.sentence}"
        return Decision(True, (reason,), (), now, ACTS, text, attempt)
    reasons = tuple(cause.reason for cause in free if cause.reason.code != NEXT_LOOK)
    if evidence.next_look is not None and not reasons:
        reason, attempt = free[0].reason, evidence.next_look.attempt
        text = f"Look again at a candidate instead of training another. {reason.sentence}"
        return Decision(True, (reason,), (), now, ACTS, text, attempt)
    return Decision(True, reasons, (), now, ACTS, f"Train again. {_joined(reasons)}")


def _held(
    evidence: Evidence,
    policy: Policy,
    history: History,
    causes: Sequence[Cause],
    general: tuple[Hold, ...],
    now: datetime,
) -> Decision:
    standing = [cause for cause in causes if cause.due <= now]
    reasons = tuple(cause.reason for cause in standing)
    holds = tuple(dict.fromkeys(hold for cause in standing for hold in cause.holds(general)))
    lasting, tick = _earliest(causes, general, policy), first_free(evidence.ticks, general)
    acts = (
        f"With the data up to {_moment(lasting[0])} it would {lasting[1]}, if nothing else changes."
        if lasting
        else ""
    )
    foreseen = _sentences(acts, foretold(evidence.ticks, general))
    earliest = min(
        filter(None, (lasting[0] if lasting else None, tick.as_of if tick else None)), default=None
    )
    if not reasons:
        text = _sentences("Nothing asks for a retrain.", foreseen)
        awaited = _awaited(evidence, policy, history)
        return Decision(False, (), (), earliest, awaited, text, foreseen=foreseen)
    text = _sentences("A retrain is held back.", _joined(reasons), _joined(holds), foreseen)
    return Decision(False, reasons, holds, earliest, _releases(holds), text, foreseen=foreseen)


def _general_holds(evidence: Evidence, policy: Policy, history: History, now: datetime) -> Iterator[Hold]:
    if evidence.in_flight:
        yield Hold("in_flight", "A retrain is in flight.", None)
    if evidence.train_rows < policy.minimum_rows:
        text = f"There are {evidence.train_rows:,} rows to train on, and {policy.minimum_rows:,} are needed."
        yield Hold("minimum_rows", text, None)
    for hold in (
        *_limits(policy, history),
        *back_off((attempt for attempt in history.attempts if attempt.trains), policy),
        *_nothing_new(evidence, policy, history, now),
    ):
        if hold.until is not None and now < hold.until:
            yield hold


def _limits(policy: Policy, history: History) -> Iterator[Hold]:
    moments = sorted(attempt.as_of for attempt in history.attempts if attempt.trains)
    if moments:
        until = moments[-1] + policy.cooldown
        text = (
            f"The last attempt was at {_moment(moments[-1])}; {format_duration(policy.cooldown)} must pass."
        )
        yield Hold("cooldown", text, until)
    if len(moments) >= policy.runs:
        until = moments[-policy.runs] + policy.per
        text = (
            f"The budget of {policy.runs} attempts in {format_duration(policy.per)} is spent until "
            f"{_moment(until)}."
        )
        yield Hold("budget", text, until)


def _nothing_new(evidence: Evidence, policy: Policy, history: History, now: datetime) -> Iterator[Hold]:
    if not history.completed:
        return
    last = max(attempt.train_end for attempt in history.completed)
    step = learning_step(policy, 1, window_until(last, evidence, policy))
    until = last + step + policy.lag
    text = (
        f"There is too little new to learn: training rows would end at {_moment(train_end_at(now, policy))}, "
        f"and those of the last attempt ended at {_moment(last)}."
    )
    yield Hold("nothing_new", text, until)


def _earliest(
    causes: Iterable[Cause], general: Iterable[Hold], policy: Policy
) -> tuple[datetime, str] | None:
    """When it would act with time and data alone, and what it would do then."""
    found = []
    for cause in causes:
        releases = [hold.until for hold in cause.holds(general)]
        if cause.lasting and None not in releases:
            free = max([cause.due, *(until for until in releases if until is not None)])
            found.append((_partition_end(free, policy), cause.reason.code))
    if not found:
        return None
    # Of those that come with the same data, the first goes before the others.
    moment, code = min(found, key=lambda item: item[0])
    return moment, FORETOLD.get(code, "act")


def _partition_end(moment: datetime, policy: Policy) -> datetime:
    """Round up to where the data clock can stand: at the end of a partition."""
    start, end = policy.partitions.bounds(policy.partitions.key_of(moment))
    return moment if moment == start else end


def _releases(holds: Iterable[Hold]) -> str:
    parts = []
    for hold in holds:
        if hold.code == "in_flight":
            parts.append("The end of the run in flight.")
        elif hold.code == "minimum_rows":
            parts.append("More labelled rows.")
        elif hold.until is not None:
            parts.append(f"Data up to {_moment(hold.until)}, which ends {hold.code.replace('_', ' ')!r}.")
    return " ".join(parts)


def _awaited(evidence: Evidence, policy: Policy, history: History) -> str:
    parts = ["A crossed threshold, or a tick of the schedule."]
    if policy.new_rows is not None:
        parts.append(f"{policy.new_rows:,} new labelled rows; there are {evidence.new_rows:,}.")
    balance = weigh(evidence, policy, history)
    if balance is not None:
        parts.append(balance.deficit)
    if policy.max_age is not None and evidence.champion is not None:
        parts.append(f"The champion's age, on {_moment(evidence.champion.since + policy.max_age)}.")
    if policy.code_changes:
        parts.append("A change of the declaration or of code that it names.")
    if evidence.next_look is not None:
        parts.append(f"The next look at the newest candidate, on {_moment(evidence.next_look.due)}.")
    return " ".join(parts)


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _joined(items: Iterable[Reason | Hold]) -> str:
    return " ".join(item.sentence for item in items)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
