"""Days about a level that may shift."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.repeated_looks import day_series
from retrain_assets.comparison.estimator_choice import HIGHEST_CORRELATION
from retrain_assets.comparison.level_correlation import lag_one_correlation
from retrain_assets.comparison.level_shifts import about_levels, lag_one

DAYS = 112


def shares(correlation, shift, repetitions=200, seed=11):
    """How often the correlation of days comes out above the limit, about shifting levels and about one mean."""
    rng = np.random.default_rng(seed)
    alike = np.zeros(2)
    for series in day_series(rng, repetitions, DAYS, correlation):
        series[rng.integers(14, DAYS - 14) :] += shift
        alike += [lag_one_correlation(series) > HIGHEST_CORRELATION, lag_one(series - series.mean()) > 0.2]
    return alike / repetitions


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.45, 0.6])
def test_days_that_are_alike_are_found_as_often(correlation):
    """Without a shift the share of series that are found alike differs by no more than four points."""
    about_shifting, about_mean = shares(correlation, 0.0)
    assert about_shifting == pytest.approx(about_mean, abs=0.04)


@pytest.mark.parametrize("shift", [2.0, 3.0, 5.0, 20.0])
def test_one_shift_of_independent_days_is_no_likeness(shift):
    """Independent days whose level shifts are found alike in at most 5 %, and about one mean in nearly all."""
    about_shifting, about_mean = shares(0.0, shift)
    assert about_shifting <= 0.05
    assert about_mean >= 0.85


def test_the_shift_is_taken_from_the_days():
    """Days that are +1 and -1 by turns, on a level of 10 and then of 20, are left as +1 and -1."""
    turns = np.tile([1.0, -1.0], 20)
    series = turns + np.repeat([10.0, 20.0], 20)
    found = about_levels(series)
    assert found.shape == (2, 40)
    assert found[0, :20] == pytest.approx(turns[:20])
    assert found[1, 20:] == pytest.approx(turns[20:])
    assert np.isnan(found[0, 20:]).all() and np.isnan(found[1, :20]).all()
    gapped = about_levels(np.insert(series, 5, np.nan))
    assert gapped[1, 21:] == pytest.approx(turns[20:])
    assert np.isnan(gapped[:, 5]).all()


def test_known_levels_are_taken_off_and_their_shifts_too():
    """Each row is about its own mean, and one whose level shifts is parted."""
    turns = np.tile([1.0, -1.0], 20)
    rows = np.full((3, 40), np.nan)
    rows[0, :14], rows[2, 14:] = 5 + turns[:14], turns[14:] - np.repeat([10.0, 20.0], 13)
    found = about_levels(rows)
    assert found.shape == (3, 40)
    for row, days in zip(found, (slice(0, 14), slice(14, 27), slice(27, 40)), strict=True):
        assert row[days] == pytest.approx(turns[days] - turns[days].mean())
        assert np.isfinite(row).sum() == row[days].size


def test_a_slope_is_no_shift_of_a_level():
    """Days that follow one another closely keep their correlation."""
    walk = np.cumsum(np.random.default_rng(3).normal(size=DAYS))
    assert lag_one_correlation(walk) > 0.5


@given(
    series=st.lists(st.floats(-10, 10).map(lambda x: round(x, 3)), min_size=1, max_size=60),
    gaps=st.sets(st.integers(0, 59)),
)
def test_levels_are_means(series, gaps):
    """Whatever the days, gaps stay gaps, the days' sum about their levels is 0, and a constant has no correlation."""
    days = np.array([np.nan if place in gaps and place else value for place, value in enumerate(series)])
    about = about_levels(days)
    assert (np.isfinite(about).sum(axis=0) == np.isfinite(days)).all()
    assert np.nansum(about) == pytest.approx(0, abs=1e-6)
    assert -1.5 <= lag_one_correlation(days) <= 1.5
    assert lag_one_correlation(np.full(60, 0.3)) == 0
