"""Metrics that give, beside their value, how much each row moves it.

A metric's influence values are the empirical influence function: one number a row, of mean zero, such that
the metric's error is to first order their mean. Sums over blocks of dependent rows then give a standard error
without resampling, for the metric itself and for the difference of two models on the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import TrainingError
from retrain_assets.spec.training import CLASSIFICATION_METRICS, REGRESSION_METRICS

Task = Literal["classification", "regression"]
FloatArray = NDArray[np.float64]
Measure = tuple[float, FloatArray]


@dataclass(frozen=True)
class Metric:
    """A measure of a model's predictions.

    Parameters
    ----------
    name
        scikit-learn's name of the metric, without ``neg_``.
    title
        The metric in words.
    unit
        The unit of its values and of gains.
    task
        What kind of model it measures.
    greater_is_better
        Whether a greater value is the better one.
    function
        Takes labels, scores and weights, each of shape (n,), and returns the value and the influence values.
    """

    name: str
    title: str
    unit: str
    task: Task
    greater_is_better: bool
    function: Callable[[FloatArray, FloatArray, FloatArray | None], Measure]

    def measure(self, y: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> Measure:
        """Value of the metric and the influence of every row.

        Parameters
        ----------
        y
            Labels, shape (n,): 0 or 1 in classification, numbers in regression.
        score
            Probabilities of the positive class, or predictions, shape (n,).
        weight
            Sample weights, shape (n,), zero or greater; None weighs all rows alike.

        Returns
        -------
        value : float
            The metric.
        influence : ndarray of shape (n,)
            In the metric's unit, of mean zero.

        Raises
        ------
        TrainingError
            When the metric is undefined on these rows.
        """
        y, score = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
        weight = None if weight is None else np.asarray(weight, dtype=np.float64)
        self._check(y, score, weight)
        return self.function(y, score, weight)

    def gain(self, value: float, reference: float) -> float:
        """How much better ``value`` is than ``reference``: positive when better, whatever the direction."""
        return value - reference if self.greater_is_better else reference - value

    def _check(self, y: FloatArray, score: FloatArray, weight: FloatArray | None) -> None:
        if y.size == 0:
            raise TrainingError(f"{self.title} is undefined without rows. Lengthen evaluation.holdout.")
        for name, values in (("label", y), ("score", score), ("weight", weight)):
            if values is None:
                continue
            if values.shape != y.shape:
                raise TrainingError(
                    f"{self.title} needs one {name} a row, but there are {values.size} for {y.size} rows."
                )
            bad = values.size - int(np.count_nonzero(np.isfinite(values)))
            if bad:
                raise TrainingError(
                    f"{self.title} is undefined: the {name} of {bad} rows is missing or infinite."
                )
        if weight is not None and (weight.min() < 0 or weight.sum() <= 0):
            raise TrainingError(f"{self.title} needs weights of zero or more whose sum is greater than zero.")
        if self.task == "classification" and np.count_nonzero((y == 0) | (y == 1)) != y.size:
            raise TrainingError(f"{self.title} needs labels that are 0 or 1.")


def _mean_of(loss: FloatArray, weight: FloatArray | None) -> Measure:
    """Weighted mean and its influence values (of a ratio of means where rows are weighed)."""
    if weight is None:
        value = float(loss.mean())
        return value, loss - value
    share = weight / weight.mean()
    value = float((share * loss).mean())
    return value, share * (loss - value)


def _log_loss(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    tiny = np.finfo(np.float64).eps
    clipped = np.clip(score, tiny, 1 - tiny)
    return _mean_of(-np.log(np.where(y == 1, clipped, 1 - clipped)), weight)


def _squared_error(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    return _mean_of((y - score) ** 2, weight)


def _absolute_error(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    return _mean_of(np.abs(y - score), weight)


def _roc_auc(y: FloatArray, score: FloatArray, weight: FloatArray | None) -> Measure:
    """Area under the ROC curve, with DeLong's placements as influence values, in O(n log n).

    A positive row's placement is the share of negative rows scored below it, ties counting half; a negative
    row's is the share of positive rows scored above it. Placements from sorted cumulative weights equal the
    midranks of Sun & Xu.

    References
    ----------
    DeLong, DeLong, Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver
    operating characteristic curves", Biometrics 44, 837-845.
    Sun, Xu (2014), "Fast implementation of DeLong's algorithm for comparing the areas under correlated
    receiver operating characteristic curves", IEEE Signal Processing Letters 21, 1389-1393.
    """
    weight = np.ones_like(y) if weight is None else weight
    positive, negative = weight * y, weight * (1 - y)
    total_positive, total_negative = float(positive.sum()), float(negative.sum())
    if total_positive == 0 or total_negative == 0:
        raise TrainingError(
            f"ROC AUC is undefined: all {y.size} rows carry the same label. Lengthen evaluation.holdout."
        )
    order = np.argsort(score)
    ranked = score[order]
    tie = np.empty(y.size, dtype=np.int64)
    tie[order] = np.concatenate(([0], np.cumsum(ranked[1:] != ranked[:-1])))
    positive_at = np.bincount(tie, weights=positive)
    negative_at = np.bincount(tie, weights=negative)
    negative_below = (np.cumsum(negative_at) - negative_at / 2) / total_negative
    positive_above = 1 - (np.cumsum(positive_at) - positive_at / 2) / total_positive
    value = float(positive_at @ negative_below) / total_positive
    influence = positive * (negative_below[tie] - value) / total_positive
    influence += negative * (positive_above[tie] - value) / total_negative
    return value, influence * y.size


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss", "log loss", "nats per row", "classification", False, _log_loss),
        Metric("brier_score", "Brier score", "squared probability", "classification", False, _squared_error),
        Metric("roc_auc", "ROC AUC", "points of AUC", "classification", True, _roc_auc),
        Metric(
            "mean_absolute_error",
            "mean absolute error",
            "units of the label",
            "regression",
            False,
            _absolute_error,
        ),
        Metric(
            "mean_squared_error",
            "mean squared error",
            "squared units of the label",
            "regression",
            False,
            _squared_error,
        ),
    )
}
"""The known metrics by name."""


def metric_names(declared: Sequence[str], task: Task) -> tuple[str, ...]:
    """Names of the metrics by which models of a task are compared; the first decides.

    Parameters
    ----------
    declared
        ``evaluation.metrics``; empty asks for the task's own.
    task
        What the estimator does.

    Raises
    ------
    TrainingError
        When a declared metric measures another kind of model.
    """
    own = CLASSIFICATION_METRICS if task == "classification" else REGRESSION_METRICS
    for name in declared:
        if METRICS[name].task != task:
            raise TrainingError(
                f"evaluation.metrics: {name} does not measure {task}, which is what training.estimator does. "
                f"Choose from: {', '.join(own)}."
            )
    return tuple(declared) or own
