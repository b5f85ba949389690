"""Standard errors from blocks of dependent rows.

The influence values of a metric, or of the difference of two, are summed over blocks. Between blocks that are
independent the cluster-robust estimator is right. Where neighbouring days are alike it is too small, and a
projection on a few slow cosines takes its place: right under dependence of any form that dies out, at a price
in power, since a few cosines are a few degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrain_assets.comparison.level_shifts import VANISHED, about_levels, lag_one
from retrain_assets.comparison.metric import FloatArray, Metric
from retrain_assets.comparison.resampling import poisson_bootstrap
from retrain_assets.errors import TrainingError

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
        The lag-1 correlation of the daily loss difference; None where there are too few past days.
    past_days
        The days that it rests on.
    """

    estimator: Estimator
    correlation: float | None
    past_days: int


def block_contributions(influence: FloatArray, blocks: NDArray[np.int64]) -> FloatArray:
    """What each block contributes to the error: its sum of influence values over the number of all rows.

    Parameters
    ----------
    influence
        Shape (n,), of mean zero.
    blocks
        Block of every row, shape (n,), integers from 0.

    Returns
    -------
    ndarray of shape (count,)
        In the order of the blocks' numbers; blocks without rows are left out.

    Raises
    ------
    TrainingError
        When there are fewer than two blocks.
    """
    rows = np.bincount(blocks)
    sums = np.bincount(blocks, weights=influence)[rows > 0]
    if sums.size < 2:
        raise TrainingError(
            f"An interval needs rows of at least two blocks, but all {influence.size} rows lie in one. "
            "Lengthen evaluation.holdout, or declare evaluation.block."
        )
    return sums / influence.size


def cluster_robust_error(contributions: FloatArray) -> float:
    """Standard error of the sum of independent contributions, shape (blocks,), with the CR1 correction.

    Its intervals take Student's t with one degree of freedom less than blocks.

    References
    ----------
    Cameron, Miller (2015), "A practitioner's guide to cluster-robust inference", Journal of Human Resources
    50, 317-372, section VI.
    """
    count = contributions.size
    return float(np.sqrt(count / (count - 1) * (contributions @ contributions)))


def equal_weighted_cosine_error(contributions: FloatArray) -> tuple[float, int]:
    """Standard error of the sum of contributions that depend on their neighbours in time.

    The long-run variance is the mean square of the projections on the B slowest cosines of type II, which
    are free of the mean; B = 0.4 T^(2/3), rounded down, and at least 1. Where the projections vanish and the
    contributions do not, as may happen to a symmetric series, the cluster-robust error is given instead:
    symmetry is no certainty.

    Parameters
    ----------
    contributions
        Of blocks in the order of time, shape (T,).

    Returns
    -------
    standard_error : float
    degrees : int
        B, the degrees of freedom of Student's t.

    References
    ----------
    Lazarus, Lewis, Stock, Watson (2018), "HAR inference: recommendations for practice", Journal of Business
    & Economic Statistics 36, 541-559, equations 3 to 5.
    """
    count = contributions.size
    # The power of a whole cube comes out a rounding too small.
    degrees = max(math.floor(round(0.4 * count ** (2 / 3), 9)), 1)
    middles = (np.arange(count) + 0.5) / count
    cosines = math.sqrt(2 / count) * np.cos(np.pi * np.outer(np.arange(1, degrees + 1), middles))
    projections = cosines @ contributions
    error = math.sqrt(count * float(projections @ projections) / degrees)
    independent = cluster_robust_error(contributions)
    return (error if error > VANISHED * independent else independent), degrees


def choose_estimator(past: FloatArray | None) -> EstimatorChoice:
    """Choose how the standard error of a difference between two models is estimated.

    Days count as independent blocks unless the past says otherwise: the lag-1 correlation of the daily loss
    difference, over at least 56 days and about a level that may shift, exceeds 0.2. Simulated, no cluster
    correction holds beyond that.

    Parameters
    ----------
    past
        Daily loss differences on days before the holdout, in the order of time, shape (days,), NaN on days
        without rows; None where there are none.
    """
    past = np.empty(0) if past is None else np.asarray(past, dtype=np.float64)
    known = np.isfinite(past)
    days = int(np.count_nonzero(known))
    if days < LEAST_PAST_DAYS:
        return EstimatorChoice("cluster_robust", None, days)
    correlation = lag_one_correlation(past)
    correlated = correlation > HIGHEST_CORRELATION
    return EstimatorChoice("equal_weighted_cosine" if correlated else "cluster_robust", correlation, days)


def lag_one_correlation(series: FloatArray) -> float:
    """Correlation of neighbouring values of a series about its level, which may shift (:func:`about_levels`).

    Parameters
    ----------
    series
        Shape (days,), in the order of time; NaN is a gap, and a constant gives 0.
    """
    deviation = about_levels(series)
    if np.nanmax(np.abs(deviation)) <= VANISHED * np.nanmax(np.abs(series)):
        return 0.0
    return lag_one(deviation)


def standard_error(influence: FloatArray, blocks: NDArray[np.int64]) -> tuple[float, int]:
    """Cluster-robust standard error of a metric, or of a difference, from its influence values.

    Parameters
    ----------
    influence
        Shape (n,), of mean zero.
    blocks
        Block of every row, shape (n,), integers from 0.

    Returns
    -------
    standard_error : float
    count : int
        Number of blocks that hold rows.

    Raises
    ------
    TrainingError
        When there are fewer than two blocks.
    """
    contributions = block_contributions(influence, blocks)
    return cluster_robust_error(contributions), contributions.size


def standard_error_of(
    metric: Metric,
    y: FloatArray,
    score: FloatArray,
    blocks: NDArray[np.int64],
    weight: FloatArray | None = None,
) -> float:
    """Standard error of a metric's value: cluster-robust, or by a Poisson bootstrap without influence values.

    Parameters
    ----------
    metric
        What is measured.
    y, score, weight
        As :meth:`Metric.measure` takes them.
    blocks
        Block of every row, shape (n,), integers from 0.

    Raises
    ------
    TrainingError
        When the metric is undefined on these rows, or when they lie in fewer than two blocks.
    """
    _, influence = metric.measure(y, score, weight)
    if influence is not None:
        return standard_error(influence, blocks)[0]

    def value(rows: NDArray[np.int64]) -> float:
        return metric.measure(y[rows], score[rows], None if weight is None else weight[rows])[0]

    return poisson_bootstrap(value, blocks)
