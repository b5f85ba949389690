"""The reasons to train: each from evidence alone, due from a date on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.retraining_decision.balance import weigh
from retrain_assets.retraining_decision.decision import Hold, Reason
from retrain_assets.retraining_decision.evidence import Alarm, Champion, Evidence, NextLook, Unfinished
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy
from retrain_assets.spec.base import format_duration

NEXT_LOOK = "next_look"


@dataclass(frozen=True)
class Cause:
    """A reason, when it is due, and what holds back this one alone.

    Parameters
    ----------
    reason
        The reason.
    due
        It stands from this moment of the data clock on.
    own_holds
        Holds that concern no other reason.
    lasting
        Whether it stands until it is acted on; a tick of the schedule passes.
    heeds
        Codes of the general holds that hold it back; None means all.
    """

    reason: Reason
    due: datetime
    own_holds: tuple[Hold, ...] = ()
    lasting: bool = True
    heeds: frozenset[str] | None = None

    def holds(self, general: Iterable[Hold]) -> tuple[Hold, ...]:
        """What holds this reason back, of what holds back in general and of its own."""
        heeded = (hold for hold in general if self.heeds is None or hold.code in self.heeds)
        return (*heeded, *self.own_holds)


def find_causes(evidence: Evidence, policy: Policy, history: History, now: datetime) -> tuple[Cause, ...]:
    """Find the reasons that stand, and those that time alone will bring."""
    return tuple(_causes(evidence, policy, history, now))


def schedule_reason(now: datetime) -> Reason:
    """Give a tick of the schedule as a reason."""
    return Reason("schedule", "The schedule is due.", f"tick at {now.isoformat()}")


def learning_step(policy: Policy, partitions: int, window: timedelta) -> timedelta:
    """Say how much newer training rows must be to be worth an attempt.

    10 % of the window, but no more than the holdout's length: after that all rows that judge are new. A window
    that expands would else ask for ever longer waits.
    """
    return max(partitions * policy.partition, min(window / 10, policy.holdout))


def window_until(moment: datetime, evidence: Evidence, policy: Policy) -> timedelta:
    """Length of the training window that ends at a moment."""
    if policy.window is not None:
        return policy.window
    if evidence.train_start is None:
        return timedelta(0)
    return max(moment - evidence.train_start, timedelta(0))


def back_off(attempts: Iterable[PastAttempt], policy: Policy) -> Iterator[Hold]:
    """Hold back after the attempts that failed since the last one that did not."""
    failed: list[PastAttempt] = []
    for attempt in attempts:
        failed = [*failed, attempt] if attempt.outcome == "failed" else []
    if failed:
        last = max(attempt.as_of for attempt in failed)
        until = last + min(policy.partition * 2 ** min(len(failed) - 1, 20), policy.per)
        count = "The last attempt" if len(failed) == 1 else f"The last {len(failed)} attempts"
        text = f"{count} failed; it tries again from {until:%Y-%m-%d %H:%M} UTC on."
        yield Hold("back_off", text, until)


def _causes(evidence: Evidence, policy: Policy, history: History, now: datetime) -> Iterator[Cause]:
    if evidence.unfinished is not None:
        yield _unfinished(evidence.unfinished, policy, _after_failures(policy, history, now))
    if evidence.champion is None:
        yield Cause(Reason("no_champion", "There is no champion yet.", "no champion"), now)
    if evidence.schedule_due:
        yield Cause(schedule_reason(now), now, lasting=False)
    for alarm in evidence.alarms:
        if evidence.champion is not None and alarm.champion == evidence.champion.version:
            yield _harm(alarm, evidence, policy, history, now)
    if policy.new_rows is not None and evidence.new_rows >= policy.new_rows:
        text = (
            f"{evidence.new_rows:,} new labelled rows came since the last attempt; "
            f"{policy.new_rows:,} are enough."
        )
        last = history.completed[-1].as_of.isoformat() if history.completed else "the beginning"
        yield Cause(Reason("new_rows", text, f"rows since {last}"), now)
    yield from _stale(evidence, policy, history, now)
    if policy.max_age is not None and evidence.champion is not None:
        yield _age(evidence.champion, policy, policy.max_age, history)
    if policy.code_changes and history.completed:
        yield from _code(evidence, policy, history.completed[-1], now)
    if evidence.next_look is not None:
        yield _look_again(evidence.next_look, policy, _after_failures(policy, history, now))


def _after_failures(policy: Policy, history: History, now: datetime) -> tuple[Hold, ...]:
    """What holds back a run that trains nothing: the back-off after failures of whatever kind."""
    holds = back_off(history.attempts, policy)
    return tuple(hold for hold in holds if hold.until is not None and now < hold.until)


def _unfinished(judged: Unfinished, policy: Policy, holds: tuple[Hold, ...]) -> Cause:
    """Go on with what was judged already: that trains nothing, so the limits on training do not concern it."""
    text = (
        f"The candidate trained with the data up to {_date(judged.as_of, policy)} was judged {judged.verdict}, and the "
        "run failed before that was acted on."
    )
    reason = Reason("unfinished", text, f"attempt {judged.attempt}")
    return Cause(reason, judged.as_of, holds, heeds=frozenset({"in_flight"}))


def _look_again(look: NextLook, policy: Policy, holds: tuple[Hold, ...]) -> Cause:
    """Judge again what was inconclusive: that trains nothing, and needs nothing new to train on."""
    text = (
        f"With the data up to {_date(look.as_of, policy)} the newest candidate was inconclusive; its next look is due on "
        f"{_date(look.due, policy)}."
    )
    reason = Reason(NEXT_LOOK, text, f"attempt {look.attempt} as judged on {look.as_of.isoformat()}")
    return Cause(reason, look.due, holds, heeds=frozenset({"in_flight"}))


def _harm(alarm: Alarm, evidence: Evidence, policy: Policy, history: History, now: datetime) -> Cause:
    """Raise an alarm, held until enough is known from after its onset, and again after each attempt."""
    holds = []
    step = learning_step(policy, 2, window_until(alarm.onset, evidence, policy))
    enough = alarm.onset + step + policy.lag
    if now < enough:
        text = (
            f"{_named(alarm)} began about {_date(alarm.onset, policy)}; training rows must reach "
            f"{_days(step)} beyond that, so that a candidate has seen it."
        )
        holds.append(Hold("too_new_to_learn", text, enough))
    tried = history.consumers(alarm.code, alarm.identity)
    if tried:
        wait = min(step * 2 ** min(len(tried) - 1, 16), max(policy.per, step))
        again = tried[-1].train_end + wait + policy.lag
        if now < again:
            text = (
                f"{_named(alarm)} has been answered by {_times(len(tried))} since {_date(alarm.since, policy)} "
                f"without a better model; the next waits for {_days(wait)} of newer training rows."
            )
            holds.append(Hold("already_tried", text, again))
    return Cause(Reason(alarm.code, alarm.sentence, alarm.identity), now, tuple(holds))


def _stale(evidence: Evidence, policy: Policy, history: History, now: datetime) -> Iterator[Cause]:
    balance = weigh(evidence, policy, history)
    if balance is not None and balance.lost.cost > balance.price:
        yield Cause(Reason("staleness_cost", balance.surplus, balance.identity), now)


def _age(champion: Champion, policy: Policy, max_age: timedelta, history: History) -> Cause:
    identity = f"version {champion.version} since {champion.since.isoformat()}"
    due = champion.since + max_age
    tried = history.consumers("age", identity)
    if tried:
        due = tried[-1].next_look or tried[-1].as_of + max_age
    text = (
        f"Version {champion.version} was last replaced or confirmed on {_date(champion.since, policy)}, and is to be "
        f"within {format_duration(max_age)}."
    )
    return Cause(Reason("age", text, identity), due)


def _code(evidence: Evidence, policy: Policy, last: PastAttempt, now: datetime) -> Iterator[Cause]:
    identity = evidence.code_version
    if last.code_version != identity:
        text = "The declaration, or code that it names, has changed since the last attempt."
        # Other features or parameters learn something new from old rows.
        heeds = frozenset({"in_flight", "minimum_rows", "cooldown", "budget", "back_off"})
        yield Cause(Reason("code_changed", text, identity), now, heeds=heeds)
    elif last.consumed.get("code_changed") == identity and last.next_look is not None:
        text = f"The changed code was judged inconclusive; its next look is due on {_date(last.next_look, policy)}."
        yield Cause(Reason("code_changed", text, identity), last.next_look)


def _named(alarm: Alarm) -> str:
    kind, _, name = alarm.code.partition(":")
    return {"performance": "The fall in performance", "drift": "The drift"}.get(kind, f"The change of {name}")


def _date(moment: datetime, policy: Policy) -> str:
    """The local day, as pages tell it."""
    return policy.partitions.day_of(moment).isoformat()


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):.2g} days"


def _times(count: int) -> str:
    return "one attempt" if count == 1 else f"{count} attempts"
