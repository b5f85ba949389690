"""What past days say of the estimator: the choice, the widening, and how often equal models are then promoted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from retrain_assets.comparison.estimator_choice import EstimatorChoice, choose_estimator
from retrain_assets.comparison.level_correlation import expected_correlation, lag_one_correlation
from retrain_assets.comparison.level_shifts import lag_one
from retrain_assets.comparison.standard_errors import cluster_robust_error, correlated_errors
from retrain_assets.comparison.unequal_blocks import BlockShares
from retrain_assets_tests.comparison.test_standard_errors import correlated_days


def test_without_enough_past_days_blocks_count_as_independent():
    """No past, or 55 days of it, gives the cluster-robust estimator and no correlation; gaps are no days."""
    alike = np.repeat(np.arange(28.0), 2)
    assert choose_estimator(None).estimator == "cluster_robust"
    assert choose_estimator(alike[1:]).correlation is None
    assert choose_estimator(alike[1:]).past_days == 55
    gap = np.insert(alike[1:], 9, np.nan)
    assert (choose_estimator(gap).estimator, choose_estimator(gap).past_days) == ("cluster_robust", 55)


def test_days_that_are_alike_call_for_cosines():
    """From 56 days on a correlation above 0.2 chooses the cosines, and a lower one does not."""
    alike = np.repeat(np.arange(28.0), 2)
    choice = choose_estimator(alike)
    assert (choice.estimator, choice.past_days) == ("equal_weighted_cosine", 56)
    assert choice.correlation > 0.9
    assert choose_estimator(np.tile([1.0, -1.0], 28)).estimator == "cluster_robust"
    assert choose_estimator(np.full(60, 0.3)).correlation == 0


@given(st.integers(0, 10_000), st.floats(-0.2, 0.8), st.integers(56, 200))
@settings(max_examples=60, deadline=None)
def test_the_choice_follows_from_the_correlation(seed, correlation, days):
    """The estimator is the cosine one exactly where the measured correlation exceeds 0.2."""
    choice = choose_estimator(correlated_days(np.random.default_rng(seed), correlation, days)[0])
    assert (choice.estimator == "equal_weighted_cosine") == (choice.correlation > 0.2)
    assert -1.1 <= choice.correlation <= 1.1
    assert choice.past_days == days


def test_lag_one_correlation_by_hand():
    """Neighbours are multiplied around the common mean, and a gap has no neighbours."""
    assert lag_one(np.array([-1.0, 0.0, 1.0, 0.0])) == 0
    assert lag_one(np.array([-1.5, -0.5, np.nan, 0.5, 1.5])) == pytest.approx(
        ((1.5 * 0.5 + 0.5 * 1.5) / 2) / (5 / 4)
    )
    rows = np.array([[1.0, -1.0, np.nan, np.nan], [np.nan, np.nan, 2.0, -2.0]])
    assert lag_one(rows) == pytest.approx(-(1 + 4) / 2 / (10 / 4))


@pytest.mark.parametrize("lengths", [[56], [112]])
def test_a_single_level_tells_the_correlation_as_it_is_measured(lengths):
    """The levels' correction is Marriott and Pope's for one level, so that what it hides is hidden as before."""
    correlation = np.array([-0.2, 0.0, 0.2, 0.4])
    found = expected_correlation(correlation, np.array(lengths))
    assert found == pytest.approx(correlation - (1 + 3 * correlation) / lengths[0], abs=0.003)
    series = correlated_days(np.random.default_rng(4), 0.2, lengths[0])[0]
    assert lag_one_correlation(series) == pytest.approx(lag_one(series - series.mean()), abs=0.005)


@pytest.mark.parametrize("days", [7, 14, 28])
@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.4])
def test_levels_of_few_days_hide_what_is_expected_of_them(correlation, days):
    """Of 4,000 pasts of 112 days, each parted into levels of some days, the average is the expected one."""
    series = correlated_days(np.random.default_rng(6), correlation, 112, 4_000).reshape(4_000, -1, days)
    deviation = series - series.mean(axis=2, keepdims=True)
    products = (deviation[..., 1:] * deviation[..., :-1]).mean(axis=(1, 2))
    measured = products / (deviation**2).mean(axis=(1, 2))
    expected = expected_correlation(np.array([correlation]), np.full(112 // days, days))[0]
    assert measured.mean() == pytest.approx(expected, abs=0.008)
    assert expected < correlation - 0.8 / days


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_a_past_of_weekly_versions_tells_the_correlation_on_average(correlation):
    """Sixteen pairs of a week each, which begin and end at levels of their own, tell it as one pair of 112 days does."""
    series = correlated_days(np.random.default_rng(3), correlation, 112, 400)
    level = np.repeat(np.arange(16), 7)
    rows = np.where(level == np.arange(16)[:, np.newaxis], series[:, np.newaxis] + 10.0 * level, np.nan)
    found = np.mean([lag_one_correlation(past) for past in rows])
    assert found == pytest.approx(correlation - (1 + 3 * correlation) / 112, abs=0.02)
    assert choose_estimator(rows[0]).past_days == 112


def test_the_widening_by_hand():
    """Of 7 days that correlate by .2, known from 103 past ones: the ratio of an AR(1), and what 7 days show of it."""
    correlation = (103 * 0.2 + 1) / 100
    ratio = (1 + correlation) / (1 - correlation)
    found = EstimatorChoice("cluster_robust", 0.2, 103).inflation(7)
    assert found == pytest.approx(ratio / (1 - (ratio - 1) / 6))
    assert found == pytest.approx(1.7079, abs=1e-4)
    assert EstimatorChoice("cluster_robust", -0.1, 103).inflation(7) == 1
    assert EstimatorChoice("cluster_robust", None, 20).inflation(7) == 1
    assert EstimatorChoice("equal_weighted_cosine", 0.4, 103).inflation(7) == 1


def promoted(correlation, days, levels=1, pairs=4_000):
    """Share of equal pairs that a one-sided 2.5 % test promotes: by what a past of levels says, and by CR1 alone."""
    series = correlated_days(np.random.default_rng(8), correlation, 112 + days, pairs)
    shares = BlockShares(np.full(days, 1 / days))
    found = np.zeros(2)
    is_own = np.arange(levels)[:, np.newaxis] == np.arange(112) * levels // 112
    pasts = (np.where(is_own, past, np.nan) for past in series[:, :112])
    for past, new in zip(pasts, series[:, 112:], strict=True):
        choice = choose_estimator(past)
        contributions = (new - new.mean()) / days
        error, degrees = cluster_robust_error(contributions), days - 1.0
        plain = stdtrit(degrees, 0.975) * error
        half = plain * math.sqrt(choice.inflation(days))
        if choice.estimator == "equal_weighted_cosine":
            half = max(error.half_width(0.05) for error in correlated_errors(contributions, shares))
        found += new.mean() > np.array([half, plain])
    return found / pairs


@pytest.mark.parametrize("days", [7, 28])
@pytest.mark.parametrize("correlation", [0.1, 0.2, 0.3])
def test_equal_models_are_promoted_as_seldom_as_promised(correlation, days):
    """Around the threshold, where the past is as often above as below it, no more are promoted than one of 40."""
    by_past, plain = promoted(correlation, days)
    assert by_past <= 0.025 + 2 * math.sqrt(0.025 * 0.975 / 4_000)
    if correlation >= 0.2:
        assert plain > 0.04


def test_weekly_versions_do_not_hide_that_days_are_alike():
    """A past of sixteen versions of a week each promotes no more equal models than is promised, either."""
    by_past, _ = promoted(0.3, 7, levels=16, pairs=2_000)
    assert by_past <= 0.025 + 2 * math.sqrt(0.025 * 0.975 / 2_000)
