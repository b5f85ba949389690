"""``row_condition``: the rows that an expectation is about, read once for both judges.

A condition is a tree of comparisons with constants. Polars evaluates the tree, and great_expectations is handed
its text for pandas, in which every constant has the type of its column.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import polars as pl

from retrain_assets.training_data.expectations.comparable_values import (
    Kind,
    UnfitError,
    comparable,
    kind_of,
    moment,
)

Constant = int | float | bool | str
Schema = Mapping[str, pl.DataType]

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""Signs of comparisons, and what they do."""


@dataclass(frozen=True)
class Compared:
    """Rows whose value of a column compares with a constant as told; a missing value only differs."""

    column: str
    sign: str
    value: Constant


@dataclass(frozen=True)
class Missing:
    """Rows that lack a value of a column, or that have one."""

    column: str
    missing: bool


@dataclass(frozen=True)
class Joined:
    """Rows that meet all of several conditions, or any of them."""

    word: Literal["and", "or"]
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negated:
    """Rows that do not meet a condition."""

    part: Condition


Condition = Compared | Missing | Joined | Negated


def condition_columns(condition: Condition) -> list[str]:
    """Columns that a condition looks at."""
    match condition:
        case Joined(parts=parts):
            return list(dict.fromkeys(name for part in parts for name in condition_columns(part)))
        case Negated(part=part):
            return condition_columns(part)
        case _:
            return [condition.column]


def condition_expr(condition: Condition, schema: Schema) -> pl.Expr:
    """Say which rows meet a condition: boolean, never null.

    Raises
    ------
    UnfitError
        When a column is not there, or holds nothing that compares with its constant.
    """
    match condition:
        case Compared(column=column, sign=sign, value=value):
            constant = _constant(condition, schema)
            if kind_of(schema[column]) == "empty":
                return pl.lit(sign == "!=")
            values = comparable(column, schema[column])
            compared: pl.Expr = OPERATORS[sign](
                values, moment(value) if _is_time(schema, column) else constant
            )
            return compared.fill_null(sign == "!=")
        case Missing(column=column, missing=missing):
            values = comparable(column, _dtype(column, schema))
            return values.is_null() if missing else values.is_not_null()
        case Joined(word=word, parts=parts):
            join = operator.and_ if word == "and" else operator.or_
            return reduce(join, (condition_expr(part, schema) for part in parts))
        case Negated(part=part):
            return ~condition_expr(part, schema)


def condition_query(condition: Condition, schema: Schema) -> str:
    """Write a condition for ``pandas.DataFrame.query`` on columns in comparable form.

    Raises
    ------
    UnfitError
        As ``condition_expr``.
    """
    match condition:
        case Compared(column=column, sign=sign):
            constant = repr(_constant(condition, schema))
            if kind_of(schema[column]) == "time" and sign in ("==", "!="):
                # pandas looks for equal times among texts, where it finds none.
                equal = f"`{column}` >= {constant} and `{column}` <= {constant}"
                return equal if sign == "==" else f"not ({equal})"
            return f"`{column}` {sign} {constant}"
        case Missing(column=column, missing=missing):
            _dtype(column, schema)
            return f"`{column}`.{'isnull' if missing else 'notnull'}()"
        case Joined(word=word, parts=parts):
            return f" {word} ".join(f"({condition_query(part, schema)})" for part in parts)
        case Negated(part=part):
            return f"not ({condition_query(part, schema)})"


def condition_text(condition: Condition) -> str:
    """Write a condition for people."""
    match condition:
        case Compared(column=column, sign=sign, value=value):
            return f"{column} {sign} {value!r}"
        case Missing(column=column, missing=missing):
            return f"{column} is {'' if missing else 'not '}null"
        case Joined(word=word, parts=parts):
            return f" {word} ".join(
                f"({condition_text(part)})" if isinstance(part, Joined) else condition_text(part)
                for part in parts
            )
        case Negated(part=part):
            return f"not ({condition_text(part)})"


def _dtype(column: str, schema: Schema) -> pl.DataType:
    if column not in schema:
        raise UnfitError(f"the batch has no column {column!r}, which row_condition names")
    return schema[column]


def _is_time(schema: Schema, column: str) -> bool:
    return kind_of(schema[column]) == "time"


def _constant(condition: Compared, schema: Schema) -> Constant:
    """Read a condition's constant in the form of its column; a time in ISO 8601 with its zone."""
    kind = kind_of(_dtype(condition.column, schema))
    value = condition.value
    of_kind: dict[Kind, bool] = {
        "empty": True,
        "text": isinstance(value, str),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "flag": isinstance(value, bool) or value in (0, 1),
        "time": isinstance(value, str),
    }
    if not of_kind.get(kind, False):
        held = {"text": "text", "number": "numbers", "flag": "true or false", "time": "times"}
        raise UnfitError(
            f"row_condition compares {condition.column!r} with {value!r}, but the column holds "
            f"{held.get(kind, 'what has no constants')}"
        )
    if kind == "time":
        return moment(value).isoformat()
    return bool(value) if kind == "flag" else value
