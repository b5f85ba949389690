"""Metrics of probabilities: log loss and Brier score."""

from __future__ import annotations

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import Measure, mean_of


def log_loss(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean of the negative logarithm of the probability given to what happened, in nats.

    Probabilities are kept off 0 and 1 by the rounding of a float, as scikit-learn does.
    """
    rounding = np.finfo(np.float64).eps
    return mean_of(-np.log(np.clip(_of_label(y, score), rounding, 1 - rounding)), weight)


def brier_score(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean squared distance between probabilities and what happened.

    With two classes from 0 to 1, the squared error of the positive class; with several from 0 to 2, the sum
    of the squared errors of all.

    References
    ----------
    Brier (1950), "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78,
    1-3.
    """
    if score.ndim == 1:
        return mean_of((y - score) ** 2, weight)
    return mean_of(np.einsum("ij,ij->i", score, score) - 2 * _of_label(y, score) + 1, weight)


def _of_label(y: FloatArray, score: FloatArray) -> FloatArray:
    """Probability that was given to the label of every row, shape (n,)."""
    if score.ndim == 1:
        return np.where(y == 1, score, 1 - score)
    return np.take_along_axis(score, y.astype(np.int64)[:, None], axis=1)[:, 0]
