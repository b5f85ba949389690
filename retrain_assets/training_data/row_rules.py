"""Expectations about single rows as Polars predicates, with great_expectations' own semantics."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.comparable import Kind, bound, comparable, kind_of, members
from retrain_assets.training_data.vocabulary import label

Schema = Mapping[str, pl.DataType]


@dataclass(frozen=True)
class RowRule:
    """One expectation that each row keeps or breaks.

    Parameters
    ----------
    index
        Its place in the declaration.
    type
        great_expectations' name of it.
    columns
        The columns that it looks at.
    label
        Name and arguments, as quarantine shows them.
    passes
        Boolean, never null: whether a row keeps it; true where the row is not evaluated.
    evaluated
        Boolean, never null: whether a row counts, and does not merely lack the value.
    """

    index: int
    type: str
    columns: tuple[str, ...]
    label: str
    passes: pl.Expr
    evaluated: pl.Expr

    @property
    def column(self) -> str:
        """The columns that it looks at, as one text."""
        return ", ".join(self.columns)


@dataclass(frozen=True)
class _Column:
    """A column as a test sees it."""

    values: pl.Expr
    dtype: pl.DataType
    kind: Kind


_Test = Callable[[_Column, Mapping[str, Any]], pl.Expr]
_Pair = Callable[[pl.Expr, pl.Expr, Mapping[str, Any]], pl.Expr]
_NULL_TESTS = {"expect_column_values_to_not_be_null": False, "expect_column_values_to_be_null": True}


def row_rules(expectations: Sequence[ExpectationSpec], schema: Schema) -> list[RowRule]:
    """Translate the expectations that single rows can break.

    Parameters
    ----------
    expectations
        As declared.
    schema
        The columns of the rows. An expectation on a column that is not there gives no rule.

    Raises
    ------
    SpecError
        When an expectation cannot be held against the type of its column.
    """
    rules = []
    for index, expectation in enumerate(expectations):
        try:
            rule = row_rule(index, expectation, schema)
        except ValueError as error:
            raise SpecError(f"expectations[{index}] ({expectation.type}): {error}.") from None
        if rule is not None:
            rules.append(rule)
    return rules


def row_rule(index: int, expectation: ExpectationSpec, schema: Schema) -> RowRule | None:
    """Translate one expectation; None where it is about the batch, or only great_expectations can judge it.

    Raises
    ------
    UnfitError
        When it cannot be held against the type of its column.
    """
    arguments = expectation.arguments
    columns = _columns(arguments)
    if not columns or not set(columns) <= set(schema) or "row_condition" in arguments:
        return None
    made = _predicate(expectation.type, arguments, columns, schema)
    if made is None:
        return None
    passes, evaluated = made
    return RowRule(
        index=index,
        type=expectation.type,
        columns=columns,
        label=label(expectation),
        passes=passes | ~evaluated,
        evaluated=evaluated,
    )


def _columns(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    if "column" in arguments:
        return (arguments["column"],)
    if "column_A" in arguments and "column_B" in arguments:
        return (arguments["column_A"], arguments["column_B"])
    return tuple(arguments.get("column_list", ()))


def _predicate(
    name: str, arguments: Mapping[str, Any], columns: Sequence[str], schema: Schema
) -> tuple[pl.Expr, pl.Expr] | None:
    values = [comparable(column, schema[column]) for column in columns]
    kinds = [kind_of(schema[column]) for column in columns]
    if name in _NULL_TESTS:
        missing = values[0].is_null()
        return (missing if _NULL_TESTS[name] else ~missing), pl.lit(True)
    if "other" in kinds:
        return None
    if name == "expect_compound_columns_to_be_unique":
        keep = _considered(values, arguments.get("ignore_row_if", "all_values_are_missing"))
        # Rows that are left out must not make others duplicates.
        return ~pl.struct(keep.alias("considered"), *values).is_duplicated(), keep
    if name in _PAIR_TESTS:
        if not _same_kind(kinds):
            return None
        keep = _considered(values, arguments.get("ignore_row_if", "both_values_are_missing"))
        left, right = _alike(values, kinds)
        return _PAIR_TESTS[name](left, right, arguments).fill_null(False), keep
    if name in _TESTS:
        passes = _TESTS[name](_Column(values[0], schema[columns[0]], kinds[0]), arguments)
        return passes.fill_null(True), values[0].is_not_null()
    return None


def _considered(values: Sequence[pl.Expr], ignore: str) -> pl.Expr:
    present = [value.is_not_null() for value in values]
    match ignore:
        case "both_values_are_missing" | "all_values_are_missing":
            return pl.any_horizontal(present)
        case "either_value_is_missing" | "any_value_is_missing":
            return pl.all_horizontal(present)
        case _:
            return pl.lit(True)


def _same_kind(kinds: Sequence[Kind]) -> bool:
    found = {"number" if kind == "flag" else kind for kind in kinds} - {"empty"}
    return len(found) <= 1


def _alike(values: Sequence[pl.Expr], kinds: Sequence[Kind]) -> Sequence[pl.Expr]:
    if "empty" in kinds:
        return [pl.lit(None, dtype=pl.Boolean)] * 2
    if set(kinds) == {"number", "flag"}:
        return [
            value.cast(pl.Int64) if kind == "flag" else value
            for value, kind in zip(values, kinds, strict=True)
        ]
    return values


def _between(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    low = bound(arguments.get("min_value"), column.kind)
    high = bound(arguments.get("max_value"), column.kind)
    # Bounds are floats in great_expectations, so whole numbers are compared as floats there.
    values = column.values if column.kind == "time" else column.values.cast(pl.Float64)
    return within(values, low, high, arguments)


def within(values: pl.Expr, low: Any, high: Any, arguments: Mapping[str, Any]) -> pl.Expr:
    """Compare values with bounds; ``strict_min`` and ``strict_max`` in ``arguments`` exclude the bound itself."""
    kept = pl.lit(True)
    if low is not None:
        kept &= values > low if arguments.get("strict_min") else values >= low
    if high is not None:
        kept &= values < high if arguments.get("strict_max") else values <= high
    return kept


def _in_set(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    if column.kind == "empty":
        return pl.lit(True)
    return column.values.is_in(members(arguments["value_set"], column.dtype).implode())


def _not_in_set(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return ~_in_set(column, arguments)


def _matches(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    # Python's engine, as in great_expectations: Polars' own lacks look-around and back-references.
    search = re.compile(arguments["regex"]).search
    return _text_test(column, lambda text: search(text) is not None)


def _not_matches(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return ~_matches(column, arguments)


def _length_between(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    low, high = (
        None if arguments.get(name) is None else int(arguments[name]) for name in ("min_value", "max_value")
    )
    return within(_length(column), low, high, arguments)


def _length_equals(column: _Column, arguments: Mapping[str, Any]) -> pl.Expr:
    return _length(column) == float(arguments["value"])


def _length(column: _Column) -> pl.Expr:
    if column.kind in ("text", "empty"):
        return column.values.str.len_chars()
    return column.values.map_batches(
        lambda values: pl.Series(
            [None if value is None else len(str(value)) for value in values], dtype=pl.UInt32
        ),
        return_dtype=pl.UInt32,
        is_elementwise=True,
    )


def _text_test(column: _Column, test: Callable[[str], bool]) -> pl.Expr:
    """Hold every value's text against a test, each distinct text once."""

    def apply(values: pl.Series) -> pl.Series:
        texts = [None if value is None else str(value) for value in values]
        verdicts = {text: test(text) for text in set(texts) if text is not None}
        return pl.Series([None if text is None else verdicts[text] for text in texts], dtype=pl.Boolean)

    return column.values.map_batches(apply, return_dtype=pl.Boolean, is_elementwise=True)


def _unique(column: _Column, _: Mapping[str, Any]) -> pl.Expr:
    return ~column.values.is_duplicated()


def _greater(left: pl.Expr, right: pl.Expr, arguments: Mapping[str, Any]) -> pl.Expr:
    return left >= right if arguments.get("or_equal") else left > right


def _equal(left: pl.Expr, right: pl.Expr, _: Mapping[str, Any]) -> pl.Expr:
    return left == right


_TESTS: dict[str, _Test] = {
    "expect_column_values_to_be_between": _between,
    "expect_column_values_to_be_in_set": _in_set,
    "expect_column_values_to_not_be_in_set": _not_in_set,
    "expect_column_values_to_be_unique": _unique,
    "expect_column_values_to_match_regex": _matches,
    "expect_column_values_to_not_match_regex": _not_matches,
    "expect_column_value_lengths_to_be_between": _length_between,
    "expect_column_value_lengths_to_equal": _length_equals,
}
_PAIR_TESTS: dict[str, _Pair] = {
    "expect_column_pair_values_a_to_be_greater_than_b": _greater,
    "expect_column_pair_values_to_be_equal": _equal,
}
