"""Expectations as Polars predicates, and what can be known wrong with them before any row is read."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from retrain_assets.errors import SpecError
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.judgement import judge
from retrain_assets.training_data.expectations.row_rules import row_rules
from retrain_assets.training_data.expectations.vocabulary import check_expectations, check_names, describe

ROWS = pl.DataFrame(
    {
        "partition_key": ["2026-01-05"] * 5,
        "row_id": [0, 1, 2, 3, 4],
        "bid": [1.0, 60.0, None, math.nan, math.inf],
        "device": ["phone", "", None, "tv", "phone"],
        "day": [date(2026, 1, 5), date(2026, 1, 6), None, date(2026, 1, 7), date(2026, 1, 8)],
    }
)


def expectation(kind: str, **arguments: Any) -> ExpectationSpec:
    """Declare an expectation."""
    return ExpectationSpec.model_validate({"type": f"expect_{kind}", **arguments})


def test_a_broken_rule_is_one_line_with_its_value() -> None:
    """Each row and rule that it breaks is a line with rule, arguments, column and value."""
    declared = [
        expectation("column_values_to_be_between", column="bid", min_value=0, max_value=50, mostly=0.1),
        expectation("column_values_to_not_be_null", column="bid"),
    ]
    assert judge(ROWS, declared).offending.rows() == [
        (1, "expect_column_values_to_be_between(min_value=0, max_value=50)", "bid", "60.0"),
        (4, "expect_column_values_to_be_between(min_value=0, max_value=50)", "bid", "inf"),
        (2, "expect_column_values_to_not_be_null", "bid", None),
        (3, "expect_column_values_to_not_be_null", "bid", "nan"),
    ]


@pytest.mark.parametrize(("mostly", "success"), [(0, True), (1 / 3, True), (0.34, False), (1, False)])
def test_mostly_is_a_share_of_the_values_that_are_there(mostly: float, success: bool) -> None:
    """One of three values that are there keeps the rule: null and NaN count for nothing."""
    declared = [expectation("column_values_to_be_between", column="bid", max_value=50, mostly=mostly)]
    (result,) = judge(ROWS, declared).results
    assert (result.success, result.unexpected, result.evaluated) == (success, 2, 3)


def test_a_result_says_what_it_found() -> None:
    """The sentence names expectation, column, counts, what is allowed and an example."""
    declared = [
        expectation("column_values_to_be_in_set", column="device", value_set=["phone", "tv"], mostly=0.9),
        expectation("table_row_count_to_be_between", min_value=100, severity="warning"),
    ]
    assert [result.sentence for result in judge(ROWS, declared).results] == [
        "expect_column_values_to_be_in_set on device fails: 1 of 4 rows break it (25.00%, allowed 10.00%), "
        "such as ''.",
        "expect_table_row_count_to_be_between fails: observed 5.",
    ]
    assert [result.severity for result in judge(ROWS, declared).results] == ["critical", "warning"]


@pytest.mark.parametrize("limit", ["2026-01-06", date(2026, 1, 6), datetime(2026, 1, 6)])
def test_dates_are_bounds_of_columns_of_dates(limit: object) -> None:
    """A date in the declaration, quoted or not, limits a column of dates, itself included."""
    declared = [expectation("column_values_to_be_between", column="day", max_value=limit)]
    assert judge(ROWS, declared).offending["row_id"].to_list() == [3, 4]


def test_an_empty_batch_breaks_no_rule() -> None:
    """Without rows every expectation about rows holds, and nothing is put aside."""
    declared = [
        expectation("column_values_to_not_be_null", column="bid"),
        expectation("column_values_to_be_unique", column="device"),
    ]
    judgement = judge(ROWS.clear(), declared)
    assert judgement.offending.is_empty()
    assert all(result.success for result in judgement.results)


def test_columns_named_like_our_own_flags_do_no_harm() -> None:
    """A source may have any column names, those that the judge uses inside included."""
    names = {"broken 0": pl.lit(1), "evaluated 0": pl.lit(2), "count": pl.lit(3), "0": pl.lit(4)}
    rows = ROWS.with_columns(**names)
    declared = [
        expectation("column_values_to_be_between", column="count", max_value=2),
        expectation("compound_columns_to_be_unique", column_list=["0", "count"]),
    ]
    assert judge(rows, declared).offending.height == 10


def test_row_rules_tell_which_expectations_rows_can_break() -> None:
    """Rules know their place in the declaration; expectations about the batch give none."""
    declared = [
        expectation("table_row_count_to_equal", value=5),
        expectation("column_pair_values_to_be_equal", column_A="device", column_B="device"),
    ]
    (rule,) = row_rules(declared, ROWS.schema)
    assert (rule.index, rule.column) == (1, "device, device")


def test_a_rule_that_does_not_fit_its_column_is_told() -> None:
    """Asking for rules of bounds on text raises a sentence that names the place in the declaration."""
    declared = [expectation("column_values_to_be_between", column="device", max_value=3)]
    with pytest.raises(
        SpecError, match=r"expectations\[0\] \(expect_column_values_to_be_between\): the column"
    ):
        row_rules(declared, ROWS.schema)


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        (
            expectation("column_values_to_be_nul", column="a"),
            "expectations[0].type: there is no expectation 'expect_column_values_to_be_nul'. "
            "Did you mean 'expect_column_values_to_be_null'?",
        ),
        (
            expectation("column_values_to_be_between", column="a", min_valu=0, max_value=1),
            "expectations[0].min_valu: expect_column_values_to_be_between has no argument 'min_valu'. "
            "Did you mean 'min_value'?",
        ),
        (
            expectation("column_values_to_be_between", column="a"),
            "expectations[0]: expect_column_values_to_be_between needs min_value, max_value or both.",
        ),
        (
            expectation("column_values_to_be_between", column="a", min_value=2, max_value=1),
            "expectations[0].min_value: the lower bound 2 is above the upper bound 1.",
        ),
        (
            expectation("column_values_to_be_between", column="a", min_value="low"),
            "expectations[0].min_value: 'low' is neither a number nor a date.",
        ),
        (
            expectation("column_values_to_be_in_set", column="a"),
            "expectations[0]: expect_column_values_to_be_in_set needs the argument 'value_set'.",
        ),
        (
            expectation("column_values_to_be_in_set", column="a", value_set="b"),
            "expectations[0].value_set: 'b' is no list.",
        ),
        (
            expectation("compound_columns_to_be_unique", column_list="ab"),
            "expectations[0].column_list: 'ab' is no list.",
        ),
        (
            expectation("table_row_count_to_equal", value="many"),
            "expectations[0].value: 'many' is no number.",
        ),
        (
            expectation("column_values_to_match_regex", column="a", regex="("),
            "expectations[0].regex: '(' is no regular expression "
            "(missing ), unterminated subpattern at position 0).",
        ),
        (
            expectation("column_stdev_to_be_between", column="a", min_value=0, mostly=99),
            "expectations[0].mostly: 99 is no share; write a number from 0 to 1, such as 0.99.",
        ),
    ],
)
def test_faults_of_a_declaration_are_sentences(declared: ExpectationSpec, fault: str) -> None:
    """What is wrong with an expectation is told before any row is read, with the nearest right spelling."""
    assert check_expectations([declared]) == [fault]


def test_every_place_of_a_right_declaration_is_accepted() -> None:
    """Names of great_expectations that are not translated are as good as those that are."""
    declared = [
        expectation("column_values_to_be_between", column="a", min_value=date(2026, 1, 5), mostly=0.99),
        expectation("column_kl_divergence_to_be_less_than", column="a", threshold=0.1),
        expectation("compound_columns_to_be_unique", column_list=["a", "b"], severity="warning"),
    ]
    assert check_expectations(declared) == []


def test_names_of_checks_are_unique_words() -> None:
    """Each expectation gets a name of letters, digits and underscores that no other has."""
    declared = [
        expectation("column_values_to_be_unique", column="prix (€)"),
        expectation("column_values_to_be_unique", column="prix (£)"),
        expectation("table_row_count_to_equal", value=1),
    ]
    names = check_names(declared)
    assert names == [
        "expect_column_values_to_be_unique_prix",
        "expect_column_values_to_be_unique_prix_2",
        "expect_table_row_count_to_equal",
    ]


def test_an_expectation_is_described_in_a_sentence() -> None:
    """The description says what is asked of which column, how often, and what a failure does."""
    declared = [
        expectation("column_values_to_be_between", column="bid", min_value=0, max_value=50, mostly=0.99),
        expectation("table_row_count_to_be_between", min_value=100, severity="warning"),
    ]
    assert [describe(item) for item in declared] == [
        "Column bid: values must be between (min value 0, max value 50), in 99 % of the rows at least; "
        "a failure withholds the partition.",
        "The table: row count must be between (min value 100); a failure is a warning.",
    ]
