"""Files whose path names the partition."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrain_assets.training_data.sources.source import open_source
from retrain_assets.windows import Partitions
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows
from retrain_assets_tests.training_data.sources.days import (
    BROKEN,
    BY_DAY,
    by_key,
    delivered,
    write_days,
)


def test_a_partition_reads_only_its_own_file(tmp_path: Path) -> None:
    """With the partition in the path, each delivery holds the rows of its file and names it."""
    write_days(tmp_path)
    source = open_source(declared(BY_DAY), tmp_path)
    found = delivered(source)
    for day in DAYS:
        assert found[day].frame is not None
        assert found[day].frame.equals(rows(day))
        assert found[day].files == (str(tmp_path / f"{day}.parquet"),)
    assert source.earliest() == datetime(2026, 1, 5, tzinfo=UTC)
    assert source.latest() == datetime(2026, 1, 7, tzinfo=UTC)
    assert source.columns() == dict(rows(DAYS[0]).schema)


@pytest.mark.parametrize("name", ["{}[final]", "[{}] of all", "rows of {} %20ü", "{}*"])
def test_a_name_may_hold_any_sign(tmp_path: Path, name: str) -> None:
    """Brackets, spaces, percent signs and umlauts of a path stand for themselves."""
    folder = tmp_path / "a [1] %41 é"
    folder.mkdir()
    for day in DAYS:
        rows(day).write_parquet(folder / f"{name.format(day).replace('*', '~1')}.parquet")
    path = f"a [1] %41 é/{name.format('{partition:%Y-%m-%d}')}.parquet"
    source = open_source(declared({"path": path}), tmp_path)
    assert set(by_key(source)) == set(DAYS)
    assert [found.frame.height for found in delivered(source).values()] == [4, 4, 4]


def test_touching_a_file_changes_nothing_and_one_value_changes_its_partition(tmp_path: Path) -> None:
    """A new modification time alone keeps the fingerprint; one changed value changes that partition only."""
    write_days(tmp_path)
    source = open_source(declared(BY_DAY), tmp_path)
    first = source.fingerprints(DAILY, DAYS, {}, None)
    os.utime(tmp_path / "2026-01-06.parquet", (1, 1))
    touched = source.fingerprints(DAILY, DAYS, first.by_key, first.cursor)
    assert touched.by_key == first.by_key
    rows("2026-01-06", bid=2.0).write_parquet(tmp_path / "2026-01-06.parquet")
    after = source.fingerprints(DAILY, DAYS, first.by_key, touched.cursor)
    assert {key for key in DAYS if after.by_key[key] != first.by_key[key]} == {"2026-01-06"}
    assert by_key(source, "no cursor at all") == after.by_key


def test_a_partition_may_have_several_files_in_folders(tmp_path: Path) -> None:
    """The path may hold folders, globs and finer dates; unrelated files are not looked at."""
    for name in (
        "2026/01/05/a.csv",
        "2026/01/05/b.csv",
        "2026/01/06/a.csv",
        "2026/13/77/a.csv",
        "x/y/z/a.csv",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows("2026-01-05", 2).write_csv(path)
    source = open_source(declared({"path": "{partition:%Y}/{partition:%m/%d}/*.csv"}), tmp_path)
    found = delivered(source, ["2026-01-05", "2026-01-06", "2026-01-08"])
    assert found["2026-01-05"].frame.height == 4
    assert len(found["2026-01-05"].files) == 2
    assert found["2026-01-06"].frame.height == 2
    assert found["2026-01-08"].problem == (
        f"Partition 2026-01-08: no file of the form {source.address} is there. Deliver it."
    )


def test_weekly_partitions_take_daily_files(tmp_path: Path) -> None:
    """A path finer than the partition gives a week the files of its days."""
    for day in (*DAYS, "2026-01-12"):
        rows(day).write_parquet(tmp_path / f"{day}.parquet")
    source = open_source(declared({**BY_DAY, "partition": "weekly"}), tmp_path)
    [week] = source.read(Partitions("weekly", "UTC"), ["2026-01-05"])
    assert week.frame is not None
    assert week.frame.height == 12


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_a_sentence_and_the_others_go_on(tmp_path: Path, kind: str) -> None:
    """A partition that cannot be read says why and keeps a stable fingerprint; the others are delivered."""
    write_days(tmp_path)
    path = tmp_path / "2026-01-06.parquet"
    content, sentence = BROKEN[kind]
    path.write_bytes(path.read_bytes()[:-100] if content is None else content)
    source = open_source(declared(BY_DAY), tmp_path)
    found = delivered(source)
    assert found["2026-01-06"].problem == f"{path}: {sentence}"
    assert found["2026-01-06"].frame is None
    assert found["2026-01-06"].fingerprint == by_key(source)["2026-01-06"]
    assert found["2026-01-05"].frame is not None
    assert found["2026-01-07"].frame is not None
