"""The recommendation: what to declare, by what was tuned on one part of history and held on another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.contest import Contest, Result
from retrain_assets.cadence_report.declared_block import as_text, can_be_declared, declared_triggers
from retrain_assets.cadence_report.entries import TODAY, Entry
from retrain_assets.cadence_report.gate import compare_days
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.replay import Path
from retrain_assets.cadence_report.service import serves_in_tuning
from retrain_assets.comparison import Comparison


@dataclass(frozen=True)
class Recommendation:
    """What to declare.

    Parameters
    ----------
    chosen
        The policy with its window.
    bar
        The tuned periodic schedule.
    today
        What the declaration would have done.
    tried
        Number of other kinds that were held against the bar and today's declaration.
    block
        YAML to paste; None where no model of the window serves in what is tuned on, so that nothing is recommended.
    against_bar, against_today
        Paired comparisons of mean losses on the days of the last third; None with fewer than seven days.
    saved_bar, saved_today
        Cost a row that is spared on the last third, retrains included.
    """

    chosen: Result
    bar: Result
    today: Path
    tried: int
    block: str | None
    against_bar: Comparison | None
    against_today: Comparison | None
    saved_bar: float
    saved_today: float

    @property
    def retraining_pays(self) -> bool:
        """Whether what is recommended comes to any attempt at a retrain on this history."""
        return bool(self.chosen.path.attempts)

    @property
    def keeps_today(self) -> bool:
        """Whether today's declaration is to stay."""
        return self.chosen.entry.policy.family == TODAY


def recommend(contest: Contest, price: float, today: Path) -> Recommendation:
    """Choose what to declare.

    Each kind of policy is tuned, with its window, on the first two thirds. The bar is the tuned periodic schedule.
    The kinds that can be declared and were no dearer than the bar there are held against it on the last third, the
    cheapest first, and so is today's declaration: the first kind that is cheaper there than both is recommended, else
    the cheaper of the two, and today's declaration where they cost the same. So nothing is recommended that does not
    beat a plain schedule, and what is declared already, on history that its tuning has not seen. As the choice among a
    few kinds sees the last third, the gain there flatters a little.

    Parameters
    ----------
    contest
        The policies, replayed.
    price
        Cost of a retrain in units of the loss times rows.
    today
        What the declaration would have done.
    """
    windows, tuned = contest.replayer.matrix.windows, tuned_kinds(contest, price)
    bar = next(result for result in tuned if result.entry.policy.family == "periodic")
    limit = contest.cost(bar.path, price, checked=False)
    kept = Result(Entry(today.policy, declared_triggers(contest.spec)), today)
    chosen = min(kept, bar, key=lambda result: contest.cost(result.path, price, checked=True))
    asked, tried = contest.cost(chosen.path, price, checked=True), 0
    for result in tuned:
        if result is bar or contest.cost(result.path, price, checked=False) > limit:
            continue
        tried += 1
        if contest.cost(result.path, price, checked=True) < asked:
            chosen = result
            break
    matrix, alpha = contest.replayer.matrix, contest.spec.promotion.alpha
    window = chosen.path.window
    served = serves_in_tuning(contest, window)
    cost = contest.cost(chosen.path, price, checked=True)
    return Recommendation(
        chosen=chosen,
        bar=bar,
        today=today,
        tried=tried,
        block=as_text(windows[window], dict(chosen.entry.when or {})) if served else None,
        against_bar=_compared(matrix, chosen.path, bar.path, contest.split, alpha),
        against_today=_compared(matrix, chosen.path, today, contest.split, alpha),
        saved_bar=contest.cost(bar.path, price, checked=True) - cost,
        saved_today=contest.cost(today, price, checked=True) - cost,
    )


def tuned_kinds(contest: Contest, price: float) -> list[Result]:
    """Give the best of each kind that can be declared on the first two thirds, the cheapest kind first."""
    windows = contest.replayer.matrix.windows
    results = [
        result
        for result in contest.results(price)
        if result.entry.when is not None and can_be_declared(windows[result.path.window])
    ]
    return contest.best_of_each(results, price)


def daily_losses(matrix: Matrix, path: Path) -> FloatArray:
    """Mean loss of what served, day by day, of the naive constant where no model did; shape (days,), NaN before."""
    serving = path.serving[matrix.day_block]
    found: FloatArray = matrix.daily_loss[path.window, serving, np.arange(matrix.days.size)]
    constant = np.where(matrix.day_block >= path.first, matrix.daily_baseline, np.nan)
    return np.where(serving >= 0, found, constant)


def _compared(matrix: Matrix, path: Path, other: Path, begin: int, alpha: float) -> Comparison | None:
    days = matrix.day_block >= begin
    candidate, reference = (daily_losses(matrix, item)[days] for item in (path, other))
    return compare_days(candidate, reference, matrix.daily_rows[days], alpha, matrix.days[days])
