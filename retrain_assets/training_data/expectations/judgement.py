"""What a good batch is: one declaration, held against a delivered batch in one Polars pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.batch_rules import BatchRule, batch_rule
from retrain_assets.training_data.expectations.comparable_values import UnfitError
from retrain_assets.training_data.expectations.results import (
    OWN_COLUMNS,
    ExpectationResult,
    as_text,
    columns_of,
    figure_result,
    share_result,
    unfit,
)
from retrain_assets.training_data.expectations.row_condition import condition_columns
from retrain_assets.training_data.expectations.row_condition_forms import read_condition
from retrain_assets.training_data.expectations.row_rules import RowRule, row_rule

_OFFENDING = {"row_id": pl.Int64(), "rule": pl.String(), "column": pl.String(), "value": pl.String()}


@dataclass(frozen=True)
class Judgement:
    """What a batch's expectations found.

    Parameters
    ----------
    offending
        One line per row and rule that it breaks: row_id, rule, column, value.
    results
        One per expectation, in the order of the declaration.
    """

    offending: pl.DataFrame
    results: tuple[ExpectationResult, ...]


def judge(frame: pl.DataFrame, expectations: Sequence[ExpectationSpec]) -> Judgement:
    """Hold a batch against its expectations.

    What has no translation to Polars is judged by great_expectations, which is imported only then.

    Parameters
    ----------
    frame
        The delivered rows, each with its ``row_id``.
    expectations
        As declared.
    """
    delivered = [name for name in frame.columns if name not in OWN_COLUMNS]
    rows: list[RowRule] = []
    batch: dict[int, BatchRule] = {}
    left: list[int] = []
    results: dict[int, ExpectationResult] = {}
    for index, expectation in enumerate(expectations):
        try:
            _check_columns(expectation, delivered)
            rule = row_rule(index, expectation, frame.schema) or batch_rule(
                expectation, frame.schema, delivered
            )
        except ValueError as error:
            results[index] = unfit(index, expectation, str(error), frame.height)
            continue
        match rule:
            case RowRule():
                rows.append(rule)
            case BatchRule():
                batch[index] = rule
            case None:
                left.append(index)
    offending, found = _judge_rows(frame, expectations, rows)
    results |= (
        found | _judge_batch(frame, expectations, batch) | _by_great_expectations(frame, expectations, left)
    )
    return Judgement(offending, tuple(results[index] for index in range(len(expectations))))


def _check_columns(expectation: ExpectationSpec, delivered: Sequence[str]) -> None:
    missing = [name for name in columns_of(expectation) if name not in delivered]
    if missing and expectation.type != "expect_column_to_exist":
        raise UnfitError(f"the batch has no column {missing[0]!r}")
    condition = read_condition(expectation.arguments)
    for name in condition_columns(condition) if condition else ():
        if name not in delivered:
            raise UnfitError(f"the batch has no column {name!r}, which row_condition names")


def _judge_batch(
    frame: pl.DataFrame, expectations: Sequence[ExpectationSpec], rules: Mapping[int, BatchRule]
) -> dict[int, ExpectationResult]:
    figures = frame.select(rule.figure.alias(str(index)) for index, rule in rules.items())
    values = {index: figures[str(index)].item() for index in rules}
    return {
        index: figure_result(
            index, expectations[index], rule.holds(values[index]), values[index], frame.height
        )
        for index, rule in rules.items()
    }


def _judge_rows(
    frame: pl.DataFrame, expectations: Sequence[ExpectationSpec], rules: Sequence[RowRule]
) -> tuple[pl.DataFrame, dict[int, ExpectationResult]]:
    flags = {f"broken {rule.index}": ~rule.passes for rule in rules}
    flags |= {f"evaluated {rule.index}": rule.evaluated for rule in rules}
    # Added to the rows and not selected alone, because a flag may be a literal.
    found = frame.lazy().with_columns(**flags).select(list(flags)).collect()
    offending = [pl.DataFrame(schema=_OFFENDING)]
    results = {}
    for rule in rules:
        looked_at = frame.select("row_id", *dict.fromkeys(rule.columns))
        lines = _lines(looked_at.filter(found[f"broken {rule.index}"]), rule)
        # A warning is only told: its rows stay.
        if expectations[rule.index].severity == "critical":
            offending.append(lines)
        results[rule.index] = share_result(
            rule.index,
            expectations[rule.index],
            unexpected=lines.height,
            evaluated=found.filter(f"evaluated {rule.index}").height,
            example=lines["value"].to_list()[0] if lines.height else None,
        )
    return pl.concat(offending), results


def _lines(rows: pl.DataFrame, rule: RowRule) -> pl.DataFrame:
    columns = [rows[column].to_list() for column in rule.columns]
    if len(columns) == 1:
        values = [None if value is None else as_text(value) for value in columns[0]]
    else:
        values = [as_text(several) for several in zip(*columns, strict=True)]
    return rows.select(
        pl.col("row_id").cast(pl.Int64),
        pl.lit(rule.label).alias("rule"),
        pl.lit(rule.column).alias("column"),
        pl.Series("value", values, dtype=pl.String),
    )


def _by_great_expectations(
    frame: pl.DataFrame, expectations: Sequence[ExpectationSpec], left: Sequence[int]
) -> dict[int, ExpectationResult]:
    if not left:
        return {}
    from retrain_assets.training_data.expectations.great_expectations_suite import validate

    found = validate(frame, [expectations[index] for index in left], "left to great_expectations")
    return {index: replace(result, index=index) for index, result in zip(left, found, strict=True)}
