"""What all blocks of a declaration share: strict models, durations, and errors as sentences."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
)

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"minutes": 1 / 1440, "hours": 1 / 24, "days": 1, "weeks": 7}
_LONGEST_DAYS = 36_525
"""Longer ones lead out of the calendar, wherever they are taken from a date."""
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
    BeforeValidator(parse_duration, json_schema_input_type=str),
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
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]!r}?"
    if len(known) <= 12:
        return f"It can be one of: {', '.join(known)}."
    return "No known name is near to it."


def sentences(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Turn a validation error into one sentence a fault, each naming the field.

    Parameters
    ----------
    error
        What pydantic found wrong with a declaration.
    model
        The model that the declaration was validated against.
    """
    # What is said to be missing is mostly misspelt: the sentence that says so comes first.
    faults = sorted(error.errors(include_url=False), key=lambda fault: fault["type"] == "missing")
    return [_sentence(fault, model) for fault in faults]


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    path = _path(fault["loc"])
    match fault["type"]:
        case "extra_forbidden":
            name = str(fault["loc"][-1])
            siblings = _fields_at(model, fault["loc"][:-1])
            return f"{path}: there is no field {name!r} here. {suggest(name, siblings)}"
        case "missing":
            return f"{path}: this field is needed and has no default. Declare it."
        case "value_error":
            text = str(fault["ctx"]["error"])
            return f"{path}: {text}" if text[-1] in ".?" else f"{path}: {text}."
        case "literal_error" | "enum":
            options = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
            return f"{path}: {fault['input']!r} is not known here. {suggest(str(fault['input']), options)}"
        case _:
            message = fault["msg"][0].lower() + fault["msg"][1:]
            return f"{path}: {message}, but the file says {fault['input']!r}."


def _path(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "attributes"


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Names of the fields of the nested model that ``location`` leads to."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        nested = _nested_model(field.annotation) if field else None
        if nested is None:
            return []
        model = nested
    return list(model.model_fields)


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _nested_model(inner)
        if found is not None:
            return found
    return None
