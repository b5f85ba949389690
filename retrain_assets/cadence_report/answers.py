"""Figures of a path: regret, what retrains change, and how soon it answers a drift."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrain_assets.cadence_report.contest import Contest
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.optimum import Optimum
from retrain_assets.cadence_report.policies import CONSTANT
from retrain_assets.cadence_report.replay import Path, cost_between

MOVED = 0.3
"""Share of the importance from which on a model counts as drifted, as in ``retrain_when.drift``."""


def figures(contest: Contest, path: Path, price: float, whole: Optimum, checked: Optimum) -> dict[str, Any]:
    """Give the figures of a path, as they stand in the report.

    Parameters
    ----------
    contest
        The policies, replayed.
    path
        The path.
    price
        Cost of a retrain in units of the loss times rows.
    whole, checked
        The optimum on all counted blocks, and on the last third.
    """
    matrix, begin, split, end = contest.replayer.matrix, contest.begin, contest.split, contest.end
    cost = cost_between(matrix, path, price, begin, end)
    return {
        "family": path.policy.family,
        "policy": path.policy.name,
        "window": window_name(matrix, path),
        "loss": cost_between(matrix, path, 0.0, begin, end),
        "checked_loss": cost_between(matrix, path, 0.0, split, end),
        "cost": cost,
        "attempts": len(path.attempts),
        "checked_attempts": sum(attempt.block >= split for attempt in path.attempts),
        "promotions": path.promotions,
        "cpu_seconds": path.seconds,
        "regret": cost - whole.cost,
        "checked_regret": cost_between(matrix, path, price, split, end) - checked.cost,
        "change_of_predictions": stability(matrix, path),
        "reaction_days": reaction_days(matrix, path),
    }


def window_name(matrix: Matrix, path: Path) -> str:
    """Name of the window that a path trains on; ``none`` for the naive constant."""
    return "none" if path.policy.family == CONSTANT else matrix.windows[path.window].name


def stability(matrix: Matrix, path: Path) -> float | None:
    """Mean absolute change of the predictions of the same rows at a promotion; None without any."""
    changes = []
    for attempt in path.attempts:
        old, new = path.serving[attempt.block - 1], path.serving[attempt.block]
        if attempt.verdict == "blessed":
            changes.append(matrix.churn[path.window, old, new])
    known = [float(change) for change in changes if np.isfinite(change)]
    return float(np.mean(known)) if known else None


def reaction_days(matrix: Matrix, path: Path) -> float | None:
    """Mean days from the first block in which the model in service had drifted to the next new champion.

    None where it never drifted, or no new champion followed.
    """
    waits, onset, champion = [], None, int(path.serving[path.first])
    for block in range(path.first, len(matrix.blocks)):
        serving = int(path.serving[block])
        if serving != champion:
            if onset is not None:
                waits.append((matrix.blocks[block].start - onset).total_seconds() / 86_400)
            champion, onset = serving, None
        if serving >= 0 and onset is None and matrix.drift[path.window, serving, block] >= MOVED:
            onset = matrix.blocks[block].start
    return float(np.mean(waits)) if waits else None


def mark_frontier(rows: list[dict[str, Any]]) -> None:
    """Mark in place the rows that no other beats in both attempts and loss."""
    for row in rows:
        row["on_frontier"] = not any(
            other["attempts"] <= row["attempts"]
            and other["loss"] <= row["loss"]
            and (other["attempts"] < row["attempts"] or other["loss"] < row["loss"])
            for other in rows
        )
