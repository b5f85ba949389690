"""Looks in the record of attempts, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from retrain_assets.attempts import Attempt
from retrain_assets.evaluation_report.error_budget import Look, PlannedLook


def looks_on_record(attempts: Sequence[Attempt]) -> tuple[Look, ...]:
    """Read the looks from the record of evaluations, trials left out: none is promoted by itself.

    Parameters
    ----------
    attempts
        Those of stage ``evaluated``; a look is what :func:`look_payload` gave, under ``look``.
    """
    recorded = [
        attempt.payload["look"]
        for attempt in attempts
        if attempt.payload.get("look") is not None and not attempt.payload.get("trial")
    ]
    return tuple(
        Look(
            pair=item["pair"],
            kind=item["kind"],
            at=datetime.fromisoformat(item["at"]),
            alpha=item["alpha"],
            cost=item["cost"],
            begun_with=item["begun_with"],
        )
        for item in recorded
        if item["alpha"] > 0
    )


def look_payload(planned: PlannedLook, blocks: int) -> dict[str, Any]:
    """Write a look as it is recorded and shown, JSON-able.

    Parameters
    ----------
    planned
        The look.
    blocks
        Blocks of time that it rested on.
    """
    return asdict(planned) | {
        "at": planned.at.isoformat(),
        "returns": None if planned.returns is None else planned.returns.isoformat(),
        "begun_with": blocks if planned.begun_with is None else planned.begun_with,
    }


def look_sentence(planned: PlannedLook) -> str:
    """Say which look this is, and what it cost."""
    if planned.spent:
        when = (
            "and it never returns"
            if planned.returns is None
            else f"and enough for a look returns with the data up to {planned.returns:%Y-%m-%d %H:%M} UTC"
        )
        return f"The year's budget of {planned.budget:g} false promotions is spent (used: {planned.used:.3g}), {when}."
    limit = "" if planned.budget is None else f" of the year's budget of {planned.budget:g} false promotions"
    price = f"It cost {planned.cost:.3g}{limit}" if planned.cost else "It was paid for by an earlier look"
    return (
        f"This is look {planned.number} at this candidate. {price}; "
        f"the last 365 days have used {planned.used:.3g}."
    )
