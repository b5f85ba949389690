"""Metrics of predicted numbers."""

from __future__ import annotations

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import Measure, mean_of
from retrain_assets.errors import TrainingError


def mean_absolute_error(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean distance between prediction and label."""
    return mean_of(np.abs(y - score), weight)


def mean_squared_error(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Mean squared distance between prediction and label."""
    return mean_of((y - score) ** 2, weight)


def root_mean_squared_error(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Root of the mean squared error; its influence values are those of the delta method."""
    squared, influence = mean_of((y - score) ** 2, weight)
    root = float(np.sqrt(squared))
    # Predictions without any error leave nothing that a row could move.
    return root, influence / (2 * root) if root else influence


def r2(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Share of the labels' variance that the predictions explain.

    One less the ratio of the mean squared error to the labels' variance; its influence values are those of
    the delta method, the mean of the labels counting as estimated.

    Raises
    ------
    TrainingError
        When all labels are the same number.
    """
    weighed = y if weight is None else y[weight > 0]
    if weighed.min() == weighed.max():
        raise TrainingError(
            f"R2 is undefined: all {weighed.size} rows carry the same label, {weighed[0]:g}. "
            "Lengthen evaluation.holdout."
        )
    error = (y - score) ** 2
    spread = (y - np.average(y, weights=weight)) ** 2
    variance = float(np.average(spread, weights=weight))
    value = 1 - float(np.average(error, weights=weight)) / variance
    share = np.ones_like(y) if weight is None else weight / weight.mean()
    return value, share * ((1 - value) * spread - error) / variance


def mean_pinball_loss(
    y: FloatArray, score: FloatArray, weight: FloatArray | None, quantile: float
) -> Measure:
    """Mean loss of a predicted quantile: an error costs ``quantile`` below the label and the rest above it.

    References
    ----------
    Koenker, Bassett (1978), "Regression quantiles", Econometrica 46, 33-50.
    """
    error = y - score
    return mean_of(np.maximum(quantile * error, (quantile - 1) * error), weight)
