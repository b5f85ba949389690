"""Rises of a series of days: what the evidence is worth, and how often it errs over daily looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from benchmarks import false_alarms
from benchmarks.repeated_looks import day_series
from retrain_assets.comparison import change_detector
from retrain_assets.comparison.block_series import BlockSeries
from retrain_assets.comparison.change_detector import (
    EVIDENCE_ASKED,
    PRIOR_PRECISION,
    detect_rise,
    two_sample_log_evidence,
)
from retrain_assets.comparison.mixtures import t_log_evidence


@pytest.mark.parametrize(("statistic", "degrees", "size"), [(2.1, 12, 3.5), (-1.4, 30, 1.9), (5.0, 60, 8.0)])
def test_the_evidence_is_the_likelihood_ratio_averaged_over_positive_effects(statistic, degrees, size):
    """The closed form equals the integral of noncentral t densities over half-normal effects."""
    scale = 1 / math.sqrt(PRIOR_PRECISION)

    def weighed(effect):
        density = stats.nct.pdf(statistic, degrees, effect * math.sqrt(size))
        return density * 2 * stats.norm.pdf(effect, scale=scale)

    expected = integrate.quad(weighed, 0, 8 * scale)[0] / stats.t.pdf(statistic, degrees)
    found = float(two_sample_log_evidence(np.array(statistic), degrees, size))
    assert found == pytest.approx(math.log(expected), rel=1e-6)


def test_one_sample_is_the_limit(monkeypatch):
    """Against a level that is known, the evidence is that of the one-sample mixture."""
    monkeypatch.setattr(change_detector, "PRIOR_PRECISION", 1.0)
    for blocks, statistic in ((9, 2.3), (20, -1.0), (7, 5.0)):
        found = float(two_sample_log_evidence(np.array(statistic), blocks - 1, blocks))
        assert found == pytest.approx(t_log_evidence(statistic, blocks))


def test_evidence_of_a_quiet_series_is_one_a_day_on_average():
    """Each day's process has mean 1 whatever level and spread, so that their sum is the number of days."""
    rng = np.random.default_rng(5)
    days, settled = 12, 10
    drawn = rng.normal(3.0, 0.2, (4000, days))
    before, after = drawn[:, :settled], drawn[:, settled:]
    pooled = (before.var(axis=1) * settled + after.var(axis=1) * 2) / (days - 2)
    size = 1 / (1 / settled + 1 / 2)
    statistic = (after.mean(axis=1) - before.mean(axis=1)) / np.sqrt(pooled / size)
    evidence = np.exp(two_sample_log_evidence(statistic, days - 2, size))
    assert evidence.mean() == pytest.approx(1, abs=3 * evidence.std() / math.sqrt(4000))


def ever_alarms(values, first=9, step=1, tolerance=0.0):
    """Day of the first alarm of repeated looks; None without one."""
    for day in range(first, len(values) + 1, step):
        found = detect_rise(BlockSeries(values[:day]), 7, tolerance)
        if found is not None and found.certain:
            return day
    return None


def test_quiet_months_hardly_alarm():
    """Ten quiet series of 60 days, neighbouring days alike, never rise by half a day's standard deviation."""
    rng = np.random.default_rng(11)
    for _ in range(10):
        values = rng.standard_normal(60)
        for day in range(1, 60):
            values[day] = 0.3 * values[day - 1] + math.sqrt(1 - 0.09) * values[day]
        assert ever_alarms(values, step=4, tolerance=0.5) is None


def test_the_simulation_judges_as_the_detector_does():
    """The benchmark judges all series at once, and gives what one by one gives."""
    false_alarms.check()


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_one_of_twenty_quiet_quarters_alarms_at_most(correlation):
    """Of 300 quiet series that are looked at twice a week for 91 days, at most as many as half a year is promised."""
    series = day_series(np.random.default_rng(4), 300, 91, correlation)
    most = np.max([false_alarms.evidence(series[:, :day], 0.0) for day in range(9, 92, 3)], axis=0)
    assert (most >= EVIDENCE_ASKED / 10).mean() > 0
    assert (most >= EVIDENCE_ASKED).mean() <= 0.05


@pytest.mark.parametrize("kind", [false_alarms.Kind(skewness=1), false_alarms.Kind(degrees=3)], ids=str)
def test_skewed_and_heavy_tailed_days_hardly_alarm_more(kind):
    """Of 200 quiet series that are looked at for two months, 3 % alarm at most where days are far from normal, too."""
    series = false_alarms.quiet_days(kind, 200, 160, seed=7)
    most = np.max([false_alarms.evidence(series[:, :day], 0.0) for day in range(100, 161, 2)], axis=0)
    assert (most >= EVIDENCE_ASKED).mean() <= 0.03


def test_a_rise_of_five_per_cent_is_mostly_seen_on_its_second_day():
    """Days that differ by 1 % of their loss, a rise by 5 %, and 1 % allowed: four of five are seen in two days."""
    assert (false_alarms.risen(1000, 0.0097, 2) >= EVIDENCE_ASKED).mean() > 0.78


@pytest.mark.parametrize("far", [8, 1000])
def test_one_bad_day_is_no_change(far):
    """A single day far above all others is no evidence however far, and a second one like it is."""
    values = np.random.default_rng(3).standard_normal(92)
    values[90:] = 0.5, far
    lone = detect_rise(BlockSeries(values), 7)
    assert not lone.certain
    assert lone.value > far / 4
    values[90] = far
    assert detect_rise(BlockSeries(values), 7).certain


def test_a_rise_counts_less_where_days_lie_far_above_their_mean_by_nature():
    """The same two high days are less evidence after days that are skewed upwards than after the mirrored ones."""
    days = np.random.default_rng(4).exponential(size=90)
    days = (days - days.mean()) / days.std()
    high = [4.0, 4.5]
    upwards, downwards = (detect_rise(BlockSeries(np.append(sign * days, high)), 7) for sign in (1, -1))
    assert upwards.split == downwards.split == 90
    assert downwards.evidence > 20 * upwards.evidence


def test_a_large_rise_is_seen_on_its_second_day():
    """A rise of six standard deviations of a day after two months is told within two days, with its day."""
    for seed in range(10):
        values = np.random.default_rng(seed).normal(0.45, 0.01, 62)
        values[60:] += 0.06
        assert ever_alarms(values, 55) in {61, 62}
        found = detect_rise(BlockSeries(values), 7)
        assert found.split == 60
        assert 0 < found.bound < found.value


def test_a_tolerance_allows_a_rise_and_the_bound_is_where_the_alarm_ends():
    """The evidence against a tolerance at the bound is that of an alarm, and a larger one is allowed."""
    values = np.random.default_rng(3).normal(0.45, 0.01, 90)
    values[70:] += 0.05
    bound = detect_rise(BlockSeries(values), 7).bound
    assert 0.03 < bound < 0.05
    at_bound = detect_rise(BlockSeries(values), 7, bound)
    assert at_bound.evidence == pytest.approx(EVIDENCE_ASKED, rel=1e-3)
    assert not detect_rise(BlockSeries(values), 7, bound * 1.01).certain
    assert (
        detect_rise(BlockSeries(-values), 7).bound is None or detect_rise(BlockSeries(-values), 7).bound < 0
    )


def test_the_uncertainty_of_the_level_before_counts():
    """The same rise is less certain after seven days than after fifty."""
    values = np.random.default_rng(2).normal(0, 1, 52)
    values[-2:] += 4
    long, short = detect_rise(BlockSeries(values), 7), detect_rise(BlockSeries(values[-9:]), 7)
    assert long.evidence > 10 * short.evidence


def test_days_of_few_rows_say_little():
    """Two slivers of a day that lie high are no evidence where two whole days are."""
    values = np.random.default_rng(2).normal(0, 1, 60)
    values[-2:] += 7
    weights = np.ones(60)
    whole = detect_rise(BlockSeries(values, weights), 7)
    weights[-2:] = 0.02
    slivers = detect_rise(BlockSeries(values, weights), 7)
    assert whole.certain
    assert not slivers.certain


def test_too_few_days_say_nothing():
    """The day after the settled ones cannot be judged alone."""
    assert detect_rise(BlockSeries(np.arange(8.0)), 7) is None
    assert not detect_rise(BlockSeries(np.full(20, 0.3)), 7).certain
