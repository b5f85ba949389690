"""The Polars predicates and great_expectations judge alike."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations import judge
from retrain_assets.training_data.suite import unexpected_rows, validate

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
    height = draw(st.integers(0, 8))
    return pl.DataFrame(
        {
            name: pl.Series(
                draw(st.lists(st.sampled_from(values), min_size=height, max_size=height)), dtype=SCHEMA[name]
            )
            for name, values in VALUES.items()
        }
    ).with_row_index("row_id")


@st.composite
def expectations(draw: st.DrawFn) -> ExpectationSpec:
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
                made |= {"type": "expect_column_value_lengths_to_be_between", "min_value": low, "max_value": 3}
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
    return ExpectationSpec.model_validate(made)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
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
