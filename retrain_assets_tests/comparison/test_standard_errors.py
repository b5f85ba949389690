"""Standard errors from blocks: the cosine estimator by hand and by a transform, and the size of both estimators."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.fft import dct
from scipy.special import stdtrit
from scipy.stats import sem

from retrain_assets.comparison.standard_errors import (
    StudentError,
    block_contributions,
    cluster_robust_error,
    correlated_errors,
    equal_weighted_cosine_error,
)
from retrain_assets.comparison.unequal_blocks import BlockShares
from retrain_assets.errors import TrainingError

SERIES = st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=150).map(np.array)


def correlated_days(rng, correlation, days, series=1):
    """Stationary Gaussian AR(1) series of mean 0 and variance 1, shape (series, days)."""
    shocks = rng.standard_normal((series, days))
    values = shocks.copy()
    for day in range(1, days):
        values[:, day] = correlation * values[:, day - 1] + math.sqrt(1 - correlation**2) * shocks[:, day]
    return values


@given(SERIES)
@settings(max_examples=40, deadline=None)
def test_the_cluster_robust_error_of_equal_blocks_is_that_of_their_mean(series):
    """With blocks of equal size the error is the standard error of the mean of the blocks, as SciPy computes it."""
    contributions = (series - series.mean()) / series.size
    assert cluster_robust_error(contributions) == pytest.approx(sem(series), abs=1e-9)


def test_the_cosine_error_of_a_short_series_by_hand():
    """Eight days have one cosine: the error is the root of twice the squared projection on it."""
    series = np.array([3.0, 1.0, 2.0, -1.0, 0.0, -2.0, -1.0, -2.0])
    projection = (
        3 * math.cos(math.pi * 0.5 / 8)
        + 1 * math.cos(math.pi * 1.5 / 8)
        + 2 * math.cos(math.pi * 2.5 / 8)
        - 1 * math.cos(math.pi * 3.5 / 8)
        - 2 * math.cos(math.pi * 5.5 / 8)
        - 1 * math.cos(math.pi * 6.5 / 8)
        - 2 * math.cos(math.pi * 7.5 / 8)
    )
    error, degrees = equal_weighted_cosine_error(series)
    assert degrees == 1
    assert error == pytest.approx(math.sqrt(2 * projection**2))
    assert error == pytest.approx(12.1538, abs=1e-4)


@pytest.mark.parametrize(
    ("days", "degrees"), [(2, 1), (7, 1), (8, 1), (14, 2), (28, 3), (56, 5), (112, 9), (125, 10), (207, 13)]
)
def test_the_number_of_cosines_grows_with_the_days(days, degrees):
    """Degrees of freedom are 0.4 T^(2/3) rounded down: 1 for one week, 5 for eight, 9 for sixteen."""
    assert equal_weighted_cosine_error(np.sin(np.arange(days)))[1] == degrees


@given(SERIES)
@settings(max_examples=60, deadline=None)
def test_the_cosine_error_is_that_of_the_cosine_transform(series):
    """The projections are the slowest coefficients of the type II transform, as SciPy computes it."""
    error, degrees = equal_weighted_cosine_error(series)
    slowest = dct(series, type=2)[1 : degrees + 1] / 2
    expected = math.sqrt(2 / degrees * float(slowest @ slowest))
    if expected > 1e-6 * np.abs(series).max():
        assert error == pytest.approx(expected)


@given(SERIES, st.floats(-100, 100))
@settings(max_examples=40, deadline=None)
def test_the_cosine_error_ignores_the_mean(series, shift):
    """Cosines are free of the mean: a shift of all days changes nothing."""
    error, _ = equal_weighted_cosine_error(series)
    shifted, _ = equal_weighted_cosine_error(series + shift)
    if error > 1e-6 * (np.abs(series).max() + abs(shift)):
        assert shifted == pytest.approx(error, rel=1e-6, abs=1e-6)


def test_symmetry_is_no_certainty():
    """Where the slow cosines see nothing, or little by chance, independent days give the error."""
    shares = BlockShares(np.full(7, 1 / 7))
    sparse = np.array([-1.0, -1, -1, 6, -1, -1, -1])
    assert equal_weighted_cosine_error(sparse)[0] == pytest.approx(0, abs=1e-12)
    by_cosines, of_days = correlated_errors(sparse, shares)
    assert by_cosines == (StudentError(pytest.approx(0, abs=1e-12), 1))
    assert of_days == StudentError(pytest.approx(cluster_robust_error(sparse)), pytest.approx(6))
    trend = np.arange(7.0) - 3
    assert correlated_errors(trend, shares)[0] == StudentError(*equal_weighted_cosine_error(trend))
    assert [error.value for error in correlated_errors(np.zeros(7), shares)] == [0, 0]


@given(SERIES, st.sampled_from([0.01, 0.05, 0.2]))
@settings(max_examples=60, deadline=None)
def test_interval_and_tail_of_an_error_are_students(series, alpha):
    """Half of an interval is a quantile of Student's t; a difference as low as its end has a tail of alpha / 2."""
    shares = BlockShares(np.full(series.size, 1 / series.size))
    contributions = (series - series.mean()) / series.size
    for error in correlated_errors(contributions, shares):
        half = error.half_width(alpha)
        assert half == pytest.approx(stdtrit(error.degrees, 1 - alpha / 2) * error.value)
        expected = alpha / 2 if error.value > 0 else 1.0
        assert error.lower_tail(-half) == pytest.approx(expected)


@pytest.mark.parametrize("days", [56, 112])
@pytest.mark.parametrize(
    ("correlation", "cluster", "cosine"), [(0.0, (0.035, 0.065), (0.035, 0.065)), (0.3, (0.11, 0.18), (0.035, 0.07)),
                                           (0.6, (0.28, 0.38), (0.04, 0.08))],
)  # fmt: skip
def test_size_of_both_estimators_under_correlated_days(days, correlation, cluster, cosine):
    """Of 3,000 series of correlated days without a difference, how many 5 % tests find one."""
    series = correlated_days(np.random.default_rng(4), correlation, days, 3_000)
    found = {"cluster": 0, "cosine": 0}
    for values in series:
        mean = values.mean()
        contributions = (values - mean) / days
        found["cluster"] += abs(mean) > stdtrit(days - 1, 0.975) * cluster_robust_error(contributions)
        error, degrees = equal_weighted_cosine_error(contributions)
        found["cosine"] += abs(mean) > stdtrit(degrees, 0.975) * error
    assert cluster[0] <= found["cluster"] / 3_000 <= cluster[1]
    assert cosine[0] <= found["cosine"] / 3_000 <= cosine[1]


def test_blocks_without_rows_contribute_nothing():
    """Contributions are sums over the number of rows, in the order of the blocks, gaps left out."""
    found = block_contributions(np.array([1.0, 2.0, 4.0, -7.0]), np.array([5, 2, 2, 9]))
    assert found.tolist() == [1.5, 0.25, -1.75]
    with pytest.raises(TrainingError, match="at least two blocks, but all 3 rows lie in one"):
        block_contributions(np.zeros(3), np.full(3, 8))
