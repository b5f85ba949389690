"""The paired comparison of two models on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from retrain_assets.comparison.estimator_choice import Estimator, EstimatorChoice, choose_estimator
from retrain_assets.comparison.metric import FloatArray, Metric
from retrain_assets.comparison.resampling import leave_one_block_out, poisson_bootstrap
from retrain_assets.comparison.sequential import SequentialTest
from retrain_assets.comparison.standard_errors import block_contributions, correlated_error
from retrain_assets.comparison.unequal_blocks import BlockShares, block_shares

POWER = 0.8
ROUNDING = 1e-12
"""Differences below this share of the metric's value are floating point's, not the models'."""


@dataclass(frozen=True)
class Comparison:
    """How much better a candidate is than a reference, and how sure that is.

    Parameters
    ----------
    metric
        Name of the metric.
    candidate, reference
        The metric's values.
    improvement
        The gain of the candidate in the metric's unit; positive when it is better, whatever the direction.
    lower, upper
        Bounds of the (1 - alpha) interval of the improvement.
    p_value
        Two-sided, of no difference.
    standard_error
        Of the improvement, allowing for dependence within blocks.
    smallest_detectable
        The gain that rows like these would have shown with 80 % power (Bloom 1995).
    effective_rows
        Number of independent rows that would carry as much evidence; above ``rows`` where rows of a block
        balance each other out. None where the metric has no influence values.
    blocks, rows
        How many there are; rows of weight 0 do not count.
    alpha
        Two-sided error rate.
    estimator
        How the standard error was estimated; or the always-valid test that gave the interval.
    degrees
        Degrees of freedom of Student's t, from which interval and p-value come; None for an always-valid test.
        Where cosines decide and their interval is narrower than that of block sums, those of block sums.
    correlation
        Lag-1 correlation of the daily loss difference; None where too few past days are known.
    past_days
        The past days that the correlation rests on.
    effective_blocks
        Number of equal blocks that would tell as much as these, which differ in size.
    inflation
        Long-run variance of the blocks over their variance, for which the interval was widened: by the
        correlation of past days, or of the blocks themselves.
    """

    metric: str
    candidate: float
    reference: float
    improvement: float
    lower: float
    upper: float
    p_value: float
    standard_error: float
    smallest_detectable: float
    effective_rows: float | None
    blocks: int
    rows: int
    alpha: float
    estimator: Estimator | SequentialTest = "cluster_robust"
    degrees: float | None = None
    correlation: float | None = None
    past_days: int = 0
    effective_blocks: float | None = None
    inflation: float = 1.0


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
    """The standard error of a difference, the degrees of freedom of its interval, and what they rest on."""

    value: float
    degrees: float
    blocks: int
    estimator: Estimator
    effective_rows: float | None
    inflation: float = 1.0


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

    The difference of two metrics has the difference of their influence values; its standard error comes from
    their sums over blocks (CR1, and CR2 where blocks differ in size), and its interval from Student's t with
    one degree of freedom less than effective blocks, because a normal quantile is too small for a handful of
    blocks. Where the past says that days are a little alike the error is widened, and where they are too much
    alike the equal-weighted cosine estimator takes its place, whose interval is never taken for narrower than
    that of block sums. A metric without influence values is resampled: a Poisson bootstrap over blocks, or
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
        shape (days,). Give it only where blocks are numbered in the order of time.

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
    from scipy.special import stdtr, stdtrit

    rows = _Rows(y, candidate, reference, blocks, weight).weighed()
    choice = choose_estimator(past)
    value, influence = metric.measure(rows.y, rows.candidate, rows.weight)
    other, other_influence = metric.measure(rows.y, rows.reference, rows.weight)
    shares = block_shares(rows.blocks, rows.weight)
    if influence is None or other_influence is None:
        found = _resampled(metric, rows, shares, choice, alpha)
    else:
        found = _from_influence(influence - other_influence, rows.blocks, shares, choice, alpha)
    improvement = metric.gain(value, other)

    noise = ROUNDING * max(abs(value), abs(other))
    error = 0.0 if found.value <= noise else found.value
    improvement = 0.0 if abs(improvement) <= noise and error == 0 else improvement
    half = float(stdtrit(found.degrees, 1 - alpha / 2)) * error
    certain = 1.0 if improvement == 0 else 0.0
    count = int(rows.y.size)
    return Comparison(
        metric=metric.name,
        candidate=value,
        reference=other,
        improvement=improvement,
        lower=improvement - half,
        upper=improvement + half,
        p_value=float(2 * stdtr(found.degrees, -abs(improvement) / error)) if error > 0 else certain,
        standard_error=error,
        smallest_detectable=half + float(stdtrit(found.degrees, POWER)) * error,
        effective_rows=found.effective_rows if error > 0 else float(count),
        blocks=found.blocks,
        rows=count,
        alpha=alpha,
        estimator=found.estimator,
        degrees=found.degrees,
        correlation=choice.correlation,
        past_days=choice.past_days,
        effective_blocks=shares.effective,
        inflation=found.inflation,
    )


def _from_influence(
    difference: FloatArray,
    blocks: NDArray[np.int64],
    shares: BlockShares,
    choice: EstimatorChoice,
    alpha: float,
) -> _Error:
    contributions = block_contributions(difference, blocks)
    inflation = choice.inflation(contributions.size)
    error, degrees = shares.error(contributions) * sqrt(inflation), shares.degrees
    if choice.estimator == "equal_weighted_cosine":
        error, degrees = correlated_error(contributions, shares, alpha)
    of_independent = float(difference @ difference) / (difference.size - 1)
    effective = of_independent / error**2 if error > 0 else None
    return _Error(error, degrees, contributions.size, choice.estimator, effective, inflation)


def _resampled(
    metric: Metric, rows: _Rows, shares: BlockShares, choice: EstimatorChoice, alpha: float
) -> _Error:
    difference = partial(_difference, metric, rows)
    count = shares.shares.size
    if choice.estimator == "equal_weighted_cosine":
        contributions = leave_one_block_out(difference, rows.blocks, rows.weight)
        return _Error(*correlated_error(contributions, shares, alpha), count, choice.estimator, None)
    inflation = choice.inflation(count)
    error = poisson_bootstrap(difference, rows.blocks) * shares.inflation * sqrt(inflation)
    return _Error(error, shares.degrees, count, "poisson_bootstrap", None, inflation)


def _difference(metric: Metric, rows: _Rows, positions: NDArray[np.int64]) -> float:
    """Difference of the metric's values on some of the rows."""
    chosen = rows.chosen(positions)
    value, _ = metric.measure(chosen.y, chosen.candidate, chosen.weight)
    other, _ = metric.measure(chosen.y, chosen.reference, chosen.weight)
    return value - other
