"""Realised performance with intervals, estimated performance, and when a fall counts as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.spec import PerformanceTrigger, PipelineSpec
from retrain_assets.spec.metrics import KNOWN_METRICS, plain_name, suggest_metric

if TYPE_CHECKING:
    from retrain_assets.comparison.metrics import Metric

CONFIDENCE = 0.95
LEAST_BLOCKS = 3
"""Fewer days than this give no interval worth the name: with two, Student's quantile is 6.3."""


@dataclass(frozen=True)
class Level:
    """A figure over a span of time, and how sure it is.

    Parameters
    ----------
    value
        The figure.
    lower, upper
        Its one-sided 95 % bounds, each for itself; None where there are too few days for an interval.
    standard_error
        None where there are too few days.
    rows, blocks
        Rows, and days that hold rows.
    """

    value: float
    lower: float | None
    upper: float | None
    standard_error: float | None
    rows: int
    blocks: int


@dataclass(frozen=True)
class Crossing:
    """Whether a threshold is crossed, by the interval and not by the bare number.

    Parameters
    ----------
    crossed
        The one-sided 95 % interval lies beyond the threshold.
    value
        What was compared with the threshold.
    bound
        The bound of its interval on the threshold's side.
    threshold
        The declared threshold.
    """

    crossed: bool
    value: float
    bound: float
    threshold: float


def make_level(value: float, error: float | None, rows: int, blocks: int) -> Level:
    """Give a figure bounds from Student's t with one degree of freedom less than days."""
    if error is None or blocks < LEAST_BLOCKS:
        return Level(value, None, None, None, rows, blocks)
    half = quantile(blocks - 1) * error
    return Level(value, value - half, value + half, error, rows, blocks)


def quantile(degrees: float) -> float:
    """Compute the 95 % quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, CONFIDENCE))


def measure_level(metric: Metric, rows: LabelledRows) -> Level | None:
    """Measure a metric over a span, with days as blocks (CR1, t with G - 1 degrees of freedom).

    Parameters
    ----------
    metric
        What is measured.
    rows
        The span's rows.

    Returns
    -------
    Level or None
        None where the metric is undefined: no rows, or a single class for ROC AUC.

    References
    ----------
    Cameron, Miller (2015), "A practitioner's guide to cluster-robust inference", Journal of Human Resources
    50, 317-372, section VI.
    """
    from retrain_assets.comparison import standard_error_of

    value = measure_value(metric, rows)
    if value is None:
        return None
    days = rows.days()
    count = int(np.unique(days).size)
    try:
        error = standard_error_of(metric, rows.y, rows.score, days, rows.weights) if count > 1 else None
    except TrainingError:
        error = None  # a function of the user's own may be undefined on the days drawn anew
    return make_level(value, error, rows.y.size, count)


def measure_value(metric: Metric, rows: LabelledRows) -> float | None:
    """Measure a metric without an interval; None where it is undefined, or too great for a number."""
    try:
        value = metric.measure(rows.y, rows.score, rows.weights)[0]
    except TrainingError:
        return None
    return value if np.isfinite(value) else None


def check_level(metric: Metric, current: Level | None, at_least: float) -> Crossing | None:
    """Compare a level with the one that the metric must keep (an upper bound for losses).

    Returns
    -------
    Crossing or None
        None where there is no interval yet.
    """
    if current is None or current.lower is None or current.upper is None:
        return None
    if metric.greater_is_better:
        return Crossing(current.upper < at_least, current.value, current.upper, at_least)
    return Crossing(current.lower > at_least, current.value, current.lower, at_least)


def watched_metric(spec: PipelineSpec, trigger: PerformanceTrigger) -> Metric:
    """Find the metric that a trigger watches: a known one, or one that the declaration makes.

    Raises
    ------
    TrainingError
        When there is no such metric.
    """
    from retrain_assets.comparison import find_metric

    metric = find_metric(trigger.metric, spec.evaluation.metrics)
    if metric is None:
        raise TrainingError(_unknown(spec, trigger))
    return metric


def check_performance(spec: PipelineSpec) -> list[str]:
    """Say what is wrong with the declared performance trigger: a sentence a fault."""
    trigger = spec.retrain_when.performance
    if trigger is None or {trigger.metric, plain_name(trigger.metric)} & _known(spec):
        return []
    return [_unknown(spec, trigger)]


def _known(spec: PipelineSpec) -> set[str]:
    return {*KNOWN_METRICS, *(metric.name for metric in spec.evaluation.metrics)}


def _unknown(spec: PipelineSpec, trigger: PerformanceTrigger) -> str:
    hint = suggest_metric(trigger.metric, _known(spec))
    return f"retrain_when.performance.metric: the metric {trigger.metric!r} is not known. {hint}"
