"""The gate of the slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp

from retrain_assets.comparison import METRICS
from retrain_assets.evaluation_report.slice_gate import judge_slices, unjudged_note
from retrain_assets.evaluation_report.slices import Scored, Slice, SliceTest, compare_slices

MAE = METRICS["mean_absolute_error"]
SLICE = Slice("device", "tv", 100, 1.0, 1.0, 0.0, -1.0, 1.0, blocks=7, effective_blocks=7.0, p_value=0.001)


def losses(gain, blocks, weight=None):
    """Rows whose labels are 0, so that scores are losses: the champion's less the candidate's is ``gain``."""
    return Scored(
        np.zeros(gain.size), np.full(gain.size, 10.0) - gain, np.full(gain.size, 10.0), blocks, weight
    )


def compared(scored, names, **changes):
    """The slices of one column."""
    return compare_slices(pl.DataFrame({"a": names}), ["a"], scored, MAE, SliceTest("regression", **changes))[
        0
    ]


@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_the_p_value_is_that_of_a_t_test_on_block_means(margin):
    """With blocks of one size the one-sided p-value is scipy's, of a loss of the margin at the most."""
    gain = np.random.default_rng(4).normal(-0.2, 1, 160)
    blocks = np.arange(160) % 8
    (found,) = compared(losses(gain, blocks), ["x"] * 160, margin=margin)
    means = [gain[blocks == i].mean() for i in range(8)]
    assert found.p_value == pytest.approx(ttest_1samp(means, -margin, alternative="less").pvalue)
    assert (found.blocks, found.effective_blocks) == (8, pytest.approx(8))


def test_a_loss_without_spread_is_certain():
    """A loss that is the same in every row is worse for certain, and one within the margin is none."""
    rows, blocks = np.full(80, -0.5), np.arange(80) % 8
    assert [part.p_value for part in compared(losses(rows, blocks), ["x"] * 80)] == [0.0]
    assert [part.p_value for part in compared(losses(rows, blocks), ["x"] * 80, margin=0.6)] == [1.0]


def test_slices_are_corrected_together():
    """Of four p-values, three of which would do alone, Holm's correction leaves one below 2.5 %."""
    parts = [replace(SLICE, value=str(p), p_value=p) for p in (0.012, 0.9, 0.004, 0.02)]
    found = judge_slices(parts, alpha=0.05)
    assert [part.p_corrected for part in found] == pytest.approx([0.036, 0.9, 0.016, 0.04])
    assert [part.worse for part in found] == [False, False, True, False]
    assert [part.worse for part in judge_slices(parts[:1], alpha=0.05)] == [True]


@pytest.mark.parametrize("changes", [{"blocks": 6}, {"effective_blocks": 3.9}, {"p_value": None}])
def test_a_slice_of_little_evidence_is_shown_and_not_judged(changes):
    """Few blocks, unequal blocks or few rows judge no slice, nor do they count among the tests; a sentence says so."""
    found = judge_slices([replace(SLICE, **changes), replace(SLICE, value="pc", p_value=0.02)], alpha=0.05)
    assert [(part.p_corrected, part.worse) for part in found] == [(None, False), (0.02, True)]
    (note,) = unjudged_note(found)
    assert note.endswith("device = tv.")
    assert unjudged_note(found[1:]) == []


def test_too_few_of_a_class_have_no_p_value():
    """A slice with nine of the rarer label has an interval and no p-value."""
    rng = np.random.default_rng(2)
    y = (np.arange(200) < 9).astype(float)
    scored = Scored(y, rng.uniform(0.1, 0.9, 200), rng.uniform(0.1, 0.9, 200), np.arange(200) % 8, None)
    rows, test = pl.DataFrame({"a": ["x"] * 200}), SliceTest("classification")
    (found,), _ = compare_slices(rows, ["a"], scored, METRICS["log_loss"], test)
    assert found.lower is not None
    assert found.p_value is None


def test_equal_models_fail_at_the_stated_rate():
    """Of simulated holdouts of equal models with ten slices 2.5 % fail, while 22 % would without correction."""
    rng, runs, blocks = np.random.default_rng(11), 300, np.repeat(np.arange(10), 60)
    names = [str(i) for i in np.arange(600) % 10]
    failed = alone = 0
    for _ in range(runs):
        slices = compared(losses(rng.normal(size=600), blocks), names)
        failed += any(part.worse for part in judge_slices(slices, 0.05))
        alone += any(part.p_value <= 0.025 for part in slices)
    assert failed / runs <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / runs)
    assert alone / runs > 0.15
