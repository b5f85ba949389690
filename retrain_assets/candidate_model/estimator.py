"""The declared estimator: checked by reading files, made by importing it."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Literal

from retrain_assets.comparison import METRICS
from retrain_assets.declaration import module_file
from retrain_assets.errors import TrainingError
from retrain_assets.references import check_name
from retrain_assets.signatures import ancestors, defines, signature
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.spec.training import DEFAULT_ESTIMATOR

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
    module, name = _named(spec)
    field = "estimator" if spec.training.model is None else "model"
    if not module:
        example = f"sklearn.ensemble.{name}" if name[:1].isupper() else DEFAULT_ESTIMATOR
        return [f"training.{field}: {name!r} is no import path, such as {example}."]
    if module_file(f"{module}.{name}") is not None:
        return [
            f"training.{field}: {module}.{name} is a module. Name a class in it, such as {DEFAULT_ESTIMATOR}."
        ]
    fault = check_name(module, name, "Classifier" if _has_classes(spec) else "")
    if fault is not None:
        return [f"training.{field}: {fault}"]
    taken = signature(module, name)
    found = [] if taken is None else _parameter_faults(spec, taken)
    task = likely_task(spec)
    if spec.label.classes is not None and task == "regression":
        found.append(_no_classes(name))
    if task in ("classification", "multiclass") and defines(module, name, "predict_proba") is False:
        found.append(_no_probabilities(name))
    return found


def likely_task(spec: PipelineSpec) -> Task | None:
    """Tell which kind of label the declared estimator predicts, without importing it.

    Parameters
    ----------
    spec
        The declaration.

    Returns
    -------
    {"classification", "multiclass", "regression"} or None
        By scikit-learn's mixins among its ancestors, or the end of its name; None for a function that makes one, and
        where reading files cannot tell.
    """
    if spec.training.model is not None:
        return None
    module, name = _named(spec)
    for known in (name, *(ancestors(module, name) if module else ())):
        if known.endswith(("Classifier", "ClassifierMixin")):
            return "classification" if spec.label.classes is None else "multiclass"
        if known.endswith(("Regressor", "RegressorMixin")):
            return "regression"
    return None


def _named(spec: PipelineSpec) -> tuple[str, str]:
    """Module and name of what makes the estimator; an empty module where the path names none."""
    training = spec.training
    path = training.estimator.rpartition(".") if training.model is None else training.model.partition(":")
    return path[0], path[2]


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
    estimator = _made(spec)
    unset = [
        name
        for name, value in estimator.get_params().items()
        if name.rpartition("__")[2] == "random_state" and value is None and name not in training.params
    ]
    estimator.set_params(**dict.fromkeys(unset, training.random_state))
    if is_classifier(estimator) and not hasattr(estimator, "predict_proba"):
        raise TrainingError(_no_probabilities(type(estimator).__name__))
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
        raise TrainingError(_no_classes(type(estimator).__name__))
    return "multiclass"


def _no_probabilities(name: str) -> str:
    return (
        f"training: {name} gives no probabilities. Choose an estimator with predict_proba, or wrap it in "
        "sklearn.calibration.CalibratedClassifierCV by a function under training.model."
    )


def _no_classes(name: str) -> str:
    return (
        f"label.classes: {name} predicts numbers. Choose a classifier under training.estimator, or remove the "
        "classes."
    )


def _made(spec: PipelineSpec) -> BaseEstimator:
    module, name = _named(spec)
    maker = getattr(importlib.import_module(module), name)
    faults = _parameter_faults(spec, inspect.signature(maker))
    if faults:
        raise TrainingError(" ".join(faults))
    return _checked(_path(spec), maker(**spec.training.params))


def _path(spec: PipelineSpec) -> str:
    return spec.training.model or spec.training.estimator


def _parameter_faults(spec: PipelineSpec, taken: inspect.Signature) -> list[str]:
    """Say which declared parameters are not taken, and which that are needed are not declared."""
    named = {
        name: parameter
        for name, parameter in taken.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    told = f"training.params: {_path(spec)}"
    params = spec.training.params
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.parameters.values())
    unknown = [] if takes_any else [name for name in params if name not in named]
    lacking = [name for name, each in named.items() if each.default is each.empty and name not in params]
    return [
        *(f"{told} has no parameter {name!r}. {suggest(name, named)}" for name in unknown),
        *(f"{told} needs the parameter {name!r}. Declare it." for name in lacking),
    ]


def _checked(path: str, estimator: object) -> BaseEstimator:
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict") and hasattr(estimator, "get_params")):
        raise TrainingError(
            f"training: {path} gives {type(estimator).__name__}, which is no scikit-learn estimator: "
            "it needs fit, predict and get_params."
        )
    result: BaseEstimator = estimator
    return result
