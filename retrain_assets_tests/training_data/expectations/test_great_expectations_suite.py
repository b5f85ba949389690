"""The Polars predicates and great_expectations judge alike."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.great_expectations_suite import unexpected_rows, validate
from retrain_assets.training_data.expectations.judgement import judge

SCHEMA = {
    "whole": pl.Int64(),
    "small": pl.Int8(),
    "real": pl.Float64(),
    "other_real": pl.Float32(),
    "text": pl.String(),
    "other_text": pl.Categorical(),
    "flag": pl.Boolean(),
    "moment": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "nothing": pl.Null(),
}
START = datetime(2026, 1, 5, tzinfo=UTC)
MOMENTS = [START + timedelta(hours=12 * step) for step in range(4)]
NUMBERS = [-1, 0, 1, 2, 10, -0.5, 0.5, 1.0, 0.1, math.inf, -math.inf]
VALUES: dict[str, list[Any]] = {
    "whole": [None, -1, 0, 1, 2, 10, 2**53 + 1, 2**53],
    "small": [None, -1, 0, 1, 10],
    "real": [None, math.nan, math.inf, -math.inf, -1.0, -0.0, 0.0, 0.1, 0.5, 1.0, 10.0, 1e16],
    "other_real": [None, math.nan, math.inf, 0.1, 0.5, 1.0],
    "text": [None, "", "a", "ab", "A", "a\n", "é", "1", "None", "nan"],
    "other_text": [None, "", "a", "ab"],
    "flag": [None, True, False],
    "moment": [None, *MOMENTS],
    "day": [None, *(moment.date() for moment in MOMENTS[::2])],
    "nothing": [None],
}
MOSTLY = [0, 0.25, 0.5, 2 / 3, 0.9, 1]
REGEXES = ["^a", "a$", "[ab]+", "^$", r"^\d+$", "(?<!a)b", r"\.0$", "nan|inf", "^(True|1)$", "None"]


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Draw rows with every kind of column, gaps, NaN and infinities."""
    height = draw(st.integers(0, 8))
    return pl.DataFrame(
        {
            name: pl.Series(
                draw(st.lists(st.sampled_from(values), min_size=height, max_size=height)), dtype=SCHEMA[name]
            )
            for name, values in VALUES.items()
        }
    ).with_row_index("row_id")


def constants(column: str) -> list[Any]:
    """Constants that a condition on a column may compare with."""
    match column:
        case "moment" | "day":
            return [*(moment.isoformat() for moment in MOMENTS), "2026-01-06"]
        case "text" | "other_text":
            return ["", "a", "ab", "it's", "None"]
        case "flag":
            return [True, False]
        case _:
            return [-1, 0, 0.5, 1, 10]


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw a condition as a text for pandas."""
    joins = ["and", "or", "not"] if depth else []
    kind = draw(st.sampled_from([*joins, "compare", "between", "in", "null"]))
    match kind:
        case "and" | "or":
            return f"({draw(conditions(depth - 1))}) {kind} ({draw(conditions(depth - 1))})"
        case "not":
            return f"not ({draw(conditions(depth - 1))})"
        case "null":
            return f"{draw(st.sampled_from(list(SCHEMA)))}.{draw(st.sampled_from(['isnull', 'notna']))}()"
    column = draw(st.sampled_from(list(SCHEMA)))
    values = st.sampled_from(constants(column))
    ordered = ["<", "<=", ">", ">="] if column != "flag" else []
    match kind:
        case "compare":
            return f"{column} {draw(st.sampled_from(['==', '!=', *ordered]))} {draw(values)!r}"
        case "between":
            return f"{draw(values)!r} <= `{column}` < {draw(values)!r}"
        case _:
            listed = draw(st.lists(values, min_size=1, max_size=3))
            return f"{column} {draw(st.sampled_from(['in', 'not in']))} {listed!r}"


@st.composite
def expectations(draw: st.DrawFn) -> ExpectationSpec:
    """Draw an expectation about rows."""
    column = draw(st.sampled_from(list(SCHEMA)))
    temporal = column in ("moment", "day")
    bounds = [moment.isoformat() for moment in MOMENTS] + ["2026-01-06"] if temporal else NUMBERS
    kind = draw(st.sampled_from(["none", "bounds", "set", "regex", "length", "pair", "compound"]))
    made: dict[str, Any] = {"mostly": draw(st.sampled_from(MOSTLY))}
    match kind:
        case "none":
            name = draw(st.sampled_from(["not_be_null", "be_null", "be_unique"]))
            made |= {"type": f"expect_column_values_to_{name}", "column": column}
        case "bounds":
            low, high = sorted(draw(st.lists(st.sampled_from(bounds), min_size=2, max_size=2)))
            made |= {"type": "expect_column_values_to_be_between", "column": column}
            made |= draw(
                st.sampled_from(
                    [{"min_value": low}, {"max_value": high}, {"min_value": low, "max_value": high}]
                )
            )
            made |= {"strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
        case "set":
            name = draw(st.sampled_from(["be_in_set", "not_be_in_set"]))
            members = bounds if temporal else [*VALUES[column], *NUMBERS, "a", "1"]
            made |= {"type": f"expect_column_values_to_{name}", "column": column}
            made |= {"value_set": draw(st.lists(st.sampled_from(members), max_size=4))}
        case "regex":
            name = draw(st.sampled_from(["match_regex", "not_match_regex"]))
            made |= {"type": f"expect_column_values_to_{name}", "column": column}
            made |= {"regex": draw(st.sampled_from(REGEXES))}
        case "length":
            made |= {"column": column}
            if draw(st.booleans()):
                made |= {"type": "expect_column_value_lengths_to_equal", "value": draw(st.integers(0, 4))}
            else:
                low = draw(st.integers(0, 3))
                made |= {"type": "expect_column_value_lengths_to_be_between"}
                made |= {"min_value": low, "max_value": 3}
                made |= {"strict_min": draw(st.booleans()), "strict_max": draw(st.booleans())}
        case "pair":
            name = draw(st.sampled_from(["a_to_be_greater_than_b", "to_be_equal"]))
            made |= {"type": f"expect_column_pair_values_{name}"}
            alike = draw(
                st.sampled_from(
                    [
                        ("whole", "small", "real", "other_real", "flag", "nothing"),
                        ("text", "other_text", "nothing"),
                        ("moment", "day", "nothing"),
                    ]
                )
            )
            pair = draw(st.lists(st.sampled_from(alike), min_size=2, max_size=2, unique=True))
            made |= {"column_A": pair[0], "column_B": pair[1]}
            ignore = ["both_values_are_missing", "either_value_is_missing", "neither"]
            made |= {"ignore_row_if": draw(st.sampled_from(ignore))}
            if name == "a_to_be_greater_than_b":
                made |= {"or_equal": draw(st.booleans())}
        case "compound":
            listed = draw(st.lists(st.sampled_from(list(SCHEMA)), min_size=2, max_size=3, unique=True))
            ignore = ["all_values_are_missing", "any_value_is_missing", "never"]
            made |= {"type": "expect_compound_columns_to_be_unique", "column_list": listed}
            made |= {"ignore_row_if": draw(st.sampled_from(ignore))}
    if draw(st.booleans()):
        made |= {"row_condition": draw(conditions()), "condition_parser": "pandas"}
    return ExpectationSpec.model_validate(made)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(frame=frames(), declared=st.lists(expectations(), min_size=1, max_size=8))
def test_both_judges_name_the_same_rows(frame: pl.DataFrame, declared: list[ExpectationSpec]) -> None:
    """For any rows and expectations, both judges name the same rows and come to the same verdicts."""
    judgement = judge(frame, declared)
    theirs = validate(frame, declared, "drawn")
    named = unexpected_rows(frame, declared, "drawn")
    for ours, found in zip(judgement.results, theirs, strict=True):
        alone = judge(frame, [declared[ours.index]]).offending["row_id"].to_list()
        context = (declared[ours.index], found.sentence)
        assert alone == named.get(ours.index, []), context
        assert (ours.success, ours.unexpected, ours.evaluated) == (
            found.success,
            found.unexpected,
            found.evaluated,
        ), context


def declare(*items: dict[str, Any]) -> list[ExpectationSpec]:
    """Declare expectations."""
    return [ExpectationSpec.model_validate(item) for item in items]


BATCH = pl.DataFrame(
    {
        "row_id": [10, 11, 12, 13, 14],
        "bid": [0.5, -1.0, math.nan, math.inf, None],
        "hour": [1, 2, None, 4, 4],
        "device": ["a", "b", "c", None, "<script>alert(1)</script>"],
        "shown_at": [*MOMENTS, None],
    }
)


@pytest.mark.parametrize("height", [0, 1, 5])
@pytest.mark.parametrize(
    "figure",
    [
        "mean",
        "median",
        "sum",
        "min",
        "max",
        "unique_value_count",
        "proportion_of_unique_values",
        "proportion_of_non_null_values",
    ],
)
def test_figures_of_a_batch_are_judged_alike(figure: str, height: int) -> None:
    """A figure of the batch meets its bounds for both judges or for neither, empty batches included."""
    name = f"expect_column_{figure}_to_be_between"
    declared = declare(
        *({"type": name, "column": column, "min_value": 0, "max_value": 3} for column in ("bid", "hour")),
        {"type": name, "column": "hour", "min_value": 1, "strict_min": True},
    )
    if figure in ("min", "max"):
        dates = {"min_value": "2026-01-05", "max_value": "2026-01-06"}
        declared += declare({"type": name, "column": "shown_at", **dates})
    batch = BATCH.head(height)
    ours = [result.success for result in judge(batch, declared).results]
    assert ours == [result.success for result in validate(batch, declared, "figures")]


def test_expectations_about_the_table_see_the_delivered_columns_only() -> None:
    """Row counts and the columns of the table are those that the source delivered, without our own."""
    declared = declare(
        {"type": "expect_table_row_count_to_equal", "value": 5},
        {"type": "expect_table_row_count_to_be_between", "min_value": 6},
        {"type": "expect_column_to_exist", "column": "hour", "column_index": 1},
        {"type": "expect_column_to_exist", "column": "row_id"},
        {"type": "expect_table_column_count_to_equal", "value": 4},
        {"type": "expect_table_columns_to_match_set", "column_set": ["bid", "hour", "device", "shown_at"]},
    )
    expected = [True, False, True, False, True, True]
    assert [result.success for result in judge(BATCH, declared).results] == expected
    assert [result.success for result in validate(BATCH, declared, "table")] == expected


def test_what_has_no_translation_is_judged_by_great_expectations() -> None:
    """An expectation that is not translated to Polars still decides, and puts no rows aside."""
    declared = declare(
        {"type": "expect_column_values_to_not_be_null", "column": "device", "mostly": 0.5},
        {"type": "expect_column_stdev_to_be_between", "column": "hour", "max_value": 0.1},
        {
            "type": "expect_column_values_to_be_between",
            "column": "hour",
            "max_value": 1,
            "row_condition": 'device=="a"',
            "condition_parser": "pandas",
        },
    )
    judgement = judge(BATCH, declared)
    assert [result.success for result in judgement.results] == [True, False, True]
    assert [result.index for result in judgement.results] == [0, 1, 2]
    assert judgement.offending["row_id"].to_list() == [13]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"column": "device", "max_value": 3}, "the column holds text, which has no bounds"),
        ({"column": "hour", "max_value": "2026-01-05"}, "the column holds numbers, and '2026-01-05' is none"),
        ({"column": "shown_at", "max_value": 3}, "3 is no date"),
        ({"column": "houre", "max_value": 3}, "houre"),
    ],
)
def test_an_expectation_that_does_not_fit_fails_for_both(item: dict[str, Any], problem: str) -> None:
    """A bound of the wrong type, or a column that is not there, fails with the reason and names no row."""
    declared = declare({"type": "expect_column_values_to_be_between", **item})
    judgement = judge(BATCH, declared)
    assert judgement.offending.is_empty()
    for result in (*judgement.results, *validate(BATCH, declared, "unfit")):
        assert not result.success
        assert problem in result.sentence


def test_deleting_an_expectation_changes_both_judges() -> None:
    """Without an expectation neither the quarantine nor the suite knows of it."""
    declared = declare(
        {"type": "expect_column_values_to_be_between", "column": "bid", "min_value": 0, "max_value": 50},
        {"type": "expect_column_values_to_be_in_set", "column": "device", "value_set": ["a", "b"]},
    )
    assert set(judge(BATCH, declared).offending["row_id"]) == {11, 12, 13, 14}
    assert len(validate(BATCH, declared, "deleting")) == 2
    assert set(judge(BATCH, declared[:1]).offending["row_id"]) == {11, 13}
    assert [result.unexpected for result in validate(BATCH, declared[:1], "deleting")] == [2]
    assert judge(BATCH, []).offending.is_empty()
    assert validate(BATCH, [], "deleting") == []


def test_the_same_expectation_twice_is_judged_twice() -> None:
    """Two equal declarations each have a result, with the severity of each."""
    item = {"type": "expect_column_values_to_be_unique", "column": "hour"}
    declared = declare(item, item | {"severity": "warning"}, item)
    found = validate(BATCH, declared, "twice")
    assert [(result.unexpected, result.severity) for result in found] == [
        (2, "critical"),
        (2, "warning"),
        (2, "critical"),
    ]


def test_data_docs_are_one_safe_page(tmp_path: Path) -> None:
    """The page names what failed, fetches nothing, and shows values as text, not as markup."""
    declared = declare(
        {"type": "expect_column_values_to_be_in_set", "column": "device", "value_set": ["a", "<b>"]},
        {"type": "expect_column_max_to_be_between", "column": "bid", "max_value": 3},
    )
    validate(BATCH, declared, "docs", tmp_path / "2026-02-01")
    page = (tmp_path / "2026-02-01" / "index.html").read_text(encoding="utf-8")
    assert "training_data, 2026-02-01" in page
    assert "__none__" not in page
    assert [path.name for path in (tmp_path / "2026-02-01").iterdir()] == ["index.html"]
    assert "device" in page
    assert "&lt;script&gt;alert(1)" in page
    for markup in ("<script", "<link", "<img", "url(", "<b>", "@import"):
        assert markup not in page


def test_importing_the_modules_imports_no_great_expectations() -> None:
    """Checking and describing a declaration needs none of the heavy libraries."""
    code = """
import json, sys
from retrain_assets.spec import ExpectationSpec
import retrain_assets.training_data.expectations.great_expectations_suite, retrain_assets.training_data.quarantine
from retrain_assets.training_data.expectations.vocabulary import check_expectations, describe
spec = ExpectationSpec(type="expect_column_values_to_be_null", column="a")
assert check_expectations([spec]) == []
describe(spec)
print(json.dumps(sorted({"great_expectations", "pandas", "dagster"} & set(sys.modules))))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert json.loads(found.stdout) == []
