"""Metrics: values as scikit-learn's, influence values as the definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from retrain_assets.comparison import METRICS, metric_names
from retrain_assets.errors import TrainingError

SKLEARN = {
    "log_loss": sk.log_loss,
    "brier_score": sk.brier_score_loss,
    "roc_auc": sk.roc_auc_score,
    "mean_absolute_error": sk.mean_absolute_error,
    "mean_squared_error": sk.mean_squared_error,
}

# 43 patients of DeLong, DeLong and Clarke-Pearson (1988), as the SAS/STAT user's guide prints them:
# albumin, total protein, K-G score, outcome.
TABLE = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1
    3.8 5.7 5 1   3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0
    2.3 4.4 6 1   4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1
    3.1 6.6 6 1   4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0
    3.7 6.1 5 1   3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1
    3.3 5.7 6 1   3.7 6.9 5 1  3.6 6.6 5 1
"""
OVARIAN = np.array(TABLE.split(), dtype=float).reshape(-1, 4)


def draw(name, rows=400, seed=3):
    """Labels, scores with ties and extremes, and weights that fit a metric."""
    rng = np.random.default_rng(seed)
    if METRICS[name].task == "regression":
        return rng.normal(size=rows), rng.normal(size=rows), rng.uniform(0, 3, rows)
    score = np.round(rng.uniform(size=rows), 2)
    score[:2] = 0.0, 1.0
    y = (rng.uniform(size=rows) < score).astype(float)
    y[:2] = 1.0, 0.0
    return y, score, rng.uniform(0, 3, rows)


def placements(y, score):
    """DeLong's placements from all pairs of a positive and a negative row."""
    positive, negative = score[y == 1][:, None], score[y == 0][None, :]
    wins = (positive > negative) + 0.5 * (positive == negative)
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", METRICS)
def test_values_are_those_of_scikit_learn(name, weighted):
    """Every metric equals scikit-learn's, with ties, with scores of 0 and 1, and with weights."""
    y, score, weight = draw(name)
    weight = weight if weighted else None
    value, influence = METRICS[name].measure(y, score, weight)
    assert value == pytest.approx(SKLEARN[name](y, score, sample_weight=weight), rel=1e-12)
    assert influence.shape == y.shape
    assert influence.mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_influence_predicts_what_more_weight_on_a_row_does(name):
    """A row's influence is the metric's derivative by that row's share of the weight."""
    y, score, weight = draw(name, rows=60)
    value, influence = METRICS[name].measure(y, score, weight)
    step = 1e-6 * weight.mean() * y.size
    for row in range(0, 60, 7):
        heavier = weight.copy()
        heavier[row] += step
        moved, _ = METRICS[name].measure(y, score, heavier)
        expected = influence[row] * step / (weight[row] * y.size) if weight[row] else 0
        assert (moved - value) == pytest.approx(expected, rel=1e-3, abs=1e-9)


def test_auc_on_delongs_own_patients_has_delongs_standard_errors():
    """Areas, their standard errors and that of their difference equal DeLong's covariance from all pairs."""
    y = OVARIAN[:, 3]
    tests = {"albumin": OVARIAN[:, 0], "protein": OVARIAN[:, 1], "kg": 10 - OVARIAN[:, 2]}
    influences = {}
    for name, score in tests.items():
        area, influence = METRICS["roc_auc"].measure(y, score)
        assert area == pytest.approx(placements(y, score)[0].mean(), abs=1e-12)
        influences[name] = influence
        assert delong_error(y, influence) == pytest.approx(pairwise_error(y, score), rel=1e-9)
    difference = influences["protein"] - influences["kg"]
    expected = pairwise_error(y, tests["protein"], tests["kg"])
    assert delong_error(y, difference) == pytest.approx(expected, rel=1e-9)
    assert METRICS["roc_auc"].measure(y, tests["albumin"])[0] == pytest.approx(0.7366, abs=5e-5)
    assert delong_error(y, influences["albumin"]) == pytest.approx(0.0927, abs=5e-5)


def delong_error(y, influence):
    """DeLong's estimate, with its n - 1 for either class, from influence values."""
    share = influence / y.size
    return np.sqrt(sum(np.sum(share[y == c] ** 2) * (y == c).sum() / ((y == c).sum() - 1) for c in (0, 1)))


def pairwise_error(y, score, other=None):
    """DeLong's estimate from all pairs: of an area, or of the difference of two."""
    parts = placements(y, score)
    if other is not None:
        parts = [one - two for one, two in zip(parts, placements(y, other), strict=True)]
    return np.sqrt(sum(part.var(ddof=1) / part.size for part in parts))


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    )
)
@settings(max_examples=60, deadline=None)
def test_auc_equals_the_share_of_pairs_ranked_rightly(rows):
    """AUC and its influence values from sorted sums equal those from all pairs, whatever the ties."""
    y = np.array([label for label, _ in rows], dtype=float)
    score = np.array([value for _, value in rows], dtype=float)
    area, influence = METRICS["roc_auc"].measure(y, score)
    above, below = placements(y, score)
    assert area == pytest.approx(above.mean())
    assert influence[y == 1] == pytest.approx((above - area) * y.size / y.sum(), abs=1e-9)
    assert influence[y == 0] == pytest.approx((below - area) * y.size / (1 - y).sum(), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "y", "score", "weight", "sentence"),
    [
        ("roc_auc", [1, 1], [0.1, 0.2], None, "ROC AUC is undefined: all 2 rows carry the same label."),
        ("log_loss", [], [], None, "log loss is undefined without rows."),
        ("log_loss", [0, 2], [0.1, 0.2], None, "log loss needs labels that are 0 or 1."),
        ("log_loss", [0, 1], [0.1, np.nan], None, "the score of 1 rows is missing or infinite."),
        ("mean_squared_error", [0, np.inf], [1, 1], None, "the label of 1 rows is missing or infinite."),
        ("mean_squared_error", [0, 1], [1], None, "needs one score a row, but there are 1 for 2 rows."),
        ("mean_absolute_error", [0, 1], [1, 1], [0, 0], "whose sum is greater than zero."),
    ],
)
def test_an_undefined_metric_says_why(name, y, score, weight, sentence):
    """Rows on which a metric is undefined give a sentence, not NaN."""
    with pytest.raises(TrainingError) as caught:
        METRICS[name].measure(
            np.array(y, float), np.array(score, float), None if weight is None else np.array(weight, float)
        )
    assert sentence in str(caught.value)


def test_metrics_of_the_wrong_task_are_refused():
    """A regression metric for a classifier is an error that lists the right ones; the task has a default."""
    assert metric_names([], "classification")[0] == "log_loss"
    assert metric_names(["roc_auc"], "classification") == ("roc_auc",)
    with pytest.raises(TrainingError, match="Choose from: log_loss, brier_score, roc_auc"):
        metric_names(["mean_squared_error"], "classification")
