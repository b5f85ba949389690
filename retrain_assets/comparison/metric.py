"""What a metric is: a value, and how much each row moves it.

A metric's influence values are the empirical influence function: one number a row, of mean zero, such that
the metric's error is to first order their mean. Sums over blocks of dependent rows then give a standard error
without resampling, for the metric itself and for the difference of two models on the same rows.

References
----------
Hampel (1974), "The influence curve and its role in robust estimation", Journal of the American Statistical
Association 69, 383-393.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.errors import TrainingError

Task = Literal["classification", "multiclass", "regression"]
"""What a model predicts: one of two classes, one of several, or a number."""
TASKS: tuple[Task, ...] = ("classification", "multiclass", "regression")
Measure = tuple[float, FloatArray | None]


@dataclass(frozen=True)
class Metric:
    """A measure of a model's predictions.

    Parameters
    ----------
    name
        scikit-learn's name of the metric, without ``neg_``; short and stable, for JSON, MLflow and pages.
    title
        The metric in words.
    unit
        The unit of its values and of gains.
    tasks
        What kinds of model it measures.
    greater_is_better
        Whether a greater value is the better one.
    function
        Takes labels, scores and weights, shaped as :meth:`measure` says, and returns the value and the
        influence values; None in their place where the metric has none.
    is_mean
        Whether it is the mean of a number of each row, so that the value of some rows depends on no others.
    """

    name: str
    title: str
    unit: str
    tasks: tuple[Task, ...]
    greater_is_better: bool
    function: Callable[[FloatArray, FloatArray, FloatArray | None], Measure]
    is_mean: bool = False

    def measure(self, y: FloatArray, score: FloatArray, weight: FloatArray | None = None) -> Measure:
        """Value of the metric and the influence of every row.

        Parameters
        ----------
        y
            Labels, shape (n,): 0 or 1 in binary classification, codes from 0 to k - 1 in multiclass
            classification, numbers in regression.
        score
            Probabilities of the positive class, or predictions, shape (n,); in multiclass classification
            the probabilities of the classes in the order of their codes, shape (n, k).
        weight
            Sample weights, shape (n,), zero or greater; None weighs all rows alike.

        Returns
        -------
        value : float
            The metric.
        influence : ndarray of shape (n,), or None
            In the metric's unit, of mean zero. None where the metric is a function of the user's own, whose
            standard error comes from resampling.

        Raises
        ------
        TrainingError
            When the metric is undefined on these rows.
        """
        y, score = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
        weight = None if weight is None else np.asarray(weight, dtype=np.float64)
        self._check_rows(y, score, weight)
        self._check_labels(y, score)
        return self.function(y, score, weight)

    def gain(self, value: float, reference: float) -> float:
        """How much better ``value`` is than ``reference``: positive when better, whatever the direction."""
        return value - reference if self.greater_is_better else reference - value

    def _check_rows(self, y: FloatArray, score: FloatArray, weight: FloatArray | None) -> None:
        if y.size == 0:
            raise TrainingError(f"{self.title} is undefined without rows. Lengthen evaluation.holdout.")
        for name, values in (("label", y), ("score", score), ("weight", weight)):
            if values is None:
                continue
            if len(values) != y.size:
                raise TrainingError(
                    f"{self.title} needs one {name} a row, but there are {len(values)} for {y.size} rows."
                )
            whole = np.isfinite(values)
            bad = y.size - int(np.count_nonzero(whole if whole.ndim == 1 else whole.all(axis=1)))
            if bad:
                raise TrainingError(
                    f"{self.title} is undefined: the {name} of {bad} rows is missing or infinite."
                )
        if weight is not None and (weight.min() < 0 or weight.sum() <= 0):
            raise TrainingError(f"{self.title} needs weights of zero or more whose sum is greater than zero.")

    def _check_labels(self, y: FloatArray, score: FloatArray) -> None:
        """Check that scores and labels have the form of a task that the metric measures."""
        if score.ndim == 2:
            if "multiclass" not in self.tasks or score.shape[1] < 2:
                raise TrainingError(
                    f"{self.title} needs one score a row, but there are {score.shape[1]} in each."
                )
            if np.count_nonzero((y == np.floor(y)) & (y >= 0) & (y < score.shape[1])) != y.size:
                raise TrainingError(
                    f"{self.title} needs labels that are codes of classes, from 0 to {score.shape[1] - 1}."
                )
        elif "regression" not in self.tasks:
            if "classification" not in self.tasks:
                raise TrainingError(f"{self.title} needs the probability of each class, not one score a row.")
            if np.count_nonzero((y == 0) | (y == 1)) != y.size:
                raise TrainingError(f"{self.title} needs labels that are 0 or 1.")


def mean_of(loss: FloatArray, weight: FloatArray | None) -> tuple[float, FloatArray]:
    """Weighted mean of a loss, shape (n,), and its influence values (of a ratio of means where rows are weighed)."""
    if weight is None:
        value = float(loss.mean())
        return value, loss - value
    share = weight / weight.mean()
    value = float((share * loss).mean())
    return value, share * (loss - value)


def class_weights(y: FloatArray, classes: int, weight: FloatArray | None, title: str) -> FloatArray:
    """Total weight of the rows of each class, shape (classes,).

    Parameters
    ----------
    y
        Codes of the classes, shape (n,).
    classes
        How many classes there are.
    weight
        Sample weights, shape (n,).
    title
        The metric that needs every class.

    Raises
    ------
    TrainingError
        When the rows hold a single class, or lack one.
    """
    totals = np.bincount(y.astype(np.int64), weights=weight, minlength=classes).astype(np.float64)
    absent = np.flatnonzero(totals == 0)
    if absent.size == classes - 1:
        raise TrainingError(
            f"{title} is undefined: all {y.size} rows carry the same label. Lengthen evaluation.holdout."
        )
    if absent.size:
        raise TrainingError(
            f"{title} is undefined: no row carries the label of class {absent[0]} (counted from 0), one of "
            f"{classes}. Lengthen evaluation.holdout, or leave {title} out of evaluation.metrics."
        )
    return totals
