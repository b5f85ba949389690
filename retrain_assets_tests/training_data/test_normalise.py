"""Deliveries become rows of the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from retrain_assets.training_data.conform import conform
from retrain_assets.training_data.normalise import Normalised, normalise
from retrain_assets_tests.training_data.declared import DAILY, declared, rows

DAY = "2026-01-05"


def taken(frame: pl.DataFrame, source: dict[str, Any] | None = None, **blocks: Any) -> Normalised:
    """Take a frame in as the first delivery of a day."""
    spec = declared({"path": "a.parquet", **(source or {})}, **blocks)
    return normalise(conform(frame, None, spec, "a.parquet"), spec, DAILY, DAY)


def why(found: Normalised) -> list[tuple[str, str, str | None]]:
    """Tell the rules that were broken."""
    return found.quarantined.lines.select("rule", "column", "value").rows()


def test_rows_are_kept_as_they_came_and_identified() -> None:
    """Accepted rows keep the source's columns, one called count included, and get partition and identity."""
    found = taken(rows(DAY))
    assert found.accepted.columns == ["partition_key", "row_id", *rows(DAY).columns]
    assert found.accepted.drop("partition_key", "row_id").equals(rows(DAY))
    assert found.accepted["partition_key"].unique().to_list() == [DAY]
    assert found.accepted["row_id"].n_unique() == 4
    assert found.quarantined.rows.height == found.quarantined.lines.height == found.duplicates == 0


def test_identity_does_not_depend_on_the_label() -> None:
    """A label or known_at that joins later leaves the row's identity; another feature value does not."""
    frame = rows(DAY).with_columns(told=pl.lit(None, pl.Datetime("us", "UTC")))
    label = {"column": "clicked", "delay": "1d", "known_at": "told"}
    before = taken(frame, label=label).accepted["row_id"]
    later = frame.with_columns(clicked=1 - pl.col("clicked"), told=pl.col("shown_at"))
    assert taken(later, label=label).accepted["row_id"].equals(before)
    other = frame.with_columns(bid=pl.col("bid") + 1)
    assert not set(taken(other, label=label).accepted["row_id"]) & set(before)
    keyed = taken(frame, {"key": "id"}, label=label).accepted["row_id"]
    assert taken(other, {"key": "id"}, label=label).accepted["row_id"].equals(keyed)


@pytest.mark.parametrize("key", [None, "id"])
def test_rows_that_became_known_at_no_moment_are_put_aside(key: str | None) -> None:
    """A row that no reader would ever know is told, and not kept among those that are used."""
    frame = rows(DAY).with_columns(seen=pl.when(pl.col("count") != 2).then("shown_at"))
    found = taken(frame, {"key": key, "known_at": "seen"})
    assert found.accepted["count"].to_list() == [0, 1, 3]
    assert why(found) == [("known_at_missing", "seen", None)]


def test_a_key_of_nan_is_no_key() -> None:
    """NaN, which stands for no value among floats, is not the key of the first row that has it."""
    found = taken(
        rows(DAY).with_columns(id=pl.Series([1.0, float("nan"), None, float("nan")])), {"key": "id"}
    )
    assert found.accepted["count"].to_list() == [0]
    assert [rule for rule, _, _ in why(found)] == ["key_missing"] * 3


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ([b"\xff\x01", b"\xff\x02", b"\xff\x01", b""], "ff01"),
        ([[1, 2], [1], [1, 2], []], '{"value":[1,2]}'),
        ([{"a": b"\xff"}, {"a": b""}, {"a": b"\xff"}, {"a": None}], "{'a': b'\\xff'}"),
    ],
)
def test_a_key_of_bytes_or_of_several_values_is_a_key(keys: list[Any], value: str) -> None:
    """An identifier that is not text is compared, and told, as any other."""
    frame = rows(DAY).with_columns(id=pl.Series(keys))
    found = taken(frame, {"key": "id"})
    assert found.accepted["count"].to_list() == [0, 1, 3]
    assert why(found) == [("duplicate_key", "id", value)]


def test_rows_without_a_time_are_put_aside() -> None:
    """A row without a timestamp belongs to no window."""
    frame = rows(DAY).with_columns(shown_at=pl.when(pl.col("count") == 2).then(None).otherwise("shown_at"))
    found = taken(frame)
    assert found.accepted["count"].to_list() == [0, 1, 3]
    assert found.quarantined.rows["count"].to_list() == [2]
    assert why(found) == [("timestamp_missing", "shown_at", None)]
    assert found.quarantined.lines["row_id"].to_list() == found.quarantined.rows["row_id"].to_list()


@pytest.mark.parametrize(("late_rows", "kept"), [("own_partition", 5), ("quarantine", 3)])
def test_rows_of_another_partition(late_rows: str, kept: int) -> None:
    """Rows outside the delivered period, its end included, stay with it or are put aside, as declared."""
    frame = rows(DAY, 5).with_columns(
        shown_at=pl.Series(
            [
                datetime(2026, 1, 4, 23, 59, 59, 999999, tzinfo=UTC),
                datetime(2026, 1, 5, tzinfo=UTC),
                datetime(2026, 1, 5, 12, tzinfo=UTC),
                datetime(2026, 1, 5, 23, 59, 59, 999999, tzinfo=UTC),
                datetime(2026, 1, 6, tzinfo=UTC),
            ]
        )
    )
    found = taken(frame, {"late_rows": late_rows})
    assert found.accepted.height == kept
    assert found.accepted["partition_key"].unique().to_list() == [DAY]
    if late_rows == "quarantine":
        assert found.quarantined.rows["count"].to_list() == [0, 4]
        assert [rule for rule, _, _ in why(found)] == ["row_of_another_partition"] * 2


def test_duplicates_of_a_key() -> None:
    """Exact duplicates are dropped and counted; of other rows with the same key the first is kept."""
    first = rows(DAY)
    frame = pl.concat([first, first.head(2), first.tail(1).with_columns(bid=pl.lit(99.0))])
    found = taken(frame, {"key": "id"})
    assert found.duplicates == 2
    assert found.accepted.drop("partition_key", "row_id").equals(first)
    assert found.quarantined.rows["bid"].to_list() == [99.0]
    assert why(found) == [("duplicate_key", "id", "2026-01-05-3")]
    assert not set(found.quarantined.rows["row_id"]) & set(found.accepted["row_id"])


def test_rows_without_their_key_are_put_aside() -> None:
    """A row that the declared key does not identify cannot be told from others."""
    frame = rows(DAY).with_columns(id=pl.when(pl.col("count") < 2).then(None).otherwise("id"))
    found = taken(frame, {"key": "id"})
    assert found.accepted["count"].to_list() == [2, 3]
    assert why(found) == [("key_missing", "id", None)] * 2
    assert found.quarantined.rows["row_id"].n_unique() == 2


def test_without_a_key_equal_rows_are_all_kept() -> None:
    """Without a key nothing says that equal rows are one row."""
    found = taken(pl.concat([rows(DAY), rows(DAY)]))
    assert found.duplicates == 0
    assert found.accepted["row_id"].n_unique() == 8


def test_no_rows_are_no_problem() -> None:
    """A period without rows is taken in as such."""
    found = taken(rows(DAY).clear(), {"key": "id", "late_rows": "quarantine"})
    assert found.accepted.height == found.quarantined.rows.height == 0
    assert found.accepted.schema["row_id"] == pl.Int64
