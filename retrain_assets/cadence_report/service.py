"""Since when a window's models serve in a replay, and what can be said where none does while policies are tuned."""

from __future__ import annotations

from datetime import date
from typing import Any

from retrain_assets.cadence_report.contest import Contest
from retrain_assets.windows import Partitions


def serves_in_tuning(contest: Contest, window: int) -> bool:
    """Whether a model of a window serves before the last third, so that tuning compares policies and not the constant."""
    return contest.replayer.begin(window)[0] < contest.split


def unproven(contest: Contest, window: int) -> str | None:
    """Say that no model of a window serves in what is tuned on; None where one does."""
    if serves_in_tuning(contest, window):
        return None
    since = serves_from(contest, window)
    if since is None:
        return "No model was proven better than the constant"
    return (
        f"No model was proven better than the constant in time: the first serves from {since[:10]}, "
        "after the tuned part"
    )


def service(contest: Contest, window: int) -> dict[str, Any]:
    """When a window's first model takes up service, and whether that is before the last third."""
    return {
        "serves_from": serves_from(contest, window),
        "serves_in_tuning": serves_in_tuning(contest, window),
    }


def serves_from(contest: Contest, window: int) -> str | None:
    """Start of the block in which a window's first model takes up service; None where none ever does."""
    begin, _ = contest.replayer.begin(window)
    return contest.replayer.matrix.blocks[begin].start.isoformat() if begin < contest.end else None


def first_day(contest: Contest, block: int) -> date:
    """Local day that a block begins with."""
    partitions = Partitions(contest.spec.source.partition, contest.spec.timezone)
    return partitions.day_of(contest.replayer.matrix.blocks[block].start)


def unproven_sentence(contest: Contest, window: int) -> str:
    """Say what it comes to that nothing of a window serves in what is tuned on, and which windows do better."""
    compared = contest.replayer.windows
    names = contest.replayer.matrix.windows
    earlier = [names[other].name for other in compared if serves_in_tuning(contest, other)]
    text = (
        f"From {first_day(contest, contest.begin)} on the naive constant serves on this window"
        f"{' until then' if serves_from(contest, window) else ''}, whatever the policy: tuning compared the constant "
        "with itself, and nothing is recommended."
    )
    if earlier:
        return f"{text} Windows with a model that serves earlier: {'; '.join(earlier)}."
    return f"{text} No other window has a model that serves earlier than the last third of history."
