"""Files that hold many partitions, split by timestamp."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.training_data.sources.source import open_source
from retrain_assets.windows import Partitions
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows
from retrain_assets_tests.training_data.sources.days import (
    BROKEN,
    WHOLE,
    by_key,
    delivered,
)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_one_changed_value_of_a_whole_file_changes_its_partition_only(tmp_path: Path, suffix: str) -> None:
    """In a file of many days only the day of the changed value is new, in whatever order the rows stand."""
    days = pl.concat(rows(day) for day in DAYS)
    write = {"parquet": pl.DataFrame.write_parquet, "csv": pl.DataFrame.write_csv}[suffix]
    write(days, tmp_path / f"all.{suffix}")
    source = open_source(declared({"path": f"all.{suffix}"}), tmp_path)
    first = source.fingerprints(DAILY, DAYS, {}, None)
    write(days.reverse(), tmp_path / f"all.{suffix}")
    assert source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key == first.by_key
    changed = days.with_columns(bid=pl.when(pl.col("id") == "2026-01-06-2").then(9.5).otherwise("bid"))
    write(changed, tmp_path / f"all.{suffix}")
    after = source.fingerprints(DAILY, DAYS, {}, first.cursor).by_key
    assert {key for key in DAYS if after[key] != first.by_key[key]} == {"2026-01-06"}


def test_a_text_among_the_numbers_of_a_csv_changes_its_partition_only(tmp_path: Path) -> None:
    """A value that changes the type of a whole CSV column makes no other partition new."""
    days = pl.concat(rows(day) for day in DAYS).with_columns(pl.col("bid").cast(pl.String))
    days.write_csv(tmp_path / "all.csv")
    source = open_source(declared({"path": "all.csv"}), tmp_path)
    first = by_key(source)
    days.with_columns(
        bid=pl.when(pl.col("id") == "2026-01-07-0").then(pl.lit("x")).otherwise("bid")
    ).write_csv(tmp_path / "all.csv")
    after = by_key(source)
    assert {key for key in DAYS if after[key] != first[key]} == {"2026-01-07"}


def test_a_whole_file_is_split_by_timestamp(tmp_path: Path) -> None:
    """Each partition gets its rows from one scan, rows without a time go to the first, and gaps are empty."""
    timeless = rows(DAYS[0], 1).with_columns(shown_at=pl.lit(None, pl.Datetime("us", "UTC")))
    days = pl.concat([rows("2026-01-07"), rows("2026-01-05"), timeless])
    days.write_parquet(tmp_path / "all.parquet")
    source = open_source(declared(WHOLE), tmp_path)
    found = delivered(source)
    frames = {key: item.frame for key, item in found.items()}
    assert frames["2026-01-05"].equals(pl.concat([rows("2026-01-05"), timeless]))
    assert frames["2026-01-06"].height == 0
    assert frames["2026-01-07"].equals(rows("2026-01-07"))
    assert set(by_key(source)) == {"2026-01-05", "2026-01-07"}
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)


def test_a_glob_is_one_table(tmp_path: Path) -> None:
    """Rows of all files of a glob are taken together, and moving a row to another file changes nothing."""
    first, second = rows("2026-01-05"), rows("2026-01-06")
    first.write_parquet(tmp_path / "a.parquet")
    second.write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    before = by_key(source)
    assert delivered(source)["2026-01-06"].frame.equals(second)
    first.head(3).write_parquet(tmp_path / "a.parquet")
    pl.concat([second, first.tail(1)]).write_parquet(tmp_path / "b.parquet")
    assert by_key(source) == before


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_whole_file_stops_the_look(tmp_path: Path, kind: str) -> None:
    """What a whole file holds is unknown while it cannot be read, so the look fails with its sentence."""
    path = tmp_path / "all.parquet"
    rows(DAYS[0]).write_parquet(path)
    content, sentence = BROKEN[kind]
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    source = open_source(declared(WHOLE), tmp_path)
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == f"{path}: {sentence}"
    assert [item.problem for item in delivered(source).values()] == [f"{path}: {sentence}"] * 3


def test_a_whole_file_without_its_timestamp_says_so(tmp_path: Path) -> None:
    """A file that lacks the timestamp names the nearest spelling."""
    rows(DAYS[0]).rename({"shown_at": "shown_on"}).write_csv(tmp_path / "all.csv")
    source = open_source(declared({"path": "all.csv"}), tmp_path)
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == (
        f"{tmp_path / 'all.csv'}: source.timestamp: there is no column 'shown_at'. Did you mean 'shown_on'?"
    )


LONG = 1_800_000_000_000_000_001


def test_long_keys_are_not_rounded_for_a_file_that_has_floats(tmp_path: Path) -> None:
    """A file whose keys are floats, as one is missing, makes those of no other file floats."""
    rows(DAYS[0]).with_columns(id=pl.Series([LONG, LONG + 1, LONG + 2, LONG + 3])).write_parquet(
        tmp_path / "a.parquet"
    )
    rows(DAYS[1]).with_columns(id=pl.Series([1.0, None, float("nan"), 3.0])).write_parquet(
        tmp_path / "b.parquet"
    )
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    assert delivered(source, DAYS[:1])[DAYS[0]].frame["id"].to_list() == [LONG, LONG + 1, LONG + 2, LONG + 3]
    assert delivered(source)[DAYS[1]].frame["id"].to_list() == [1, None, None, 3]


def test_keys_that_floats_have_rounded_are_refused(tmp_path: Path) -> None:
    """Long keys that are floats in their own file have lost their last digits."""
    rows(DAYS[0]).with_columns(id=pl.Series([LONG] * 4)).write_parquet(tmp_path / "a.parquet")
    rows(DAYS[1]).with_columns(id=pl.Series([float(LONG)] * 4)).write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    assert delivered(source)[DAYS[1]].problem == (
        f"{tmp_path / 'b.parquet'}: the column 'id' holds floats here, which round numbers as long as these, and whole "
        "numbers in other files. Write whole numbers here, too."
    )


def test_measured_numbers_of_two_types_are_floats(tmp_path: Path) -> None:
    """A whole number among fractions is rounded, however long it is."""
    rows(DAYS[0]).with_columns(bid=pl.lit(LONG)).write_parquet(tmp_path / "a.parquet")
    rows(DAYS[1]).with_columns(bid=pl.lit(0.5)).write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    assert delivered(source)[DAYS[0]].frame["bid"].to_list() == [float(LONG)] * 4


def test_files_in_two_types_are_named(tmp_path: Path) -> None:
    """Files of one glob that hold a column as number and as text are a sentence that names both."""
    rows(DAYS[0]).write_parquet(tmp_path / "a.parquet")
    rows(DAYS[1]).with_columns(pl.col("bid").cast(pl.String)).write_parquet(tmp_path / "b.parquet")
    source = open_source(declared({"path": "*.parquet"}), tmp_path)
    assert delivered(source)[DAYS[0]].problem == (
        f"{tmp_path / 'b.parquet'}: the column 'bid' is String here and Float64 in {tmp_path / 'a.parquet'}. "
        "Write both alike."
    )


def test_no_file_is_no_partition(tmp_path: Path) -> None:
    """A source whose files are not there says so, whether all its partitions are asked for or one."""
    source = open_source(declared(WHOLE), tmp_path)
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == (
        f"There is no file of the form {tmp_path / 'all.parquet'} yet. Deliver it, or mend source.path."
    )
    assert source.earliest() is None
    assert source.columns() is None
    assert delivered(source, ["2026-01-05"])["2026-01-05"].problem == (
        f"{tmp_path / 'all.parquet'}: there is no such file. Deliver it, or mend source.path."
    )


def test_a_local_day_is_a_partition(tmp_path: Path) -> None:
    """Naive times and partitions are in the declared time zone."""
    pl.DataFrame({"shown_at": ["2026-01-05 23:30:00", "2026-01-06 00:30:00"], "clicked": [0, 1]}).write_csv(
        tmp_path / "all.csv"
    )
    source = open_source(declared({"path": "all.csv"}, timezone="Asia/Tokyo"), tmp_path)
    found = {item.key: item for item in source.read(Partitions("daily", "Asia/Tokyo"), DAYS)}
    assert [found[day].frame.height for day in DAYS] == [1, 1, 0]
    assert source.earliest() == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "mend"),
    [
        ({}, "Declare its form in source.read.timestamp_format, such as '%d/%m/%Y %H:%M'"),
        ({"timestamp_format": "%m/%d/%Y"}, "Mend source.read.timestamp_format, which is '%m/%d/%Y'"),
    ],
)
def test_a_file_whose_times_cannot_be_read_is_not_taken_for_an_empty_one(
    tmp_path: Path, read: dict[str, str], mend: str
) -> None:
    """Where no timestamp of a file can be read, the look says so, and what to declare."""
    (tmp_path / "all.csv").write_text("shown_at,clicked\n31/01/2026,1\n30/01/2026,0\n")
    with pytest.raises(SourceError) as caught:
        by_key(open_source(declared({"path": "all.csv", "read": read}), tmp_path))
    assert str(caught.value) == (
        f"{tmp_path / 'all.csv'}: no value of the column 'shown_at' can be read as a time. {mend}, or name another "
        "column in source.timestamp."
    )


def test_a_file_without_rows_is_an_empty_source(tmp_path: Path) -> None:
    """A file with nothing but its columns has no partition, and nothing is wrong with it."""
    (tmp_path / "all.csv").write_text("shown_at,clicked\n")
    source = open_source(declared({"path": "all.csv"}), tmp_path)
    assert by_key(source) == {}
    assert source.earliest() is None
    assert [(item.problem, item.frame.height) for item in delivered(source).values()] == [(None, 0)] * 3


def test_a_mistyped_year_is_a_sentence(tmp_path: Path) -> None:
    """A row of the year 1 is no two thousand years of partitions; where a start is declared it is left out."""
    (tmp_path / "all.csv").write_text("shown_at,clicked\n0001-01-01,1\n2026-01-05,1\n")
    source = open_source(declared({"path": "all.csv"}, timezone="America/New_York"), tmp_path)
    sentence = (
        f"{tmp_path / 'all.csv'}: the earliest timestamp is of 0001-01-01, and source.start is not declared. Mend the "
        "timestamp, or declare as source.start the first day to take in."
    )
    with pytest.raises(SourceError) as caught:
        by_key(source)
    assert str(caught.value) == sentence
    with pytest.raises(SourceError) as caught:
        source.earliest()
    assert str(caught.value) == sentence
    source = open_source(declared({"path": "all.csv", "start": "2026-01-01"}), tmp_path)
    assert set(by_key(source)) == {"2026-01-05"}
