"""The declared estimator: checked by reading files, made by importing it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from retrain_assets.comparison import METRICS
from retrain_assets.errors import TrainingError
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

Task = Literal["classification", "multiclass", "regression"]


def check_estimator(spec: PipelineSpec) -> list[str]:
    """Say what is wrong with the declared estimator, without importing it.

    Parameters
    ----------
    spec
        The declaration.

    Returns
    -------
    list of str
        A sentence a fault.
    """
    training = spec.training
    if training.model is not None:
        field, (module, _, name) = "model", training.model.partition(":")
    else:
        field, (module, _, name) = "estimator", training.estimator.rpartition(".")
    if not module:
        return [f"training.{field}: {name!r} is no import path, such as sklearn.ensemble.{name}."]
    fault = check_name(module, name, "Classifier" if _has_classes(spec) else "")
    return [] if fault is None else [f"training.{field}: {fault}"]


def _has_classes(spec: PipelineSpec) -> bool:
    """Whether the declaration tells that the label is one of classes, so that a classifier is meant."""
    metrics = (METRICS.get(metric.name) for metric in spec.evaluation.metrics)
    measured = any(metric is not None and "regression" not in metric.tasks for metric in metrics)
    return measured or not {"positive", "classes"}.isdisjoint(spec.label.model_fields_set)


def resolve_estimator(spec: PipelineSpec) -> BaseEstimator:
    """Make the declared estimator, unfitted.

    A ``random_state``, its own or of a part, that is left open is set to the declared one.

    Parameters
    ----------
    spec
        The declaration.

    Raises
    ------
    TrainingError
        When it cannot be imported, has no such parameter, or cannot give probabilities as a classifier.
    """
    from sklearn.base import is_classifier

    training = spec.training
    faults = check_estimator(spec)
    if faults:
        raise TrainingError(" ".join(faults))
    estimator = _from_function(spec) if training.model is not None else _from_class(spec)
    unset = [
        name
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None and name not in training.params
    ]
    estimator.set_params(**dict.fromkeys(unset, training.random_state))
    if is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        raise TrainingError(
            f"training: {type(estimator).__name__} gives no probabilities. Choose an estimator with "
            "predict_proba, or wrap it in sklearn.calibration.CalibratedClassifierCV by a function "
            "under training.model."
        )
    return estimator


def task_of(estimator: BaseEstimator) -> Task:
    """Tell which kind of label an estimator predicts."""
    from sklearn.base import is_classifier

    return "classification" if is_classifier(estimator) else "regression"


def declared_task(spec: PipelineSpec, estimator: BaseEstimator) -> Task:
    """Tell which kind of label the declaration's models predict: several classes where it lists them.

    Raises
    ------
    TrainingError
        When classes are listed and the estimator is no classifier.
    """
    task = task_of(estimator)
    if spec.label.classes is None:
        return task
    if task != "classification":
        raise TrainingError(
            f"label.classes: {type(estimator).__name__} predicts numbers. Choose a classifier under "
            "training.estimator, or remove the classes."
        )
    return "multiclass"


def _from_class(spec: PipelineSpec) -> BaseEstimator:
    path, params = spec.training.estimator, spec.training.params
    module, _, name = path.rpartition(".")
    made = getattr(importlib.import_module(module), name)
    _check_parameters(path, made, params)
    return _checked(path, made(**params))


def _from_function(spec: PipelineSpec) -> BaseEstimator:
    reference, params = str(spec.training.model), spec.training.params
    module, _, name = reference.partition(":")
    function = getattr(importlib.import_module(module), name)
    _check_parameters(reference, function, params)
    return _checked(reference, function(**params))


def _check_parameters(path: str, made: Callable[..., Any], params: dict[str, Any]) -> None:
    known = inspect.signature(made).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    for name in params:
        if name not in known:
            raise TrainingError(f"training.params: {path} has no parameter {name!r}. {suggest(name, known)}")


def _checked(path: str, estimator: object) -> BaseEstimator:
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict") and hasattr(estimator, "get_params")):
        raise TrainingError(
            f"training: {path} gives {type(estimator).__name__}, which is no scikit-learn estimator: "
            "it needs fit, predict and get_params."
        )
    result: BaseEstimator = estimator
    return result
