"""The schedule's ticks to come: which is next, and which is the first that nothing holds back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from retrain_assets.retraining_decision.decision import Hold


@dataclass(frozen=True)
class Tick:
    """A tick of the schedule.

    Parameters
    ----------
    due
        When it is due, in the schedule's time zone.
    as_of
        Where the data clock stands then, if every period is taken in as soon as it is over.
    """

    due: datetime
    as_of: datetime


def first_free(ticks: Iterable[Tick], holds: Iterable[Hold]) -> Tick | None:
    """Find the first tick that nothing holds back of what does so now; None where that cannot be said."""
    ends = [hold.until for hold in holds]
    return next((tick for tick in ticks if all(end is not None and end <= tick.as_of for end in ends)), None)


def foretold(ticks: Sequence[Tick], holds: Sequence[Hold]) -> str:
    """Say when the schedule is due next, and from which tick on it leads to a retrain; empty without ticks."""
    if not ticks:
        return ""
    text = f"The schedule is due next on {_moment(ticks[0].due)}"
    free = first_free(ticks, holds)
    if free == ticks[0]:
        return f"{text}."
    codes = " and ".join(repr(hold.code.replace("_", " ")) for hold in holds)
    until = "" if free is None else f" before that of {_moment(free.due)}"
    return f"{text}; {codes} would hold back a tick{until}."


def _moment(moment: datetime) -> str:
    return f"{moment:%a %Y-%m-%d %H:%M %Z}"
