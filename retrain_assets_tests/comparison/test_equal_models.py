"""A small version of the simulation of equally good models, with its seed fixed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.equal_models import (
    ALPHA,
    KINDS,
    MEANS,
    PAST,
    draw_pair,
    improvements,
    metrics_of,
    one_look,
    past_of,
    some_look,
)
from benchmarks.first_looks import RULES, SLICES, half_widths, smaller_p_values
from benchmarks.repeated_looks import day_series
from retrain_assets.comparison import METRICS, choose_estimator, compare

PAIRS = 80


@pytest.mark.parametrize(
    ("task", "name"),
    [("classification", "roc_auc"), ("multiclass", "roc_auc_ovr"), ("regression", "mean_absolute_error")],
)
def test_equal_models_are_hardly_ever_promoted(task, name):
    """At one look and at five of a pair, at most as often as promised; the bigger number would every second time."""
    rng = np.random.default_rng(11)
    counts = np.zeros(3)
    for _ in range(PAIRS):
        whole = draw_pair(rng, task, PAST + 18, 40, 0.1)
        new = whole.since(PAST)
        promoted, bigger = one_look(METRICS[name], new.until(7), past_of(whole.until(PAST), task))
        counts += [promoted, bigger, some_look(METRICS[name], new, 14, 5)[0]]
    once, bigger, again = counts / PAIRS
    bound = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / PAIRS)
    assert once <= bound
    assert again <= bound
    assert 0.3 < bigger < 0.7


@pytest.mark.parametrize("task", KINDS)
def test_days_of_a_mean_do_not_change_with_later_days(task):
    """The improvement of a day by a mean of losses is the same at every look, and so taken once."""
    pair = draw_pair(np.random.default_rng(3), task, 20, 40, 0.3)
    means = [metric for metric in metrics_of(task) if metric.name in MEANS]
    assert len(means) >= 3
    for metric in means:
        whole, part = improvements(metric, pair), improvements(metric, pair.until(14))
        assert part.values == pytest.approx(whole.values[:14])


@pytest.mark.parametrize("correlation", [0.0, 0.15, 0.5])
def test_the_simulated_decision_is_that_of_the_comparison(correlation):
    """Half of the interval of days alone is that of the comparison of two models that differ by so much on each."""
    series = day_series(np.random.default_rng(6), 3, PAST + 14, correlation)
    level = np.full(14, 50.0)
    for past, new in zip(series[:, :PAST], series[:, PAST:], strict=True):
        found = compare(
            METRICS["mean_absolute_error"], np.zeros(14), level - new, level, np.arange(14), past=past
        )
        half = half_widths(new, choose_estimator(past))[RULES.index("the decision")]
        assert found.upper - found.improvement == pytest.approx(half)


def test_p_values_hold_at_the_levels_of_a_correction():
    """At a twentieth of alpha, days that correlate by .7, equal models are found better no more often than promised."""
    series = day_series(np.random.default_rng(7), 100_000, 7, 0.7)
    of_the_wider, greater = (smaller_p_values(series) <= ALPHA / SLICES).mean(axis=1)
    assert greater <= ALPHA / SLICES
    assert of_the_wider > 3 * ALPHA / SLICES


def test_the_simulated_p_value_is_that_of_the_comparison():
    """The greater p-value of days alone is that of the comparison of two models that differ by so much on each."""
    past = day_series(np.random.default_rng(2), 1, PAST, 0.8)[0]
    level = np.full(7, 50.0)
    for new in day_series(np.random.default_rng(3), 5, 7, 0.7):
        found = compare(
            METRICS["mean_absolute_error"], np.zeros(7), level - new, level, np.arange(7), past=past
        )
        expected = smaller_p_values(-new[np.newaxis])[1, 0]
        assert found.p_value_of_loss(0.0) == pytest.approx(expected)
