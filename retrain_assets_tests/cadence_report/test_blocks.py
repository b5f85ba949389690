"""Cutting history into blocks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.cadence_report.blocks import GROWTH, choose_cut, cut_history

SIZES = st.integers(2, 500)
WANTED = st.integers(2, 60)


def keys(number: int) -> list[str]:
    """Keys of consecutive daily partitions."""
    return [(date(2024, 1, 1) + timedelta(days=day)).isoformat() for day in range(number)]


@settings(deadline=None)
@given(SIZES, WANTED)
def test_a_first_cut_takes_all_of_history(number, wanted):
    """Blocks are consecutive, hold every partition once, and all but the first are equally long."""
    history = keys(number)
    cut = choose_cut(history, wanted)
    blocks = cut_history(history, cut)
    assert [key for block in blocks for key in block] == history
    assert {len(block) for block in blocks[1:]} == {cut.partitions}
    assert min(wanted, number) / 2 <= len(blocks) <= wanted


@settings(deadline=None)
@given(SIZES, WANTED, st.integers(0, 200))
def test_a_cut_stays_while_history_grows(number, wanted, more):
    """With more partitions the old blocks are the same and new ones follow, until there are too many of them."""
    cut = choose_cut(keys(number), wanted)
    later = choose_cut(keys(number + more), wanted, cut)
    blocks = cut_history(keys(number + more), later)
    if later == cut:
        assert blocks[: len(cut_history(keys(number), cut))] == cut_history(keys(number), cut)
        assert len(blocks) <= wanted * GROWTH
    else:
        assert len(cut_history(keys(number + more), cut)) > wanted * GROWTH
        assert len(blocks) <= wanted


@pytest.mark.parametrize("wanted", [6, 24])
def test_another_number_of_blocks_is_another_cut(wanted):
    """Who asks for other blocks than last time gets them."""
    cut = choose_cut(keys(120), 12)
    assert choose_cut(keys(120), wanted, cut) == choose_cut(keys(120), wanted)


def test_a_cut_at_a_partition_that_is_gone_is_not_kept():
    """Where the partition is gone that the second block began with, history is cut anew."""
    cut = choose_cut(keys(120), 12)
    assert choose_cut(keys(120)[60:], 12, cut) == choose_cut(keys(120)[60:], 12)
