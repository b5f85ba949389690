"""Deliveries take the columns and types of what was taken in before."""

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
from retrain_assets.training_data.normalise import normalise
from retrain_assets_tests.training_data.declared import DAILY, declared, rows
from retrain_assets_tests.training_data.test_normalise import DAY, taken


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


@pytest.mark.parametrize("name", ["partition_key", "row_id", "score", "model_version"])
def test_reserved_columns_are_refused(name: str) -> None:
    """A source cannot have a column that the lake adds."""
    with pytest.raises(PartitionError) as caught:
        taken(rows(DAY).with_columns(pl.lit(1).alias(name)))
    assert str(caught.value) == (
        f"a.parquet: {name!r} is a column of retrain_assets itself. Rename it in the source."
    )


@pytest.mark.parametrize(("name", "other"), [("BID", "bid"), ("Row_ID", "row_id")])
def test_columns_that_differ_in_case_alone_are_refused(name: str, other: str) -> None:
    """Delta tables take them for one; of such a column that came later and that nobody named nothing is taken in."""
    frame = rows(DAY).with_columns(pl.lit(1).alias(name))
    with pytest.raises(PartitionError) as caught:
        taken(frame)
    assert str(caught.value) == (
        f"a.parquet: the columns {other!r} and {name!r} differ in upper and lower case alone, and a table has one "
        "column of a name. Rename one of them in the source."
    )
    assert conformed(frame).columns == list(SCHEMA)


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
            {"count": pl.lit(1.8e18)},
            "the column 'count' is Float64 here (such as 1.8e+18) and Int64 in the partitions before. "
            "Deliver it as Int64 again.",
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


def test_a_regression_takes_in_no_text_for_a_label() -> None:
    """The first file may have a word for a missing number: stored as text, the label could never become one."""
    regression = {"training": {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor"}}
    spec = declared({"path": "a.csv", "read": {"decimal": ","}}, **regression)
    frame = rows(DAY).with_columns(clicked=pl.Series(["1,5", None, "k.A.", "2"]))
    with pytest.raises(PartitionError) as caught:
        conform(frame, None, spec, "a.csv")
    assert str(caught.value) == (
        "a.csv: label.column: the column 'clicked' holds text, such as 'k.A.', and a regression needs a number. If a "
        "word such as NA stands for a missing number, name it in source.read.null_values. Otherwise choose a "
        "classifier under training.estimator, or another label."
    )
    assert conform(frame, None, declared({"path": "a.csv"}), "a.csv").height == 4
    with pytest.raises(
        PartitionError, match="text, though of these rows none but numbers such as '1,5', and"
    ):
        conform(frame.filter(pl.col("clicked") != "k.A."), None, spec, "a.csv")


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
