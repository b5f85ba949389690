"""Days of history, and when their labels were known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.cadence_report.days import BLOCK, DAY, by_day, with_days
from retrain_assets.windows import TimeColumns
from retrain_assets_tests.pipelines import declare

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
DAY_LENGTH = timedelta(days=1)
BOUNDS = [(FIRST + start * DAY_LENGTH, FIRST + (start + 3) * DAY_LENGTH) for start in (0, 3, 6, 9)]
COLUMNS = TimeColumns("asked_at", DAY_LENGTH, label_known_at="told_at")


def rows_told(late: dict[int, timedelta]) -> pl.DataFrame:
    """Four rows a day for twelve days, of which those at some places were told late."""
    asked = [FIRST + number * timedelta(hours=6) for number in range(48)]
    told = [moment + late.get(number, DAY_LENGTH) for number, moment in enumerate(asked)]
    block = pl.Series(np.arange(48) // 12, dtype=pl.Int32)
    return pl.DataFrame({"asked_at": asked, "told_at": told}).with_columns(block.alias(BLOCK))


def days_of(tmp_path, rows: pl.DataFrame, **options):
    """Number the days of rows."""
    return with_days(rows, BOUNDS, declare(tmp_path).spec, COLUMNS, **{"whole_blocks": False} | options)


def test_a_day_whose_labels_are_on_time_is_known_when_it_is_mature(tmp_path):
    """Of three days of a block two are known at the start of the next one, and the last one block later."""
    marked, days = days_of(tmp_path, rows_told({}))
    assert days.known.tolist() == [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4]
    assert days.block.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert days.rows.tolist() == [4] * 12
    assert marked[DAY].to_list() == (np.arange(48) // 4).tolist()


def test_rows_that_were_told_late_count_from_then_on_and_the_others_of_their_day_do_not_wait(tmp_path):
    """A late label makes an entry of its own, known at the first block that starts when it was there."""
    marked, days = days_of(tmp_path, rows_told({1: 8 * DAY_LENGTH, 2: 8.5 * DAY_LENGTH, 3: 30 * DAY_LENGTH}))
    assert days.start[:4].tolist() == [FIRST.replace(tzinfo=None)] * 3 + [datetime(2026, 1, 6)]
    assert days.known[:4].tolist() == [1, 3, 4, 1]
    assert days.rows[:4].tolist() == [1, 2, 1, 4]
    assert marked[DAY].to_list()[:5] == [0, 1, 1, 2, 3]
    later = days.since(1)
    assert (later.block[0], later.known[0], later.rows.size) == (0, 1, 9)


def test_a_metric_of_whole_blocks_is_known_with_the_last_label(tmp_path):
    """Where days have no losses of their own, all of a block wait for its last label."""
    _, days = days_of(tmp_path, rows_told({1: 8 * DAY_LENGTH}), whole_blocks=True)
    assert days.known.tolist() == [3] * 3 + [3] * 3 + [4] * 6


def test_a_row_that_came_in_late_counts_from_then_on(tmp_path):
    """A row whose source delivered it after its label was mature is known with its delivery."""
    rows = rows_told({}).with_columns(pl.lit(FIRST + 5 * DAY_LENGTH).alias("came_at"))
    columns = TimeColumns("asked_at", DAY_LENGTH, "came_at")
    _, days = with_days(rows, BOUNDS, declare(tmp_path).spec, columns, whole_blocks=False)
    assert days.known.tolist()[:4] == [2, 2, 2, 2]


def test_entries_of_a_day_are_joined_by_their_rows():
    """The loss of a day is the mean over the rows of its entries; an entry without weight adds nothing."""
    start = np.array(["2026-01-05", "2026-01-05", "2026-01-06", "2026-01-06"], dtype="datetime64[s]")
    first, losses, rows = by_day(start, np.array([1.0, 2.0, 3.0, np.nan]), np.array([1.0, 3.0, 2.0, 0.0]))
    assert first.tolist() == [0, 2]
    assert losses == pytest.approx([1.75, 3.0])
    assert rows.tolist() == [4.0, 2.0]
