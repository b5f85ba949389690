"""The simulated impressions: the same values every time, and the three events where they are said to be."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retrain_assets.demo.impressions import BROKEN_DAY, CHANGE_FROM, DRIFT_FROM, write_impressions

MONDAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen weeks of files."""
    path = tmp_path_factory.mktemp("ad_clicks")
    write_impressions(path, MONDAY)
    return path


@pytest.fixture(scope="module")
def days(folder: Path) -> list[pl.DataFrame]:
    """Read the rows of each file, oldest first."""
    return [pl.read_parquet(file) for file in sorted(folder.iterdir())]


def _click_rate(days: list[pl.DataFrame]) -> float:
    return float(pl.concat(days)["clicked"].to_numpy().mean())


def _phones(day: pl.DataFrame) -> float:
    return day.filter(device="mobile").height / day.height


def test_one_file_a_day_ends_before_the_monday(folder: Path) -> None:
    """There are 112 files, one a day, and the last day is the Sunday before the given Monday."""
    names = sorted(file.name for file in folder.iterdir())
    expected = [f"{MONDAY - timedelta(days=back):%Y-%m-%d}.parquet" for back in range(112, 0, -1)]
    assert names == expected


def test_every_day_holds_its_own_rows_and_at_least_5000(folder: Path) -> None:
    """Each file has 5,000 rows or more, all of its own day, with the same columns."""
    schemas = set()
    for file in folder.iterdir():
        rows = pl.read_parquet(file)
        schemas.add(tuple(rows.schema.items()))
        assert rows.height >= 5_000
        assert rows["shown_at"].drop_nulls().dt.date().unique().to_list() == [date.fromisoformat(file.stem)]
    assert len(schemas) == 1


def test_values_are_the_same_every_time(tmp_path: Path, days: list[pl.DataFrame]) -> None:
    """Another Monday gives the same rows, with every time moved by the same span."""
    write_impressions(tmp_path, MONDAY + timedelta(weeks=3))
    for day, again in zip(days, sorted(tmp_path.iterdir()), strict=True):
        moved = day.with_columns(pl.col("shown_at") + timedelta(weeks=3))
        assert_frame_equal(moved, pl.read_parquet(again))


def test_another_weekday_is_refused(tmp_path: Path) -> None:
    """A last day that is no Monday is refused in a sentence, for the events are tied to weeks."""
    with pytest.raises(ValueError, match=r"2026-03-03 is no Monday; give the Monday that follows"):
        write_impressions(tmp_path, MONDAY + timedelta(days=1))


def test_click_rate_falls_below_the_threshold_with_week_eleven(days: list[pl.DataFrame]) -> None:
    """The click rate lies near 2.4 % for ten weeks and near 1.7 % after, every later week below 1.91 %."""
    assert _click_rate(days[:CHANGE_FROM]) == pytest.approx(0.024, abs=0.0006)
    assert _click_rate(days[CHANGE_FROM:]) == pytest.approx(0.017, abs=0.0006)
    for start in range(CHANGE_FROM, 112, 7):
        assert _click_rate(days[start : start + 7]) < 0.0191


def test_phones_gain_slowly_from_week_seven_on(days: list[pl.DataFrame]) -> None:
    """The share of phones is half before week 7 and near 72 % from week 12 on, and no day jumps."""
    assert _phones(pl.concat(days[:DRIFT_FROM])) == pytest.approx(0.50, abs=0.01)
    assert _phones(pl.concat(days[77:])) == pytest.approx(0.72, abs=0.01)
    shares = [_phones(day) for day in days]
    assert max(abs(after - before) for before, after in pairwise(shares)) < 0.04


def test_broken_rows_lie_in_one_day(days: list[pl.DataFrame]) -> None:
    """Only the Wednesday of week 9 holds impossible bids and missing times, in 3 to 5 % of its rows."""
    broken = pl.col("shown_at").is_null() | ~pl.col("bid").is_between(0, 50)
    counts = [day.filter(broken).height for day in days]
    assert [number for number, count in enumerate(counts) if count] == [BROKEN_DAY]
    assert 0.03 <= counts[BROKEN_DAY] / days[BROKEN_DAY].height <= 0.05


def test_exports_are_untidy(days: list[pl.DataFrame]) -> None:
    """Rows are sent twice, ages and countries are missing, and countries are spelt in several ways."""
    day = days[0]
    assert day.height - day["impression_id"].n_unique() == day.height - day.unique().height > 0
    assert day["user_age_days"].null_count() > 0
    assert {None, "DE", "de", "DE  "} <= set(day["country"].to_list())
