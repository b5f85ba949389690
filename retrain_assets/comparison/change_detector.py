"""Has the mean of a series of days risen since some day? An answer that may be asked for every day."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.block_series import BlockSeries, variance_inflations

DAYS_WATCHED = 182
FALSE_ALARMS = 0.05
"""Probability of a false alarm within the days watched."""
EVIDENCE_ASKED = 1_250.0
"""A series that does not rise reaches this within 182 days with probability .05 at most, where its days are normal and
neighbours correlate by no more than .3, or where they do not correlate and have a skewness of .5 or tails like those of
Student's t with 5 degrees of freedom; at a skewness of 1 or 3 degrees with .06 (``benchmarks/false_alarms.py``)."""
LEAST_LATER_DAYS = 2
"""A single day has no spread of its own, and one bad day is no change."""
LONE_DAY = 1.5
"""The highest later day counts as higher than the second highest by so many standard deviations at most."""
PRIOR_PRECISION = 0.0625
"""A rise worth an alarm is expected to be about four standard deviations of a day, which two days tell."""
STEPS = 30


@dataclass(frozen=True)
class Rise:
    """What a series of days says of a rise of its mean.

    Parameters
    ----------
    value
        Mean of the later days less that of the days before, split where the evidence is strongest.
    evidence
        Evidence against "the mean never rose by more than the tolerance"; an alarm from ``EVIDENCE_ASKED`` on.
    split
        Number of days before the split.
    """

    value: float
    evidence: float
    split: int
    _parts: _Parts = field(repr=False, compare=False)

    @property
    def certain(self) -> bool:
        """Whether the evidence suffices for an alarm."""
        return self.evidence >= EVIDENCE_ASKED

    @cached_property
    def bound(self) -> float | None:
        """The largest tolerance that the rise certainly exceeds, over all looks together; None where none does."""
        return _bound(self._parts)


def detect_rise(series: BlockSeries, settled: int, tolerance: float = 0.0) -> Rise | None:
    """Look for a day since which the mean lies above that of all days before it by more than a tolerance.

    A Shiryaev-Roberts e-detector. For each day after the first ``settled`` ones an e-process compares the days
    from it on with all those before: the mixture of two-sample t-tests over positive effects, which is 1 on
    average at every look while nothing rises, whatever the unknown level and spread are, so that the
    uncertainty of the level before counts. The processes of all days are added up. Without a rise the sum is
    the number of days on average, and within T days it ever reaches c with probability T / c at most; so it
    does for the first time after c days on average, or later. The evidence of a day jumps far beyond c where it
    reaches it, so that the probability is a fraction of T / c (Pollak 1987), and for independent normal days of
    equal size it depends neither on their level nor on their spread: the evidence asked for is simulated.

    Days are seldom normal. Two things keep the error rate where they are skewed, or have heavy tails: a lone day far
    above all other later ones counts no higher than ``LONE_DAY`` standard deviations above the next, however few rows
    that has, so that one bad day is no change (as the two-in-a-row rule of CUSUM charts has it); and the variance is
    never less than that of the days before, told by those of them that lie above their mean (weighted variance).

    Days of unequal size count as fewer (Kish), and the error is widened for the correlation of neighbouring
    days (:func:`~retrain_assets.comparison.block_series.variance_inflation`).

    Parameters
    ----------
    series
        A loss of each day, oldest first, and the days' rows.
    settled
        Number of days that a rise is at least measured against, two or more.
    tolerance
        A rise that is allowed.

    Returns
    -------
    Rise or None
        None where fewer than two days follow the settled ones.

    References
    ----------
    Shin, Ramdas, Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection", New
    England Journal of Statistics in Data Science 2, 229-260.
    Pollak (1987), "Average run lengths of an optimal method of detecting a change in distribution", Annals of
    Statistics 15, 749-779.
    Podkopaev, Ramdas (2022), "Tracking the risk of a deployed model and detecting harmful distribution
    shifts", ICLR: an alarm only for a rise of the risk beyond a tolerance.
    Gonen, Johnson, Lu, Westfall (2005), "The Bayesian two-sample t test", The American Statistician 59, 252-257.
    Lucas, Crosier (1982), "Robust CUSUM: a robustness study for CUSUM quality control schemes", Communications in
    Statistics: Theory and Methods 11, 2669-2687: the two-in-a-row rule.
    Choobineh, Ballard (1987), "Control-limits of QC charts for skewed distributions using weighted-variance", IEEE
    Transactions on Reliability 36, 473-477.
    Perez-Ortiz, Lardy, de Heide, Grunwald (2024), "E-statistics, group invariance and anytime-valid testing",
    Annals of Statistics 52, 1410-1432.
    """
    splits = np.arange(max(settled, 2), series.blocks - LEAST_LATER_DAYS + 1)
    if splits.size == 0:
        return None
    parts = _parts(series, splits)
    each = parts.log_evidence(tolerance)
    split = int(splits[np.argmax(each)])
    level, later = (
        np.average(series.values[part], weights=series.weights[part])
        for part in (slice(None, split), slice(split, None))
    )
    return Rise(
        value=float(later - level),
        evidence=math.exp(min(_log_sum(each), 700.0)),
        split=split,
        _parts=parts,
    )


def two_sample_log_evidence(
    statistic: FloatArray, degrees: FloatArray | float, size: FloatArray | float
) -> FloatArray:
    """Natural logarithm of the evidence of a t statistic for a positive effect, averaged over effect sizes.

    The effect, in standard deviations, is drawn from the positive half of a normal distribution around 0 with
    variance ``1 / PRIOR_PRECISION``.

    Parameters
    ----------
    statistic
        Student's t, any shape.
    degrees
        Its degrees of freedom.
    size
        Number of days that the variance of the difference is that of one of: ``1 / (1 / before + 1 / after)``.

    References
    ----------
    Gonen, Johnson, Lu, Westfall (2005), The American Statistician 59, 252-257, equation 4.
    """
    from scipy.special import log_ndtr, stdtr

    total = size + PRIOR_PRECISION
    shrunk = PRIOR_PRECISION / total
    # The ratio of (degrees + t^2) to (degrees + shrunk t^2), where t may be infinite.
    square = np.minimum(np.square(statistic), 1e300)
    rest = degrees + shrunk * square
    two_sided = (np.log(shrunk) + (degrees + 1) * (np.log(degrees + square) - np.log(rest))) / 2
    direction = np.sqrt(size / total) * np.clip(statistic, -1e150, 1e150) * np.sqrt((degrees + 1) / rest)
    positive = stdtr(degrees + 1, direction)
    # Far on the wrong side Student's tail underflows; the normal one is below it, which only lessens evidence.
    with np.errstate(divide="ignore"):
        logarithm = np.where(positive > 0, np.log(positive), log_ndtr(direction))
    found: FloatArray = two_sided + math.log(2) + logarithm
    return found


@dataclass(frozen=True)
class _Parts:
    """The series parted at each of several days; arrays of shape (splits,)."""

    rise: FloatArray
    error: FloatArray
    size: FloatArray
    degrees: float

    def log_evidence(self, tolerance: float) -> FloatArray:
        above = self.rise - tolerance
        with np.errstate(divide="ignore", invalid="ignore"):
            statistic = np.where(above == 0, 0.0, above / self.error)
        return two_sample_log_evidence(statistic, self.degrees, self.size)


def _parts(series: BlockSeries, splits: NDArray[np.int64]) -> _Parts:
    weights, count = series.weights, series.blocks
    is_before = np.arange(count) < splits[:, np.newaxis]
    before, after = np.where(is_before, weights, 0.0), np.where(is_before, 0.0, weights)
    level = before @ series.values / before.sum(axis=1)
    values = np.minimum(series.values, _highest(series.values, level, before, is_before)[:, np.newaxis])
    values = np.where(is_before, series.values, values)
    later = np.sum(after * values, axis=1) / after.sum(axis=1)
    residual = values - np.where(is_before, level[:, np.newaxis], later[:, np.newaxis])
    above = np.sum(before * np.maximum(residual, 0.0) ** 2, axis=1)
    variance = np.maximum(residual**2 @ weights / (count - 2), 2 * above / (splits - 1))
    size = 1 / (1 / _equal_days(before) + 1 / _equal_days(after))
    error = np.sqrt(variance * variance_inflations(weights * residual) / size)
    return _Parts(later - level, error, size, count - 2.0)


def _highest(
    values: FloatArray, level: FloatArray, before: FloatArray, is_before: NDArray[np.bool_]
) -> FloatArray:
    """The highest value that a day after each split counts with: a lone day is held to the second highest of them."""
    spread = np.sqrt(np.sum(before * (values - level[:, np.newaxis]) ** 2, axis=1) / before.sum(axis=1))
    second = np.partition(np.where(is_before, -np.inf, values), -2, axis=1)[:, -2]
    found: FloatArray = second + LONE_DAY * spread
    return found


def _equal_days(weights: FloatArray) -> FloatArray:
    """Number of whole days that the days of each row count as: no more than they weigh, and than Kish's number."""
    total = weights.sum(axis=1)
    days: FloatArray = np.minimum(total, total**2 / np.sum(weights**2, axis=1))
    return days


def _bound(parts: _Parts) -> float | None:
    """The largest tolerance at which the evidence would suffice, to a thousand-millionth of the span searched."""
    asked = math.log(EVIDENCE_ASKED)
    high = float(parts.rise.max())
    low = high - 100 * float(parts.error.max()) - 1e-12
    if _log_sum(parts.log_evidence(low)) < asked:
        return None
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _log_sum(parts.log_evidence(middle)) >= asked else (low, middle)
    return low


def _log_sum(logs: FloatArray) -> float:
    largest = float(logs.max())
    return largest + math.log(float(np.exp(logs - largest).sum()))
