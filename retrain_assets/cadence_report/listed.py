"""Which policies table and charts list: what is recommended, the best of each kind, today's declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrain_assets.cadence_report.answers import figures, mark_frontier, window_name
from retrain_assets.cadence_report.contest import Contest
from retrain_assets.cadence_report.optimum import Optimum
from retrain_assets.cadence_report.prices import Price
from retrain_assets.cadence_report.recommend import Recommendation
from retrain_assets.cadence_report.replay import Path, cost_between


def policy_rows(
    contest: Contest, price: Price, found: Recommendation, whole: Optimum, checked: Optimum
) -> list[dict[str, Any]]:
    """Figures of the policies that are listed, of the naive constant and of the optimum."""
    rows = [
        roles | figures(contest, path, price.value, whole, checked)
        for roles, path in _listed(contest, price, found)
    ]
    naive = figures(contest, contest.replayer.constant(), price.value, whole, checked)
    rows.append({"role": "constant", "recommended": False} | naive)
    best = {
        "role": "optimum",
        "recommended": False,
        "family": "optimum",
        "policy": "the optimum in hindsight",
    }
    return [*rows, best | {"attempts": whole.retrains, "cost": whole.cost, "checked_cost": checked.cost}]


def time_line(contest: Contest, price: Price, found: Recommendation) -> list[dict[str, Any]]:
    """When each policy that is listed would have retrained, and what the gate would have said."""
    matrix = contest.replayer.matrix
    return [
        roles
        | {
            "policy": path.policy.name,
            "window": matrix.windows[path.window].name,
            "attempts": [
                {"at": matrix.blocks[attempt.block].start.isoformat(), "verdict": attempt.verdict}
                for attempt in path.attempts
            ],
        }
        for roles, path in _listed(contest, price, found)
    ]


def frontier(contest: Contest, price: Price) -> list[dict[str, Any]]:
    """Retrains and mean loss of every policy on every window; those that no other beats in both are marked.

    The naive constant stands at the end, beside the frontier: it is what a model is held against.
    """
    matrix, naive = contest.replayer.matrix, contest.replayer.constant()
    rows = [
        {
            "family": path.policy.family,
            "policy": path.policy.name,
            "window": window_name(matrix, path),
            "attempts": len(path.attempts),
            "cpu_seconds": path.seconds,
            "loss": cost_between(matrix, path, 0.0, contest.begin, contest.end),
            "on_frontier": False,
        }
        for path in (*(result.path for result in contest.results(price.value)), naive)
    ]
    mark_frontier(rows[:-1])
    return rows


def _listed(contest: Contest, price: Price, found: Recommendation) -> Iterator[tuple[dict[str, Any], Path]]:
    """Give role and path; what is chosen is listed once, first, and today's declaration last but for that.

    Today's triggers are listed where they do best on another window than the one of today's declaration.
    """
    chosen, today = found.chosen.path, found.today
    listed = {(chosen.policy.family, chosen.window), (today.policy.family, today.window)}
    proven = found.block is not None
    role = "today" if found.keeps_today else "recommended" if proven else "tuned"
    yield {"role": role, "recommended": proven}, chosen
    for result in contest.tuned(price.value):
        if (result.path.policy.family, result.path.window) not in listed:
            yield {"role": "tuned", "recommended": False}, result.path
    if not found.keeps_today:
        yield {"role": "today", "recommended": False}, today
