"""What pydantic finds wrong with a declaration, as sentences that name the field and say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pydantic import BaseModel, ValidationError

from retrain_assets.spec.base import suggest

_FORMS = frozenset({"float", "str"})
"""Where a value may have several forms, pydantic names each that does not fit as if it were a field of it."""

_MISSING = "this field is needed and has no default. Declare it."


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
    return list(dict.fromkeys(_sentence(fault, model) for fault in faults))


def empty_blocks(model: type[BaseModel], written: Mapping[str, Any], path: str = "") -> list[str]:
    """Say which optional blocks are left empty although all their fields have defaults: none of them would hold.

    Parameters
    ----------
    model
        The model of the block.
    written
        What the file says of it.
    path
        The block, with a dot behind it; empty for the whole.
    """
    found = []
    for name, value in written.items():
        field = model.model_fields.get(name)
        block = _nested_model(field.annotation) if field else None
        if field is None or block is None:
            continue
        if value is None and field.default is None and not _needs(block):
            found.append(f"{path}{name}: {_empty(block)}")
        elif isinstance(value, Mapping):
            found += empty_blocks(block, value, f"{path}{name}.")
    return found


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    several = not _FORMS.isdisjoint(fault["loc"])
    location = [part for part in fault["loc"] if part not in _FORMS]
    text = f"this is a number or a text, and {_said(fault)}" if several else _told(fault, model)
    ended = text if text[-1] in ".?" else f"{text}."
    return f"{_path(location)}: {ended}" if location else ended


def _told(fault: Any, model: type[BaseModel]) -> str:
    given = fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            name, block = str(fault["loc"][-1]), _model_at(model, fault["loc"][:-1])
            return f"there is no field {name!r} here. {suggest(name, block.model_fields if block else ())}"
        case "missing" | "value_error" as kind:
            return _MISSING if kind == "missing" else str(fault["ctx"]["error"])
        case "literal_error" | "enum":
            options = re.findall(r"'([^']*)'", fault["ctx"]["expected"])
            return f"{given!r} is not known here. {suggest(str(given), options)}"
        case "model_type" | "dict_type" | "list_type":
            return _of_another_shape(fault, _model_at(model, fault["loc"]))
        case "string_type" if isinstance(given, bool | int | float | date):
            return f"this is a text, and {_said(fault)}. Put it in quotes."
        case _:
            return f"{fault['msg'][0].lower()}{fault['msg'][1:]}, but {_said(fault)}"


def _of_another_shape(fault: Any, block: type[BaseModel] | None) -> str:
    """Say that a block or a list is a value, or is empty."""
    given, said = fault["input"], _said(fault)
    if fault["type"] == "list_type":
        if given is None:
            return "the list is empty. Write its entries below it, each behind a dash, or remove it."
        return f"this is a list, and {said}. Write each entry behind a dash, or all of them in brackets."
    if given is None:
        return _empty(block)
    if fault["type"] == "dict_type" or block is None:
        return (
            f"this is a block of names with values, and {said}. Write lines of the form name: value below it."
        )
    return (
        f"this is a block, and {said}. Write its fields below it, indented: {', '.join(block.model_fields)}."
    )


def _empty(block: type[BaseModel] | None) -> str:
    told = "the block is empty. Write its fields below it, indented, or remove it"
    return f"{told}." if block is not None and _needs(block) else f"{told}; {{}} stands for its defaults."


def _needs(block: type[BaseModel]) -> bool:
    """Whether a block has fields that must be declared."""
    return any(field.is_required() for field in block.model_fields.values())


def _said(fault: Any) -> str:
    given = fault["input"]
    shown = (
        str(given)
        if isinstance(given, date)
        else json.dumps(given)
        if isinstance(given, bool)
        else repr(given)
    )
    return f"the file says {shown}"


def _path(location: Sequence[str | int]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The nested model that ``location`` leads to."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        nested = _nested_model(field.annotation) if field else None
        if nested is None:
            return None
        model = nested
    return model


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _nested_model(inner)
        if found is not None:
            return found
    return None
