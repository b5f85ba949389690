"""What all blocks of a declaration share: strict models, durations, and the nearest known name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7}
_LONGEST_DAYS = 36_525
"""Longer ones lead out of the calendar, wherever they are taken from a date."""
_LISTED = 30
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*([mhdw])$")


def parse_duration(text: object) -> timedelta:
    """Read a duration such as ``30m``, ``12h``, ``7d`` or ``4w``.

    Parameters
    ----------
    text
        The declared value. A ``timedelta`` passes through; the bare number 0 is no time at all.

    Raises
    ------
    ValueError
        When the text is no duration.
    """
    if isinstance(text, timedelta):
        return text
    if text == 0 and not isinstance(text, bool):
        return timedelta(0)
    match = _DURATION.match(str(text).strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w")
    number, unit = float(match.group(1)), _UNITS[match.group(2)]
    if not number * _DAYS[unit] <= _LONGEST_DAYS:
        raise ValueError(
            f"{str(text)[:20]!r} is longer than a hundred years; write one such as 12h, 7d or 4w"
        )
    return timedelta(**{unit: number})


def format_duration(value: timedelta) -> str:
    """Write a duration in the largest unit that divides it, days at most (``7d``, ``36h``, ``90m``)."""
    seconds = value.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds / 60:g}m"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str | int),
    PlainSerializer(format_duration, return_type=str),
]


def _some_time(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("this duration cannot be 0; write one such as 12h, 7d or 4w")
    return value


PositiveDuration = Annotated[Duration, AfterValidator(_some_time)]


class Spec(BaseModel):
    """A block of a declaration: unknown fields are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name is nearest to ``name``, as a sentence, or list the known names if none is near."""
    known = sorted(set(known))
    folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name, known, n=1) or [
        folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=1)
    ]
    if near:
        return f"Did you mean {near[0]!r}?"
    if len(known) <= _LISTED:
        return f"It can be one of: {', '.join(known)}."
    return "No known name is near to it."
