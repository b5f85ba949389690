"""Standard errors from blocks of dependent rows.

The influence values of a metric, or of the difference of two, are summed over blocks. Between blocks that are
independent the cluster-robust estimator is right. Where neighbouring days are a little alike it is widened by what
the past says of that; where they are much alike a projection on a few slow cosines takes its place: right under
dependence of any form that dies out, at a price in power, since a few cosines are a few degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import Metric
from retrain_assets.comparison.resampling import poisson_bootstrap
from retrain_assets.comparison.unequal_blocks import BlockShares
from retrain_assets.errors import TrainingError


@dataclass(frozen=True)
class StudentError:
    """A standard error, with the degrees of freedom of the Student's t that it makes of a difference.

    Parameters
    ----------
    value
        The standard error.
    degrees
        Degrees of freedom, 1 or more.
    """

    value: float
    degrees: float

    def half_width(self, alpha: float) -> float:
        """Half of the interval of two-sided error rate ``alpha``."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees, 1 - alpha / 2)) * self.value

    def lower_tail(self, difference: float) -> float:
        """Probability of a difference as low as this, or lower, where the true one is 0."""
        from scipy.special import stdtr

        if self.value == 0:
            return 1.0 if difference >= 0 else 0.0
        return float(stdtr(self.degrees, difference / self.value))


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
    are free of the mean; B = 0.4 T^(2/3), rounded down, and at least 1. The projections of a series that is
    symmetric, or so by chance, vanish, and so does the error (:func:`correlated_errors`).

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
    return math.sqrt(count * float(projections @ projections) / degrees), degrees


def correlated_errors(contributions: FloatArray, shares: BlockShares) -> tuple[StudentError, StudentError]:
    """Standard errors of the sum of contributions that depend on their neighbours: both must allow a finding.

    That of the cosines, and that of independent blocks: a single cosine is small by chance in every tenth week,
    and days that are alike never justify an interval narrower, or a p-value smaller, than that of days that are
    not. Which of the two is the stricter one depends on the error rate, since they differ in degrees of freedom:
    one that is so at 5 % may not be at the levels of a correction for several tests.

    Parameters
    ----------
    contributions
        Of blocks in the order of time, shape (blocks,).
    shares
        The part of the rows that each block carries.
    """
    error, degrees = equal_weighted_cosine_error(contributions)
    by_cosines = StudentError(error, min(float(degrees), shares.degrees))
    return by_cosines, StudentError(shares.error(contributions), shares.degrees)


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
