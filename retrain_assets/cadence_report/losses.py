"""Losses: a metric turned so that lower is better, of a block and of each of its days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.days import DAY
from retrain_assets.cadence_report.matrix import IntArray
from retrain_assets.cadence_report.raw_rows import raw_rows
from retrain_assets.comparison import METRICS, Criterion, Metric
from retrain_assets.errors import TrainingError
from retrain_assets.labels import target
from retrain_assets.spec import PipelineSpec

if TYPE_CHECKING:
    from retrain_assets.cadence_report.history import Ground

Values = TypeVar("Values", float, FloatArray)


@dataclass(frozen=True)
class Labels:
    """What the rows of a block are judged by.

    Parameters
    ----------
    y
        Labels, shape (n,).
    weight
        Sample weights, shape (n,); None where all rows weigh alike.
    day
        Entry of each row among the block's days, shape (n,), from 0.
    raw
        Raw columns that money is counted by, n rows; without columns where none is.
    """

    y: FloatArray
    weight: FloatArray | None
    day: IntArray
    raw: pl.DataFrame = field(default_factory=pl.DataFrame)


def has_influence(criterion: Criterion, spec: PipelineSpec) -> bool:
    """Whether what decides tells how much each row moves it: all do but a metric that is the user's own function."""
    metrics = spec.evaluation.metrics
    return criterion.value is not None or not metrics or metrics[0].function is None


def losses(criterion: Criterion, labels: Labels, score: FloatArray) -> tuple[float, FloatArray]:
    """Measure the loss of a model on a block.

    Parameters
    ----------
    criterion
        The measure.
    labels
        Of the block's rows.
    score
        The model's scores, shape (n,), or (n, k) for k classes.

    Returns
    -------
    loss : float
        NaN where the metric is undefined on these rows.
    daily : ndarray of shape (days,)
        The block's loss plus the mean influence of each day's rows: for a mean over rows, the day's own mean; else
        every row of the block moves it. The block's loss everywhere where the metric has no influence values.
    """
    metric = criterion.metric
    days = int(labels.day.max()) + 1 if labels.day.size else 0
    try:
        taken = criterion.of(labels.raw, labels.y, score)
        value, influence = metric.measure(labels.y, taken, labels.weight)
    except TrainingError:
        return float("nan"), np.full(days, np.nan)
    if influence is None:
        return as_loss(metric, value), np.full(days, as_loss(metric, value))
    # Influence values of weighed rows are multiplied by their share of the weight.
    share = np.ones(labels.y.size) if labels.weight is None else labels.weight / labels.weight.mean()
    moved = np.bincount(labels.day, weights=influence, minlength=days)
    with np.errstate(invalid="ignore", divide="ignore"):
        daily = value + moved / np.bincount(labels.day, weights=share, minlength=days)
    return as_loss(metric, value), as_loss(metric, daily)


def as_loss(metric: Metric, value: Values) -> Values:
    """Turn values of a metric so that lower is better, with 0 as the best value of a known metric."""
    if not metric.greater_is_better:
        return value
    return (1.0 if metric.name in METRICS else 0.0) - value


def labels_of(rows: pl.DataFrame, ground: Ground) -> Labels:
    """Read what the rows of a block are judged by."""
    weight = ground.spec.weight
    day = rows[DAY].to_numpy().astype(np.int64)
    return Labels(
        y=target(rows, ground.spec, ground.task),
        weight=None if weight is None else rows[weight].cast(pl.Float64).to_numpy(),
        day=day - (int(day.min()) if day.size else 0),
        raw=raw_rows(rows),
    )
