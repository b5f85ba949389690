"""Expectations about single rows as Polars predicates, with great_expectations' own semantics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.comparable_values import Kind, comparable, kind_of
from retrain_assets.training_data.expectations.row_condition import condition_columns, condition_expr
from retrain_assets.training_data.expectations.row_condition_forms import read_condition
from retrain_assets.training_data.expectations.value_tests import PAIR_TESTS, VALUE_TESTS, Column
from retrain_assets.training_data.expectations.vocabulary import label

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
        Boolean, never null: whether a row counts: it meets the condition, if there is one, and does not merely
        lack the value.
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
    condition = read_condition(arguments)
    looked_at = {*columns, *(condition_columns(condition) if condition else ())}
    if not columns or not looked_at <= set(schema):
        return None
    chosen = condition_expr(condition, schema) if condition else pl.lit(True)
    made = _predicate(expectation.type, arguments, columns, schema, chosen)
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
    name: str, arguments: Mapping[str, Any], columns: Sequence[str], schema: Schema, chosen: pl.Expr
) -> tuple[pl.Expr, pl.Expr] | None:
    """Say which rows keep the expectation, and which of the chosen rows count."""
    values = [comparable(column, schema[column]) for column in columns]
    kinds = [kind_of(schema[column]) for column in columns]
    if name in _NULL_TESTS:
        missing = values[0].is_null()
        return (missing if _NULL_TESTS[name] else ~missing), chosen
    if "other" in kinds:
        return None
    if name in VALUE_TESTS:
        # A row that is not chosen has no value here, so that it makes no other a duplicate.
        value = pl.when(chosen).then(values[0])
        passes = VALUE_TESTS[name](Column(value, schema[columns[0]], kinds[0]), arguments)
        return passes.fill_null(True), value.is_not_null()
    if name == "expect_compound_columns_to_be_unique":
        keep = _considered(values, arguments.get("ignore_row_if", "all_values_are_missing")) & chosen
        # Whether a row counts is part of the key: one that does not makes no other a duplicate.
        key = [value.alias(str(place)) for place, value in enumerate([keep, *values])]
        return ~pl.struct(key).is_duplicated(), keep
    if name in PAIR_TESTS and _same_kind(kinds):
        keep = _considered(values, arguments.get("ignore_row_if", "both_values_are_missing")) & chosen
        left, right = _alike(values, kinds)
        return PAIR_TESTS[name](left, right, arguments).fill_null(False), keep
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
