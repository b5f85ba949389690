"""``evaluation.metrics``: the metrics that are known, and the forms in which one is declared."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from retrain_assets.spec.base import Spec, suggest
from retrain_assets.spec.source import check_reference

CLASSIFICATION_METRICS = (
    "log_loss",
    "brier_score",
    "roc_auc",
    "average_precision",
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
)
MULTICLASS_METRICS = (
    "log_loss",
    "brier_score",
    "roc_auc_ovr",
    "accuracy",
    "balanced_accuracy",
    "f1_macro",
)
REGRESSION_METRICS = (
    "mean_absolute_error",
    "mean_squared_error",
    "root_mean_squared_error",
    "r2",
    "mean_pinball_loss",
)
KNOWN_METRICS = tuple(dict.fromkeys(CLASSIFICATION_METRICS + MULTICLASS_METRICS + REGRESSION_METRICS))
_ABBREVIATIONS = {
    "auc": "roc_auc",
    "brier": "brier_score",
    "f1": "f1_macro",
    "mae": "mean_absolute_error",
    "mse": "mean_squared_error",
    "pinball": "mean_pinball_loss",
    "pr_auc": "average_precision",
    "rmse": "root_mean_squared_error",
}
RESERVED_NAMES = (*KNOWN_METRICS, "value")
"""A function cannot have these: of a metric, or of the money that ``promotion.value`` counts."""


def plain_name(name: str) -> str:
    """Name of a metric without scikit-learn's ``neg_``."""
    return name.removeprefix("neg_")


def known_metric(name: str) -> str:
    """Plain name of a known metric.

    Raises
    ------
    ValueError
        When there is no such metric.
    """
    plain = plain_name(name)
    if plain not in KNOWN_METRICS:
        raise ValueError(f"the metric {plain!r} is not known. {suggest_metric(plain, KNOWN_METRICS)}")
    return plain


def suggest_metric(name: str, known: Collection[str]) -> str:
    """Say which of the known metrics a name may stand for, as :func:`suggest` does, common abbreviations known."""
    meant = _ABBREVIATIONS.get(name.casefold(), name)
    return f"Did you mean {meant!r}?" if meant in known else suggest(name, known)


class MetricSpec(Spec):
    """A metric: a known one, or a function of the user's own."""

    metric: str | None = None
    """scikit-learn's name of a scorer, ``neg_`` optional."""
    quantile: float | None = Field(default=None, gt=0, lt=1)
    """With ``mean_pinball_loss``: the quantile that the model predicts; default one half."""
    function: str | None = None
    """``module:function`` that takes labels, scores and weights (or None) and returns a number; instead of ``metric``."""
    greater_is_better: bool | None = None
    """With ``function``: whether a greater number is the better one."""
    unit: str | None = None
    """With ``function``: the unit of its numbers, such as EUR."""

    @field_validator("metric")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        return None if value is None else known_metric(value)

    @field_validator("function")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        return check_reference(value)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.metric is None) == (self.function is None):
            raise ValueError("declare exactly one of metric and function")
        own = (self.greater_is_better, self.unit)
        if self.function is not None and None in own:
            raise ValueError(
                "a function needs greater_is_better and unit: nothing else says what its numbers mean"
            )
        if self.function is None and own != (None, None):
            raise ValueError(
                f"greater_is_better and unit belong to function; those of {self.metric} are known"
            )
        if self.quantile is not None and self.metric != "mean_pinball_loss":
            raise ValueError("quantile belongs to metric: mean_pinball_loss")
        return self

    @property
    def name(self) -> str:
        """Short and stable name for JSON, MLflow and pages: the metric's with its quantile, or the function's."""
        if self.function is not None:
            return self.function.partition(":")[2]
        quantile = "" if self.quantile is None else f"_q{100 * self.quantile:g}".replace(".", "_")
        return f"{self.metric}{quantile}"


def _as_mapping(value: Any) -> Any:
    return {"metric": known_metric(value)} if isinstance(value, str) else value


DeclaredMetric = Annotated[MetricSpec, BeforeValidator(_as_mapping, json_schema_input_type=str | MetricSpec)]


def check_together(metrics: Sequence[MetricSpec]) -> None:
    """Check that declared metrics can be told apart and that one kind of model has them all.

    Raises
    ------
    ValueError
        When two have one name, or no kind of model is measured by all of them.
    """
    names = [metric.name for metric in metrics]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two metrics are called {twice!r}; remove one, or rename the function")
    taken = next((item.name for item in metrics if item.function and item.name in RESERVED_NAMES), None)
    if taken is not None:
        raise ValueError(f"the function {taken!r} has the name of a known metric; rename it")
    known = {item.metric for item in metrics if item.metric is not None}
    if not any(
        known <= set(task) for task in (CLASSIFICATION_METRICS, MULTICLASS_METRICS, REGRESSION_METRICS)
    ):
        raise ValueError(
            "no kind of model has all these metrics. "
            f"Two classes have {', '.join(CLASSIFICATION_METRICS)}; several classes have "
            f"{', '.join(MULTICLASS_METRICS)}; a regression has {', '.join(REGRESSION_METRICS)}"
        )
