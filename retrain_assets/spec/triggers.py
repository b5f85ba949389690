"""The ``retrain_when`` and ``limits`` blocks: what makes a retrain due, and what holds it back."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from retrain_assets.spec.base import Duration, PositiveDuration, Spec

_NAME = r"^[a-z][a-z0-9_]{0,62}$"


class PerformanceTrigger(Spec):
    """Retrain when the realised performance has fallen."""

    metric: str
    drop: float | None = Field(default=None, gt=0)
    """Absolute loss of quality against the level since the promotion."""
    at_least: float | None = None
    """The level that the metric must keep (an upper bound for losses)."""
    over: PositiveDuration = Field(default="7d", validate_default=True)

    @model_validator(mode="after")
    def _some_threshold(self) -> Self:
        if self.drop is None and self.at_least is None:
            raise ValueError("declare drop, at_least or both")
        return self


class BusinessTrigger(Spec):
    """Retrain when a business metric leaves its expected range."""

    name: str = Field(json_schema_extra={"pattern": _NAME})
    sql: str
    """An aggregate in Polars SQL over a partition's rows with predictions and mature labels, such as ``AVG(clicked)``."""
    below: float | None = None
    above: float | None = None
    over: PositiveDuration = Field(default="7d", validate_default=True)
    windows: int = Field(default=1, ge=1, le=366)
    """Partitions whose windows are looked at, the latest among them."""
    violations: int = Field(default=1, ge=1)
    """So many of them must lie beyond the threshold, and the latest one."""

    @field_validator("name")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if not re.fullmatch(_NAME, value):
            near = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")[:63]
            better = f", such as {near!r}" if re.fullmatch(_NAME, near) else ""
            raise ValueError(
                f"{value!r} cannot be the name of a business metric; begin with a small letter, and write small "
                f"letters, digits and underscores, 63 at most{better}"
            )
        return value

    @model_validator(mode="after")
    def _some_threshold(self) -> Self:
        if self.violations > self.windows:
            raise ValueError(
                f"violations: {self.violations} of {self.windows} windows cannot be. Declare more windows, "
                "or fewer violations"
            )
        if self.below is None and self.above is None:
            raise ValueError("declare below, above or both")
        return self


class DriftTrigger(Spec):
    """Retrain when features that the model relies on have moved."""

    psi: float = Field(default=0.2, gt=0)
    """A feature has moved when its population stability index exceeds this."""
    importance: float = Field(default=0.3, gt=0, le=1)
    """Share of the importance that the moved features must carry."""
    joint: float | None = Field(default=None, gt=0.5, lt=1)
    """The features together have moved when a classifier tells today's rows from training rows with this ROC AUC."""


class CostSpec(Spec):
    """What a retrain costs and what lost quality costs, in the same money: the one is weighed against the other."""

    per_retrain: float = Field(gt=0)
    """Cost of one retrain: machines, and people who look at its report."""
    per_metric_unit_and_row: float = Field(gt=0)
    """Cost of one row that is scored by a model which is one unit of the first metric worse than after its promotion."""
    threshold: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Lost quality asks for a retrain once it has cost so many times what one does."""


class RetrainWhenSpec(Spec):
    """What makes a retrain due; each is optional."""

    schedule: str | None = None
    """Cron expression in the pipeline's time zone."""
    new_rows: int | None = Field(default=None, gt=0)
    """So many new label-mature rows since the last attempt."""
    performance: PerformanceTrigger | None = None
    business: list[BusinessTrigger] = Field(default_factory=list)
    drift: DriftTrigger | None = None
    cost: CostSpec | None = None
    """The lost quality has cost more than a retrain does, since the last attempt."""
    max_age: PositiveDuration | None = None
    """The champion is replaced or confirmed within this time."""
    code_changes: bool = False
    """The declaration, or code that it names, has changed since the last attempt."""

    @field_validator("business")
    @classmethod
    def _told_apart(cls, value: list[BusinessTrigger]) -> list[BusinessTrigger]:
        names = [trigger.name for trigger in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two business metrics are called {twice!r}; rename one")
        return value


class LimitsSpec(Spec):
    """What holds an automatic retrain back."""

    cooldown: Duration = Field(default="12h", validate_default=True)
    runs: int = Field(default=6, gt=0)
    per: PositiveDuration = Field(default="30d", validate_default=True)
