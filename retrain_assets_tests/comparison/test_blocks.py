"""Blocks: which rows count as dependent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from retrain_assets.comparison import assign_blocks
from retrain_assets.errors import SpecError, TrainingError

START = datetime(2026, 1, 5, 6, tzinfo=UTC)
END = START + timedelta(days=7)


def table(*hours, **columns):
    """Rows so many hours after the start."""
    times = [START + timedelta(hours=hour) for hour in hours]
    return pl.DataFrame({"at": times, **columns}, schema_overrides={"at": pl.Datetime("us", "UTC")})


def test_days_begin_at_the_start_of_the_holdout():
    """A day block runs for 24 hours from the holdout's start, not from midnight; empty days do not count."""
    blocks = assign_blocks(table(0, 23.9, 24, 100, 110), "1d", "at", START, END)
    assert blocks.ids.tolist() == [0, 0, 1, 2, 2]
    assert (blocks.count, blocks.noun) == (3, "days")


def test_a_remainder_joins_the_last_whole_block():
    """The row at the very end of the holdout, and a remainder shorter than a block, open no block."""
    assert assign_blocks(table(*range(0, 169)), "1d", "at", START, END).count == 7
    blocks = assign_blocks(table(*range(0, 168)), "2d", "at", START, END)
    assert (blocks.count, blocks.noun) == (3, "blocks of 2d")
    assert blocks.ids[-1] == 2


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_any_time_unit_gives_the_same_days(unit):
    """Timestamps in milli-, micro- or nanoseconds fall into the same blocks."""
    rows = table(1, 25, 49).with_columns(pl.col("at").dt.cast_time_unit(unit))
    assert assign_blocks(rows, "1d", "at", START, END).ids.tolist() == [0, 1, 2]


def test_blocks_of_an_entity_follow_its_column():
    """Rows of one value share a block, and rows without a value share one."""
    rows = table(0, 1, 2, 3, 4, customer=["b", None, "a", "b", None])
    blocks = assign_blocks(rows, "customer", "at", START, END)
    assert blocks.count == 3
    ids = blocks.ids.tolist()
    assert ids[0] == ids[3] and ids[1] == ids[4] and len(set(ids)) == 3
    assert blocks.noun == "values of customer"


def test_row_blocks_are_single_rows():
    """With block: row every row is a block of its own."""
    assert assign_blocks(table(0, 0, 1), "row", "at", START, END).ids.tolist() == [0, 1, 2]


def test_no_rows_give_no_blocks():
    """An empty holdout has no blocks, and is no error here."""
    for block in ("1d", "row", "at"):
        assert assign_blocks(table(), block, "at", START, END).count == 0


def test_hours_are_refused():
    """Blocks shorter than a day are an error that says what to declare."""
    with pytest.raises(SpecError, match=r"12h is shorter than a day.*Declare 1d or longer, a column, or row"):
        assign_blocks(table(0), "12h", "at", START, END)


def test_an_unknown_column_is_named_with_its_nearest():
    """A block that is no column of the source gives the nearest column."""
    with pytest.raises(TrainingError, match=r"'custmer' is neither.*Did you mean 'customer'"):
        assign_blocks(table(0, customer=["a"]), "custmer", "at", START, END)
