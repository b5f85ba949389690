"""The paired comparison: intervals that hold, for dependent rows too."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retrain_assets.comparison import METRICS, compare
from retrain_assets.comparison.standard_errors import equal_weighted_cosine_error
from retrain_assets.errors import TrainingError
from retrain_assets_tests.comparison.draws import CASES, CLASSES, draw_rows
from retrain_assets_tests.comparison.test_own_metric import own
from retrain_assets_tests.comparison.test_standard_errors import correlated_days

MAE = METRICS["mean_absolute_error"]


def load_simulation():
    """Load the benchmark that simulates equally good models: one process, described once."""
    path = Path(__file__).parents[2] / "benchmarks" / "false_promotions.py"
    spec = importlib.util.spec_from_file_location("false_promotions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(name, seed=0, rows=700, task=None):
    """Labels and the scores of a better and a worse model for a metric, and seven blocks."""
    rng = np.random.default_rng(seed)
    task = task or METRICS[name].tasks[0]
    y, good = draw_rows(rng, task, rows, noise=0.2)
    if task == "multiclass":
        poor = 0.6 * good + 0.4 * rng.dirichlet(np.ones(CLASSES), rows)
        y[:CLASSES] = range(CLASSES)
    elif task == "classification":
        poor = 0.5 * good + 0.5 * rng.uniform(size=rows)
        y[:2] = 0, 1
    else:
        poor = good + rng.normal(size=rows)
    return y, good, poor, np.sort(rng.integers(0, 7, rows))


def test_independent_rows_give_the_paired_t_test():
    """With every row its own block, error, interval and p-value are those of the paired t-test."""
    y, one, other, _ = draw("mean_absolute_error")
    result = compare(MAE, y, one, other, np.arange(y.size))
    expected = stats.ttest_rel(np.abs(y - other), np.abs(y - one))
    interval = expected.confidence_interval(0.95)
    assert result.p_value == pytest.approx(expected.pvalue)
    assert (result.lower, result.upper) == pytest.approx((interval.low, interval.high))
    assert result.effective_rows == pytest.approx(y.size)


def test_equal_blocks_give_the_t_test_of_block_means():
    """With blocks of equal size the comparison is the t-test of the blocks' mean differences."""
    y, one, other, _ = draw("mean_absolute_error")
    gains = (np.abs(y - other) - np.abs(y - one)).reshape(7, 100).mean(axis=1)
    result = compare(MAE, y, one, other, np.repeat(np.arange(7), 100), alpha=0.1)
    interval = stats.ttest_1samp(gains, 0).confidence_interval(0.9)
    assert (result.lower, result.upper) == pytest.approx((interval.low, interval.high))
    assert result.smallest_detectable == pytest.approx(
        (stats.t.ppf(0.95, 6) + stats.t.ppf(0.8, 6)) * result.standard_error
    )


def test_copied_rows_are_no_evidence():
    """Rows repeated within their block change nothing: the effective rows stay those of the blocks."""
    y, one, other, _ = draw("mean_absolute_error", rows=50)
    once = compare(MAE, y, one, other, np.arange(50))
    copied = compare(MAE, *(np.repeat(part, 20) for part in (y, one, other, np.arange(50))))
    assert copied.standard_error == pytest.approx(once.standard_error)
    assert copied.effective_rows == pytest.approx(50, rel=0.03)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_improvement_has_the_sign_of_better(name, task):
    """A positive improvement means the candidate is better, for scores to raise and losses to lower alike."""
    y, one, other, blocks = draw(name, task=task)
    result = compare(METRICS[name], y, one, other, blocks)
    assert result.improvement > 0
    assert (result.candidate > result.reference) == METRICS[name].greater_is_better


@given(st.integers(0, 10_000), st.sampled_from(sorted(METRICS)))
@settings(max_examples=60, deadline=None)
def test_swapping_the_models_mirrors_the_interval(seed, name):
    """Candidate against champion is the negative of champion against candidate, with one p-value."""
    y, one, other, blocks = draw(name, seed, 120)
    there = compare(METRICS[name], y, one, other, blocks)
    back = compare(METRICS[name], y, other, one, blocks)
    assert there.improvement == pytest.approx(-back.improvement, abs=1e-12)
    assert there.lower == pytest.approx(-back.upper, abs=1e-12)
    assert there.p_value == pytest.approx(back.p_value, abs=1e-12)
    assert there.lower <= there.improvement <= there.upper


@given(st.integers(0, 10_000), st.floats(1e-3, 1e6))
@settings(max_examples=60, deadline=None)
def test_absolute_error_scales_with_the_label(seed, factor):
    """Labels and predictions in another unit give the same comparison in that unit."""
    y, one, other, blocks = draw("mean_absolute_error", seed, 120)
    plain = compare(MAE, y, one, other, blocks)
    scaled = compare(MAE, y * factor, one * factor, other * factor, blocks)
    for name in ("improvement", "lower", "upper", "standard_error", "smallest_detectable"):
        assert getattr(scaled, name) == pytest.approx(getattr(plain, name) * factor, rel=1e-6)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-6)


@given(st.integers(0, 10_000), st.sampled_from(sorted(METRICS)))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_does_not_matter(seed, name):
    """Rows in another order give the same comparison."""
    parts = draw(name, seed, 120)
    order = np.random.default_rng(seed).permutation(120)
    one = compare(METRICS[name], *parts)
    other = compare(METRICS[name], *(part[order] for part in parts))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper), abs=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_identical_models_do_not_differ(name, task):
    """Two models of equal scores have no improvement, no error, and a p-value of 1, without NaN."""
    y, one, _, blocks = draw(name, task=task)
    result = compare(METRICS[name], y, one, one.copy(), blocks)
    assert (result.improvement, result.lower, result.upper, result.standard_error) == (0, 0, 0, 0)
    assert (result.p_value, result.smallest_detectable, result.effective_rows) == (1, 0, y.size)


def test_a_gain_that_is_the_same_in_every_row_is_certain():
    """A constant difference has no error: its p-value is 0 and its interval a point."""
    y = np.zeros(70)
    result = compare(MAE, y, y + 1, y + 3, np.repeat(np.arange(7), 10))
    assert (result.improvement, result.lower, result.upper, result.p_value) == (2, 2, 2, 0)


def test_one_block_is_refused():
    """Rows of a single block allow no interval, and the sentence says what to do."""
    y, one, other, _ = draw("log_loss")
    with pytest.raises(TrainingError, match=r"all 700 rows lie in one. Lengthen evaluation.holdout"):
        compare(METRICS["log_loss"], y, one, other, np.zeros(700, dtype=np.int64))


@pytest.mark.parametrize("name", METRICS)
def test_intervals_cover_the_true_difference(name):
    """Of 400 samples of independent rows about 95 % have an interval that holds the true difference."""
    rng = np.random.default_rng(11)
    y, one, other, _ = draw(name, 1, 200_000)
    truth = compare(METRICS[name], y, one, other, np.arange(y.size)).improvement
    held = 0
    for _ in range(400):
        rows = rng.choice(y.size, 300, replace=False)
        result = compare(METRICS[name], y[rows], one[rows], other[rows], np.arange(300))
        held += result.lower <= truth <= result.upper
    assert 0.91 <= held / 400 <= 0.985


@pytest.mark.parametrize("rows_per_hour", [1, 50])
def test_equally_good_models_are_seldom_promoted(rows_per_hour):
    """Of 300 weeks of equal models at most 7 % promote; rows or hours taken as independent promote many."""
    rates = load_simulation().false_promotion_rates(300, rows_per_hour)
    assert rates["day blocks, CR1, t: 95 % interval (the verdict)"] <= 0.07
    assert rates["independent rows: 95 % interval"] > 0.25
    assert rates["hour blocks: 95 % interval"] > 0.2
    assert rates["the bigger number is better"] > 0.4


def past_days(correlation, days=60, seed=2):
    """Daily loss differences of the past, as alike from day to day as asked."""
    return correlated_days(np.random.default_rng(seed), correlation, days)[0]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_days_that_are_alike_widen_the_interval(name, task):
    """A past of correlated days makes cosines decide, and the comparison says so, with what it rests on."""
    y, one, other, _ = draw(name, task=task)
    blocks = np.arange(y.size) * 28 // y.size
    plain = compare(METRICS[name], y, one, other, blocks)
    found = compare(METRICS[name], y, one, other, blocks, past=past_days(0.8))
    assert plain.degrees == pytest.approx(27, abs=0.05)
    assert (plain.estimator, plain.correlation, plain.past_days) == ("cluster_robust", None, 0)
    assert (found.estimator, found.inflation, found.past_days) == ("equal_weighted_cosine", 1, 60)
    assert found.correlation > 0.5
    assert found.improvement == plain.improvement
    if found.degrees == 3:
        assert found.upper > plain.upper
    else:
        assert (found.lower, found.upper, found.degrees) == (plain.lower, plain.upper, plain.degrees)
    quantile = stats.t.ppf(0.975, found.degrees)
    assert found.upper - found.improvement == pytest.approx(quantile * found.standard_error)
    assert found.p_value == pytest.approx(
        max(2 * stats.t.sf(found.improvement / error.value, error.degrees) for error in found.errors)
    )


def test_where_days_are_alike_both_errors_must_allow_a_finding_at_any_level():
    """Block sums have the wider interval at 5 %, the cosine at a twentieth of it; the p-value is the greater one."""
    gains = np.array([1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 1.1])
    past = past_days(0.8)

    def compared(alpha):
        return compare(MAE, np.zeros(7), 10 - gains, np.full(7, 10.0), np.arange(7), alpha=alpha, past=past)

    found = compared(0.05)
    cosine, sums = found.errors
    assert (found.degrees, cosine.degrees, sums.degrees) == (pytest.approx(6), 1, pytest.approx(6))
    assert compared(0.05 / 20).degrees == 1
    assert found.p_value == pytest.approx(2 * stats.t.sf(gains.mean() / cosine.value, 1))
    assert found.p_value > 2 * stats.t.sf(gains.mean() / sums.value, 6)
    worse = compare(MAE, np.zeros(7), 10 + gains, np.full(7, 10.0), np.arange(7), past=past)
    assert worse.p_value_of_loss(0.0) == pytest.approx(found.p_value / 2)
    assert worse.p_value_of_loss(1.0) == pytest.approx(stats.t.cdf((1 - gains.mean()) / sums.value, 6))


@pytest.mark.parametrize(("name", "task"), [*CASES, ("cost", "regression")])
def test_days_that_are_a_little_alike_widen_the_interval(name, task):
    """A past below the threshold multiplies the variance, of functions of the user's own too, and it is told."""
    metric = own("cost") if name == "cost" else METRICS[name]
    y, one, other, blocks = draw("mean_absolute_error" if name == "cost" else name, task=task)
    plain = compare(metric, y, one, other, blocks)
    found = compare(metric, y, one, other, blocks, past=past_days(0.15, 112))
    assert 0.05 < found.correlation < 0.2
    assert (found.estimator, found.degrees) == (plain.estimator, plain.degrees)
    assert 1.1 < found.inflation < 1.8
    assert found.standard_error == pytest.approx(plain.standard_error * np.sqrt(found.inflation))
    assert found.upper - found.improvement == pytest.approx(
        (plain.upper - plain.improvement) * np.sqrt(found.inflation)
    )


def test_the_cosine_error_is_that_of_the_daily_differences():
    """With days of equal size the cosines see the series of the days' mean differences of losses."""
    y, one, other, _ = draw("mean_absolute_error")
    gains = (np.abs(y - other) - np.abs(y - one)).reshape(14, 50).mean(axis=1)
    found = compare(MAE, y, one, other, np.repeat(np.arange(14), 50), past=past_days(0.8))
    expected, degrees = equal_weighted_cosine_error((gains - gains.mean()) / 14)
    assert (found.standard_error, found.degrees) == (pytest.approx(expected), degrees)


def test_a_past_of_unlike_days_changes_nothing_but_is_told():
    """Where past days are not alike, the interval is the same, and the correlation stands beside it."""
    y, one, other, blocks = draw("log_loss")
    plain = compare(METRICS["log_loss"], y, one, other, blocks)
    found = compare(METRICS["log_loss"], y, one, other, blocks, past=past_days(-0.1))
    assert (found.lower, found.upper, found.estimator) == (plain.lower, plain.upper, "cluster_robust")
    assert (found.correlation < 0.2, found.past_days) == (True, 60)


def test_a_function_of_the_users_own_heeds_days_that_are_alike():
    """Without influence values cosines see what leaving a day out does: for a mean, exactly the same."""
    y, one, other, blocks = draw("mean_absolute_error")
    expected = compare(MAE, y, one, other, blocks, past=past_days(0.8))
    found = compare(own("cost"), y, one, other, blocks, past=past_days(0.8))
    assert (found.estimator, found.degrees) == (expected.estimator, expected.degrees)
    assert found.standard_error == pytest.approx(expected.standard_error)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_two_blocks_and_blocks_of_one_row_are_enough(name, task):
    """Two blocks, and a block that is a single row of a single class, give a finite interval."""
    y, one, other, _ = draw(name, task=task)
    halves = compare(METRICS[name], y, one, other, np.arange(y.size) // (y.size // 2))
    assert halves.degrees == 1 and np.isfinite([halves.lower, halves.upper, halves.p_value]).all()
    blocks = np.append(np.zeros(y.size // 2, dtype=np.int64), np.full(y.size - y.size // 2 - 1, 1))
    lonely = compare(METRICS[name], y, one, other, np.append(blocks, 2))
    assert lonely.blocks == 3 and np.isfinite([lonely.lower, lonely.upper, lonely.p_value]).all()


@pytest.mark.parametrize(("name", "task"), CASES)
def test_blocks_of_one_class_are_compared(name, task):
    """A metric is one of all rows: blocks that hold a single class each are no fault."""
    y, one, other, _ = draw(name, task=task)
    order = np.argsort(y, kind="stable")
    found = compare(METRICS[name], y[order], one[order], other[order], np.arange(y.size) // 25)
    assert found.blocks == 28 and np.isfinite([found.lower, found.upper]).all()


@pytest.mark.parametrize("past", [None, past_days(0.8)])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_block_without_weight_is_no_block(name, task, past):
    """Rows of weight 0 are no evidence: leaving them out gives the same comparison, blocks counted anew."""
    y, one, other, blocks = draw(name, task=task)
    weight = np.random.default_rng(0).uniform(0.5, 2, y.size) * (blocks != 3)
    kept = blocks != 3
    found = compare(METRICS[name], y, one, other, blocks, weight, past=past)
    expected = compare(METRICS[name], y[kept], one[kept], other[kept], blocks[kept], weight[kept], past=past)
    assert found == expected
    assert (found.blocks, found.rows) == (6, int(kept.sum()))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_scores_that_are_no_numbers_are_told(name, task, broken):
    """A missing or infinite score is an error that counts the rows, never an interval of NaN."""
    y, one, other, blocks = draw(name, task=task)
    one = one.copy()
    one[[4, 9]] = broken
    with pytest.raises(TrainingError, match="the score of 2 rows is missing or infinite"):
        compare(METRICS[name], y, one, other, blocks)


def test_weights_that_are_all_zero_are_told():
    """Rows that all weigh nothing are an error in words."""
    y, one, other, blocks = draw("log_loss")
    with pytest.raises(TrainingError, match="whose sum is greater than zero"):
        compare(METRICS["log_loss"], y, one, other, blocks, np.zeros(y.size))
