"""Estimates without labels, held against the labels that the simulation keeps back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.candidate_model.model_inputs import model_inputs, sample_of
from retrain_assets.comparison import METRICS
from retrain_assets.monitoring_report.domain_classifier import density_ratio, tell_apart
from retrain_assets.monitoring_report.estimates import Accuracy, Estimation
from retrain_assets.monitoring_report.estimators import (
    ConfidenceBased,
    DirectLoss,
    ImportanceWeighted,
    Labelled,
    ScoredInputs,
)

DAYS, PER_DAY = 9, 800


def clicks(rows, shift=0.0, seed=0):
    """Rows of a classifier whose scores are too sure of themselves; the feature moves, its meaning stays."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, rows)
    chance = 1 / (1 + np.exp(1 - 0.8 * x))
    score = 1 / (1 + np.exp(1 - 1.8 * x))
    y = (rng.uniform(size=rows) < chance).astype(float)
    return ScoredInputs(score, np.column_stack([x, rng.normal(size=rows)])), y


def rents(rows, shift=0.0, seed=0):
    """Rows of a regression whose error grows with its first feature."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, rows)
    prediction = 10 + x
    y = prediction + np.exp(0.6 * x) * rng.normal(size=rows)
    return ScoredInputs(prediction, np.column_stack([x, rng.normal(size=rows)])), y


def reference(draw):
    """The first days since the promotion."""
    rows, y = draw(DAYS * PER_DAY)
    return Labelled(rows, y, np.repeat(np.arange(DAYS), PER_DAY))


@pytest.mark.parametrize("name", ["log_loss", "brier_score", "roc_auc", "accuracy"])
def test_calibrated_scores_give_what_labels_will_show(name):
    """After a shift of the features the expectation under calibrated scores is near, and the raw one is not."""
    rows, y = clicks(20_000, 0.6, seed=1)
    metric = METRICS[name]
    realised = metric.measure(y, rows.score)[0]
    labelled = reference(clicks)
    before = metric.measure(labelled.y, labelled.rows.score)[0]
    found = ConfidenceBased(labelled).value(metric, rows)
    assert abs(found - realised) < max(0.015, 0.35 * abs(before - realised))


def test_uncalibrated_confidence_would_be_far_off():
    """Without calibration the expectation of these scores' log loss misses by much more."""
    rows, y = clicks(20_000, 0.6, seed=1)
    metric = METRICS["log_loss"]
    weights = np.concatenate([1 - rows.score, rows.score])
    raw = metric.measure(np.repeat([0.0, 1.0], 20_000), np.tile(rows.score, 2), weights)[0]
    realised = metric.measure(y, rows.score)[0]
    assert abs(raw - realised) > 5 * abs(ConfidenceBased(reference(clicks)).value(metric, rows) - realised)


def test_several_classes_are_calibrated_each():
    """Probabilities of three classes that are too sure give the log loss that labels show."""
    rng = np.random.default_rng(3)

    def draw(rows, shift):
        logits = np.column_stack([rng.normal(shift, 1, rows), rng.normal(0, 1, rows), np.zeros(rows)])
        chances = np.exp(0.6 * logits)
        chances /= chances.sum(axis=1, keepdims=True)
        score = np.exp(1.5 * logits)
        score /= score.sum(axis=1, keepdims=True)
        y = (rng.uniform(size=rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1).astype(float)
        return ScoredInputs(score, logits[:, :2]), y

    rows, y = draw(8000, 0.0)
    fitted = ConfidenceBased(Labelled(rows, y, np.arange(8000) % DAYS))
    today, truth = draw(8000, 0.8)
    realised = METRICS["log_loss"].measure(truth, today.score)[0]
    assert fitted.value(METRICS["log_loss"], today) == pytest.approx(realised, abs=0.05)


@pytest.mark.parametrize(("name", "tolerance"), [("mean_absolute_error", 0.1), ("mean_squared_error", 0.25)])
def test_the_loss_of_a_regression_is_predicted(name, tolerance):
    """Where rows move to where errors are greater, the estimate moves with the realised loss."""
    metric = METRICS[name]
    rows, y = rents(20_000, 0.5, seed=1)
    realised = metric.measure(y, rows.score)[0]
    labelled = reference(rents)
    before = metric.measure(labelled.y, labelled.rows.score)[0]
    found = DirectLoss(labelled).value(metric, rows)
    assert before < found
    assert found == pytest.approx(realised, rel=tolerance)


def test_importance_weights_follow_the_features():
    """Reference rows weighed by how much likelier they are today give a loss nearer to today's."""
    metric = METRICS["log_loss"]
    rows, y = clicks(10_000, 0.6, seed=1)
    realised = metric.measure(y, rows.score)[0]
    labelled = reference(clicks)
    before = metric.measure(labelled.y, labelled.rows.score)[0]
    found = ImportanceWeighted(labelled).value(metric, rows)
    assert abs(found - realised) < 0.4 * abs(before - realised)


def test_sample_weights_count():
    """A row of weight 0 counts in no estimate."""
    rows, _ = clicks(4000, 1.5, seed=1)
    other, _ = clicks(4000, -1.5, seed=2)
    both = ScoredInputs(
        np.concatenate([rows.score, other.score]),
        np.concatenate([rows.inputs, other.inputs]),
        np.repeat([1.0, 0.0], 4000),
    )
    fitted = ConfidenceBased(reference(clicks))
    metric = METRICS["log_loss"]
    assert fitted.value(metric, both) == pytest.approx(fitted.value(metric, rows))


def test_intervals_hold_the_realised_value_about_as_often_as_they_say():
    """Over 24 later days that differ by chance alone at most four realised losses lie outside."""
    estimation = Estimation(reference(clicks), (METRICS["log_loss"], METRICS["roc_auc"]))
    outside = {"log_loss": 0, "roc_auc": 0}
    for seed in range(24):
        rows, y = clicks(PER_DAY, 0.2, seed=100 + seed)
        found = estimation.estimate(ScoredInputs(rows.score, rows.inputs))
        for name, missed in outside.items():
            estimate = found[name]["confidence_based"]
            realised = METRICS[name].measure(y, rows.score)[0]
            outside[name] = missed + (not estimate["lower"] <= realised <= estimate["upper"])
    assert max(outside.values()) <= 4


def test_few_rows_widen_the_interval():
    """A quarter of a day's rows is twice as uncertain; a day of many is as uncertain as the reference's days."""
    accuracy = Accuracy(error=0.01, days=7, rows=1000)
    assert accuracy.reach(250) == pytest.approx(2 * accuracy.reach(1000))
    assert accuracy.reach(100_000) == accuracy.reach(1000)


def test_known_accuracies_are_used():
    """What was measured once for a champion is not measured again."""
    known = {"confidence_based": {"log_loss": {"error": 0.5, "days": 7.0, "rows": 800.0}}}
    rows, _ = clicks(PER_DAY)
    found = Estimation(reference(clicks), (METRICS["log_loss"],), known).estimate(rows)
    assert set(found["log_loss"]) == {"confidence_based"}
    assert found["log_loss"]["confidence_based"]["upper"] - found["log_loss"]["confidence_based"]["lower"] > 2


def test_too_few_days_give_no_estimate():
    """An estimate whose error nobody knows is not given."""
    labelled = reference(clicks).chosen(np.arange(4 * PER_DAY))
    assert Estimation(labelled, (METRICS["log_loss"],)).estimate(clicks(PER_DAY)[0]) == {"log_loss": {}}


def test_rows_of_one_population_are_not_told_apart():
    """The area is a half where the rows are alike, whatever their number, and near 1 where they are not."""
    rng = np.random.default_rng(1)
    for rows in (400, 4000):
        alike = tell_apart(rng.normal(size=(rows, 4)), rng.normal(size=(rows, 4)))
        assert alike.lower < 0.5
    apart = tell_apart(rng.normal(size=(2000, 4)), rng.normal(3, 1, (2000, 4)))
    assert apart.lower > 0.97
    assert tell_apart(rng.normal(size=(50, 4)), rng.normal(size=(400, 4))) is None


def test_a_change_that_no_single_feature_shows_is_seen():
    """Two features that lose their correlation keep their distributions, and are told apart."""
    rng = np.random.default_rng(2)
    one = rng.normal(size=4000)
    tied = np.column_stack([one, one + 0.3 * rng.normal(size=4000)])
    loose = np.column_stack([rng.permutation(tied[:, 0]), tied[:, 1]])
    assert tell_apart(tied, loose).lower > 0.7


def test_the_density_ratio_is_that_of_the_densities():
    """For two normal distributions it follows exp(x d - d^2 / 2) where both have rows."""
    rng = np.random.default_rng(4)
    x, moved = rng.normal(0, 1, (8000, 1)), rng.normal(0.7, 1, (8000, 1))
    truth = np.exp(0.7 * x[:, 0] - 0.7**2 / 2)
    assert np.corrcoef(density_ratio(x, moved), truth)[0, 1] > 0.85


def test_features_become_numbers_of_the_profile():
    """Categories are places in the profile, unseen ones share a number, and what is missing is NaN."""
    profile = {"numeric": {"a": {}, "gone": {}}, "categorical": {"site": {"values": ["x", "y"]}}}
    found = model_inputs(profile, pl.DataFrame({"a": [1, None, 3, 4], "site": ["y", "x", "new", None]}))
    np.testing.assert_array_equal(found[:, 0], [1, np.nan, 3, 4])
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_array_equal(found[:, 2], [1, 0, 2, np.nan])


def test_a_sample_is_the_same_for_the_same_number_of_rows():
    """Positions rise, are all there where there are few, and do not change between runs."""
    assert sample_of(10, 20).tolist() == list(range(10))
    first = sample_of(1000, 50)
    assert first.size == 50
    assert (np.diff(first) > 0).all()
    assert (first == sample_of(1000, 50)).all()
