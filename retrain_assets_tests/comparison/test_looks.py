"""The interval of a look: widened for days that are alike, and valid over all looks at a pair."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.comparison import METRICS, Comparison, compare
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.looks import looked_at_again, widened
from retrain_assets.comparison.sequential import always_valid

MAE = METRICS["mean_absolute_error"]


def of_days(days: np.ndarray, alpha: float = 0.05) -> tuple[Comparison, BlockSeries]:
    """Compare two models whose losses differ by so much on each day, ten rows a day."""
    level = np.full(days.size * 10, 50.0)
    y, candidate, blocks = np.zeros(level.size), level - np.repeat(days, 10), np.arange(level.size) // 10
    series = block_improvements(MAE, y=y, candidate=candidate, reference=level, blocks=blocks)
    return compare(MAE, y, candidate, level, blocks, alpha=alpha), series


def test_days_that_are_alike_widen_a_single_look():
    """Neighbouring days that go up and down together make the interval wider, by the error's inflation."""
    plain, series = of_days(np.array([0.0, 0.1, 0.5, 1.2, 1.4, 1.5, 1.6, 1.4, 0.8, 0.2]))
    found = widened(plain, series)
    assert found.inflation > 2
    ratio = (found.improvement - found.lower) / (plain.improvement - plain.lower)
    assert ratio == pytest.approx(np.sqrt(found.inflation))
    assert found.p_value > plain.p_value
    assert found.standard_error == pytest.approx(plain.standard_error * ratio)


def test_days_that_alternate_change_nothing():
    """Where neighbouring days differ, days count as independent, and the interval is that of one look."""
    plain, series = of_days(np.array([1.0, -0.8, 1.2, -0.9, 1.1, -1.0, 1.3, -0.7]))
    assert widened(plain, series).lower == pytest.approx(plain.lower)


@pytest.mark.parametrize(
    ("estimator", "correlation"), [("equal_weighted_cosine", 0.4), ("cluster_robust", 0.1)]
)
def test_what_the_past_tells_is_not_asked_of_the_days_again(estimator, correlation):
    """Where past days tell their correlation, the comparison has allowed for it, whichever estimator decided."""
    plain, series = of_days(np.arange(10.0))
    told = replace(plain, estimator=estimator, correlation=correlation)
    assert widened(told, series) is told
    assert widened(plain, series).inflation > 2


@pytest.mark.parametrize(("days", "begun", "test"), [(8, 8, "t_mixture"), (20, 14, "confidence_sequence")])
def test_a_later_look_has_always_valid_bounds(days, begun, test):
    """Both bounds are those of the always-valid test at half the two-sided alpha, wider than those of one look."""
    plain, series = of_days(np.random.default_rng(1).normal(0.3, 1, days))
    found = looked_at_again(plain, series, begun)
    with pytest.raises(ValueError, match="holds over all looks, so that one look has no p-value"):
        found.p_value_of_loss(0.0)
    upward = always_valid(series, alpha=0.025, first_look=begun)
    assert (found.lower, found.upper, found.estimator) == (upward.lower, upward.upper, test)
    assert found.lower < plain.lower < plain.upper < found.upper
    assert (found.improvement, found.degrees, found.alpha) == (plain.improvement, None, 0.05)


def test_the_p_value_agrees_with_the_bounds():
    """A bound excludes zero if and only if the p-value is at most alpha, on either side."""
    random = np.random.default_rng(2)
    excluded = 0
    for shift in (-1.5, -0.8, 0.0, 0.8, 1.5):
        found = looked_at_again(*of_days(random.normal(shift, 1, 16)), 14)
        outside = found.lower > 0 or found.upper < 0
        assert outside == (found.p_value <= 0.05)
        excluded += outside
    assert 2 <= excluded <= 4
