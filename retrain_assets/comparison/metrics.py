"""The known metrics, and those that a declaration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.classification_metrics import accuracy, balanced_accuracy, f1_macro
from retrain_assets.comparison.metric import TASKS, Measure, Metric, Task
from retrain_assets.comparison.own_metric import own_metric
from retrain_assets.comparison.probability_metrics import brier_score, log_loss
from retrain_assets.comparison.ranking_metrics import average_precision, roc_auc, roc_auc_ovr
from retrain_assets.comparison.regression_metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    r2,
    root_mean_squared_error,
)
from retrain_assets.errors import TrainingError
from retrain_assets.spec.metrics import MetricSpec, plain_name

__all__ = ["METRICS", "FloatArray", "Measure", "Metric", "Task", "declared_metrics", "find_metric", "task_of"]

_TWO: tuple[Task, ...] = ("classification",)
_CLASSES: tuple[Task, ...] = ("classification", "multiclass")
_NUMBER: tuple[Task, ...] = ("regression",)
_LABEL = "units of the label"
_SQUARED = "squared units of the label"


def _pinball(quantile: float | None = None) -> Metric:
    name, title = "mean_pinball_loss", "mean pinball loss"
    if quantile is not None:
        name, title = MetricSpec(metric=name, quantile=quantile).name, f"{title} at quantile {quantile:g}"
    function = partial(mean_pinball_loss, quantile=0.5 if quantile is None else quantile)
    return Metric(name, title, _LABEL, _NUMBER, False, function, is_mean=True)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss", "log loss", "nats per row", _CLASSES, False, log_loss, is_mean=True),
        Metric(
            "brier_score", "Brier score", "squared probability", _CLASSES, False, brier_score, is_mean=True
        ),
        Metric("roc_auc", "ROC AUC", "points of AUC", _TWO, True, roc_auc),
        Metric("roc_auc_ovr", "one-vs-rest ROC AUC", "points of AUC", ("multiclass",), True, roc_auc_ovr),
        Metric(
            "average_precision", "average precision", "points of precision", _TWO, True, average_precision
        ),
        Metric("accuracy", "accuracy", "share of rows", _CLASSES, True, accuracy, is_mean=True),
        Metric(
            "balanced_accuracy", "balanced accuracy", "points of recall", _CLASSES, True, balanced_accuracy
        ),
        Metric("f1_macro", "macro F1", "points of F1", _CLASSES, True, f1_macro),
        Metric(
            "mean_absolute_error",
            "mean absolute error",
            _LABEL,
            _NUMBER,
            False,
            mean_absolute_error,
            is_mean=True,
        ),
        Metric(
            "mean_squared_error",
            "mean squared error",
            _SQUARED,
            _NUMBER,
            False,
            mean_squared_error,
            is_mean=True,
        ),
        Metric(
            "root_mean_squared_error",
            "root mean squared error",
            _LABEL,
            _NUMBER,
            False,
            root_mean_squared_error,
        ),
        Metric("r2", "R2", "share of the label's variance", _NUMBER, True, r2),
        _pinball(),
    )
}
"""The known metrics by name."""

DEFAULT_METRICS: dict[Task, tuple[str, ...]] = {
    "classification": ("log_loss", "brier_score", "roc_auc"),
    "multiclass": ("log_loss", "brier_score", "accuracy"),
    "regression": ("mean_absolute_error", "mean_squared_error"),
}
"""What models of a task are compared by where nothing is declared."""


def declared_metrics(declared: Sequence[MetricSpec], task: Task) -> tuple[Metric, ...]:
    """Metrics by which models of a task are compared; the first decides.

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
    if not declared:
        return tuple(METRICS[name] for name in DEFAULT_METRICS[task])
    metrics = tuple(_made(item) for item in declared)
    for metric in metrics:
        if task not in metric.tasks:
            known = ", ".join(other.name for other in METRICS.values() if task in other.tasks)
            raise TrainingError(
                f"evaluation.metrics: {metric.name} does not measure {task}, which is what training.estimator "
                f"does. Choose from: {known}."
            )
    return metrics


def task_of(declared: Sequence[MetricSpec]) -> Task:
    """Tell what kind of model all declared metrics measure; two classes where they leave it open."""
    metrics = [_made(item) for item in declared]
    return next(task for task in TASKS if all(task in metric.tasks for metric in metrics))


def find_metric(name: str, declared: Sequence[MetricSpec]) -> Metric | None:
    """Find a metric by its name.

    Parameters
    ----------
    name
        A known metric's, ``neg_`` optional, or a declared one's.
    declared
        ``evaluation.metrics``.

    Returns
    -------
    Metric or None
        None where there is no such metric.
    """
    named = {item.name: item for item in declared}
    return _made(named[name]) if name in named else METRICS.get(plain_name(name))


def _made(declared: MetricSpec) -> Metric:
    if declared.function is not None:
        return own_metric(
            declared.function,
            greater_is_better=bool(declared.greater_is_better),
            unit=str(declared.unit),
        )
    return _pinball(declared.quantile) if declared.quantile is not None else METRICS[str(declared.metric)]
