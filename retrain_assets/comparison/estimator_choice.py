"""What past days say of how the standard error of a difference between two models is to be estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import long_run_ratio, unbiased_correlation
from retrain_assets.comparison.level_correlation import lag_one_correlation

Estimator = Literal["cluster_robust", "equal_weighted_cosine", "poisson_bootstrap"]

LEAST_PAST_DAYS = 56
"""Fewer past days than this tell too little of a correlation: its standard error is the root of 1 / days."""
HIGHEST_CORRELATION = 0.2
"""Of the loss differences of neighbouring days; above it, days are no independent blocks."""


@dataclass(frozen=True)
class EstimatorChoice:
    """How a standard error is estimated, and why.

    Parameters
    ----------
    estimator
        The estimator.
    correlation
        The lag-1 correlation of the daily loss difference, as so many days about a single level would show it; None
        where there are too few past days.
    past_days
        The days that it rests on.
    """

    estimator: Estimator
    correlation: float | None
    past_days: int

    def inflation(self, blocks: int) -> float:
        """What the cluster-robust variance of so many blocks is to be multiplied by, 1 or greater.

        A correlation that is known to about .1 comes out below the threshold for days that lie above it, and
        even .2 between days promotes one of 25 equal models where one of 40 is promised. Longer blocks are
        taken for days, which errs on the safe side.

        Parameters
        ----------
        blocks
            Number of blocks of the holdout, two or more.

        References
        ----------
        See :func:`retrain_assets.comparison.block_series.long_run_ratio`.
        """
        if self.correlation is None or self.estimator != "cluster_robust":
            return 1.0
        correlation = unbiased_correlation(np.asarray(self.correlation), self.past_days)
        return float(long_run_ratio(correlation, blocks))


def choose_estimator(past: FloatArray | None) -> EstimatorChoice:
    """Choose how the standard error of a difference between two models is estimated.

    Blocks are summed unless the past says that days are too much alike: the lag-1 correlation of the daily loss
    difference, over at least 56 days and about levels that may shift, exceeds 0.2. Up to there the error is
    widened by that correlation (:meth:`EstimatorChoice.inflation`).

    Parameters
    ----------
    past
        Daily loss differences on days before the holdout, in the order of time, shape (days,), or (levels, days)
        with a row for each pair of models, which has a level of its own; NaN on other days, and on days without
        rows. None where there are none.
    """
    past = np.empty(0) if past is None else np.asarray(past, dtype=np.float64)
    known = np.isfinite(past)
    days = int(np.count_nonzero(known))
    if days < LEAST_PAST_DAYS:
        return EstimatorChoice("cluster_robust", None, days)
    correlation = lag_one_correlation(past)
    correlated = correlation > HIGHEST_CORRELATION
    return EstimatorChoice("equal_weighted_cosine" if correlated else "cluster_robust", correlation, days)
