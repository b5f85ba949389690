"""A whole declaration, and how it is read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import Field, ValidationError, field_validator, model_validator

from retrain_assets.errors import SpecError
from retrain_assets.spec.base import Spec
from retrain_assets.spec.cadence import CadenceSpec
from retrain_assets.spec.features import ExpectationSpec, FeaturesSpec
from retrain_assets.spec.label import LabelSpec
from retrain_assets.spec.metrics import KNOWN_METRICS, MULTICLASS_METRICS, plain_name
from retrain_assets.spec.sentences import empty_blocks, sentences
from retrain_assets.spec.source import SourceSpec
from retrain_assets.spec.training import EvaluationSpec, PromotionSpec, TrainingSpec
from retrain_assets.spec.triggers import LimitsSpec, RetrainWhenSpec

RESERVED_COLUMNS = frozenset({"partition_key", "row_id", "score", "model_version"})


class PipelineSpec(Spec):
    """A declared model: its rows, its features, its estimator, what better means, when to retrain."""

    name: str = Field(max_length=63)
    """Asset key prefix, asset group, MLflow experiment and registered model."""
    description: str = ""
    owners: list[str] = Field(default_factory=list)
    """Dagster owners: an e-mail address, or ``team:name``."""
    timezone: str = "UTC"
    """Time zone of partitions, schedule and naive timestamps."""
    source: SourceSpec
    label: LabelSpec
    weight: str | None = None
    """Column: sample weight."""
    expectations: list[ExpectationSpec] = Field(default_factory=list)
    features: FeaturesSpec = Field(default_factory=FeaturesSpec)
    training: TrainingSpec = Field(default_factory=TrainingSpec)
    evaluation: EvaluationSpec = Field(default_factory=EvaluationSpec)
    promotion: PromotionSpec = Field(default_factory=PromotionSpec)
    retrain_when: RetrainWhenSpec = Field(default_factory=RetrainWhenSpec)
    limits: LimitsSpec = Field(default_factory=LimitsSpec)
    cadence: CadenceSpec | None = None

    @property
    def promotion_watch(self) -> timedelta:
        """How long a new champion is watched after its promotion; 0 where it is not."""
        declared = self.promotion.watch
        return 4 * self.evaluation.holdout if declared is None else declared

    @field_validator("name")
    @classmethod
    def _name_is_safe(cls, value: str) -> str:
        plain = value.replace("_", "a")
        if not (plain.isascii() and plain.isalnum() and plain == plain.lower() and value[0].isalpha()):
            raise ValueError(
                f"the name {value!r} must be a small letter followed by small letters, digits and _, 63 at most"
            )
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # A folder of zones, such as Europe, is an error of the file system.
            near = difflib.get_close_matches(value, available_timezones(), n=1, cutoff=0.8)
            hint = f". Did you mean {near[0]!r}?" if near else "; write one such as UTC or Europe/Berlin"
            raise ValueError(f"{value!r} is no time zone{hint}") from None
        return value

    @model_validator(mode="after")
    def _label_is_a_column_of_its_own(self) -> Self:
        others = {"timestamp": self.source.timestamp, "weight": self.weight}
        for role, name in others.items():
            if name == self.label.column:
                raise ValueError(f"label.column: {name!r} is declared as the {role} too; name another column")
        return self

    @model_validator(mode="after")
    def _labels_find_their_rows(self) -> Self:
        if self.label.source is not None and self.source.key is None:
            raise ValueError(
                "label.source: labels from elsewhere are joined by source.key, which the file does not declare; "
                "declare there the column that identifies a row"
            )
        return self

    @model_validator(mode="after")
    def _metrics_are_of_the_classes(self) -> Self:
        declared = {f"evaluation.metrics: {item.metric!r}": item.metric for item in self.evaluation.metrics}
        trigger = self.retrain_when.performance
        if trigger is not None and plain_name(trigger.metric) in KNOWN_METRICS:
            declared[f"retrain_when.performance.metric: {trigger.metric!r}"] = plain_name(trigger.metric)
        for field, name in declared.items():
            if self.label.classes is not None and name is not None and name not in MULTICLASS_METRICS:
                raise ValueError(
                    f"{field} does not measure several classes, which label.classes declares; "
                    f"choose from {', '.join(MULTICLASS_METRICS)}"
                )
            if self.label.classes is None and name == "roc_auc_ovr":
                raise ValueError(
                    f"{field} measures several classes; list them in label.classes, or use roc_auc"
                )
        return self

    @model_validator(mode="after")
    def _gates_are_of_the_classes(self) -> Self:
        if self.label.classes is None:
            return self
        if self.promotion.value is not None and self.promotion.value.function is None:
            raise ValueError(
                "promotion.value: true and false positives are outcomes of two classes, and label.classes declares "
                "several; declare promotion.value.function instead"
            )
        return self

    @model_validator(mode="after")
    def _columns_are_free(self) -> Self:
        features = {*(self.features.numeric or ()), *(self.features.categorical or ())}
        own = {
            "label": self.label.column,
            "timestamp": self.source.timestamp,
            "label's known_at": self.label.known_at,
        }
        for role, name in own.items():
            if name in features:
                raise ValueError(f"features: the {role} {name!r} cannot be a feature; remove it")
        excluded = features & {*self.features.exclude}
        if excluded:
            raise ValueError(
                f"features: {sorted(excluded)[0]!r} is listed as a feature and under exclude; choose one"
            )
        twice = {*(self.features.numeric or ())} & {*(self.features.categorical or ())}
        if twice:
            raise ValueError(
                f"features: {sorted(twice)[0]!r} is listed under numeric and under categorical; choose one"
            )
        own_columns = RESERVED_COLUMNS | ({"predicted"} if self.label.classes is not None else set())
        taken = own_columns & {
            self.source.timestamp,
            self.label.column,
            *features,
            *self.features.derive,
        }
        if taken:
            raise ValueError(
                f"features: {sorted(taken)[0]!r} is a column of retrain_assets itself; rename yours"
            )
        return self


def load_spec(attributes: Mapping[str, Any], file: Path | str) -> PipelineSpec:
    """Validate a declaration.

    Parameters
    ----------
    attributes
        The ``attributes`` block of a ``defs.yaml``, templates resolved.
    file
        Where it was read from, for messages and as the base of relative paths.

    Raises
    ------
    SpecError
        With a sentence a fault, each naming the file and the field.
    """
    faults = empty_blocks(PipelineSpec, attributes)
    try:
        spec = PipelineSpec.model_validate(attributes)
    except ValidationError as error:
        faults += sentences(error, PipelineSpec)
    if faults:
        raise SpecError("\n".join(f"{file}: {fault}" for fault in faults))
    return spec
