"""What fairness is measured by: what follows from scores, and the figures of a group's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Task, decisions
from retrain_assets.spec import ValueSpec

Figures = Mapping[str, Callable[..., float]]
Mean = tuple[FloatArray, NDArray[np.bool_], bool]
"""A number a row, the rows that count, and whether their mean is a share."""


def decided(value: ValueSpec | None, rows: pl.DataFrame, score: FloatArray, task: Task) -> FloatArray:
    """Give what follows from the scores, shape (n,): a class, or the prediction itself."""
    if task == "classification":
        return decisions(value, rows, score).astype(np.float64)
    return score.argmax(axis=1).astype(np.float64) if task == "multiclass" else score


def means(task: Task, y: FloatArray, made: FloatArray) -> dict[str, Mean]:
    """Give each figure of what was decided or predicted as a mean, as all of them are."""
    every = np.ones(y.size, dtype=bool)
    if task == "classification":
        return {
            "selection_rate": (made, every, True),
            "true_positive_rate": (made, y == 1, True),
            "false_positive_rate": (made, y == 0, True),
        }
    if task == "multiclass":
        return {"error_rate": ((made != y).astype(np.float64), every, True)}
    error = made - y
    return {"mean_absolute_error": (np.abs(error), every, False), "mean_error": (error, every, False)}


def figures_of(task: Task) -> Figures:
    """Name the figures of a task, each with the function that fairlearn measures it by."""
    from fairlearn.metrics import false_positive_rate, selection_rate, true_positive_rate
    from sklearn.metrics import mean_absolute_error, zero_one_loss

    if task == "classification":
        return {
            "selection_rate": selection_rate,
            "true_positive_rate": true_positive_rate,
            "false_positive_rate": false_positive_rate,
        }
    if task == "multiclass":
        return {"error_rate": zero_one_loss}
    return {"mean_absolute_error": mean_absolute_error, "mean_error": _mean_error}


def _mean_error(y: FloatArray, predicted: FloatArray, sample_weight: FloatArray | None = None) -> float:
    return float(np.average(np.asarray(predicted) - np.asarray(y), weights=sample_weight))
