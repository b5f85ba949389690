"""Standard errors by drawing blocks anew, against those that influence values give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.comparison import METRICS, compare, standard_error, standard_error_of
from retrain_assets.comparison.resampling import leave_one_block_out, poisson_bootstrap
from retrain_assets.comparison.standard_errors import block_contributions
from retrain_assets.errors import TrainingError
from retrain_assets_tests.comparison.draws import draw_rows
from retrain_assets_tests.comparison.test_own_metric import own

MAE = METRICS["mean_absolute_error"]


def unequal_blocks(rows, count, seed=0):
    """Blocks of different sizes, in the order of time."""
    return np.sort(
        np.random.default_rng(seed).choice(count, rows, p=np.arange(1, count + 1) / sum(range(count + 1)))
    )


def two_models(seed=0, rows=600, count=7):
    """Labels, a better and a worse model's scores, weights, and blocks that share an error."""
    rng = np.random.default_rng(seed)
    y, one = draw_rows(rng, "regression", rows)
    blocks = np.arange(rows) * count // rows
    other = one + rng.normal(size=rows) + rng.normal(size=count)[blocks]
    return y, one, other, rng.uniform(0, 2, rows), blocks


@pytest.mark.parametrize("count", [7, 30])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_bootstrap_agrees_with_influence_values(count, weighted):
    """The error of a mean, drawn anew, is the cluster-robust one, with few blocks and with weights too."""
    y, one, other, weight, blocks = two_models(count=count)
    weight = weight if weighted else None
    expected = compare(MAE, y, one, other, blocks, weight)
    found = compare(own("cost"), y, one, other, blocks, weight)
    assert found.estimator == "poisson_bootstrap"
    assert found.degrees == expected.degrees == pytest.approx(count - 1, rel=0.02)
    assert found.improvement == pytest.approx(expected.improvement)
    # Of 500 replicates a standard error is known to 3 %.
    assert found.standard_error == pytest.approx(expected.standard_error, rel=0.08)
    assert (found.upper - found.lower) / found.standard_error == pytest.approx(
        (expected.upper - expected.lower) / expected.standard_error
    )
    assert found.effective_rows is None


def test_a_function_that_ignores_weights_has_the_same_error():
    """Rows are drawn, not weights: a function that never looks at weights is no more certain than it should be."""
    y, one, other, _, blocks = two_models()
    heedful = compare(own("cost"), y, one, other, blocks)
    heedless = compare(own("heedless_cost"), y, one, other, blocks)
    assert heedless.standard_error == pytest.approx(heedful.standard_error)


def test_the_bootstrap_repeats_itself():
    """The seed is fixed: the same rows give the same interval."""
    y, one, other, _, blocks = two_models()
    assert compare(own("cost"), y, one, other, blocks) == compare(own("cost"), y, one, other, blocks)


def test_identical_models_do_not_differ_by_a_function_either():
    """Equal scores give an improvement of 0 in an interval of [0, 0]."""
    y, one, _, _, blocks = two_models()
    found = compare(own("cost"), y, one, one.copy(), blocks)
    assert (found.improvement, found.lower, found.upper, found.p_value) == (0, 0, 0, 1)


def test_intervals_of_a_ratio_hold_the_true_difference():
    """Of 80 samples of seven days about 95 % have an interval that holds the true difference of a ratio."""
    rng = np.random.default_rng(5)

    def sample(days, rows):
        blocks = np.repeat(np.arange(days), rows)
        y = (rng.uniform(size=blocks.size) < 0.3).astype(float)
        error = 0.1 * rng.normal(size=days)[blocks]
        return y, y + 0.5 + error, y + 0.7 + error + 0.1 * rng.normal(size=blocks.size), blocks

    truth = 0.2 / 0.3
    held = [
        found.lower <= truth <= found.upper
        for found in (compare(own("positives_cost"), *sample(7, 40)) for _ in range(80))
    ]
    assert 0.89 <= np.mean(held) <= 0.99


def test_a_function_undefined_on_many_samples_has_no_error():
    """Where too many samples of the blocks lack what the function needs, a sentence says so."""
    y = np.zeros(30)
    y[3] = 1
    with pytest.raises(
        TrainingError, match=r"The metric has no standard error: it is undefined on \d+ of 500 samples of"
    ):
        compare(own("positives_cost"), y, y + 0.1, y + 0.2, np.repeat(np.arange(3), 10))


def test_a_value_has_an_error_with_and_without_influence_values():
    """The standard error of a metric's own value agrees between the two ways to it."""
    y, one, _, weight, blocks = two_models()
    assert standard_error_of(MAE, y, one, blocks, weight) == pytest.approx(
        standard_error(MAE.measure(y, one, weight)[1], blocks)[0]
    )
    assert standard_error_of(own("cost"), y, one, blocks, weight) == pytest.approx(
        standard_error_of(MAE, y, one, blocks, weight), rel=0.08
    )


@given(st.integers(0, 1_000), st.booleans())
@settings(max_examples=30, deadline=None)
def test_leaving_blocks_out_gives_what_they_contribute(seed, weighted):
    """For a weighted mean, blocks of any sizes contribute exactly their sums of influence values."""
    y, one, _, weight, _ = two_models(seed, rows=200)
    blocks = unequal_blocks(200, 6, seed)
    weight = weight if weighted else None

    def value(rows):
        return MAE.measure(y[rows], one[rows], None if weight is None else weight[rows])[0]

    found = leave_one_block_out(value, blocks, weight)
    expected = block_contributions(MAE.measure(y, one, weight)[1], blocks)
    assert found == pytest.approx(expected, abs=1e-12)


def test_leaving_blocks_out_is_near_for_a_rank():
    """For ROC AUC the contributions are near the sums of DeLong's placements."""
    y, score = draw_rows(np.random.default_rng(1), "classification", 6_000)
    auc, blocks = METRICS["roc_auc"], np.arange(6_000) // 100
    found = leave_one_block_out(lambda rows: auc.measure(y[rows], score[rows])[0], blocks)
    expected = block_contributions(auc.measure(y, score)[1], blocks)
    assert np.abs(found - expected).max() < 0.03 * np.abs(expected).max()


@pytest.mark.parametrize("way", [poisson_bootstrap, leave_one_block_out])
def test_one_block_cannot_be_drawn_anew(way):
    """Rows of a single block allow no interval, and the sentence says what to do."""
    with pytest.raises(TrainingError, match=r"all 9 rows lie in one. Lengthen evaluation.holdout"):
        way(lambda rows: float(rows.size), np.full(9, 4))
