"""Calibration bins."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.evaluation_report.calibration import calibration, calibration_bins


def test_a_calibrated_model_says_what_happens():
    """Ten bins of equal size hold the mean label that their mean score announces."""
    rng = np.random.default_rng(0)
    score = rng.uniform(size=50_000)
    bins = calibration_bins((rng.uniform(size=score.size) < score).astype(float), score)
    assert [part.rows for part in bins] == [5_000] * 10
    assert [part.mean_label for part in bins] == pytest.approx([part.mean_score for part in bins], abs=0.03)
    assert [part.mean_score for part in bins] == sorted(part.mean_score for part in bins)


def test_equal_scores_share_a_bin():
    """A model that knows three scores has three bins, and a constant one has one."""
    score = np.repeat([0.1, 0.2, 0.7], [60, 30, 10])
    bins = calibration_bins(np.ones(100), score)
    assert [(part.mean_score, part.rows) for part in bins] == [
        (pytest.approx(0.1), 60),
        (pytest.approx(0.2), 30),
        (pytest.approx(0.7), 10),
    ]
    assert len(calibration_bins(np.ones(5), np.full(5, 0.3))) == 1


def test_weights_move_means_and_not_counts():
    """A row of weight 0 counts as a row and moves no mean."""
    (part,) = calibration_bins(np.array([1.0, 0.0]), np.array([0.5, 0.5]), np.array([1.0, 0.0]))
    assert (part.mean_label, part.rows) == (1, 2)


def test_models_without_scores_and_rows_are_left_out():
    """Without a champion there is one curve, without rows an empty one."""
    assert calibration(np.empty(0), {"candidate": np.empty(0), "champion": None}) == [
        {"model": "candidate", "class": None, "bins": []}
    ]


def test_several_classes_are_each_against_the_rest():
    """Probabilities of three classes that happen as they say are calibrated, of the predicted class and of each."""
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1.0, 2.0, 3.0], 60_000)
    y = (rng.uniform(size=len(scores))[:, None] > scores.cumsum(axis=1)).sum(axis=1).astype(float)
    entries = calibration(y, {"candidate": scores, "champion": None}, classes=["a", "b", "c"])
    assert [(entry["model"], entry["class"]) for entry in entries] == [
        ("candidate", name) for name in (None, "a", "b", "c")
    ]
    for entry in entries:
        for part in entry["bins"]:
            assert part["mean_label"] == pytest.approx(part["mean_score"], abs=0.03)
    sure, *each = ([part["mean_score"] for part in entry["bins"]] for entry in entries)
    assert min(sure) > 1 / 3
    assert [np.mean(means) for means in each] == pytest.approx([1 / 6, 1 / 3, 1 / 2], abs=0.01)
