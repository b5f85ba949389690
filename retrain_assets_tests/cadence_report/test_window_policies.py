"""Window policies: how they are written, which are tried, and the rows that they choose."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from retrain_assets.cadence_report.matrix import WindowPolicy
from retrain_assets.cadence_report.window_policies import (
    WEIGHT,
    choose_windows,
    known_rows,
    parse_window,
    weighed,
)
from retrain_assets_tests.pipelines import declare

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("28d", WindowPolicy("last 28d", "rolling", 28 * DAY)),
        ("4w", WindowPolicy("last 28d", "rolling", 28 * DAY)),
        ("50000 rows", WindowPolicy("last 50,000 rows", "rows", 50_000)),
        ("50,000 rows", WindowPolicy("last 50,000 rows", "rows", 50_000)),
        ("expanding", WindowPolicy("all history", "expanding")),
        ("half-life 36h", WindowPolicy("all history, half-life 36h", "weighted", half_life=1.5 * DAY)),
    ],
)
def test_windows_are_written_in_four_forms(text, window):
    """A length of time, a number of rows, all of history, and all of it with a half-life."""
    assert parse_window(text) == window


def test_the_declared_window_is_tried_first_and_once(tmp_path):
    """The declared window comes first, and is not tried twice where it is among those asked for."""
    spec = declare(tmp_path).spec
    windows = choose_windows(spec, ["expanding", "14d", "2w"], 100 * DAY)
    assert [window.name for window in windows] == ["last 14d", "all history"]


def test_the_usual_windows_are_parts_of_history(tmp_path):
    """Where none is asked for, an eighth, a third, all, and all with a half-life of an eighth are tried."""
    spec = declare(tmp_path, training__window={"type": "rolling", "rows": 900}).spec
    names = [window.name for window in choose_windows(spec, [], 240 * DAY)]
    usual = ["last 30d", "last 80d", "all history", "all history, half-life 30d"]
    assert names == ["last 900 rows", *usual]


def test_only_what_was_known_at_the_moment_is_learnt_from(tmp_path):
    """A row counts once its label is mature, and in a rolling window for its length before that."""
    columns = declare(tmp_path).time_columns
    hours = [START + timedelta(hours=hour) for hour in range(24 * 10)]
    rows = pl.DataFrame(
        {"asked_at": hours, "partition_key": "k", "row_id": range(len(hours))},
        schema_overrides={"asked_at": pl.Datetime("us", "UTC")},
    ).lazy()
    moment = START + 5 * DAY

    def times(text: str) -> pl.Series:
        return known_rows(rows, parse_window(text), moment, columns).collect()["asked_at"]

    assert (times("expanding").min(), times("expanding").max()) == (START, moment - DAY)
    assert (times("2d").min(), times("2d").max()) == (moment - 3 * DAY, moment - DAY)
    assert (times("7 rows").len(), times("7 rows").max()) == (7, moment - DAY)
    assert times("half-life 1d").len() == times("expanding").len()


@pytest.mark.parametrize("weight", [None, "amount"])
def test_a_row_weighs_half_of_what_one_weighs_that_is_a_half_life_younger(tmp_path, weight):
    """Weights halve with each half-life of age, on top of declared ones; other windows weigh nothing."""
    spec = declare(tmp_path, features={"numeric": ["age"]}, **({"weight": weight} if weight else {})).spec
    rows = pl.DataFrame({"asked_at": [START, START + 2 * DAY, START + 4 * DAY], "amount": [3.0, 1.0, 2.0]})
    found = weighed(rows, parse_window("half-life 2d"), START + 4 * DAY, spec)[WEIGHT].to_list()
    assert found == pytest.approx([0.75, 0.5, 2.0] if weight else [0.25, 0.5, 1.0])
    assert weighed(rows, parse_window("expanding"), START + 4 * DAY, spec).equals(rows)
