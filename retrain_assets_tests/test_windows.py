"""Partitions, and the bounds of training and holdout rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.spec import WindowSpec
from retrain_assets.windows import (
    Partitions,
    TimeColumns,
    holdout_rows,
    mature_rows,
    resolve_windows,
    training_rows,
)

PERIODS = st.sampled_from(["daily", "weekly", "monthly"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
DAYS = st.integers(0, 60).map(lambda days: timedelta(days=days))


@given(PERIODS, ZONES, MOMENTS)
def test_every_moment_lies_within_its_partition(period, zone, moment):
    """A moment lies between the bounds of the partition that its key names."""
    partitions = Partitions(period, zone)
    start, end = partitions.bounds(partitions.key_of(moment))
    assert start <= moment < end


@given(PERIODS, ZONES, MOMENTS)
def test_vectorised_keys_equal_single_keys(period, zone, moment):
    """The key expression gives each row the key that its moment has alone."""
    partitions = Partitions(period, zone)
    frame = pl.DataFrame({"t": [moment]}, schema={"t": pl.Datetime("us", "UTC")})
    assert frame.select(partitions.key_expr("t")).item() == partitions.key_of(moment)


@given(PERIODS, ZONES, MOMENTS, st.integers(1, 200))
def test_partitions_leave_no_gap(period, zone, moment, days):
    """Each partition begins where the one before it ends."""
    partitions = Partitions(period, zone)
    keys = partitions.keys_between(moment, moment + timedelta(days=days))
    for before, after in pairwise(keys):
        assert partitions.bounds(before)[1] == partitions.bounds(after)[0]
        assert partitions.next_key(before) == after


@given(PERIODS, ZONES, MOMENTS, st.integers(0, 200), st.integers(0, 200))
def test_complete_partitions_are_those_whose_end_lies_back_enough(period, zone, moment, days, wait):
    """Of the partitions that follow each other, those are complete whose end and wait are over."""
    partitions, wait = Partitions(period, zone), timedelta(hours=wait)
    now = moment + timedelta(days=days, hours=7)
    keys, at = [], moment
    while at < now:
        keys.append(partitions.key_of(at))
        at = partitions.bounds(keys[-1])[1]
    assert partitions.keys_between(moment, now) == keys
    over = [key for key in keys if partitions.bounds(key)[1] + wait <= now]
    assert partitions.complete(moment, now, wait) == over


def test_a_partition_is_complete_only_after_its_wait():
    """``complete_after`` keeps a partition back until so long after its end."""
    partitions = Partitions("daily", "UTC")
    start, now = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, 5, tzinfo=UTC)
    assert partitions.complete(start, now, timedelta(hours=5)) == ["2026-01-01", "2026-01-02"]
    assert partitions.complete(start, now, timedelta(hours=6)) == ["2026-01-01"]


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Europe/Berlin", 23), ("UTC", 24)],
)
def test_a_day_of_clock_change_has_its_own_length(zone, hours):
    """A local day of 23 hours is a partition of 23 hours."""
    start, end = Partitions("daily", zone).bounds("2026-03-29")
    assert end - start == timedelta(hours=hours)


@given(DAYS, st.integers(1, 60).map(lambda days: timedelta(days=days)), MOMENTS)
def test_no_row_both_trains_and_judges(delay, holdout, as_of):
    """A row is trained on or judged by, never both, and a gap of one label delay lies between."""
    windows = resolve_windows(as_of, delay, holdout, WindowSpec())
    columns = TimeColumns("t", delay)
    edges = [windows.train_end, windows.split, windows.holdout_end, windows.as_of]
    step = timedelta(microseconds=1)
    moments = sorted({edge + shift for edge in edges for shift in (-step, timedelta(0), step)})
    rows = pl.LazyFrame({"t": moments}, schema={"t": pl.Datetime("us", "UTC")})
    trained = training_rows(rows, windows, columns).collect()["t"].to_list()
    judged = holdout_rows(rows, windows, columns).collect()["t"].to_list()
    assert not set(trained) & set(judged)
    assert all(moment + delay <= windows.split for moment in trained)
    assert all(moment + delay <= as_of and moment >= windows.split for moment in judged)


def test_late_knowledge_keeps_a_row_out():
    """A row, or a label, that became known after the moment does not exist for it."""
    as_of = datetime(2026, 3, 1, tzinfo=UTC)
    early, late = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    rows = pl.LazyFrame(
        {
            "t": [early] * 3,
            "row_known": [early, late, early],
            "label_known": [early, early, late],
            "name": ["both", "row late", "label late"],
        }
    )
    columns = TimeColumns("t", timedelta(days=1), known_at="row_known", label_known_at="label_known")
    assert mature_rows(rows, as_of, columns).collect()["name"].to_list() == ["both"]


def test_a_window_of_rows_keeps_the_newest():
    """A rolling window of so many rows takes the newest rows before its end."""
    as_of = datetime(2026, 3, 1, tzinfo=UTC)
    windows = resolve_windows(as_of, timedelta(0), timedelta(days=7), WindowSpec(type="rolling", rows=2))
    moments = [as_of - timedelta(days=days) for days in (30, 9, 8, 1)]
    rows = pl.LazyFrame(
        {"t": moments, "partition_key": ["x"] * 4, "row_id": range(4)},
        schema_overrides={"t": pl.Datetime("us", "UTC")},
    )
    kept = training_rows(rows, windows, TimeColumns("t", timedelta(0))).collect()["t"].to_list()
    assert kept == moments[1:3]


@given(st.permutations(range(12)), st.integers(1, 11))
def test_a_window_of_rows_is_the_same_in_whatever_order_they_lie(order, size):
    """Where more rows of one moment compete than the window takes, the same ones are taken."""
    as_of = datetime(2026, 3, 1, tzinfo=UTC)
    windows = resolve_windows(as_of, timedelta(0), timedelta(days=7), WindowSpec(type="rolling", rows=size))
    rows = pl.DataFrame(
        {
            "t": [as_of - timedelta(days=9)] * 12,
            "partition_key": [f"2026-02-{20 + number % 3}" for number in range(12)],
            "row_id": [number * 7 % 12 for number in range(12)],
        },
        schema_overrides={"t": pl.Datetime("us", "UTC")},
    )
    columns = TimeColumns("t", timedelta(0))
    kept = training_rows(rows[list(order)].lazy(), windows, columns).collect()
    assert kept.equals(training_rows(rows.lazy(), windows, columns).collect())
    assert kept.height == size
