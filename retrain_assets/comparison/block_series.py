"""Time-ordered values, one a block, whose weighted mean is watched: what repeated looks are taken at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from retrain_assets.arrays import FloatArray
from retrain_assets.errors import TrainingError

FEWEST_BLOCKS = 7
"""Fewer blocks than this allow no statement about their mean."""
HIGHEST_CORRELATION = 0.9
LEAST_VARIANCE_SEEN = 0.3


class BlockSeries:
    """Values of consecutive blocks of time, and how many rows each stands for.

    Parameters
    ----------
    values
        Shape (blocks,), oldest first: for instance each day's improvement of a candidate over the champion,
        or each day's loss above a reference.
    weights
        Shape (blocks,): rows of each block, or their summed sample weights; None weighs all blocks alike.
        They are scaled to a mean of 1.

    Attributes
    ----------
    values, weights
        As given, and scaled.
    blocks
        Number of blocks.
    mean
        The weighted mean of the values, which is the mean over rows.

    Raises
    ------
    TrainingError
        When there are fewer than seven blocks, values are missing or infinite, or a weight is not positive.
    """

    def __init__(self, values: ArrayLike, weights: ArrayLike | None = None) -> None:
        self.values: FloatArray = np.asarray(values, dtype=np.float64)
        given = np.ones_like(self.values) if weights is None else np.asarray(weights, dtype=np.float64)
        _check(self.values, given)
        self.weights: FloatArray = given / given.mean()
        self.blocks = self.values.size
        self.mean = float(self.weights @ self.values) / self.blocks

    def effective_blocks(self, first: int) -> float:
        """Number of equal blocks that would weigh as much as the first so many (Kish 1965).

        Parameters
        ----------
        first
            How many blocks are counted.
        """
        weights = self.weights[:first]
        return float(weights.sum() ** 2 / (weights @ weights))


@dataclass(frozen=True)
class Spread:
    """How uncertain a series' mean is, as a quadratic in the deviation of a supposed mean from it.

    Parameters
    ----------
    square, cross, weight_square
        Sums over blocks of the squared influence, of influence times weight, and of the squared deviation of
        the weight from its mean. Weights have mean 1.
    inflation
        Long-run variance of the blocks over their variance, 1 or greater.
    blocks
        Number of blocks.
    """

    square: float
    cross: float
    weight_square: float
    inflation: float
    blocks: int

    def error(self, deviation: float = 0.0) -> float:
        """Standard error of the weighted mean, if the true one lies by ``deviation`` above it."""
        total = self.square - 2 * deviation * self.cross + deviation**2 * self.weight_square
        return math.sqrt(max(total, 0.0) * self._scale)

    def at_least(self, error: float) -> Spread:
        """Make the standard error of the mean no less than another one, which these blocks do not show."""
        return replace(self, square=max(self.square, error**2 / self._scale))

    @property
    def weight_error(self) -> float:
        """Standard error of the blocks' mean weight, which is 1."""
        return math.sqrt(self.weight_square * self._scale)

    def bounds(self, critical: float) -> tuple[float, float]:
        """Deviations at which the mean lies ``critical`` standard errors away: the lower and the upper one.

        References
        ----------
        Fieller (1954), "Some problems in interval estimation", JRSS B 16, 175-185.
        """
        factor = critical**2 * self._scale
        rest = 1 - factor * self.weight_square
        if not rest > 0:
            return -math.inf, math.inf
        middle = factor * self.cross
        reach = math.sqrt(middle**2 + rest * factor * self.square)
        return (-middle - reach) / rest, (-middle + reach) / rest

    @property
    def _scale(self) -> float:
        return self.inflation / (self.blocks * (self.blocks - 1))


def spread_of(series: BlockSeries) -> Spread:
    """Measure how uncertain a series' weighted mean is.

    Blocks differ in size, so the mean is a ratio of two random sums. Its error is that of the mean of the
    influence values ``weight * (value - mean)``, and for a mean supposed elsewhere that of ``weight * (value -
    supposed)``: no weight counts as known beforehand, and a day of many rows counts as one day.

    Parameters
    ----------
    series
        The blocks.
    """
    influence = series.weights * (series.values - series.mean)
    deviation = series.weights - 1
    return Spread(
        square=float(influence @ influence),
        cross=float(influence @ deviation),
        weight_square=float(deviation @ deviation),
        inflation=variance_inflation(influence),
        blocks=series.blocks,
    )


def variance_inflation(influence: FloatArray) -> float:
    """Long-run variance of consecutive blocks over the variance that their spread shows, 1 or greater.

    Days resemble their neighbours, and an error computed as if they did not is too small. The ratio is that of
    an AR(1), ``(1 + r) / (1 - r)``. The lag-1 correlation r is corrected for the bias of an estimate around
    the sample's own mean and raised by half its standard error, ``1 / sqrt(n)``, since an error that is too
    small promotes and one that is too large only waits; a negative one counts as 0. The variance around the
    sample's mean is corrected likewise. All corrections vanish as blocks accumulate, and half a standard error
    is what keeps the promised error rate at a correlation of .3 (``benchmarks/repeated_looks.py``).

    Parameters
    ----------
    influence
        Shape (blocks,), oldest first, of mean zero.

    References
    ----------
    Andrews (1991), "Heteroskedasticity and autocorrelation consistent covariance matrix estimation",
    Econometrica 59, 817-858: the AR(1) plug-in.
    Marriott, Pope (1954), "Bias in the estimation of autocorrelations", Biometrika 41, 390-402.
    """
    return float(variance_inflations(influence[np.newaxis])[0])


def variance_inflations(influence: FloatArray) -> FloatArray:
    """Measure :func:`variance_inflation` of several series at once.

    Parameters
    ----------
    influence
        Shape (series, blocks), oldest first, each of mean zero; one of zeros has an inflation of 1.

    Returns
    -------
    ndarray of shape (series,)
    """
    count = influence.shape[1]
    square = np.einsum("ij,ij->i", influence, influence)
    products = np.einsum("ij,ij->i", influence[:, 1:], influence[:, :-1])
    measured = products / np.where(square > 0, square, 1)
    found = long_run_ratio(unbiased_correlation(measured, count) + 0.5 / math.sqrt(count), count)
    return np.where(square > 0, found, 1.0)


def unbiased_correlation(measured: FloatArray, count: int) -> FloatArray:
    """Correct a lag-1 correlation for being estimated around the sample's own mean.

    Parameters
    ----------
    measured
        Estimates, of any shape.
    count
        Number of values that each rests on, more than three.

    References
    ----------
    Marriott, Pope (1954), "Bias in the estimation of autocorrelations", Biometrika 41, 390-402.
    """
    return (count * measured + 1) / (count - 3)


def long_run_ratio(correlation: FloatArray, count: int) -> FloatArray:
    """Long-run variance of an AR(1) over the variance that a few of its values show around their mean.

    Parameters
    ----------
    correlation
        Of neighbouring values, of any shape; a negative one counts as 0, and one above .9 as .9.
    count
        Number of values that show the variance, two or more.

    References
    ----------
    Zwiers, von Storch (1995), "Taking serial correlation into account in tests of the mean", Journal of
    Climate 8, 336-351: the equivalent sample size.
    """
    correlation = np.clip(correlation, 0.0, HIGHEST_CORRELATION)
    ratio = (1 + correlation) / (1 - correlation)
    found: FloatArray = ratio / np.maximum(1 - (ratio - 1) / (count - 1), LEAST_VARIANCE_SEEN)
    return found


def _check(values: FloatArray, weights: FloatArray) -> None:
    if values.size < FEWEST_BLOCKS:
        raise TrainingError(
            f"Repeated looks need at least {FEWEST_BLOCKS} blocks of time, and there are {values.size}. "
            "Wait for more rows, or lengthen evaluation.holdout."
        )
    if weights.shape != values.shape:
        raise TrainingError(f"Each of {values.size} blocks needs one weight, and there are {weights.size}.")
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        raise TrainingError(f"The value of {bad} of {values.size} blocks is missing or infinite.")
    if not (np.isfinite(weights).all() and weights.min() > 0):
        raise TrainingError(f"The weights of {values.size} blocks must be finite and greater than zero.")
