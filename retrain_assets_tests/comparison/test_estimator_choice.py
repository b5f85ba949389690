"""What past days say of the estimator: the choice, the widening, and how often equal models are then promoted."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from retrain_assets.comparison.estimator_choice import EstimatorChoice, choose_estimator, lag_one_correlation
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
    whole = lag_one_correlation(np.array([1.0, 2.0, 3.0, 2.0]))
    assert whole == pytest.approx(((-1 * 0 + 0 * 1 + 1 * 0) / 3) / (2 / 4))
    gapped = lag_one_correlation(np.array([1.0, 2.0, np.nan, 3.0, 4.0]))
    assert gapped == pytest.approx(((1.5 * 0.5 + 0.5 * 1.5) / 2) / (5 / 4))


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


def promoted(correlation, days, pairs=4_000):
    """Share of equal pairs that a one-sided 2.5 % test promotes: by what the past says, and by CR1 alone."""
    series = correlated_days(np.random.default_rng(8), correlation, 112 + days, pairs)
    shares = BlockShares(np.full(days, 1 / days))
    found = np.zeros(2)
    for past, new in zip(series[:, :112], series[:, 112:], strict=True):
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
