"""Metrics: values as scikit-learn's, influence values as the definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as sk

from retrain_assets.comparison import METRICS, declared_metrics, find_metric, standard_error, task_of
from retrain_assets.errors import TrainingError
from retrain_assets.spec import MetricSpec
from retrain_assets.spec.metrics import CLASSIFICATION_METRICS, MULTICLASS_METRICS, REGRESSION_METRICS
from retrain_assets_tests.comparison.draws import CASES, draw, draw_rows

THREE = [[0.2, 0.3, 0.5], [0.4, 0.4, 0.2]]

SKLEARN = {
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
    "brier_score": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w),
    "roc_auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w),
    "roc_auc_ovr": lambda y, p, w: sk.roc_auc_score(
        y, p, sample_weight=w, multi_class="ovr", average="macro"
    ),
    "average_precision": lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w),
    "accuracy": lambda y, p, w: sk.accuracy_score(y, decided(p), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: sk.balanced_accuracy_score(y, decided(p), sample_weight=w),
    "f1_macro": lambda y, p, w: sk.f1_score(y, decided(p), sample_weight=w, average="macro"),
    "mean_absolute_error": lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w),
    "mean_squared_error": lambda y, p, w: sk.mean_squared_error(y, p, sample_weight=w),
    "root_mean_squared_error": lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
    "mean_pinball_loss": lambda y, p, w: sk.mean_pinball_loss(y, p, sample_weight=w),
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


def declare(*metrics, task="classification"):
    """Metrics as declared, for a task."""
    specs = [MetricSpec(**(item if isinstance(item, dict) else {"metric": item})) for item in metrics]
    return declared_metrics(specs, task)


def decided(score):
    """Decide as scikit-learn's classifiers do."""
    return (score > 0.5).astype(int) if score.ndim == 1 else score.argmax(axis=1)


def placements(y, score):
    """DeLong's placements from all pairs of a positive and a negative row."""
    positive, negative = score[y == 1][:, None], score[y == 0][None, :]
    wins = (positive > negative) + 0.5 * (positive == negative)
    return wins.mean(axis=1), wins.mean(axis=0)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_values_are_those_of_scikit_learn(name, task, weighted):
    """Every metric equals scikit-learn's, with ties, with scores of 0 and 1, and with weights."""
    y, score, weight = draw(task)
    weight = weight if weighted else None
    value, influence = METRICS[name].measure(y, score, weight)
    assert value == pytest.approx(SKLEARN[name](y, score, weight), rel=1e-11)
    assert influence.shape == y.shape
    assert influence.mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_pinball_loss_takes_the_declared_quantile(quantile):
    """The pinball loss of a declared quantile equals scikit-learn's, and its name tells the quantile."""
    y, score, weight = draw("regression")
    (metric,) = declare({"metric": "mean_pinball_loss", "quantile": quantile}, task="regression")
    expected = sk.mean_pinball_loss(y, score, sample_weight=weight, alpha=quantile)
    assert metric.measure(y, score, weight)[0] == pytest.approx(expected, rel=1e-12)
    assert metric.name == f"mean_pinball_loss_q{100 * quantile:.0f}"


@pytest.mark.parametrize(("name", "task"), CASES)
def test_influence_predicts_what_more_weight_on_a_row_does(name, task):
    """A row's influence is the metric's derivative by that row's share of the weight."""
    y, score, weight = draw(task, rows=60)
    value, influence = METRICS[name].measure(y, score, weight)
    step = 1e-6 * weight.mean() * y.size
    for row in range(0, 60, 7):
        heavier = weight.copy()
        heavier[row] += step
        moved, _ = METRICS[name].measure(y, score, heavier)
        expected = influence[row] * step / (weight[row] * y.size) if weight[row] else 0
        assert (moved - value) == pytest.approx(expected, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "task"), CASES)
def test_standard_errors_are_those_of_many_samples(name, task, weighted):
    """Influence values give the standard deviation that the metric has over 400 samples of 300 rows."""
    rng = np.random.default_rng(17)
    values, errors = [], []
    for _ in range(400):
        y, score = draw_rows(rng, task, 300)
        weight = rng.uniform(0, 2, 300) if weighted else None
        value, influence = METRICS[name].measure(y, score, weight)
        values.append(value)
        errors.append(standard_error(influence, np.arange(300))[0])
    # A standard deviation from 400 samples is known to 3.5 %, more coarsely for heavy tails.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.13)


@pytest.mark.parametrize(("name", "task"), CASES)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_a_row_of_weight_two_counts_as_two_rows(name, task, seed):
    """Whole weights equal repeated rows, in the value and in each row's influence."""
    y, score, _ = draw(task, rows=50, seed=seed)
    times = np.random.default_rng(seed).integers(1, 4, 50)
    value, influence = METRICS[name].measure(y, score, times.astype(float))
    repeated, moved = METRICS[name].measure(np.repeat(y, times), np.repeat(score, times, axis=0))
    assert value == pytest.approx(repeated, rel=1e-9)
    first = np.cumsum(times) - times
    assert influence / times / y.size * times.sum() == pytest.approx(moved[first], abs=1e-6)


@pytest.mark.parametrize("name", ["log_loss", "brier_score", "accuracy", "balanced_accuracy", "f1_macro"])
def test_two_classes_as_columns_are_two_classes(name):
    """A binary model told as two columns of probabilities has the values of one told as one column."""
    y, score, weight = draw("classification")
    value, influence = METRICS[name].measure(y, score, weight)
    both, moved = METRICS[name].measure(y, np.column_stack([1 - score, score]), weight)
    factor = 2 if name == "brier_score" else 1
    assert both == pytest.approx(factor * value)
    assert moved == pytest.approx(factor * influence, abs=1e-9)


def test_perfect_predictions_have_no_error():
    """Predictions that equal the labels have an RMSE of 0 that no row moves, and an R2 of 1."""
    y = np.arange(5.0)
    for name, best in (("root_mean_squared_error", 0), ("r2", 1)):
        value, influence = METRICS[name].measure(y, y)
        assert value == best
        assert influence.tolist() == [0] * 5


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


@given(
    st.lists(
        st.tuples(st.booleans(), st.floats(allow_nan=False, allow_infinity=False)), min_size=2, max_size=30
    )
    .filter(lambda rows: len({label for label, _ in rows}) == 2)
    .map(lambda rows: [*rows, rows[0]])
)
@example([(True, 3e-20), (False, 1e-20), (False, 2e-20), (True, 1.0)])
@example([(True, 1e308), (False, -1e308), (False, 1e308)])
@example([(True, 0.0), (False, 5e-324), (True, 5e-324)])
@settings(max_examples=60, deadline=None)
def test_scores_of_any_size_are_ranked_rightly(rows):
    """Scores next to each other, far apart, or tiny give scikit-learn's areas under both curves."""
    y, score = (np.array(part, dtype=float) for part in zip(*rows, strict=True))
    assert METRICS["roc_auc"].measure(y, score)[0] == pytest.approx(placements(y, score)[0].mean())
    ranks = rankdata(score)
    expected = sk.average_precision_score(y, ranks)
    assert METRICS["average_precision"].measure(y, score)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "y", "score", "weight", "sentence"),
    [
        ("roc_auc", [1, 1], [0.1, 0.2], None, "ROC AUC is undefined: all 2 rows carry the same label."),
        ("roc_auc", [0, 1], [0.1, 0.2], [1, 0], "ROC AUC is undefined: all 2 rows carry the same label."),
        ("average_precision", [0, 0], [0.1, 0.2], None, "average precision is undefined: all 2 rows"),
        ("balanced_accuracy", [1, 1], [0.1, 0.2], None, "balanced accuracy is undefined: all 2 rows"),
        ("f1_macro", [1, 1], [0.1, 0.2], None, "macro F1 is undefined: all 2 rows carry the same label."),
        ("f1_macro", [0, 2], THREE, None, "no row carries the label of class 1 (counted from 0), one of 3."),
        ("roc_auc_ovr", [0, 1], THREE, None, "no row carries the label of class 2 (counted from 0)"),
        ("balanced_accuracy", [0, 2], THREE, None, "balanced accuracy is undefined: no row carries"),
        ("accuracy", [0, 3], THREE, None, "needs labels that are codes of classes, from 0 to 2."),
        ("log_loss", [0, 0.5], THREE, None, "needs labels that are codes of classes, from 0 to 2."),
        (
            "log_loss",
            [0, 1],
            [[0.1, 0.9], [np.nan, 0.4]],
            None,
            "the score of 1 rows is missing or infinite.",
        ),
        ("roc_auc", [0, 1], THREE, None, "ROC AUC needs one score a row, but there are 3 in each."),
        ("r2", [0, 1], THREE, None, "R2 needs one score a row, but there are 3 in each."),
        (
            "roc_auc_ovr",
            [0, 1],
            [0.2, 0.4],
            None,
            "needs the probability of each class, not one score a row.",
        ),
        ("r2", [2, 2], [1, 2], None, "R2 is undefined: all 2 rows carry the same label, 2."),
        ("r2", [2, 2, 3], [1, 2, 3], [1, 1, 0], "R2 is undefined: all 2 rows carry the same label, 2."),
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
    """A metric that does not measure the estimator's task is an error that lists those that do."""
    assert [metric.name for metric in declare("roc_auc")] == ["roc_auc"]
    with pytest.raises(TrainingError, match="Choose from: log_loss, brier_score, roc_auc, average_precision"):
        declare("mean_squared_error")
    with pytest.raises(TrainingError, match="roc_auc does not measure multiclass"):
        declare("roc_auc", task="multiclass")


@pytest.mark.parametrize("task", ["classification", "multiclass", "regression"])
def test_every_task_has_metrics_of_its_own(task):
    """Without a declaration a task is measured by its own metrics, and what is known is declared as known."""
    assert all(task in metric.tasks for metric in declare(task=task))
    names = {"classification": CLASSIFICATION_METRICS, "multiclass": MULTICLASS_METRICS}
    assert {metric.name for metric in METRICS.values() if task in metric.tasks} == set(
        names.get(task, REGRESSION_METRICS)
    )


def test_the_task_follows_from_the_metrics():
    """What kind of model is meant is told from all metrics; where they leave it open, of two classes."""
    assert task_of([]) == "classification"
    assert task_of([MetricSpec(metric="log_loss")]) == "classification"
    assert task_of([MetricSpec(metric="log_loss"), MetricSpec(metric="roc_auc_ovr")]) == "multiclass"
    assert task_of([MetricSpec(metric="r2")]) == "regression"


def test_metrics_are_found_by_name():
    """A metric is found by scikit-learn's name, or by the name that its declaration gives it."""
    quantile = MetricSpec(metric="mean_pinball_loss", quantile=0.975)
    assert find_metric("neg_log_loss", []).name == "log_loss"
    assert find_metric("mean_pinball_loss_q97_5", [quantile]).title == "mean pinball loss at quantile 0.975"
    assert find_metric("mean_pinball_loss_q97_5", []) is None
