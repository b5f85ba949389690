"""Names and arguments of great_expectations' expectations, checked and described without importing it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from retrain_assets.spec import ExpectationSpec
from retrain_assets.spec.base import suggest
from retrain_assets.training_data.expectations.comparable_values import UnfitError, moment
from retrain_assets.training_data.expectations.row_condition import condition_text
from retrain_assets.training_data.expectations.row_condition_forms import read_condition

_COMMON = ("description", "meta", "notes")
_CONDITION = ("row_condition", "condition_parser")
_ROW = ("mostly", *_CONDITION, *_COMMON)
_BOUNDS = ("min_value", "max_value", "strict_min", "strict_max")

# Expectations that are translated to Polars: the arguments that they need, and those that they may have.
_ARGUMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "expect_column_values_to_not_be_null": (("column",), _ROW),
    "expect_column_values_to_be_null": (("column",), _ROW),
    "expect_column_values_to_be_between": (("column",), (*_BOUNDS, *_ROW)),
    "expect_column_values_to_be_in_set": (("column", "value_set"), _ROW),
    "expect_column_values_to_not_be_in_set": (("column", "value_set"), _ROW),
    "expect_column_values_to_match_regex": (("column", "regex"), _ROW),
    "expect_column_values_to_not_match_regex": (("column", "regex"), _ROW),
    "expect_column_value_lengths_to_be_between": (("column",), (*_BOUNDS, *_ROW)),
    "expect_column_value_lengths_to_equal": (("column", "value"), _ROW),
    "expect_column_values_to_be_unique": (("column",), _ROW),
    "expect_compound_columns_to_be_unique": (("column_list",), ("ignore_row_if", *_ROW)),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        ("column_A", "column_B"),
        ("or_equal", "ignore_row_if", *_ROW),
    ),
    "expect_column_pair_values_to_be_equal": (("column_A", "column_B"), ("ignore_row_if", *_ROW)),
    "expect_table_row_count_to_be_between": ((), (*_BOUNDS, *_CONDITION, *_COMMON)),
    "expect_table_row_count_to_equal": (("value",), (*_CONDITION, *_COMMON)),
    "expect_column_to_exist": (("column",), ("column_index", *_COMMON)),
    **{
        f"expect_column_{figure}_to_be_between": (
            ("column",),
            (*_BOUNDS, *_CONDITION, *_COMMON),
        )
        for figure in (
            "mean",
            "median",
            "sum",
            "min",
            "max",
            "unique_value_count",
            "proportion_of_unique_values",
            "proportion_of_non_null_values",
        )
    },
}
_PAIR_IGNORE = ("both_values_are_missing", "either_value_is_missing", "neither")
_COMPOUND_IGNORE = ("all_values_are_missing", "any_value_is_missing", "never")


@cache
def known_names() -> frozenset[str]:
    """Names of all expectations that the installed great_expectations holds."""
    spec = importlib.util.find_spec("great_expectations")
    places = (spec.submodule_search_locations if spec else None) or ()
    files = (path for place in places for path in Path(place, "expectations", "core").glob("expect_*.py"))
    return frozenset(path.stem for path in files)


def check_expectations(expectations: Sequence[ExpectationSpec]) -> list[str]:
    """Find what can be known wrong with expectations before any row is read.

    Parameters
    ----------
    expectations
        As declared.

    Returns
    -------
    list of str
        A sentence a fault, each beginning with the field; empty when all is well.
    """
    return [
        f"expectations[{index}]{field}: {fault}"
        for index, expectation in enumerate(expectations)
        for field, fault in _faults(expectation)
    ]


def _faults(expectation: ExpectationSpec) -> list[tuple[str, str]]:
    name, arguments = expectation.type, expectation.arguments
    if name not in known_names():
        return [(".type", f"there is no expectation {name!r}. {suggest(name, known_names())}")]
    if name not in _ARGUMENTS:
        return _value_faults(arguments)
    needed, allowed = _ARGUMENTS[name]
    faults = [
        (f".{argument}", f"{name} has no argument {argument!r}. {suggest(argument, (*needed, *allowed))}")
        for argument in arguments
        if argument not in (*needed, *allowed)
    ]
    faults += [
        ("", f"{name} needs the argument {argument!r}.") for argument in needed if argument not in arguments
    ]
    if "min_value" in allowed and arguments.get("min_value") is None and arguments.get("max_value") is None:
        faults.append(("", f"{name} needs min_value, max_value or both."))
    return faults + _value_faults(arguments)


def _value_faults(arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
    checks: dict[str, Callable[[Any], str | None]] = {
        "mostly": _mostly_fault,
        "regex": _regex_fault,
        "value_set": _list_fault,
        "column_list": _list_fault,
        "value": lambda value: None if type(value) in (int, float) else f"{value!r} is no number.",
        "min_value": _bound_fault,
        "max_value": _bound_fault,
        "row_condition": lambda _: _condition_fault(arguments),
        "ignore_row_if": lambda value: _ignore_fault(value, "column_A" in arguments),
        **dict.fromkeys(
            ("column", "column_A", "column_B"),
            lambda value: (
                None if isinstance(value, str) else f"{value!r} is no column's name; write it as text."
            ),
        ),
    }
    found = [(f".{name}", check(arguments[name])) for name, check in checks.items() if name in arguments]
    faults = [(field, fault) for field, fault in found if fault is not None]
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if not faults and type(low) is type(high) and low is not None and low > high:
        faults.append((".min_value", f"the lower bound {low} is above the upper bound {high}."))
    return faults


def _list_fault(value: Any) -> str | None:
    return None if isinstance(value, list | tuple) else f"{value!r} is no list."


def _mostly_fault(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return None
    return f"{value!r} is no share; write a number from 0 to 1, such as 0.99."


def _regex_fault(value: Any) -> str | None:
    try:
        re.compile(value)
    except (re.error, TypeError) as error:
        return f"{value!r} is no regular expression ({error})."
    return None


def _bound_fault(value: Any) -> str | None:
    if value is None or isinstance(value, int | float):
        return None
    try:
        moment(value)
    except UnfitError:
        return f"{value!r} is neither a number nor a date."
    return None


def _condition_fault(arguments: Mapping[str, Any]) -> str | None:
    try:
        read_condition(arguments)
    except UnfitError as error:
        return f"{error}."
    return None


def _ignore_fault(value: Any, pair: bool) -> str | None:
    options = _PAIR_IGNORE if pair else _COMPOUND_IGNORE
    return None if value in options else f"{value!r} is not known here. {suggest(str(value), options)}"


def label(expectation: ExpectationSpec) -> str:
    """Name an expectation with the arguments that tell it from others, in the form that quarantine shows."""
    shown = [f"{name}={_short(value)}" for name, value in _details(expectation.arguments).items()]
    condition = read_condition(expectation.arguments)
    if condition is not None:
        shown.append(f"where {condition_text(condition)}")
    return f"{expectation.type}({', '.join(shown)})" if shown else expectation.type


def describe(expectation: ExpectationSpec) -> str:
    """Say what an expectation asks for, as a sentence."""
    arguments = expectation.arguments
    columns = (
        arguments.get("column")
        or arguments.get("column_list")
        or [arguments[name] for name in ("column_A", "column_B") if name in arguments]
    )
    names = [columns] if isinstance(columns, str) else list(map(str, columns))
    subject = f"Column{'s' * (len(names) > 1)} {' and '.join(names)}" if names else "The table"
    words = re.sub(r"^expect_(table_|column_pair_|column_|compound_columns_)?", "", expectation.type)
    figure, _, demand = words.replace("_", " ").partition("to ")
    figure = f"{figure.strip()} " if figure.strip() else ""
    details = ", ".join(
        f"{name.replace('_', ' ')} {_short(value)}" for name, value in _details(arguments).items()
    )
    condition = read_condition(arguments)
    where = f", where {condition_text(condition)}" if condition is not None else ""
    mostly = arguments.get("mostly", 1)
    share = f", in {100 * mostly:g} % of the rows at least" if mostly != 1 else ""
    effect = "withholds the partition" if expectation.severity == "critical" else "is a warning"
    demand = f"must {demand}" if demand else "must hold"
    return (
        f"{subject}: {figure}{demand}{f' ({details})' if details else ''}{where}{share}; a failure {effect}."
    )


def _details(arguments: Mapping[str, Any]) -> dict[str, Any]:
    left_out = {"column", "column_A", "column_B", "column_list", "mostly", *_CONDITION, *_COMMON}
    return {name: value for name, value in arguments.items() if name not in left_out}


def check_names(expectations: Sequence[ExpectationSpec]) -> list[str]:
    """Give every expectation a name of letters, digits and _ that no other one of the declaration has."""
    names: list[str] = []
    for expectation in expectations:
        arguments = expectation.arguments
        columns = [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]
        base = re.sub(r"\W+", "_", "_".join([expectation.type, *map(str, columns)]), flags=re.ASCII).strip(
            "_"
        )
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}_{number}"
        names.append(name)
    return names


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        shown = ", ".join(map(str, value[:5]))
        return f"[{shown}, and {len(value) - 5} more]" if len(value) > 5 else f"[{shown}]"
    return str(value)
