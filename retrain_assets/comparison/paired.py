"""The paired comparison of two models on the same rows, without resampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from retrain_assets.comparison.metrics import FloatArray, Metric
from retrain_assets.errors import TrainingError

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
        balance each other out.
    blocks, rows
        How many there are.
    alpha
        Two-sided error rate.
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
    effective_rows: float
    blocks: int
    rows: int
    alpha: float


def standard_error(influence: FloatArray, blocks: NDArray[np.int64]) -> tuple[float, int]:
    """Compute the standard error of a metric, or of a difference, from influence values summed over blocks.

    The cluster-robust variance of a mean with the CR1 correction G / (G - 1).

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
        Number of blocks that hold rows, G.

    Raises
    ------
    TrainingError
        When there are fewer than two blocks.

    References
    ----------
    Cameron, Miller (2015), "A practitioner's guide to cluster-robust inference", Journal of Human Resources
    50, 317-372, section VI.
    """
    sums = np.bincount(blocks, weights=influence)
    count = int(np.count_nonzero(np.bincount(blocks)))
    if count < 2:
        raise TrainingError(
            f"An interval needs rows of at least two blocks, but all {influence.size} rows lie in one. "
            "Lengthen evaluation.holdout, or declare evaluation.block."
        )
    return float(np.sqrt(count / (count - 1) * (sums @ sums))) / influence.size, count


def compare(
    metric: Metric,
    y: FloatArray,
    candidate: FloatArray,
    reference: FloatArray,
    blocks: NDArray[np.int64],
    weight: FloatArray | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare two models on the same rows.

    The difference of two metrics has the difference of their influence values; its standard error comes from
    their sums over blocks (CR1), and its interval from Student's t with one degree of freedom less than
    blocks, because a normal quantile is too small for a handful of blocks.

    Parameters
    ----------
    metric
        What is compared.
    y
        Labels, shape (n,).
    candidate, reference
        The two models' scores, shape (n,).
    blocks
        Block of every row, shape (n,), integers from 0.
    weight
        Sample weights, shape (n,).
    alpha
        Two-sided error rate.

    Raises
    ------
    TrainingError
        When the metric is undefined on these rows, or when they lie in fewer than two blocks.

    References
    ----------
    Cameron, Miller (2015), Journal of Human Resources 50, 317-372.
    Bloom (1995), "Minimum detectable effects", Evaluation Review 19, 547-556.
    """
    value, influence = metric.measure(y, candidate, weight)
    other, other_influence = metric.measure(y, reference, weight)
    difference = influence - other_influence
    error, count = standard_error(difference, blocks)
    improvement = metric.gain(value, other)

    noise = ROUNDING * max(abs(value), abs(other))
    error = 0.0 if error <= noise else error
    improvement = 0.0 if abs(improvement) <= noise and error == 0 else improvement
    half = float(stdtrit(count - 1, 1 - alpha / 2)) * error
    certain = 1.0 if improvement == 0 else 0.0
    p_value = float(2 * stdtr(count - 1, -abs(improvement) / error)) if error > 0 else certain
    rows = int(difference.size)
    return Comparison(
        metric=metric.name,
        candidate=value,
        reference=other,
        improvement=improvement,
        lower=improvement - half,
        upper=improvement + half,
        p_value=p_value,
        standard_error=error,
        smallest_detectable=half + float(stdtrit(count - 1, POWER)) * error,
        effective_rows=float(difference @ difference) / (rows - 1) / error**2 if error else float(rows),
        blocks=count,
        rows=rows,
        alpha=alpha,
    )
