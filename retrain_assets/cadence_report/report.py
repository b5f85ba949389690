"""The report: every answer that the matrix gives, as one document that is written as JSON and drawn as a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from retrain_assets.cadence_report.ageing import age_curve, lifetime
from retrain_assets.cadence_report.arbiter import UNSEEN
from retrain_assets.cadence_report.clock import read_clock
from retrain_assets.cadence_report.contest import KINDS, Contest
from retrain_assets.cadence_report.declared_block import can_be_declared
from retrain_assets.cadence_report.gate import compare_days
from retrain_assets.cadence_report.listed import frontier, policy_rows, time_line
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.optimum import Optimum, find_optimum
from retrain_assets.cadence_report.prices import Price, read_prices
from retrain_assets.cadence_report.recommend import Recommendation, daily_losses, recommend
from retrain_assets.cadence_report.replay import Path, Replayer
from retrain_assets.cadence_report.service import serves_from, service, unproven
from retrain_assets.cadence_report.standing import is_declared, window_of_today
from retrain_assets.cadence_report.told import sureness, title
from retrain_assets.cadence_report.worth import read_worth
from retrain_assets.comparison import Comparison
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.error_budget import error_budget_of

FEWEST_COUNTED = 3


@dataclass(frozen=True)
class CadenceReport:
    """The answers.

    Parameters
    ----------
    document
        All figures, ready for JSON.
    block
        The block of YAML that is recommended; None where nothing is.
    """

    document: dict[str, Any]
    block: str | None


def build_report(
    matrix: Matrix, declaration: Declaration, ticks: Sequence[datetime] = (), kinds: Sequence[str] = KINDS
) -> CadenceReport:
    """Replay all policies on a matrix and answer how often, on how much data and on which trigger to retrain.

    Parameters
    ----------
    matrix
        The matrix.
    declaration
        The pipeline.
    ticks
        When the declared schedule was due within the history, in order.
    kinds
        Kinds of policies to try besides never, the schedules and today's declaration.

    Raises
    ------
    TrainingError
        When the history is too short for a verdict, tuning and a check.
    """
    contest = hold_contest(matrix, declaration, ticks, kinds)
    today = contest.today()
    prices = read_prices(matrix, declaration.spec)
    recommended = [recommend(contest, price.value, today) for price in prices]
    chosen, placed = recommended[1], window_of_today(contest, today)
    whole, checked = (optimum(contest, prices[1].value, checked=flag) for flag in (False, True))
    document = {
        "pipeline": declaration.name,
        "timezone": declaration.spec.timezone,
        "as_of": matrix.blocks[-1].end.isoformat(),
        "metric": matrix.metric,
        "unit": matrix.unit,
        "greater_is_better": matrix.greater_is_better,
        "daily_is_exact": matrix.daily_is_exact,
        "history": _history(contest),
        "recommendation": _recommendation(contest, chosen),
        "sensitivity": [_sensitivity(contest, p, r) for p, r in zip(prices, recommended, strict=True)],
        "policies": policy_rows(contest, prices[1], chosen, whole, checked),
        "age": [asdict(point) for point in age_curve(matrix, chosen.chosen.path.window, contest.begin)],
        "lifetime": _lifetime(contest, chosen),
        "refit": _refit(contest, chosen.bar.path) if serves_from(contest, chosen.bar.path.window) else None,
        "frontier": frontier(contest, prices[1]),
        "time_line": time_line(contest, prices[1], chosen),
        "not_replayed": list(UNSEEN),
        "today": placed | service(contest, today.window),
        "notes": [*matrix.notes, *filter(None, [placed["note"], _note_on_service(contest, today.window)])],
    }
    return CadenceReport(_without_nan(document), chosen.block)


def hold_contest(
    matrix: Matrix, declaration: Declaration, ticks: Sequence[datetime] = (), kinds: Sequence[str] = KINDS
) -> Contest:
    """Prepare the contest of policies.

    Raises
    ------
    TrainingError
        When the history is too short.
    """
    spec = declaration.spec
    # Where false promotions a year are declared, each look has its share of them, at one side.
    promotion = spec.promotion.model_copy(update={"alpha": 2 * error_budget_of(spec).alpha})
    replayer = Replayer(matrix, read_clock(matrix, spec.evaluation.holdout), promotion)
    contest = Contest(replayer, spec, ticks, read_worth(matrix, spec).loss, kinds)
    declarable = [w for w in replayer.windows if can_be_declared(matrix.windows[w])]
    if not declarable or contest.end - contest.begin < FEWEST_COUNTED:
        raise TrainingError(
            f"The history of {declaration.name!r} has {max(contest.end - contest.begin, 0) if declarable else 0} blocks "
            "after the first model of a window that can be declared, and its holdout, and a replay needs "
            f"{FEWEST_COUNTED}. Take more partitions in, or ask for more blocks."
        )
    return contest


def _without_nan(part: Any) -> Any:
    """Put None in place of numbers that are not finite, which JSON has no word for."""
    if isinstance(part, dict):
        return {name: _without_nan(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_without_nan(value) for value in part]
    return None if isinstance(part, float) and not np.isfinite(part) else part


def _history(contest: Contest) -> dict[str, Any]:
    matrix = contest.replayer.matrix
    return {
        "blocks": len(matrix.blocks),
        "block_days": (matrix.blocks[-1].end - matrix.blocks[-1].start).total_seconds() / 86_400,
        "start": matrix.blocks[0].start.isoformat(),
        "counted_from": matrix.blocks[contest.begin].start.isoformat(),
        "checked_from": matrix.blocks[contest.split].start.isoformat(),
        "end": matrix.blocks[-1].end.isoformat(),
        "windows": [window.name for window in matrix.windows],
        "rows": sum(block.rows for block in matrix.blocks),
    }


def _recommendation(contest: Contest, found: Recommendation) -> dict[str, Any]:
    return {
        "title": title(contest, found.chosen),
        "family": found.chosen.entry.policy.family,
        "window": contest.replayer.matrix.windows[found.chosen.path.window].name,
        "block": found.block,
        "is_declared": found.block is not None
        and is_declared(contest.spec, found.block, contest.replayer.matrix),
        "retraining_pays": found.retraining_pays,
        "keeps_today": found.keeps_today and found.block is not None,
        "is_the_bar": found.chosen is found.bar,
        "bar": title(contest, found.bar),
        "tried": found.tried,
        "against_bar": _interval(found.against_bar),
        "against_today": _interval(found.against_today),
        "saved_bar": found.saved_bar,
        "saved_today": found.saved_today,
        "sentence": sureness(contest, found),
    } | service(contest, found.chosen.path.window)


def _lifetime(contest: Contest, found: Recommendation) -> dict[str, Any] | None:
    """Days until the quality falls, from the first day of service on; None where nothing is recommended."""
    if found.block is None:
        return None
    replayer, window = contest.replayer, found.chosen.path.window
    return asdict(lifetime(replayer.matrix, contest.spec, window, replayer.begin(window)[0]))


def _note_on_service(contest: Contest, window: int) -> str | None:
    """Say whose loss stands for today's declaration where no model of its window serves in what is tuned on."""
    nothing = unproven(contest, window)
    return nothing and f"{nothing}. Until a model serves, the loss of today's declaration is the constant's."


def _interval(found: Comparison | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {
        "improvement": found.improvement,
        "lower": found.lower,
        "upper": found.upper,
        "days": found.blocks,
    }


def _sensitivity(contest: Contest, price: Price, found: Recommendation) -> dict[str, Any]:
    checked = optimum(contest, price.value, checked=True)
    return {
        "price": price.value,
        "text": price.text,
        "title": title(contest, found.chosen),
        "attempts": len(found.chosen.path.attempts),
        "regret": contest.cost(found.chosen.path, price.value, checked=True) - checked.cost,
        "bar": title(contest, found.bar),
        "bar_regret": contest.cost(found.bar.path, price.value, checked=True) - checked.cost,
    }


def optimum(contest: Contest, price: float, *, checked: bool) -> Optimum:
    """The optimum in hindsight on the last third, or on all counted blocks."""
    return find_optimum(contest.replayer, price, contest.split if checked else contest.begin, contest.end)


def _refit(contest: Contest, bar: Path) -> dict[str, Any]:
    """Whether training again on the holdout before serving would pay, for the tuned schedule."""
    replayer = contest.replayer
    other = replayer.replay(bar.policy, bar.window, refit=True)
    days = replayer.matrix.day_block >= contest.begin
    with_refit, without = (daily_losses(replayer.matrix, path)[days] for path in (other, bar))
    rows, start = replayer.matrix.daily_rows[days], replayer.matrix.days[days]
    return {
        "gain": _interval(compare_days(with_refit, without, rows, contest.spec.promotion.alpha, start)),
        "attempts": len(other.attempts),
        "attempts_without": len(bar.attempts),
    }
