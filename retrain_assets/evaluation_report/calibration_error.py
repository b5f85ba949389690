"""How far a model's probabilities are from what happens: an estimate without bias, with influence values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Metric
from retrain_assets.comparison.metric import Measure, mean_of
from retrain_assets.evaluation_report.calibration import BINS, score_bins


def calibration_terms(
    y: FloatArray, score: FloatArray, blocks: NDArray[np.int64], weight: FloatArray | None = None
) -> FloatArray:
    """Give each row's part of the squared calibration error, the reliability of Murphy's decomposition.

    In each tenth of the rows by score the mean of probability less label is the bin's gap, and the error is the
    mean square of the gaps. The square of an estimated gap is too large by its variance, so that the less
    sharp of two calibrated models would seem the better calibrated one: instead each block's gap is multiplied
    by the gap on all other blocks, which do not depend on it. What single rows add beside that mean is what
    correcting their scores by the gap on the other blocks takes off their squared error: twice the gap times
    the row's own, less the gap's square. These are the influence values where a model is miscalibrated; where
    it is not, their variance is up to twice that of the error, so that a test errs on the safe side.

    Of several classes each is held against all others, by the probability that it was given, and the terms are
    their mean: the squared marginal calibration error, with the same weight for each class. Of two classes both have
    the same error, so that it is the one above. It asks more than that the probability of the predicted class be
    right (top-label), and less than that all probabilities of a row be right at once.

    The error within a bin is not seen, as with all bins: it is a lower bound of the error score by score.

    Parameters
    ----------
    y
        Labels, shape (n,): 0 or 1, or codes of classes.
    score
        Probabilities, shape (n,), or (n, k) for k classes.
    blocks
        Block of every row, shape (n,), integers from 0: rows of different blocks are independent.
    weight
        Sample weights, shape (n,).

    Returns
    -------
    ndarray of shape (n,)
        Their weighted mean is the squared error; by chance it may lie below 0.

    References
    ----------
    Murphy (1973), "A new vector partition of the probability score", Journal of Applied Meteorology 12,
    595-600.
    Ferro, Fricker (2012), "A bias-corrected decomposition of the Brier score", Quarterly Journal of the Royal
    Meteorological Society 138, 1954-1960: the bias.
    Kumar, Liang, Ma (2019), "Verified uncertainty calibration", NeurIPS 32: the marginal calibration error.
    Gupta, Ramdas (2022), "Top-label calibration and multiclass-to-binary reductions", ICLR: each class against the
    rest, as one of the reductions.
    Arvesen (1969), "Jackknifing U-statistics", Annals of Mathematical Statistics 40, 2076-2100: products of
    independent parts, and the error of their mean.
    """
    if score.ndim == 1:
        return _terms(y, score, blocks, weight)
    classes = range(score.shape[1])
    each = [_terms((y == code).astype(np.float64), score[:, code], blocks, weight) for code in classes]
    mean: FloatArray = np.mean(each, axis=0)
    return mean


def _terms(
    y: FloatArray, score: FloatArray, blocks: NDArray[np.int64], weight: FloatArray | None
) -> FloatArray:
    weight = np.ones_like(score) if weight is None else weight
    bins, residual = score_bins(score), score - y
    cells = BINS * blocks + bins
    count = BINS * (int(blocks.max()) + 1)
    sums = np.bincount(cells, weights=weight * residual, minlength=count).reshape(-1, BINS)
    sizes = np.bincount(cells, weights=weight, minlength=count).reshape(-1, BINS)
    other_sums, other_sizes = sums.sum(axis=0) - sums, sizes.sum(axis=0) - sizes
    gaps = np.divide(other_sums, other_sizes, out=np.zeros_like(sums), where=other_sizes > 0)
    error = float((gaps * sums).sum() / sizes.sum())
    gap = gaps[blocks, bins]
    saved: FloatArray = 2 * gap * residual - gap**2
    return saved - float(np.average(saved, weights=weight)) + error


def _mean(y: FloatArray, terms: FloatArray, weight: FloatArray | None) -> Measure:
    del y
    return mean_of(terms, weight)


CALIBRATION = Metric(
    "calibration_error",
    "squared calibration error",
    "squared probability",
    ("classification", "multiclass", "regression"),
    False,
    _mean,
)
"""Mean of :func:`calibration_terms`, which it takes in place of scores."""
