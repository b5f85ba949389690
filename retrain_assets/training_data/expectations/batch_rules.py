"""Expectations about a whole batch as Polars aggregates, with great_expectations' own semantics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any

import polars as pl

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.comparable_values import Kind, bound, comparable, kind_of
from retrain_assets.training_data.expectations.row_condition import condition_expr
from retrain_assets.training_data.expectations.row_condition_forms import read_condition


@dataclass(frozen=True)
class BatchRule:
    """One expectation about a figure of the batch.

    Parameters
    ----------
    figure
        The figure, as an aggregate.
    holds
        Whether a figure meets the expectation.
    """

    figure: pl.Expr
    holds: Callable[[Any], bool]


_FIGURES: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "mean": lambda values: values.cast(pl.Float64).mean(),
    "median": lambda values: values.cast(pl.Float64).median(),
    "sum": lambda values: values.cast(pl.Float64).sum(),
    "min": lambda values: values.min(),
    "max": lambda values: values.max(),
    "unique_value_count": lambda values: values.drop_nulls().n_unique(),
    "proportion_of_unique_values": lambda values: (values.drop_nulls().n_unique() / values.count()).fill_nan(
        0.0
    ),
    "proportion_of_non_null_values": lambda values: (values.count() / values.len()).fill_nan(0.0),
}
_COUNTED: tuple[Kind, ...] = ("number", "flag", "text", "time", "empty")
# Kinds of column that a figure can be had of; figures that are counts are numbers whatever the column holds.
_KINDS: dict[str, tuple[Kind, ...]] = {
    "mean": ("number", "flag"),
    "median": ("number", "flag"),
    "sum": ("number", "flag"),
    "min": ("number", "flag", "time"),
    "max": ("number", "flag", "time"),
}


def batch_rule(
    expectation: ExpectationSpec, schema: Mapping[str, pl.DataType], columns: Sequence[str]
) -> BatchRule | None:
    """Translate one expectation about the batch; None where only great_expectations can judge it.

    Parameters
    ----------
    expectation
        As declared.
    schema
        All columns of the batch.
    columns
        The columns that the source delivered, in their order.

    Raises
    ------
    UnfitError
        When it cannot be held against the type of its column.
    """
    name, arguments = expectation.type, expectation.arguments
    condition = read_condition(arguments)
    chosen = None if condition is None else condition_expr(condition, schema)
    rows = pl.len() if chosen is None else chosen.sum()
    match name:
        case "expect_table_row_count_to_be_between":
            return BatchRule(rows, lambda count: _inside(count, arguments, "number"))
        case "expect_table_row_count_to_equal":
            return BatchRule(rows, lambda count: bool(count == int(arguments["value"])))
        case "expect_column_to_exist":
            return BatchRule(pl.lit(_exists(arguments, columns)), bool)
        case _:
            return _column_rule(name, arguments, schema, chosen)


def _column_rule(
    name: str, arguments: Mapping[str, Any], schema: Mapping[str, pl.DataType], chosen: pl.Expr | None
) -> BatchRule | None:
    figure = name.removeprefix("expect_column_").removesuffix("_to_be_between")
    if name != f"expect_column_{figure}_to_be_between" or figure not in _FIGURES:
        return None
    column = arguments["column"]
    kind = kind_of(schema[column])
    if kind not in _KINDS.get(figure, _COUNTED):
        return None
    measure: Kind = "number" if figure not in _KINDS else kind
    for limit in ("min_value", "max_value"):
        bound(arguments.get(limit), measure)
    values = comparable(column, schema[column])
    looked_at = values if chosen is None else values.filter(chosen)
    return BatchRule(_FIGURES[figure](looked_at), lambda value: _inside(value, arguments, measure))


def _exists(arguments: Mapping[str, Any], columns: Sequence[str]) -> bool:
    index = arguments.get("column_index")
    if index is None:
        return arguments["column"] in columns
    return bool(index < len(columns) and columns[index] == arguments["column"])


def _inside(value: Any, arguments: Mapping[str, Any], kind: Kind) -> bool:
    if value is None or (isinstance(value, float) and isnan(value)):
        return False
    low, high = bound(arguments.get("min_value"), kind), bound(arguments.get("max_value"), kind)
    figure: Any = value if isinstance(value, datetime) else float(value)
    above = low is None or (figure > low if arguments.get("strict_min") else figure >= low)
    below = high is None or (figure < high if arguments.get("strict_max") else figure <= high)
    return bool(above and below)
