"""``promotion.value``: what the decisions that follow from a model's scores are worth, in money."""

from __future__ import annotations

import math
from typing import Self

from pydantic import Field, field_validator, model_validator

from retrain_assets.spec.base import Spec
from retrain_assets.spec.source import check_reference

Amount = float | str
"""An amount of money, or the column that holds each row's."""
OUTCOMES = ("true_positive", "false_positive", "true_negative", "false_negative")
_PAIRS = (("true_positive", "false_negative"), ("true_negative", "false_positive"))


class ValueSpec(Spec):
    """What an outcome is worth: benefits of four outcomes, or a function."""

    true_positive: Amount | None = None
    """Benefit of acting on a row whose label is positive; a number, or a column for an amount of each row."""
    false_positive: Amount | None = None
    """Benefit, mostly negative, of acting on a row whose label is negative."""
    true_negative: Amount | None = None
    """Benefit of leaving a row alone whose label is negative."""
    false_negative: Amount | None = None
    """Benefit, mostly negative, of leaving a row alone whose label is positive."""
    threshold: float | None = Field(default=None, gt=0, lt=1)
    """Rows are acted on above this probability; undeclared, where acting has the greater expected benefit."""
    function: str | None = None
    """``module:function`` that takes (rows, labels, scores) and returns the money of each row; instead of benefits."""
    currency: str = Field(min_length=1)
    """What the money is counted in, such as EUR."""

    @field_validator("function")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        return check_reference(value)

    @field_validator(*OUTCOMES)
    @classmethod
    def _is_finite(cls, value: Amount | None) -> Amount | None:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is no amount of money; write a number, or the name of a column")
        return value

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [name for name in OUTCOMES if getattr(self, name) is not None]
        if self.function is not None:
            if given or self.threshold is not None:
                raise ValueError(
                    f"{(given or ['threshold'])[0]} belongs to benefits of outcomes, and function takes their place"
                )
            return self
        if len(given) < len(OUTCOMES):
            lacking = " and ".join(name for name in OUTCOMES if name not in given)
            raise ValueError(
                f"the benefit of {lacking} is missing; declare that of each of the four outcomes (0 for what "
                "changes nothing), or a function"
            )
        return self

    @model_validator(mode="after")
    def _acting_depends_on_the_label(self) -> Self:
        for right, wrong in _PAIRS:
            better, worse = getattr(self, right), getattr(self, wrong)
            if isinstance(better, float) and isinstance(worse, float) and better <= worse:
                raise ValueError(
                    f"{right} ({better:g}) must be worth more than {wrong} ({worse:g}): else one decision is the "
                    "better one whatever a model says"
                )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that hold amounts of rows, without repetition."""
        amounts = (getattr(self, name) for name in OUTCOMES)
        return tuple(dict.fromkeys(amount for amount in amounts if isinstance(amount, str)))
