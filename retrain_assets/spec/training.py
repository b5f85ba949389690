"""The ``training``, ``evaluation`` and ``promotion`` blocks: what is fitted, and what counts as better."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from retrain_assets.spec.base import Duration, PositiveDuration, Spec, format_duration, parse_duration
from retrain_assets.spec.metrics import DeclaredMetric, MetricSpec, check_together
from retrain_assets.spec.source import check_reference
from retrain_assets.spec.value import ValueSpec

MINIMUM_BLOCKS = 7
"""An honest interval of a comparison needs so many blocks."""
DEFAULT_ESTIMATOR = "sklearn.ensemble.HistGradientBoostingClassifier"


class WindowSpec(Spec):
    """Which part of the past a model is trained on."""

    type: Literal["rolling", "expanding"] = "expanding"
    length: PositiveDuration | None = None
    """Length of a rolling window in time."""
    rows: int | None = Field(default=None, gt=0)
    """Length of a rolling window as the newest so many rows."""

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        given = [self.length is not None, self.rows is not None].count(True)
        if self.type == "rolling" and given != 1:
            raise ValueError("a rolling window needs exactly one of length and rows")
        if self.type == "expanding" and given:
            raise ValueError("an expanding window has no length; declare type: rolling")
        return self


class TrainingSpec(Spec):
    """The estimator and the rows that it is fitted on."""

    estimator: str = DEFAULT_ESTIMATOR
    """Import path of a scikit-learn estimator's class."""
    model: str | None = None
    """``module:function`` that takes the parameters and returns any scikit-learn estimator; instead of ``estimator``."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Parameters of the estimator."""
    window: WindowSpec = Field(default_factory=WindowSpec)
    minimum_rows: int = Field(default=500, gt=0)
    """Fewer training rows than this train nothing."""
    random_state: int = Field(default=7, ge=0, lt=2**32)

    @field_validator("model")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        return check_reference(value)


class EvaluationSpec(Spec):
    """The rows and the measures by which two models are compared."""

    holdout: PositiveDuration = Field(default="7d", validate_default=True)
    """Mature rows' time that is kept from training."""
    block: str = "1d"
    """Rows of one block may depend on each other: a duration, a column (entity), or ``row``."""
    metrics: list[DeclaredMetric] = Field(default_factory=list)
    """Metrics, the first decides: scikit-learn's names, or mappings; default: those of the estimator's task."""
    slices: list[str] = Field(default_factory=list)
    """Columns by whose values the comparison is broken down."""
    sensitive: list[str] = Field(default_factory=list)
    """Columns between whose values decisions should be fair; figures by group are told."""

    @field_validator("metrics")
    @classmethod
    def _fit_together(cls, value: list[MetricSpec]) -> list[MetricSpec]:
        check_together(value)
        return value

    @model_validator(mode="after")
    def _blocks_are_enough(self) -> Self:
        length = self.block_duration
        if length is None:
            return self
        if length < timedelta(days=1):
            raise ValueError(
                f"block: {self.block} is shorter than a day, and the hours of one day are too much alike to count "
                "as independent; declare 1d or longer, a column, or row"
            )
        if self.holdout < MINIMUM_BLOCKS * length:
            raise ValueError(
                f"holdout: {format_duration(self.holdout)} holds fewer than {MINIMUM_BLOCKS} blocks of {self.block}, "
                "from which nothing can be told; declare a longer holdout"
            )
        return self

    @property
    def block_duration(self) -> timedelta | None:
        """The block as a duration, or None where it is a column or ``row``."""
        try:
            return parse_duration(self.block)
        except ValueError:
            return None

    @property
    def block_column(self) -> str | None:
        """The block as a column of entities, or None where it is a duration or ``row``."""
        return None if self.block == "row" or self.block_duration is not None else self.block


class CalibrationSpec(Spec):
    """The gate of calibration, for models that give probabilities: of the positive class, or of each of several."""

    max_error: float = Field(gt=0, lt=1)
    """How far, as a root mean square, probabilities may be off although the champion's are significantly less so."""


class PromotionSpec(Spec):
    """When a candidate replaces the champion."""

    rule: Literal["superiority", "non_inferiority"] = "superiority"
    margin: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """With ``non_inferiority``: how much worse is still allowed, in the metric's unit."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Two-sided error rate of the comparison: promotes on the lower end of the (1 - alpha) interval."""
    false_promotions_per_year: float | None = Field(default=None, gt=0)
    """Instead of ``alpha``, which it sets: how many promotions of no better candidates a year may expect."""
    min_gain: float | str = "10%"
    """The gain worth having: a share of the champion's advantage over the baseline, or a number in the metric's unit."""
    calibration: CalibrationSpec | None = None
    """A candidate that is significantly worse calibrated than the champion, and off by more than is allowed, is rejected;
    undeclared, a check warns of the first."""
    value: ValueSpec | None = None
    """What the decisions that follow from the scores are worth: the gain is then told in money."""
    decide_by: Literal["metric", "value"] = "metric"
    """What decides: the first metric, or ``value``; ``margin`` and ``min_gain`` are then money a row."""
    watch: Duration | None = None
    """How long a new champion is watched against the one before, and rolled back where it is worse (default: four
    holdouts; ``0d`` turns it off)."""
    approval: Literal["automatic", "manual"] = "automatic"
    """Whether a blessed candidate becomes champion by itself, or waits for a person to approve it."""
    approval_expires: PositiveDuration = Field(default="14d", validate_default=True)
    """How long, on the data clock, a candidate can be approved."""

    @field_validator("min_gain")
    @classmethod
    def _share_or_number(cls, value: float | str) -> float | str:
        if isinstance(value, str):
            number = value.removesuffix("%")
            if not value.endswith("%") or not number.strip().replace(".", "", 1).isdigit():
                raise ValueError(f"{value!r} is no gain: write a share such as 10% or a number such as 0.002")
        elif not (0 <= value < math.inf):
            raise ValueError(
                f"{value:g} is no gain worth having: write a share such as 10% or a number such as 0.002"
            )
        return value

    @model_validator(mode="after")
    def _margin_with_rule(self) -> Self:
        if (self.rule == "non_inferiority") != (self.margin is not None):
            raise ValueError("margin belongs to rule: non_inferiority, which needs it")
        return self

    @model_validator(mode="after")
    def _value_to_decide_by(self) -> Self:
        if self.decide_by == "value" and self.value is None:
            raise ValueError("decide_by: value needs value, which says what the outcomes are worth")
        return self

    @model_validator(mode="after")
    def _alpha_or_budget(self) -> Self:
        if self.false_promotions_per_year is not None and "alpha" in self.model_fields_set:
            raise ValueError("false_promotions_per_year sets alpha, so declare one of the two")
        return self
