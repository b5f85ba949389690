"""What is declared that does not suit the declared estimator."""

from __future__ import annotations

from retrain_assets.comparison import METRICS, Metric, Task, declared_metrics, value_criterion
from retrain_assets.errors import TrainingError
from retrain_assets.findings import Findings
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.metrics import plain_name


def check_suitability(spec: PipelineSpec, task: Task | None) -> Findings:
    """Find what is none of what the estimator does, and what can hardly be meant.

    Parameters
    ----------
    spec
        The declaration.
    task
        What the estimator does; None where that is not known.

    Returns
    -------
    Findings
        Measures of another task are faults, measures of an impossible size doubts.
    """
    features = spec.features
    faults = []
    if features.numeric == [] == features.categorical and not features.derive:
        faults.append(
            "features: no column is a feature. List some under numeric or categorical, or remove both."
        )
    if task is None:
        return Findings(faults, [])
    faults += _measures(spec, task)
    return Findings(faults, [] if faults or task == "regression" else _sizes(spec, task))


def _measures(spec: PipelineSpec, task: Task) -> list[str]:
    """Say which measures are of another task."""
    faults = []
    value, metric = spec.promotion.value, _watched(spec)
    try:
        declared_metrics([item for item in spec.evaluation.metrics if item.function is None], task)
    except TrainingError as error:
        faults.append(str(error))
    try:
        _ = None if value is None else value_criterion(value, task)
    except TrainingError as error:
        faults.append(str(error))
    if metric is not None and task not in metric.tasks:
        faults.append(
            f"retrain_when.performance.metric: {metric.name} does not measure {task}, which is what "
            "training.estimator does."
        )
    if spec.promotion.calibration is not None and task == "regression":
        faults.append("promotion.calibration: training.estimator gives no probabilities. Remove it.")
    return faults


def _watched(spec: PipelineSpec) -> Metric | None:
    """The metric that performance is watched by; None where there is none, or it is a function."""
    trigger = spec.retrain_when.performance
    return None if trigger is None else METRICS.get(plain_name(trigger.metric))


def _sizes(spec: PipelineSpec, task: Task) -> list[str]:
    """Doubt a gain or a fall that is no less than 1: metrics of classes lie between 0 and 1, log loss about there."""
    found = []
    promotion, trigger, metric = spec.promotion, spec.retrain_when.performance, _watched(spec)
    declared = [item.function or item.metric for item in spec.evaluation.metrics]
    decides = METRICS.get(str(declared[0])) if declared else declared_metrics([], task)[0]
    gain = promotion.min_gain
    if isinstance(gain, float) and gain >= 1 and decides is not None and promotion.decide_by == "metric":
        found.append(
            f"promotion.min_gain: hardly any model gains {gain:g} in {decides.name}. For a share of the champion's "
            f"advantage write {gain:g}%."
        )
    if metric is not None and trigger is not None and (trigger.drop or 0) >= 1:
        found.append(
            f"retrain_when.performance.drop: {metric.name} hardly ever changes by {trigger.drop:g}. Write the loss "
            "of quality in the metric's own unit, such as 0.02."
        )
    return found
