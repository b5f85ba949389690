"""Rows put aside, and let in again."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.judgement import judge
from retrain_assets.training_data.quarantine import quarantine_rows, release

AT = datetime(2026, 1, 9, 12, tzinfo=UTC)
ROWS = pl.DataFrame(
    {
        "partition_key": ["2026-01-05", "2026-01-05", "2026-01-06"],
        "row_id": [-(2**62), 7, 8],
        "shown_at": [datetime(2026, 1, 5, 1, 2, 3, 4, tzinfo=UTC), None, datetime(2026, 1, 6, tzinfo=UTC)],
        "local": [datetime(2026, 1, 5, 1), None, None],
        "day": [date(2026, 1, 5), None, date(2026, 1, 6)],
        "bid": [math.nan, math.inf, -math.inf],
        "count": [2**62 + 1, None, 3],
        "flag": [True, None, False],
        "text": ['a "quoted"\n<b>é</b>', "", None],
        "price": pl.Series([Decimal("1.10"), None, Decimal("2.00")], dtype=pl.Decimal(10, 2)),
        "blob": [b"\x00\xff", None, b""],
        "tags": [["a", None], None, []],
        "nested": [{"x": 1.5, "y": [1]}, {"x": math.nan, "y": None}, None],
    }
)


def expectation(kind: str, **arguments: Any) -> ExpectationSpec:
    """Declare an expectation."""
    return ExpectationSpec.model_validate({"type": f"expect_{kind}", **arguments})


def aside(
    rows: pl.DataFrame, *declared: ExpectationSpec, files: tuple[str, ...] = ("day.csv",)
) -> pl.DataFrame:
    """Judge rows and put the offending ones aside."""
    lines = judge(rows, declared).offending
    return quarantine_rows(rows, lines, run_id="run", files=files, at=AT)


def put_aside(rows: pl.DataFrame, rule: str) -> pl.DataFrame:
    """Put all rows aside for one rule."""
    lines = rows.select("row_id", rule=pl.lit(rule), column=pl.lit("bid"), value=pl.lit("1"))
    return quarantine_rows(rows, lines, run_id="run", files=(), at=AT)


def test_an_entry_holds_the_whole_row_as_strict_json() -> None:
    """Each offending line becomes an entry of the lake's schema, with the row as JSON for any reader."""
    entries = aside(ROWS, expectation("column_values_to_be_between", column="bid", max_value=50))
    assert dict(entries.schema) == SCHEMAS["quarantine"]
    (entry,) = entries.to_dicts()
    row = json.loads(entry.pop("row"), parse_constant=lambda name: f"not JSON: {name}")
    assert entry == {
        "partition_key": "2026-01-05",
        "row_id": 7,
        "rule": "expect_column_values_to_be_between(max_value=50)",
        "column": "bid",
        "value": "inf",
        "file": "day.csv",
        "run_id": "run",
        "quarantined_at": AT,
        "released_at": None,
    }
    assert row["bid"] == "inf"
    assert row["nested"] == {"x": "nan", "y": None}
    assert not {"partition_key", "row_id"} & set(row)


def test_times_are_written_in_iso_8601() -> None:
    """A time in the row's JSON is ISO 8601 with its offset, a date is a date."""
    entries = put_aside(ROWS.head(1), "late_row")
    row = json.loads(entries["row"][0])
    assert row["shown_at"] == "2026-01-05T01:02:03.000004+00:00"
    assert row["day"] == "2026-01-05"
    assert row["text"] == 'a "quoted"\n<b>é</b>'


def test_a_row_that_breaks_two_rules_has_two_entries() -> None:
    """Every broken rule of a row is an entry with the same row."""
    entries = aside(
        ROWS,
        expectation("column_values_to_not_be_null", column="count"),
        expectation("column_values_to_be_in_set", column="flag", value_set=[True]),
        expectation("column_values_to_be_between", column="bid", min_value=0, max_value=9),
    )
    assert sorted(entries["row_id"].to_list()) == [7, 7, 8, 8]
    assert entries.filter(pl.col("row_id") == 7)["row"].n_unique() == 1


def test_nothing_offending_makes_an_empty_table() -> None:
    """Without offending lines the table is empty, and still of the lake's schema."""
    assert dict(aside(ROWS).schema) == SCHEMAS["quarantine"]
    assert aside(ROWS).is_empty()


def test_many_files_are_counted() -> None:
    """The file is named; of many the first is, with the number of the others."""
    rule = expectation("column_values_to_not_be_null", column="count")
    assert aside(ROWS, rule, files=())["file"].to_list() == [None]
    assert aside(ROWS, rule, files=("a", "b", "c", "d"))["file"].to_list() == ["a and 3 more"]


def test_released_rows_are_the_very_rows() -> None:
    """Rows whose rule has been removed come back with every value and type as they were delivered."""
    entries = put_aside(ROWS, "expect_column_values_to_be_between(max_value=50)")
    released, waiting = release(entries, [], ROWS.schema)
    assert_frame_equal(released, ROWS)
    assert waiting.is_empty()


def test_rows_that_still_break_a_rule_wait() -> None:
    """A mended rule lets in the rows that now keep it, and only these."""
    entries = put_aside(ROWS, "expect_column_values_to_be_between(max_value=50)")
    released, waiting = release(
        entries, [expectation("column_values_to_not_be_null", column="count")], ROWS.schema
    )
    assert released["row_id"].to_list() == [-(2**62), 8]
    assert waiting["row_id"].to_list() == [7]


def test_a_rule_that_only_warns_holds_no_row_back() -> None:
    """A rule whose severity became a warning lets its rows in, as it would if they were delivered now."""
    entries = put_aside(ROWS, "expect_column_values_to_be_between(max_value=50)")
    rule = expectation("column_values_to_not_be_null", column="count", severity="warning")
    released, waiting = release(entries, [rule], ROWS.schema)
    assert_frame_equal(released, ROWS)
    assert waiting.is_empty()


def test_rows_put_aside_for_another_reason_wait() -> None:
    """A row of another partition, or a duplicate key, is not let in by changing an expectation."""
    entries = pl.concat(
        [put_aside(ROWS, "expect_column_values_to_be_unique"), put_aside(ROWS[:1], "duplicate_key")]
    )
    released, waiting = release(entries, [], ROWS.schema)
    assert released["row_id"].to_list() == [7, 8]
    assert waiting["row_id"].to_list() == [-(2**62)] * 2


def test_rows_released_before_are_left_alone() -> None:
    """An entry with a time of release is neither released again nor waiting."""
    entries = put_aside(ROWS, "expect_column_values_to_be_unique").with_columns(
        released_at=pl.when(pl.col("row_id") == 7).then(pl.lit(AT)).cast(pl.Datetime("us", "UTC"))
    )
    released, waiting = release(entries, [], ROWS.schema)
    assert released["row_id"].to_list() == [-(2**62), 8]
    assert waiting.is_empty()


def test_uniqueness_is_judged_within_a_partition() -> None:
    """Equal values of one partition stay aside together; those of different partitions do not meet."""
    rows = pl.DataFrame({"partition_key": ["a", "a", "b"], "row_id": [1, 2, 3], "key": ["x", "x", "x"]})
    rule = expectation("column_values_to_be_unique", column="key")
    released, waiting = release(put_aside(rows, "expect_column_values_to_be_unique"), [rule], rows.schema)
    assert released["row_id"].to_list() == [3]
    assert waiting["row_id"].to_list() == [1, 2]


def test_an_empty_quarantine_releases_nothing() -> None:
    """Without entries both tables are empty."""
    released, waiting = release(pl.DataFrame(schema=SCHEMAS["quarantine"]), [], ROWS.schema)
    assert released.is_empty()
    assert waiting.is_empty()
    assert dict(released.schema) == dict(ROWS.schema)


def test_a_column_that_came_later_is_null() -> None:
    """A row from before a column existed is read back with a null in its place."""
    schema = dict(ROWS.schema) | {"new": pl.Float64()}
    released, _ = release(put_aside(ROWS, "expect_column_values_to_be_unique"), [], schema)
    assert released["new"].null_count() == 3
