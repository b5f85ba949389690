"""The ``features`` and ``expectations`` blocks: what the model sees, and what a good batch is."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from retrain_assets.spec.base import Spec
from retrain_assets.spec.source import check_reference


class FeaturesSpec(Spec):
    """The columns that the model sees."""

    numeric: list[str] | None = None
    """Columns taken as numbers; default: every numeric and boolean column that is not excluded."""
    categorical: list[str] | None = None
    """Columns taken as categories; default: every text column that is not excluded."""
    exclude: list[str] = Field(default_factory=list)
    """Columns that are never features."""
    derive: dict[str, str] = Field(default_factory=dict)
    """New columns, each from its own row alone: a Polars SQL expression, or ``function: module:function``."""

    @field_validator("numeric", "categorical")
    @classmethod
    def _listed_once(cls, value: list[str] | None) -> list[str] | None:
        twice = next((name for name in value or () if (value or []).count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is listed twice; remove one")
        return value

    @field_validator("derive")
    @classmethod
    def _derive_functions(cls, value: dict[str, str]) -> dict[str, str]:
        check_reference(value.get("function"))
        return value


class ExpectationSpec(Spec):
    """One expectation in great_expectations' own name and form."""

    model_config = ConfigDict(extra="allow")

    type: str
    """Name of the expectation, such as ``expect_column_values_to_not_be_null``."""
    severity: Literal["critical", "warning"] = "critical"
    """A failed critical expectation withholds the partition; a warning is only told."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The expectation's own arguments (column, bounds, ``mostly``)."""
        return dict(self.model_extra or {})
