"""The ``label`` block: what is predicted, when it is known, and where it comes from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator

from retrain_assets.spec.base import Duration, PositiveDuration, Spec, format_duration
from retrain_assets.spec.source import AddressSpec

FEWEST_CLASSES = 3


class LabelSourceSpec(AddressSpec):
    """Where labels come from that are not among the rows; they are joined to the rows by key."""

    key: str | None = None
    """Column that names the row which a label is of; default: the name of ``source.key``."""
    column: str | None = None
    """Column of the label's value; default: ``label.column``."""
    known_at: str
    """Column: when the label became known; its periods are those of this time."""

    @property
    def read_as(self) -> str:
        """Columns that a label is made of: what was read of others is another label."""
        return "/".join(name or "" for name in (self.key, self.column, self.known_at))


class LabelSpec(Spec):
    """The column to predict, and when its value is known."""

    column: str
    """The label's column."""
    delay: Duration
    """A row's label counts as known this long after its timestamp: its maturity."""
    known_at: str | None = None
    """Column: when the label really became known; the delay is still the maturity."""
    source: LabelSourceSpec | None = None
    """Where the labels come from, if not with the rows: joined by ``source.key``."""
    missing_after: PositiveDuration | None = None
    """A label that is not known so long after its row's timestamp counts as ``missing_value``."""
    missing_value: bool | int | float | str | None = None
    """The label of rows whose label never came; undeclared, such rows are left out."""
    positive: bool | int | float | str = 1
    """The value that counts as the positive class, in binary classification."""
    classes: list[bool | int | float | str] | None = None
    """The values of a label with three classes or more, in the order of their probabilities."""

    @field_validator("positive", "missing_value", mode="before")
    @classmethod
    def _one_value(cls, value: Any, field: ValidationInfo) -> Any:
        if value is None and field.field_name == "missing_value":
            return None
        return _check_value(value)

    @field_validator("classes", mode="before")
    @classmethod
    def _each_one_value(cls, value: Any) -> Any:
        return [_check_value(item) for item in value] if isinstance(value, list) else value

    @field_validator("classes")
    @classmethod
    def _three_or_more(
        cls, value: list[bool | int | float | str] | None
    ) -> list[bool | int | float | str] | None:
        if value is None:
            return None
        if len(value) < FEWEST_CLASSES:
            raise ValueError(
                f"classes lists {len(value)} values, and several classes are {FEWEST_CLASSES} or more; a label of two "
                "classes is declared by positive, the one that is to be predicted"
            )
        names = [str(item) for item in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"classes lists {twice!r} twice; remove one")
        return value

    @model_validator(mode="after")
    def _positive_or_classes(self) -> Self:
        if self.classes is None:
            return self
        if "positive" in self.model_fields_set:
            raise ValueError(
                "positive is one of two classes, and classes lists three or more; remove one of the two fields"
            )
        if self.missing_value is not None and str(self.missing_value) not in (self.class_names or ()):
            raise ValueError(
                f"missing_value is {self.missing_value!r}, which classes does not list; "
                f"choose one of {', '.join(self.class_names or ())}"
            )
        return self

    @property
    def class_names(self) -> list[str] | None:
        """The declared classes as text; None where none are declared."""
        return None if self.classes is None else [str(item) for item in self.classes]

    @property
    def has_versions(self) -> bool:
        """Whether a row may have another label at another moment, so that labels are looked up as of a moment."""
        return self.source is not None or self.missing_after is not None

    @property
    def maturity(self) -> timedelta:
        """The age at which a row's label counts: all rows of that age count, so that early labels are no more likely.

        Where a missing label has a value, no row counts before its label is as good as missing: else the labels that
        did come would be all that is known of the ages between.
        """
        return self.delay if self.missing_after is None else self.missing_after

    @model_validator(mode="after")
    def _one_time_of_its_own(self) -> Self:
        if self.source is not None and self.known_at is not None:
            raise ValueError(
                "known_at is a column of the rows, and the labels come from label.source: declare the column of "
                "that table in label.source.known_at, and remove this one"
            )
        return self

    @model_validator(mode="after")
    def _missing_means_something(self) -> Self:
        if (self.missing_after is None) != (self.missing_value is None):
            raise ValueError(
                "declare both missing_after and missing_value, or neither: without them, rows whose label never "
                "came are left out"
            )
        if self.missing_after is not None and self.missing_after < self.delay:
            raise ValueError(
                f"missing_after is {format_duration(self.missing_after)}, and a label may still come until delay, "
                f"which is {format_duration(self.delay)}; let missing_after be as long at the least"
            )
        return self


def _check_value(value: Any) -> Any:
    if not isinstance(value, bool | int | float | str) or value != value:  # noqa: PLR0124
        raise ValueError(f"{value!r} is no value of a label: write a number, true, false, or text in quotes")
    return value
