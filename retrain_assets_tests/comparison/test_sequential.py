"""Repeated looks: which test, what it says, and how often it errs over all looks together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.sequential import always_valid
from retrain_assets_tests.comparison.test_block_series import autoregressive

LOOKS = 20


def ever_promoted(days, weights, first):
    """Share of histories that some of twenty daily looks would promote."""
    return np.mean(
        [
            any(
                always_valid(BlockSeries(values[:n], sizes[:n]), alpha=0.025, first_look=first).lower > 0
                for n in range(first, first + LOOKS)
            )
            for values, sizes in zip(days, weights, strict=True)
        ]
    )


@pytest.mark.parametrize("first", [7, 14])
def test_equal_models_are_seldom_ever_promoted(first):
    """Over twenty looks at correlated days of equal models errors stay within 2.5 % and two standard errors."""
    days = autoregressive(np.random.default_rng(3), 300, first + LOOKS - 1, 0.3)
    found = ever_promoted(days, np.ones_like(days), first)
    assert found <= 0.025 + 2 * math.sqrt(0.025 * 0.975 / 300)
    looks = [
        days[:, :n].mean(1) / days[:, :n].std(1, ddof=1) * math.sqrt(n) for n in range(first, first + LOOKS)
    ]
    fixed = [look > stdtrit(n - 1, 0.975) for n, look in enumerate(looks, first)]
    assert np.mean(np.any(fixed, axis=0)) > 0.1


@pytest.mark.parametrize("first", [7, 14])
def test_days_of_unequal_size_do_not_promote(first):
    """With log-normal days, of which the largest holds about half of all rows, the error rate still holds."""
    rng = np.random.default_rng(4)
    days = autoregressive(rng, 200, first + LOOKS - 1, 0.0)
    found = ever_promoted(days, np.exp(1.5 * rng.standard_normal(days.shape)), first)
    assert found <= 0.025 + 2 * math.sqrt(0.025 * 0.975 / 200)


@pytest.mark.parametrize("first", [7, 14])
def test_a_clear_gain_is_found(first):
    """A gain of one and a half standard deviations a day is found within twenty looks, nearly always."""
    rng = np.random.default_rng(8)
    days = autoregressive(rng, 60, first + LOOKS - 1, 0.0) + 1.5
    found = ever_promoted(days, np.ones_like(days), first)
    assert found > 0.95


def test_the_sequence_keeps_the_test_it_began_with():
    """The first look's blocks choose the test; later looks do not change it."""
    values = np.random.default_rng(1).normal(size=40)
    for first, test in ((7, "t_mixture"), (13, "t_mixture"), (14, "confidence_sequence")):
        for blocks in (14, 20, 40):
            look = always_valid(BlockSeries(values[:blocks]), alpha=0.025, first_look=first)
            assert (look.test, look.blocks, look.first_look) == (test, blocks, first)
    assert always_valid(BlockSeries(values[:9]), alpha=0.025).test == "t_mixture"
    assert always_valid(BlockSeries(values), alpha=0.025).test == "confidence_sequence"


def test_few_heavy_days_do_not_make_a_confidence_sequence():
    """Twenty days of which three hold most rows are judged by the t-mixture."""
    series = BlockSeries(np.random.default_rng(1).normal(size=20), [50] * 3 + [1] * 17)
    assert always_valid(series, alpha=0.025).test == "t_mixture"


@given(
    st.integers(0, 10_000),
    st.integers(7, 30),
    st.floats(-1, 3),
    st.floats(0, 1.2),
    st.floats(-1, 1),
    st.sampled_from([1, 2]),
)
@settings(max_examples=200, deadline=None)
def test_bound_and_p_value_agree(seed, blocks, gain, unequal, null, sides):
    """A p-value is at most alpha exactly where a bound excludes the null, which lies around the estimate."""
    rng = np.random.default_rng(seed)
    sizes = np.exp(unequal * rng.standard_normal(blocks))
    series = BlockSeries(rng.normal(size=blocks) / 2 + gain, sizes)
    look = always_valid(series, alpha=0.05, null=null, sides=sides)
    excluded = look.lower > null or (sides == 2 and look.upper < null)
    assert (look.p_value <= 0.05) == excluded
    assert look.lower < look.estimate < look.upper
    assert look.p_value == pytest.approx(min(1, 1 / look.e_value) if look.e_value else 1)


@given(st.integers(0, 10_000), st.floats(-5, 5), st.floats(1e-3, 1e3))
@settings(max_examples=50, deadline=None)
def test_looks_move_and_scale_with_the_values(seed, shift, factor):
    """Another unit or origin of the values changes bounds accordingly and evidence not at all."""
    rng = np.random.default_rng(seed)
    values, sizes = rng.normal(size=16), rng.integers(50, 150, 16)
    plain = always_valid(BlockSeries(values, sizes), alpha=0.025)
    moved = always_valid(BlockSeries(values * factor + shift, sizes * 3), alpha=0.025, null=shift)
    assert moved.lower == pytest.approx(plain.lower * factor + shift, rel=1e-6, abs=1e-6)
    assert moved.p_value == pytest.approx(plain.p_value, rel=1e-5)


@given(st.integers(0, 10_000), st.integers(7, 25))
@settings(max_examples=50, deadline=None)
def test_a_smaller_alpha_is_a_wider_bound(seed, blocks):
    """Less error costs width, and two sides cost width against one at the same alpha."""
    series = BlockSeries(np.random.default_rng(seed).normal(size=blocks))
    wide, narrow = (always_valid(series, alpha=alpha) for alpha in (0.01, 0.05))
    assert wide.lower < narrow.lower
    assert always_valid(series, alpha=0.05, sides=2).lower < narrow.lower


@pytest.mark.parametrize("blocks", [7, 20])
def test_degenerate_series_are_told_plainly(blocks):
    """No difference at all is no evidence; the same gain every day is a certain one."""
    equal = always_valid(BlockSeries(np.zeros(blocks)), alpha=0.025)
    assert (equal.lower, equal.estimate, equal.upper, equal.p_value) == (0, 0, 0, 1)
    sure = always_valid(BlockSeries(np.full(blocks, 0.5)), alpha=0.025)
    assert (sure.lower, sure.upper) == (0.5, 0.5)
    assert sure.p_value < 0.025


def test_what_no_bound_can_say_no_p_value_says():
    """Sizes that differ wildly allow no bound, and so no small p-value, though each day gained as much in sum."""
    sizes = np.exp(np.linspace(-3, 3, 9))
    look = always_valid(BlockSeries(1 / sizes, sizes), alpha=0.025)
    assert look.lower == -math.inf
    assert look.p_value > 0.025
