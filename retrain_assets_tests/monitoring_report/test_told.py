"""What is told of a week: retrains, rollbacks, alarms that wait, or what held the last decision back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from retrain_assets.monitoring_report.told import Told

MONDAY = datetime(2026, 10, 12, tzinfo=UTC)
WAITS = ("too_new_to_learn",)


def decision(
    day: int, reasons: tuple[str, ...] = (), holds: tuple[str, ...] = (), **more: Any
) -> dict[str, Any]:
    """A decision with the data up to so many days after the Monday; it acts where it has reasons and no holds."""
    return {
        "as_of": (MONDAY + timedelta(days=day)).isoformat(),
        "act": bool(reasons) and not holds,
        "reasons": [{"code": code} for code in reasons],
        "held_back_by": [{"code": code} for code in holds],
    } | more


def evaluation(day: int, reason: str = "no_gain", *, trial: bool = False) -> dict[str, Any]:
    """An evaluation with the data up to so many days after the Monday."""
    moment = (MONDAY + timedelta(days=day)).isoformat()
    return {"as_of": moment, "verdict": "rejected", "reason": reason, "trial": trial}


def told(decisions: list[dict[str, Any]], evaluations: list[dict[str, Any]] | None = None) -> list[str]:
    """Tell the week that begins with the Monday."""
    week = MONDAY, MONDAY + timedelta(days=7)
    return Told(ZoneInfo("UTC"), decisions, evaluations or []).between(*week)


def test_an_alarm_that_waits_is_told_when_it_comes_up() -> None:
    """A week with a retrain tells the alarms of that week too, each once, in the order of time."""
    both = ("performance", "business:clicks")
    decisions = [
        decision(5),
        decision(6, ("performance",), WAITS),
        decision(6, ("schedule",)),
        decision(6, ("performance",), ("cooldown", *WAITS)),
        decision(7, both, ("cooldown", *WAITS)),
    ]
    assert told(decisions, [evaluation(6)]) == [
        "18 Oct: performance held back by too_new_to_learn.",
        "18 Oct: trained (schedule), rejected (no_gain).",
        "19 Oct: business:clicks held back by too_new_to_learn.",
    ]


def test_without_a_deed_the_last_hold_is_told() -> None:
    """A week in which nothing came of anything says what the last decision waited for."""
    decisions = [
        decision(1, ("no_champion",), ("minimum_rows",)),
        decision(2, ("no_champion", "new_rows"), ("minimum_rows",)),
    ]
    assert told(decisions) == ["14 Oct: no_champion, new_rows held back by minimum_rows."]
    assert told([]) == []


def test_a_trial_is_no_retrains_verdict() -> None:
    """With the same data a person may try something: the verdict told is that of the retrain."""
    decisions = [decision(3, ("schedule",)), decision(4, ("watch",), rolls_back=3, act=False)]
    assert told(decisions, [evaluation(3, "worse", trial=True), evaluation(3)]) == [
        "15 Oct: trained (schedule), rejected (no_gain).",
        "16 Oct: version 3 rolled back (watch).",
    ]


def test_a_look_is_no_training() -> None:
    """Another look at a candidate, and a retrain that is in flight or has failed, are told as what they are."""
    assert told([decision(1, ("next_look",)), decision(2, ("age",))], [evaluation(1)]) == [
        "13 Oct: looked at the candidate again, rejected (no_gain).",
        "14 Oct: asked for a retrain (age), which has no verdict.",
    ]
