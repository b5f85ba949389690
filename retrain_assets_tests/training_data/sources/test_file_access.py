"""What holds for every source of files."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.training_data.sources.source import open_source
from retrain_assets.windows import Partitions
from retrain_assets_tests.training_data.declared import DAILY, DAYS, declared, rows
from retrain_assets_tests.training_data.sources.days import (
    BY_DAY,
    WHOLE,
    by_key,
    delivered,
    write_days,
)


@pytest.mark.parametrize("source_block", [BY_DAY, WHOLE])
def test_read_gives_the_fingerprint_that_the_look_gave(tmp_path: Path, source_block: dict[str, str]) -> None:
    """The fingerprint recorded after reading is the one that the next look finds."""
    write_days(tmp_path)
    pl.concat(rows(day) for day in DAYS).write_parquet(tmp_path / "all.parquet")
    source = open_source(declared(source_block), tmp_path)
    assert {key: item.fingerprint for key, item in delivered(source).items()} == by_key(source)


def test_a_mended_declaration_makes_partitions_new(tmp_path: Path) -> None:
    """Another way of reading the same bytes changes the fingerprints, so that what failed is read again."""
    write_days(tmp_path)
    before = by_key(open_source(declared(BY_DAY), tmp_path))
    after = by_key(open_source(declared({**BY_DAY, "read": {"timestamp_format": "%Y"}}), tmp_path))
    assert all(before[day] != after[day] for day in DAYS)


def test_what_was_kept_of_other_periods_is_not_taken_for_these(tmp_path: Path) -> None:
    """The cache of a source that was read by days says nothing of its weeks."""
    pl.concat(rows(day) for day in DAYS).write_parquet(tmp_path / "all.parquet")
    days = open_source(declared(WHOLE), tmp_path).fingerprints(DAILY, DAYS, {}, None)
    source = open_source(declared({**WHOLE, "partition": "weekly"}), tmp_path)
    weekly = Partitions("weekly", "UTC")
    looks = [source.fingerprints(weekly, [DAYS[0]], {}, cursor).by_key for cursor in (None, days.cursor)]
    assert looks[0] == looks[1]
    assert looks[0] != {DAYS[0]: days.by_key[DAYS[0]]}


@pytest.mark.parametrize("source_block", [BY_DAY, {"path": "*.parquet"}])
def test_a_file_written_while_it_is_read_is_read_again(
    tmp_path: Path, source_block: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes under the reader is no delivery, and leaves no fingerprint."""
    path = tmp_path / "2026-01-05.parquet"
    rows(DAYS[0]).write_parquet(path)
    source = open_source(declared(source_block), tmp_path)
    collect = pl.LazyFrame.collect

    def written_meanwhile(frame: pl.LazyFrame) -> pl.DataFrame:
        found = collect(frame)
        writer = threading.Thread(target=lambda: rows(DAYS[0], 5).write_parquet(path))
        writer.start()
        writer.join()
        return found

    monkeypatch.setattr(pl.LazyFrame, "collect", written_meanwhile)
    [delivery] = source.read(DAILY, [DAYS[0]])
    assert (delivery.frame, delivery.fingerprint) == (None, "")
    assert delivery.problem == (
        f"Partition 2026-01-05: {path} changed while it was read; it is read again at the next tick."
    )
