"""The mixtures behind repeated looks, against numerical integration and published formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from retrain_assets.comparison.mixtures import (
    NARROWEST_AT,
    mixture_variance,
    sequence_critical,
    sequence_log_evidence,
    t_critical,
    t_log_evidence,
)

ALPHAS = st.floats(1e-3, 0.2)


def averaged_likelihood_ratio(t, n, sides):
    """The likelihood ratio of Student's t for an effect, averaged over standard normal effects."""

    def ratio(effect):
        likelihood = stats.nct.pdf(t, n - 1, effect * math.sqrt(n))
        return stats.norm.pdf(effect) * likelihood / stats.t.pdf(t, n - 1)

    if sides == 1:
        return 2 * integrate.quad(ratio, 0, 8)[0]
    return integrate.quad(ratio, -8, 8)[0]


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(("t", "n"), [(0.0, 7), (2.5, 7), (-1.2, 10), (3.1, 14), (4.4, 20)])
def test_t_mixture_is_the_averaged_likelihood_ratio(t, n, sides):
    """The closed form equals the noncentral t's likelihood ratio, integrated numerically over the effects."""
    expected = averaged_likelihood_ratio(t, n, sides)
    assert math.exp(t_log_evidence(t, n, sides)) == pytest.approx(expected, rel=1e-6)


@given(st.integers(2, 60), st.lists(st.floats(-5, 5), min_size=2, max_size=60), st.sampled_from([1, 2]))
def test_t_mixture_has_the_published_form(n, drawn, sides):
    """Two-sided evidence is that of Wang and Ramdas, theorem 4.9, computed from sum and sum of squares."""
    values = np.resize(np.asarray(drawn) + np.linspace(0, 1, len(drawn)), n)
    t = values.mean() / (values.std(ddof=1) / math.sqrt(n))
    total, squares = values.sum(), values @ values
    expected = math.sqrt(1 / (n + 1)) * ((n + 1) * squares / ((n + 1) * squares - total**2)) ** (n / 2)
    found = math.exp(t_log_evidence(t, n, 2))
    assert found == pytest.approx(expected, rel=1e-6)
    if sides == 1:
        both = math.exp(t_log_evidence(t, n)) + math.exp(t_log_evidence(-t, n))
        assert both == pytest.approx(2 * expected, rel=1e-6)


@pytest.mark.parametrize(("n", "alpha"), [(14, 0.05), (30, 0.01), (200, 0.05)])
def test_two_sided_sequence_is_the_published_one(n, alpha):
    """At the half-width the normal mixture's evidence is exactly 1 / alpha."""
    variance = mixture_variance(alpha, 2)
    total = sequence_critical(n, alpha, 2) * math.sqrt(n)

    def bet(slope):
        return stats.norm.pdf(slope, scale=math.sqrt(variance)) * math.exp(slope * total - n * slope**2 / 2)

    assert integrate.quad(bet, -5, 5, limit=200)[0] == pytest.approx(1 / alpha, rel=1e-6)


@pytest.mark.parametrize(("n", "alpha"), [(14, 0.025), (30, 0.005), (200, 0.025)])
def test_one_sided_sequence_is_safe_and_tight(n, alpha):
    """At the half-width the mixture over positive effects has evidence of 1 / alpha, and hardly more."""
    variance = mixture_variance(alpha, 1)
    total = sequence_critical(n, alpha) * math.sqrt(n)

    def bet(slope):
        density = 2 * stats.norm.pdf(slope, scale=math.sqrt(variance))
        return density * math.exp(slope * total - n * slope**2 / 2)

    evidence = integrate.quad(bet, 0, 5, limit=200)[0]
    assert 1 / alpha <= evidence <= 1.03 / alpha


def test_the_sequence_is_narrowest_where_it_is_tuned():
    """No other variance of the mixture gives a narrower two-sided bound at the tuned number of blocks."""

    def width(log_variance, n=NARROWEST_AT, alpha=0.05):
        seen = n * math.exp(log_variance)
        return math.sqrt(2 * (seen + 1) / seen * math.log(math.sqrt(seen + 1) / alpha))

    best = optimize.minimize_scalar(width, bounds=(-6, 3), method="bounded")
    assert sequence_critical(NARROWEST_AT, 0.05, 2) == pytest.approx(best.fun, rel=1e-9)
    assert mixture_variance(0.05, 2) == pytest.approx(math.exp(best.x), rel=1e-3)


@given(st.integers(14, 400), ALPHAS, st.sampled_from([1, 2]))
def test_critical_values_and_evidence_agree(n, alpha, sides):
    """At a critical value the evidence is 1 / alpha, for both tests and both forms."""
    found = sequence_log_evidence(sequence_critical(n, alpha, sides), n, alpha, sides)
    assert found == pytest.approx(-math.log(alpha), rel=1e-9)
    found = t_log_evidence(t_critical(n, alpha, sides), n, sides)
    assert found == pytest.approx(-math.log(alpha), rel=1e-6)


@given(st.integers(7, 200), ALPHAS)
def test_repeated_looks_cost_width(n, alpha):
    """A bound that holds at all looks lies farther out than Student's for one look."""
    assert t_critical(n, alpha) > stats.t.ppf(1 - alpha, n - 1)


def test_too_few_blocks_for_a_tiny_alpha_are_never_enough():
    """Seven blocks of the same gain give evidence of 1,024 at most, so no t reaches an alpha of 1 in 2,000."""
    assert t_critical(7, 1 / 2000) == math.inf
    assert math.exp(t_log_evidence(math.inf, 7)) == pytest.approx(1024, rel=1e-3)
    assert t_critical(7, 1 / 1000) < math.inf
