"""Series of block values: their mean, its error, and where they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.comparison import METRICS
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.block_series import BlockSeries, spread_of, variance_inflation
from retrain_assets.comparison.metrics import Metric
from retrain_assets.errors import TrainingError

MAE = METRICS["mean_absolute_error"]
AUC = METRICS["roc_auc"]


def autoregressive(rng, runs, length, correlation):
    """Unit-variance Gaussian AR(1) series, shape (runs, length)."""
    shocks = rng.standard_normal((runs, length))
    series = np.empty_like(shocks)
    series[:, 0] = shocks[:, 0]
    for day in range(1, length):
        series[:, day] = correlation * series[:, day - 1] + math.sqrt(1 - correlation**2) * shocks[:, day]
    return series


def draw(seed=0, rows=600, blocks=12):
    """Labels, scores of two models, unequal blocks that grow with time, and weights."""
    rng = np.random.default_rng(seed)
    one, other = rng.uniform(size=(2, rows))
    y = (rng.uniform(size=rows) < one).astype(float)
    return y, one, other, np.sort(rng.integers(0, blocks, rows)), rng.uniform(0.5, 2, rows)


def test_a_day_of_many_rows_weighs_more():
    """The mean is that of rows, and few heavy blocks count as few."""
    series = BlockSeries([1.0] * 7 + [3.0], [1] * 7 + [7])
    assert series.mean == pytest.approx(2)
    assert series.effective_blocks(8) == pytest.approx(14**2 / (7 + 49))
    assert series.effective_blocks(7) == pytest.approx(7)


def test_equal_blocks_have_the_error_of_their_mean():
    """Without correlation and with equal blocks the error is that of the t-test, wherever the mean is supposed."""
    values = np.array([1.0, 0, 1, 0, 1, 0, 1, 0, 1])
    spread = spread_of(BlockSeries(values))
    assert spread.inflation == 1
    assert spread.error() == pytest.approx(values.std(ddof=1) / 3)
    assert spread.error(-5) == pytest.approx(spread.error())
    assert spread.bounds(2) == pytest.approx((-2 * spread.error(), 2 * spread.error()))


@given(st.integers(0, 10_000), st.floats(0.1, 6))
@settings(max_examples=100, deadline=None)
def test_bounds_are_where_the_statistic_is_critical(seed, critical):
    """A bound is the supposed mean from which the series' mean lies the critical number of errors away."""
    rng = np.random.default_rng(seed)
    spread = spread_of(BlockSeries(rng.normal(size=15), rng.uniform(0.2, 3, 15)))
    for bound in spread.bounds(critical):
        if math.isfinite(bound):
            assert abs(bound) == pytest.approx(critical * spread.error(bound), rel=1e-6)


def test_sizes_that_differ_too_much_give_no_bound():
    """Where one day holds nearly all rows, no bound is finite."""
    assert spread_of(BlockSeries(np.arange(10.0), [1000] + [1] * 9)).bounds(3) == (-math.inf, math.inf)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
def test_the_long_run_variance_is_found(correlation):
    """Over 400 days the variance of the mean is that of the AR(1) that the days follow, rather above it."""
    rng = np.random.default_rng(5)
    found = [variance_inflation(days - days.mean()) for days in autoregressive(rng, 200, 400, correlation)]
    expected = (1 + correlation) / (1 - correlation)
    assert expected <= np.mean(found) <= 1.2 * expected


def test_days_that_alternate_are_not_trusted_to():
    """A negative correlation counts as none."""
    assert variance_inflation(np.tile([1.0, -1.0], 10)) == 1


@pytest.mark.parametrize("name", ["log_loss", "brier_score", "roc_auc"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_series_mean_is_the_improvement(name, weighted):
    """The weighted mean over blocks is exactly the improvement on all rows, whatever the metric."""
    y, one, other, blocks, weight = draw()
    weight = weight if weighted else None
    metric = METRICS[name]
    series = block_improvements(metric, y=y, candidate=one, reference=other, blocks=blocks, weight=weight)
    gain = metric.gain(metric.measure(y, one, weight)[0], metric.measure(y, other, weight)[0])
    assert series.mean == pytest.approx(gain, abs=1e-12)
    assert series.mean > 0


def test_a_mean_loss_gives_each_day_its_own_difference():
    """For a mean of losses a block's value is the difference of the models' mean losses on that block."""
    y, one, other, blocks, weight = draw()
    series = block_improvements(MAE, y=y, candidate=one, reference=other, blocks=blocks, weight=weight)
    expected = [
        np.average((np.abs(y - other) - np.abs(y - one))[blocks == day], weights=weight[blocks == day])
        for day in range(12)
    ]
    assert series.values == pytest.approx(np.array(expected))
    assert series.weights == pytest.approx(np.bincount(blocks, weight) / weight.sum() * 12)


def test_a_metric_without_influence_values_is_jackknifed():
    """Its blocks' values are those of influence values: exactly for a mean, closely for ROC AUC."""
    y, one, other, blocks, weight = draw(rows=6000)
    for metric, closeness in ((MAE, 1e-9), (AUC, 0.003)):
        blind = Metric(
            metric.name,
            metric.title,
            metric.unit,
            metric.tasks,
            metric.greater_is_better,
            lambda y, score, weight, metric=metric: (metric.measure(y, score, weight)[0], None),
        )
        parts = {"y": y, "candidate": one, "reference": other, "blocks": blocks, "weight": weight}
        found = block_improvements(blind, **parts)
        expected = block_improvements(metric, **parts)
        assert found.values == pytest.approx(expected.values, abs=closeness)
        assert found.mean == pytest.approx(expected.mean, abs=1e-12)


def test_equal_models_improve_nothing():
    """Two models of equal scores have an improvement of exactly 0 on every day."""
    y, one, _, blocks, _ = draw()
    series = block_improvements(AUC, y=y, candidate=one, reference=one.copy(), blocks=blocks)
    assert np.all(series.values == 0)


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([1.0] * 6, None, "at least 7 blocks of time, and there are 6"),
        ([1.0] * 8, [1.0] * 7, "8 blocks needs one weight, and there are 7"),
        ([1.0] * 7 + [math.nan], None, "value of 1 of 8 blocks is missing"),
        ([1.0] * 8, [1.0] * 7 + [0.0], "must be finite and greater than zero"),
    ],
)
def test_what_is_no_series_is_refused(values, weights, message):
    """Too few blocks, missing values and weights of nothing are told in a sentence."""
    with pytest.raises(TrainingError, match=message):
        BlockSeries(values, weights)
