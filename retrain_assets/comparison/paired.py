"""The paired comparison of two models on the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.comparison import Comparison, lower_tail
from retrain_assets.comparison.estimator_choice import Estimator, EstimatorChoice, choose_estimator
from retrain_assets.comparison.metric import Metric
from retrain_assets.comparison.resampling import leave_one_block_out, poisson_bootstrap
from retrain_assets.comparison.standard_errors import StudentError, block_contributions, correlated_errors
from retrain_assets.comparison.unequal_blocks import BlockShares, block_shares

POWER = 0.8
ROUNDING = 1e-12
"""Differences below this share of the metric's value are floating point's, not the models'."""


@dataclass(frozen=True)
class _Rows:
    """The rows that are compared: labels, both models' scores, blocks and weights."""

    y: FloatArray
    candidate: FloatArray
    reference: FloatArray
    blocks: NDArray[np.int64]
    weight: FloatArray | None

    def chosen(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Rows:
        """Some of the rows, repeated ones as often as they are chosen."""
        return _Rows(
            self.y[rows],
            self.candidate[rows],
            self.reference[rows],
            self.blocks[rows],
            None if self.weight is None else self.weight[rows],
        )

    def weighed(self) -> _Rows:
        """Rows of weight greater than 0: others are no evidence, and a block of them is none either."""
        if self.weight is None or not self.weight.any() or self.weight.all():
            return self
        return self.chosen(self.weight != 0)


@dataclass(frozen=True)
class _Error:
    """The standard errors of a difference, and what they rest on."""

    errors: tuple[StudentError, ...]
    blocks: int
    estimator: Estimator
    inflation: float = 1.0

    def without(self, noise: float) -> tuple[StudentError, ...]:
        """The errors, of which those that are no more than floating point's noise count as 0."""
        return tuple(replace(error, value=0.0) if error.value <= noise else error for error in self.errors)


def compare(
    metric: Metric,
    y: FloatArray,
    candidate: FloatArray,
    reference: FloatArray,
    blocks: NDArray[np.int64],
    weight: FloatArray | None = None,
    alpha: float = 0.05,
    past: FloatArray | None = None,
) -> Comparison:
    """Compare two models on the same rows.

    The difference of two metrics has the difference of their influence values; its standard error comes from their
    sums over blocks (CR1, and CR2 where blocks differ in size), and its interval from Student's t with one degree
    of freedom less than effective blocks, because a normal quantile is too small for a handful of blocks. Where the
    past says that days are a little alike the error is widened, and where they are too much alike the equal-
    weighted cosine estimator takes its place, whose interval is never taken for narrower than that of block sums,
    nor its p-value for smaller. A metric without influence values is resampled: a Poisson bootstrap over blocks, or
    contributions from leaving blocks out for the cosines.

    Parameters
    ----------
    metric
        What is compared.
    y
        Labels, shape (n,).
    candidate, reference
        The two models' scores, shape (n,), or (n, k) for k classes.
    blocks
        Block of every row, shape (n,), integers from 0.
    weight
        Sample weights, shape (n,).
    alpha
        Two-sided error rate.
    past
        Daily loss differences of these or like models on days before the holdout, in the order of time,
        shape (days,), or (levels, days) with a row for each pair (see
        :func:`~retrain_assets.comparison.estimator_choice.choose_estimator`). Give it only where blocks are
        numbered in the order of time.

    Raises
    ------
    TrainingError
        When the metric is undefined on these rows, or when they lie in fewer than two blocks.

    References
    ----------
    Cameron, Miller (2015), Journal of Human Resources 50, 317-372.
    Lazarus, Lewis, Stock, Watson (2018), Journal of Business & Economic Statistics 36, 541-559.
    Bloom (1995), "Minimum detectable effects", Evaluation Review 19, 547-556.
    """
    from scipy.special import stdtrit

    rows = _Rows(y, candidate, reference, blocks, weight).weighed()
    choice = choose_estimator(past)
    value, influence = metric.measure(rows.y, rows.candidate, rows.weight)
    other, other_influence = metric.measure(rows.y, rows.reference, rows.weight)
    shares = block_shares(rows.blocks, rows.weight)
    if influence is None or other_influence is None:
        difference, found = None, _resampled(metric, rows, shares, choice)
    else:
        difference = influence - other_influence
        found = _from_influence(difference, rows.blocks, shares, choice)
    improvement = metric.gain(value, other)

    noise = ROUNDING * max(abs(value), abs(other))
    errors = found.without(noise)
    widest = max(errors, key=lambda error: error.half_width(alpha))
    improvement = 0.0 if abs(improvement) <= noise and widest.value == 0 else improvement
    half = widest.half_width(alpha)
    count = int(rows.y.size)
    return Comparison(
        metric=metric.name,
        candidate=value,
        reference=other,
        improvement=improvement,
        lower=improvement - half,
        upper=improvement + half,
        p_value=min(2 * lower_tail(errors, -abs(improvement)), 1.0),
        standard_error=widest.value,
        smallest_detectable=half + float(stdtrit(widest.degrees, POWER)) * widest.value,
        effective_rows=_effective_rows(difference, widest.value, count),
        blocks=found.blocks,
        rows=count,
        alpha=alpha,
        estimator=found.estimator,
        degrees=widest.degrees,
        correlation=choice.correlation,
        past_days=choice.past_days,
        effective_blocks=shares.effective,
        inflation=found.inflation,
        errors=errors,
    )


def _from_influence(
    difference: FloatArray, blocks: NDArray[np.int64], shares: BlockShares, choice: EstimatorChoice
) -> _Error:
    contributions = block_contributions(difference, blocks)
    count = contributions.size
    if choice.estimator == "equal_weighted_cosine":
        return _Error(correlated_errors(contributions, shares), count, choice.estimator)
    inflation = choice.inflation(count)
    error = shares.error(contributions) * sqrt(inflation)
    return _Error((StudentError(error, shares.degrees),), count, choice.estimator, inflation)


def _resampled(metric: Metric, rows: _Rows, shares: BlockShares, choice: EstimatorChoice) -> _Error:
    difference = partial(_difference, metric, rows)
    count = shares.shares.size
    if choice.estimator == "equal_weighted_cosine":
        contributions = leave_one_block_out(difference, rows.blocks, rows.weight)
        return _Error(correlated_errors(contributions, shares), count, choice.estimator)
    inflation = choice.inflation(count)
    error = poisson_bootstrap(difference, rows.blocks) * shares.inflation * sqrt(inflation)
    return _Error((StudentError(error, shares.degrees),), count, "poisson_bootstrap", inflation)


def _effective_rows(difference: FloatArray | None, error: float, count: int) -> float | None:
    """Independent rows that would give such an error; None where the metric has no influence values."""
    if error == 0:
        return float(count)
    if difference is None:
        return None
    return float(difference @ difference) / (difference.size - 1) / error**2


def _difference(metric: Metric, rows: _Rows, positions: NDArray[np.int64]) -> float:
    """Difference of the metric's values on some of the rows."""
    chosen = rows.chosen(positions)
    value, _ = metric.measure(chosen.y, chosen.candidate, chosen.weight)
    other, _ = metric.measure(chosen.y, chosen.reference, chosen.weight)
    return value - other
