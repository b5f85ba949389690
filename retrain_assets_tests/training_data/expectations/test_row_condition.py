"""Conditions of expectations: what can be written, what it means, and what is refused."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.great_expectations_suite import validate
from retrain_assets.training_data.expectations.judgement import judge
from retrain_assets.training_data.expectations.vocabulary import check_expectations, describe

ROWS = pl.DataFrame(
    {
        "row_id": [0, 1, 2, 3],
        "adults": [0, 0, 2, 0],
        "children": [0, 1, None, 0],
        "Meal plan": ["BB", None, "HB", "HB"],
        "paid": [True, False, None, True],
        "arrival": ["2026-01-05", "2026-01-06", "2026-01-07", None],
    }
).with_columns(pl.col("arrival").str.to_date())


def guests(condition: Any, parser: str | None = None, **arguments: Any) -> ExpectationSpec:
    """Declare that a booking is for somebody, where a condition holds."""
    given = {"row_condition": condition} | ({} if parser is None else {"condition_parser": parser})
    item = {"type": "expect_column_values_to_be_between", "column": "adults", "min_value": 1}
    return ExpectationSpec.model_validate(item | given | arguments)


COMPARISON = {"type": "comparison", "column": {"name": "children"}, "operator": "==", "parameter": 0}


@pytest.mark.parametrize(
    ("condition", "parser", "broken"),
    [
        ("children == 0", "pandas", [0, 3]),
        ("children == 0", None, [0, 3]),
        ("0 == children and `Meal plan` == 'HB'", "pandas", [3]),
        ("children == 0 & `Meal plan` == 'HB' | children == 1", "pandas", [1, 3]),
        ("~(children == 0)", "pandas", [1]),
        ("children != 0", "pandas", [1]),
        ("`Meal plan`.isnull() or children in [0, 7]", "pandas", [0, 1, 3]),
        ("`Meal plan`.notna() and children not in (1, 7)", "pandas", [0, 3]),
        ("paid == False or arrival >= '2026-01-07'", "pandas", [1]),
        ("'2026-01-05' <= arrival < '2026-01-06'", "pandas", [0]),
        ("arrival != '2026-01-05'", "pandas", [1, 3]),
        ('col("children") <= 0', "great_expectations", [0, 3]),
        ('col("Meal plan").notnull()', "great_expectations", [0, 3]),
        (COMPARISON, None, [0, 3]),
        (COMPARISON | {"operator": "NOT_IN", "parameter": [0]}, None, [1]),
        ({"type": "nullity", "column": {"name": "Meal plan"}, "is_null": True}, None, [1]),
        ({"type": "or", "conditions": [COMPARISON, COMPARISON | {"parameter": 1}]}, None, [0, 1, 3]),
        ({"type": "pass_through", "pass_through_filter": "children == 0"}, None, [0, 3]),
    ],
)
def test_rows_that_meet_the_condition_are_judged(
    condition: Any, parser: str | None, broken: list[int]
) -> None:
    """Every form of great_expectations' conditions chooses the same rows for both judges."""
    declared = [guests(condition, parser)]
    assert check_expectations(declared) == []
    judgement = judge(ROWS, declared)
    assert judgement.offending["row_id"].to_list() == broken
    (theirs,) = validate(ROWS, declared, "conditions")
    assert theirs == judgement.results[0]


WRITE = "Write comparisons with constants, x.isnull() or x.notnull(), joined by and, or, not"


@pytest.mark.parametrize(
    ("condition", "parser", "fault"),
    [
        (
            "children = 0",
            "pandas",
            f"'children = 0' does not parse. {WRITE}; a column whose name is no plain word goes in backticks.",
        ),
        (
            "children + 1 > 0",
            "pandas",
            f"'children + 1 > 0' is not understood. {WRITE}, and a column as a bare word, or in backticks.",
        ),
        (
            "children == adults",
            "pandas",
            f"'children == adults' is not understood. {WRITE}, and a column as a bare word, or in backticks.",
        ),
        (
            "children > 0",
            "great_expectations",
            f"'children > 0' is not understood. {WRITE}, and a column as col(\"x\").",
        ),
        (
            'col("a") > 0 and col("b") > 0',
            "great_expectations",
            "'col(\"a\") > 0 and col(\"b\") > 0' joins conditions, which only the form for pandas can; "
            "write condition_parser: pandas.",
        ),
        ("a in []", "pandas", "'a in []' needs a list of constants to look into."),
        ("a < 1e999", "pandas", "inf cannot be compared with; write x.isnull() for what is missing."),
        ("a < 1", "spark", "condition_parser 'spark' is not known here; it can be pandas or great_expectations."),
        (3, None, f"3 is no condition. {WRITE}."),
        ({"type": "and", "conditions": []}, None, "{'type': 'and', 'conditions': []} is no condition of "
         f"great_expectations. {WRITE}."),
        ({"type": "or", "conditions": ["a"]}, None, f"'a' is no condition of great_expectations. {WRITE}."),
    ],
)  # fmt: skip
def test_an_unknown_form_is_refused_by_a_sentence(condition: Any, parser: str | None, fault: str) -> None:
    """What cannot be read is told before any row is read, with what to write."""
    assert check_expectations([guests(condition, parser)]) == [f"expectations[0].row_condition: {fault}"]


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("children == '0'", "row_condition compares 'children' with '0', but the column holds numbers"),
        ("`Meal plan` < 3", "row_condition compares 'Meal plan' with 3, but the column holds text"),
        ("arrival < 'soon'", "'soon' is no date; write one such as 2026-01-05"),
        ("babies == 0", "the batch has no column 'babies', which row_condition names"),
    ],
)
def test_a_condition_that_does_not_fit_the_batch_fails_for_both(condition: str, problem: str) -> None:
    """A constant of another type, or a column that is not there, fails with the reason and names no row."""
    declared = [guests(condition, "pandas")]
    judgement = judge(ROWS, declared)
    assert judgement.offending.is_empty()
    for result in (*judgement.results, *validate(ROWS, declared, "unfit")):
        assert not result.success
        assert problem in result.sentence


@pytest.mark.parametrize("condition", ["children == 0", "children == 9", "children.isnull()"])
@pytest.mark.parametrize(
    "figure", ["mean", "sum", "max", "unique_value_count", "proportion_of_unique_values"]
)
def test_figures_of_the_chosen_rows_are_judged_alike(figure: str, condition: str) -> None:
    """A figure of the rows that meet a condition, and their number, have one verdict."""
    given = {"row_condition": condition, "condition_parser": "pandas"}
    items = [
        {"type": f"expect_column_{figure}_to_be_between", "column": "adults", "min_value": 0, "max_value": 1},
        {
            "type": "expect_column_proportion_of_non_null_values_to_be_between",
            "column": "paid",
            "min_value": 1,
        },
        {"type": "expect_table_row_count_to_be_between", "min_value": 2},
        {"type": "expect_table_row_count_to_equal", "value": 1},
    ]
    declared = [ExpectationSpec.model_validate(item | given) for item in items]
    assert check_expectations(declared) == []
    ours = [result.success for result in judge(ROWS, declared).results]
    assert ours == [result.success for result in validate(ROWS, declared, "figures")]


def test_the_condition_is_told_in_words() -> None:
    """The description of the check and the rule in quarantine name the condition, whatever its form."""
    declared = guests({"type": "and", "conditions": [COMPARISON, COMPARISON]}, mostly=0.9)
    assert describe(declared) == (
        "Column adults: values must be between (min value 1), where children == 0 and children == 0, in 90 % of the rows "
        "at least; a failure withholds the partition."
    )
    assert judge(ROWS, [declared]).offending["rule"].unique().to_list() == [
        "expect_column_values_to_be_between(min_value=1, where children == 0 and children == 0)"
    ]
