"""Tests of single values and of pairs of values, one per expectation of great_expectations."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrain_assets.training_data.expectations.comparable_values import Kind, bound, members


@dataclass(frozen=True)
class Column:
    """A column as a test sees it.

    Parameters
    ----------
    values
        Its values in comparable form; null where there is none.
    dtype
        Its type as delivered.
    kind
        What it holds.
    """

    values: pl.Expr
    dtype: pl.DataType
    kind: Kind


ValueTest = Callable[[Column, Mapping[str, Any]], pl.Expr]
PairTest = Callable[[pl.Expr, pl.Expr, Mapping[str, Any]], pl.Expr]


def _between(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    low = bound(arguments.get("min_value"), column.kind)
    high = bound(arguments.get("max_value"), column.kind)
    # Bounds are floats in great_expectations, so whole numbers are compared as floats there.
    values = column.values if column.kind == "time" else column.values.cast(pl.Float64)
    return _within(values, low, high, arguments)


def _within(values: pl.Expr, low: Any, high: Any, arguments: Mapping[str, Any]) -> pl.Expr:
    """Compare values with bounds, of which ``strict_min`` and ``strict_max`` exclude the bound itself."""
    kept = pl.lit(True)
    if low is not None:
        kept &= values > low if arguments.get("strict_min") else values >= low
    if high is not None:
        kept &= values < high if arguments.get("strict_max") else values <= high
    return kept


def _in_set(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    if column.kind == "empty":
        return pl.lit(True)
    return column.values.is_in(members(arguments["value_set"], column.dtype).implode())


def _not_in_set(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return ~_in_set(column, arguments)


def _matches(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    # Python's engine, as in great_expectations: Polars' own lacks look-around and back-references.
    search = re.compile(arguments["regex"]).search
    return _text_test(column, lambda text: search(text) is not None)


def _not_matches(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return ~_matches(column, arguments)


def _length_between(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    low, high = (
        None if arguments.get(name) is None else int(arguments[name]) for name in ("min_value", "max_value")
    )
    return _within(_length(column), low, high, arguments)


def _length_equals(column: Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return _length(column) == float(arguments["value"])


def _length(column: Column) -> pl.Expr:
    if column.kind in ("text", "empty"):
        return column.values.str.len_chars()
    return column.values.map_batches(
        lambda values: pl.Series(
            [None if value is None else len(str(value)) for value in values], dtype=pl.UInt32
        ),
        return_dtype=pl.UInt32,
        is_elementwise=True,
    )


def _text_test(column: Column, test: Callable[[str], bool]) -> pl.Expr:
    """Hold every value's text against a test, each distinct text once."""

    def apply(values: pl.Series) -> pl.Series:
        texts = [None if value is None else str(value) for value in values]
        verdicts = {text: test(text) for text in set(texts) if text is not None}
        return pl.Series([None if text is None else verdicts[text] for text in texts], dtype=pl.Boolean)

    return column.values.map_batches(apply, return_dtype=pl.Boolean, is_elementwise=True)


def _unique(column: Column, _: Mapping[str, Any]) -> pl.Expr:
    return ~column.values.is_duplicated()


def _greater(left: pl.Expr, right: pl.Expr, arguments: Mapping[str, Any]) -> pl.Expr:
    return left >= right if arguments.get("or_equal") else left > right


def _equal(left: pl.Expr, right: pl.Expr, _: Mapping[str, Any]) -> pl.Expr:
    return left == right


VALUE_TESTS: dict[str, ValueTest] = {
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_match_regex": _matches,
    "expect_column_values_to_not_match_regex": _not_matches,
    "expect_column_value_lengths_to_be_between": _length_between,
    "expect_column_value_lengths_to_equal": _length_equals,
}
PAIR_TESTS: dict[str, PairTest] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": _equal,
}
