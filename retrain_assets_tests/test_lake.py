"""Delta tables of a pipeline."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake
from polars.testing import assert_frame_equal

from retrain_assets.errors import LakeError
from retrain_assets.lake import TABLE_PROPERTIES, Lake
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.one_commit import opened


@pytest.fixture
def lake(tmp_path):
    """A lake in an empty folder."""
    return Lake("clicks", root=str(tmp_path))


def test_a_missing_table_reads_as_no_rows_of_its_schema(lake):
    """Reading a table before it exists gives no rows, with the columns that it will have."""
    assert lake.scan("attempts").collect().schema == pl.Schema(SCHEMAS["attempts"])
    assert not lake.exists("attempts")


def test_replacing_a_partition_leaves_the_others(lake):
    """Only the named partitions change, in one commit."""
    lake.replace_partitions(
        "training_data", pl.DataFrame({"partition_key": ["a", "b"], "x": [1, 2]}), ["a", "b"]
    )
    before = lake.version("training_data")
    lake.replace_partitions("training_data", pl.DataFrame({"partition_key": ["a"], "x": [9]}), ["a"])
    assert lake.version("training_data") == before + 1
    assert dict(lake.scan("training_data").collect().iter_rows()) == {"a": 9, "b": 2}
    assert dict(lake.scan("training_data", version=before).collect().iter_rows()) == {"a": 1, "b": 2}


def test_a_partition_can_become_empty(lake):
    """A partition without new rows holds none afterwards."""
    rows = pl.DataFrame({"partition_key": ["a", "b"], "x": [1, 2]})
    lake.replace_partitions("training_data", rows, ["a", "b"])
    lake.replace_partitions("training_data", rows.clear(), ["b"])
    assert lake.scan("training_data").collect()["partition_key"].to_list() == ["a"]


def test_a_column_that_holds_nothing_has_no_type_until_its_first_value(lake):
    """An all-null column of unknown type is stored, and takes the type of the first value that comes."""
    lake.append("training_data", pl.DataFrame({"partition_key": ["a", "b"], "late": [None, None]}))
    assert lake.schema("training_data")["late"] == pl.Null
    assert lake.scan("training_data").collect()["late"].to_list() == [None, None]

    lake.replace_partitions("training_data", pl.DataFrame({"partition_key": ["b"], "late": [7]}), ["b"])
    assert lake.schema("training_data") == {"partition_key": pl.String(), "late": pl.Int64()}
    assert dict(lake.scan("training_data").collect().iter_rows()) == {"a": None, "b": 7}
    assert lake.open("training_data").metadata().partition_columns == ["partition_key"]
    assert lake.scan("training_data", version=1).collect()["late"].to_list() == [None, None]


def test_a_column_that_is_new_to_a_table_is_null_in_the_rows_before(lake):
    """Rows that bring a further column are added, and those that were there stay."""
    lake.append("features", pl.DataFrame({"partition_key": ["a"], "x": [1]}))
    lake.append("features", pl.DataFrame({"partition_key": ["b"], "x": [2], "hour": [3.0]}))
    assert sorted(lake.scan("features").collect().iter_rows()) == [("a", 1, None), ("b", 2, 3.0)]


@pytest.mark.parametrize(
    "rows", [{"x": [9]}, {"x": [9], "further": [1]}], ids=["same columns", "a further one"]
)
@pytest.mark.parametrize("table", ["monitoring", "training_data"])
def test_rows_made_of_a_table_replace_none_that_were_written_since(lake, table, rows):
    """Whatever was committed since the table was read is a conflict, an append to another partition too."""
    lake.append(table, pl.DataFrame({"partition_key": ["a"], "x": [1]}))
    read = lake.open(table)
    lake.append(table, pl.DataFrame({"partition_key": ["b"], "x": [2]}))
    frame = pl.DataFrame({"partition_key": ["a"], **rows})
    with pytest.raises(LakeError, match="was written to by another run"):
        lake.replace_partitions(table, frame, ["a"], read)
    assert sorted(lake.scan(table).collect().iter_rows()) == [("a", 1), ("b", 2)]
    lake.replace_partitions(table, frame, ["a"], lake.open(table))
    assert dict(lake.scan(table).select("partition_key", "x").collect().iter_rows()) == {"a": 9, "b": 2}


def test_what_somebody_else_commits_is_read_at_once(lake, tmp_path):
    """Reading keeps no state: a commit through another handle, or another table in its place, is seen."""
    rows = pl.DataFrame({"partition_key": ["a"], "x": [1]})
    lake.append("training_data", rows)
    assert lake.scan("training_data").collect()["x"].to_list() == [1]
    write_deltalake(lake.uri("training_data"), rows.with_columns(x=pl.lit(2)), mode="append")
    assert sorted(lake.scan("training_data").collect()["x"]) == [1, 2]
    assert lake.version("training_data") == 2

    shutil.rmtree(tmp_path / "clicks" / "training_data")
    assert not lake.exists("training_data")
    for value in (7, 8):
        lake.append("training_data", rows.with_columns(x=pl.lit(value)))
    assert sorted(lake.scan("training_data").collect()["x"]) == [7, 8]


def test_a_handle_to_write_through_is_nobody_elses(lake):
    """What one handle commits does not change a state that was read before it."""
    lake.append("training_data", pl.DataFrame({"partition_key": ["a"], "x": [1]}))
    read = lake.snapshot("training_data")
    lake.append("training_data", pl.DataFrame({"partition_key": ["a"], "x": [2]}))
    assert pl.scan_delta(read).collect()["x"].to_list() == [1]
    assert lake.open("training_data") is not lake.open("training_data")


def test_two_runs_that_replace_partitions_at_once_are_told_in_a_sentence(lake, monkeypatch):
    """The one that comes second writes nothing, and says which table was written to by another run."""
    rows = pl.DataFrame({"partition_key": ["a"], "x": [1]})
    lake.append("training_data", rows)
    stale = lake.open("training_data")
    lake.replace_partitions("training_data", rows.with_columns(x=2), ["a"])
    with monkeypatch.context() as patch, pytest.raises(LakeError) as caught:
        patch.setattr(lake, "open", lambda _: stale)
        lake.replace_partitions("training_data", rows.with_columns(x=3), ["a"])
    assert str(caught.value) == (
        "The table training_data of clicks was written to by another run at the same time, so that it holds what "
        "that run wrote. Start this run again when the other one has ended."
    )
    assert lake.scan("training_data").collect()["x"].to_list() == [2]


def test_partitions_with_rows_are_known_by_the_log(lake):
    """Keys of the partitions that hold rows; an emptied one is none of them."""
    assert lake.partition_keys("features") == set()
    rows = pl.DataFrame({"partition_key": ["a", "b"], "x": [1, 2]})
    lake.replace_partitions("features", rows, ["a", "b"])
    lake.replace_partitions("features", rows.clear(), ["b"])
    assert lake.partition_keys("features") == {"a"}


def test_folder_with_a_space_and_an_umlaut(tmp_path):
    """A lake reads what it wrote wherever a user's folders lie, partitioned tables among it."""
    lake = Lake("loans", str(tmp_path / "Frau Müller's 100 %"))
    rows = pl.DataFrame({"partition_key": ["2026-01-01"], "amount": [1.5]})
    for table in ("training_data", "partitions"):
        lake.append(table, rows)
        lake.replace_partitions(table, rows, ["2026-01-01"])
        assert_frame_equal(lake.scan(table).collect(), rows)


@pytest.mark.parametrize("name", ["env=prod", "rows [1]", "a%20b", "where?"])
def test_folder_that_tables_cannot_be_in(tmp_path, name):
    """A sign that is read as part of an address, or as a column's value, is told before anything is written."""
    root = str(tmp_path / name)
    with pytest.raises(LakeError) as caught:
        Lake("loans", root)
    assert str(caught.value).startswith(f"{root}: tables cannot be in a folder whose path holds ")
    Lake("loans", "s3://rows/env=prod")


def test_rows_in_memory_are_those_of_the_newest_commit(lake):
    """A small table is read once while nothing is committed, and again after another handle has committed."""
    lake.append("attempts", pl.DataFrame({"attempt": ["a"]}))
    assert lake.read("attempts")["attempt"].to_list() == ["a"]
    [file] = Path(lake.uri("attempts")).glob("*.parquet")
    file.rename(file.with_suffix(".away"))
    assert lake.read("attempts")["attempt"].to_list() == ["a"]
    file.with_suffix(".away").rename(file)
    Lake(lake.name, lake.root).append("attempts", pl.DataFrame({"attempt": ["b"]}))
    assert sorted(lake.read("attempts")["attempt"]) == ["a", "b"]
    assert lake.read("decisions").schema == pl.Schema(SCHEMAS["decisions"])


def test_who_changes_rows_in_place_changes_them_for_nobody_else(lake):
    """Rows of a small table belong to who read them, however often it is read while nothing is committed."""
    rows = pl.DataFrame({"attempt": ["a", "b"]})
    lake.append("attempts", rows)
    for _ in range(2):
        mine = lake.read("attempts")
        assert_frame_equal(mine, rows)
        mine[0, "attempt"] = "changed"
        mine.insert_column(0, pl.Series("mine", [1, 2]))
        mine.extend(mine)


@pytest.fixture
def old_table(lake) -> Path:
    """The log of a table that was made, and got a row eight times, two months ago."""
    for number in range(8):
        lake.append("decisions", pl.DataFrame({"number": [number]}))
    log = Path(lake.uri("decisions"), "_delta_log")
    long_ago = (datetime.now(UTC) - timedelta(days=60)).timestamp()
    for file in log.iterdir():
        os.utime(file, (long_ago, long_ago))
    return log


def test_every_tenth_commit_is_a_checkpoint(lake, old_table):
    """Opening a table reads the log of ten commits at most, whatever its age."""
    assert not list(old_table.glob("*.checkpoint.parquet"))
    lake.append("decisions", pl.DataFrame({"number": [8]}))
    assert [file.name for file in old_table.glob("*.checkpoint.parquet")] == [f"{9:020}.checkpoint.parquet"]


def test_a_checkpoint_removes_no_version(lake, old_table):
    """What a model was fitted on can be read after months: a table's old versions stay."""
    lake.append("decisions", pl.DataFrame({"number": [8]}))
    assert len(list(old_table.glob("*.json"))) == 10
    for version in range(10):
        assert lake.scan("decisions", version).collect().height == version


def test_tables_that_are_written_file_by_file_have_the_same_properties(lake):
    """Features and scores have their checkpoints, and keep their versions, like any other table."""
    handle, made = opened(lake, "features", {"partition_key": pl.String(), "x": pl.Int64()})
    assert made
    assert handle.metadata().configuration == TABLE_PROPERTIES
