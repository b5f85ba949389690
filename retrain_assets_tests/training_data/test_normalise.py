"""Deliveries become rows of the lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retrain_assets.errors import PartitionError
from retrain_assets.lake import Lake
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


def test_every_time_column_becomes_utc() -> None:
    """Timestamp and both known_at columns are moments in UTC afterwards."""
    frame = pl.DataFrame(
        {
            "shown_at": ["2026-01-05 12:00"],
            "seen": [date(2026, 1, 6)],
            "told": ["2026-01-07T00:00Z"],
            "clicked": [1],
        }
    )
    found = taken(
        frame,
        {"known_at": "seen"},
        timezone="Europe/Berlin",
        label={"column": "clicked", "delay": "1d", "known_at": "told"},
    )
    assert found.accepted.select("shown_at", "seen", "told").row(0) == (
        datetime(2026, 1, 5, 11, tzinfo=UTC),
        datetime(2026, 1, 5, 23, tzinfo=UTC),
        datetime(2026, 1, 7, tzinfo=UTC),
    )


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


@pytest.mark.parametrize("name", ["partition_key", "row_id", "score", "model_version"])
def test_reserved_columns_are_refused(name: str) -> None:
    """A source cannot have a column that the lake adds."""
    with pytest.raises(PartitionError) as caught:
        taken(rows(DAY).with_columns(pl.lit(1).alias(name)))
    assert str(caught.value) == (
        f"a.parquet: {name!r} is a column of retrain_assets itself. Rename it in the source."
    )


SCHEMA = dict(rows(DAY).schema)


def conformed(frame: pl.DataFrame, schema: dict[str, pl.DataType] = SCHEMA) -> pl.DataFrame:
    """Conform a frame to what was taken in before."""
    return conform(frame, schema, declared({"path": "a.parquet"}), "a.parquet")


def test_types_change_where_no_value_does() -> None:
    """Whole numbers, booleans and columns without values take the type of the partitions before."""
    frame = rows(DAY).with_columns(
        bid=pl.col("count").cast(pl.Int8),
        count=pl.col("count").cast(pl.Float32),
        clicked=pl.col("clicked").cast(pl.Boolean),
        id=pl.lit(None),
        new=pl.lit("kept out"),
    )
    found = conformed(frame)
    assert dict(found.schema) == SCHEMA
    assert found["bid"].to_list() == [0.0, 1.0, 2.0, 3.0]
    assert found["clicked"].to_list() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"bid": pl.lit("much")},
            "the column 'bid' is String here (such as 'much') and Float64 in the partitions before. "
            "Deliver it as Float64 again.",
        ),
        (
            {"count": pl.col("bid") + 0.5},
            "the column 'count' is Float64 here (such as 1.5) and Int64 in the partitions before. "
            "Deliver it as Int64 again.",
        ),
        (
            {"bid": pl.lit(2**53 + 1)},
            f"the column 'bid' is Int64 here (such as {2**53 + 1}) and Float64 in the partitions before. "
            "Deliver it as Float64 again.",
        ),
        (
            {"id": pl.col("count")},
            "the column 'id' is Int64 here (such as 0) and String in the partitions before. "
            "Deliver it as String again.",
        ),
    ],
)
def test_another_type_is_a_sentence(change: dict[str, pl.Expr], sentence: str) -> None:
    """A type that would change a value is named with column, both types and an example."""
    with pytest.raises(PartitionError) as caught:
        conformed(rows(DAY).with_columns(**change))
    assert str(caught.value) == f"a.parquet: {sentence}"


def test_a_missing_column_is_a_sentence() -> None:
    """A declared column is named with the nearest spelling, any other as one that was there before."""
    with pytest.raises(PartitionError) as caught:
        conformed(rows(DAY).rename({"clicked": "clickd"}))
    assert str(caught.value) == (
        "a.parquet: label.column: there is no column 'clicked' in the source. Did you mean 'clickd'?"
    )
    with pytest.raises(PartitionError) as caught:
        conformed(rows(DAY).drop("bid"))
    assert str(caught.value) == (
        "a.parquet: the column 'bid' is missing, which the partitions before had. Deliver it; it may be "
        "without values."
    )


def test_types_that_delta_lacks_become_plain() -> None:
    """Categories become text, decimals and unsigned numbers plain ones, unknown columns text or number."""
    frame = rows(DAY, 1).with_columns(
        category=pl.lit("a", pl.Categorical),
        price=pl.lit(Decimal("1.50")),
        unsigned=pl.lit(3, pl.UInt64),
        huge=pl.lit(2**64 - 1, pl.UInt64),
        span=pl.lit(timedelta(seconds=1)),
        unknown=pl.lit(None),
        amount=pl.lit(None),
    )
    spec = declared({"path": "a.parquet"}, features={"numeric": ["amount"]})
    found = conform(frame, None, spec, "a.parquet")
    assert found.select("category", "price", "unsigned", "huge", "unknown", "amount").row(0) == (
        "a", 1.5, 3, str(2**64 - 1), None, None,
    )  # fmt: skip
    assert (found.schema["unknown"], found.schema["amount"]) == (pl.Null, pl.Float64)
    assert found["span"].to_list() == [1_000_000]


MOMENT = datetime(2026, 1, 5, 12)
VALUES: dict[str, list[tuple[pl.Series, Any]]] = {
    **{
        name: [(pl.Series([1, None], dtype=getattr(pl, name)), [1, None])]
        for name in (
            "Int8",
            "Int16",
            "Int32",
            "Int64",
            "Int128",
            "UInt8",
            "UInt16",
            "UInt32",
            "UInt64",
            "UInt128",
        )
    },
    **{
        name: [(pl.Series([1.5, None], dtype=getattr(pl, name)), [1.5, None])]
        for name in ("Float16", "Float32", "Float64")
    },
    "Decimal": [(pl.Series([Decimal("1.5"), None]), [1.5, None])],
    "Boolean": [(pl.Series([True, None]), [True, None])],
    "String": [(pl.Series(["a", None]), ["a", None])],
    "Categorical": [(pl.Series(["a", None], dtype=pl.Categorical), ["a", None])],
    "Enum": [(pl.Series(["a", None], dtype=pl.Enum(["a"])), ["a", None])],
    "Binary": [(pl.Series([b"a", None]), [b"a", None])],
    "Null": [(pl.Series([None, None]), [None, None])],
    "Date": [(pl.Series([MOMENT.date(), None]), [MOMENT.date(), None])],
    "Time": [(pl.Series([MOMENT.time(), None]), ["12:00:00", None])],
    "Duration": [(pl.Series([timedelta(seconds=1), None], dtype=pl.Duration("ms")), [1_000_000, None])],
    "Datetime": [
        (pl.Series([MOMENT, None], dtype=pl.Datetime("ns")), [MOMENT, None]),
        (
            pl.Series([MOMENT, None]).dt.replace_time_zone("Europe/Berlin"),
            [datetime(2026, 1, 5, 11, tzinfo=UTC), None],
        ),
    ],
    "List": [
        (pl.Series([[1], None]), [[1], None]),
        (pl.Series([["a"], None], dtype=pl.List(pl.Categorical)), [["a"], None]),
        (pl.Series([[2**64 - 1], None], dtype=pl.List(pl.UInt64)), "List(UInt64)"),
        (pl.Series([[timedelta(1)], None]), "List(Duration(time_unit='us'))"),
    ],
    "Array": [(pl.Series([[1, 2], None], dtype=pl.Array(pl.UInt8, 2)), [[1, 2], None])],
    "Struct": [
        (pl.Series([{"a": MOMENT.time(), "b": None}, None]), [{"a": "12:00:00", "b": None}, None]),
        (pl.Series([{}, {}]), "Struct({})"),
    ],
    "Map": [
        (pl.Series([{"a": 1}, None], dtype=pl.Map(pl.String, pl.UInt8)), [{"a": 1}, None]),
        (pl.Series([{"a": 1}, None], dtype=pl.Map(pl.Categorical, pl.Int8)), "Map(Categorical, Int8)"),
    ],
    "Extension": [(pl.Series([1, None]).ext.to(pl.Extension("own.kind", pl.Int64)), [1, None])],
    "Object": [(pl.Series([object(), None], dtype=pl.Object), "Object")],
}
"""A column of each Polars type: what the lake holds of it, or its type in the sentence that refuses it."""


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(*case, id=f"{name}-{place}")
        for name, cases in VALUES.items()
        for place, case in enumerate(cases)
    ],
)
def test_a_column_of_any_type_is_taken_in_or_refused_in_a_sentence(
    tmp_path: Path, column: pl.Series, expected: Any
) -> None:
    """Whatever type a column has, the lake holds its values, or one sentence names the column and its type."""
    frame = rows(DAY, 2).with_columns(column.alias("odd"))
    if isinstance(expected, str):
        with pytest.raises(PartitionError) as caught:
            taken(frame)
        assert str(caught.value) == (
            f"a.parquet: the column 'odd' is {expected}, which a table cannot hold. Leave it out, or write it as "
            "text or as a number."
        )
        return
    lake = Lake("clicks", str(tmp_path))
    lake.append("training_data", taken(frame).accepted)
    assert lake.scan("training_data").sort("count").collect()["odd"].to_list() == expected


def test_no_type_is_left_out() -> None:
    """The columns above are of all types that Polars has."""
    kinds = {
        name
        for name, kind in vars(pl).items()
        if isinstance(kind, type) and issubclass(kind, pl.DataType) and not kind.__subclasses__()
    }
    assert set(VALUES) == kinds - {"Unknown", "Utf8"}


@pytest.mark.parametrize("name", ["*", "^a$", "^.*$"])
def test_a_column_whose_name_is_a_pattern_is_refused(name: str) -> None:
    """A name that stands for several columns is no name of one."""
    with pytest.raises(PartitionError) as caught:
        taken(rows(DAY).rename({"bid": name}))
    assert str(caught.value) == (
        f"a.parquet: {name!r} is no name of a column here, as it stands for several columns. Rename it in the source."
    )


@pytest.mark.parametrize("told", ["06.01.2026", "2026-01-06"])
def test_other_times_have_the_declared_form_or_iso(told: str) -> None:
    """The form of the timestamp's text holds for the columns of knowledge too, which may be in ISO 8601 instead."""
    frame = pl.DataFrame({"shown_at": ["05.01.2026"], "clicked": [1], "told": [told]})
    found = taken(
        frame,
        {"read": {"timestamp_format": "%d.%m.%Y"}},
        label={"column": "clicked", "delay": "1d", "known_at": "told"},
    )
    assert found.accepted["told"].to_list() == [datetime(2026, 1, 6, tzinfo=UTC)]


def test_what_was_taken_in_conforms_to_itself() -> None:
    """The lake's own columns in its schema are not asked of the source."""
    spec = declared({"path": "a.parquet"})
    first = normalise(conform(rows(DAY), None, spec, "a"), spec, DAILY, DAY).accepted
    assert conform(rows(DAY), first.schema, spec, "b").equals(rows(DAY))


def test_a_column_without_values_before_takes_the_delivered_type() -> None:
    """What had no value has no type that a delivery could break."""
    schema = SCHEMA | {"clicked": pl.Null()}
    assert conformed(rows(DAY), schema).schema["clicked"] == pl.Int64
    assert conformed(rows(DAY).with_columns(clicked=pl.lit("yes")), schema).schema["clicked"] == pl.String
