"""What an estimator does not do: labels that it cannot learn, and measures of another kind of model."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.checks import examine
from retrain_assets.findings import Findings
from retrain_assets_tests.pipelines import CSV, declare, write_days, write_texts

REGRESSOR = {
    "training__estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
    "evaluation__metrics": ["r2"],
}
UNKNOWN = {
    "training": {"model": "retrain_assets_tests.candidate_model.makers:scaled"},
    "evaluation__metrics": ["accuracy"],
}


@pytest.mark.parametrize(
    ("labels", "changes"),
    [
        (["1.5", "2.5", "3.5"], REGRESSOR),
        (["1", "0"], REGRESSOR),
        (["low", "middle", "high"], UNKNOWN),
        (["1.5", "2.5", "3.5"], UNKNOWN),
        (["1"], {}),
        (["low", "middle", "high"], {"label__positive": "high"}),
        (
            ["low", "middle", "high"],
            {"label__classes": ["low", "middle", "high"], "evaluation__metrics": ["accuracy"]},
        ),
    ],
)
def test_labels_that_may_be_right_are_passed(
    tmp_path: Path, labels: list[str], changes: dict[str, object]
) -> None:
    """A regression's numbers, declared classes, a single class and what an unknown estimator may learn are passed."""
    write_texts(tmp_path, repaid=labels)
    assert examine(declare(tmp_path, source=CSV, **changes)) == Findings([], [])


@pytest.mark.parametrize(
    ("labels", "changes", "found"),
    [
        (
            [f"{number}.5" for number in range(200)],
            {},
            Findings(
                [
                    "label.positive: it is not declared, and the column 'repaid' holds 200 different values, such as "
                    "0.5, 1.5, 2.5, 3.5, 4.5. Declare the one that is to be predicted, or list all of them in "
                    "label.classes; to predict the number itself, choose a regressor under training.estimator."
                ],
                [],
            ),
        ),
        (
            ["0", "1", "2"],
            {"training__estimator": "sklearn.svm.SVC", "training__params": {"probability": True}},
            Findings(
                [],
                [
                    "label.positive: it is not declared, so that 1 is told from all other values, and the column "
                    "'repaid' holds 0, 1, 2. Declare the one that is to be predicted, or list all of them in "
                    "label.classes; to predict the number itself, choose a regressor under training.estimator."
                ],
            ),
        ),
        (
            ["low", "middle", "high"],
            {},
            Findings(
                [
                    "label.positive: it is not declared, and the column 'repaid' holds 'high', 'low', 'middle'. "
                    "Declare the one that is to be predicted, or list all of them in label.classes."
                ],
                [],
            ),
        ),
        (
            ["yes", "no"],
            REGRESSOR,
            Findings(
                [
                    "label.column: the column 'repaid' holds text, such as 'yes', and a regression needs a number. If a "
                    "word such as NA stands for a missing number, name it in source.read.null_values. "
                    "Otherwise choose a classifier under training.estimator, or another label."
                ],
                [],
            ),
        ),
    ],
    ids=[
        "a classifier of numbers",
        "a classifier of classes",
        "a classifier of texts",
        "a regressor of texts",
    ],
)
def test_a_label_that_the_estimator_cannot_learn(
    tmp_path: Path, labels: list[str], changes: dict[str, object], found: Findings
) -> None:
    """What the first labels are is held against what the estimator does, as far as its file tells."""
    write_texts(tmp_path, repaid=labels)
    assert examine(declare(tmp_path, source=CSV, **changes)) == found


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            REGRESSOR | {"evaluation__metrics": ["roc_auc"]},
            "evaluation.metrics: roc_auc does not measure regression, which is what training.estimator does. Choose "
            "from: mean_absolute_error, mean_squared_error, root_mean_squared_error, r2, mean_pinball_loss.",
        ),
        (
            REGRESSOR | {"retrain_when": {"performance": {"metric": "log_loss", "drop": 0.1}}},
            "retrain_when.performance.metric: log_loss does not measure regression, which is what training.estimator "
            "does.",
        ),
        (
            REGRESSOR
            | {
                "promotion__value": {
                    "true_positive": 1,
                    "false_positive": -1,
                    "true_negative": 0,
                    "false_negative": 0,
                    "currency": "EUR",
                }
            },
            "promotion.value: true and false positives are outcomes of two classes, and training.estimator does "
            "regression. Declare promotion.value.function instead.",
        ),
        (
            REGRESSOR | {"promotion__calibration": {"max_error": 0.1}},
            "promotion.calibration: training.estimator gives no probabilities. Remove it.",
        ),
        (
            {"features": {"numeric": [], "categorical": []}},
            "features: no column is a feature. List some under numeric or categorical, or remove both.",
        ),
        (
            {
                "training": {"estimator": "sklearn.linear_model.Ridge"},
                "label__classes": ["a", "b", "c"],
                "evaluation__metrics": [],
            },
            "label.classes: Ridge predicts numbers. Choose a classifier under training.estimator, or remove the "
            "classes.",
        ),
    ],
    ids=["metric", "trigger", "money", "calibration", "features", "classes"],
)
def test_what_the_estimator_does_not_do(tmp_path: Path, changes: dict[str, object], fault: str) -> None:
    """A measure of another kind of model is told when the declaration is loaded."""
    assert examine(declare(tmp_path, **changes)).faults == [fault]


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        (
            {"promotion__min_gain": 10},
            "promotion.min_gain: hardly any model gains 10 in log_loss. For a share of the champion's advantage write "
            "10%.",
        ),
        (
            {"retrain_when": {"performance": {"metric": "roc_auc", "drop": 5}}},
            "retrain_when.performance.drop: roc_auc hardly ever changes by 5. Write the loss of quality in the "
            "metric's own unit, such as 0.02.",
        ),
        (
            {"source__key": "region"},
            "source.key: the first 120 rows have only 3 different values of 'region', and of rows with one key all but "
            "one are put aside. Name the column that identifies a row, or remove the key; if they are corrections of "
            "a row, declare source.known_at.",
        ),
    ],
    ids=["gain", "fall", "key"],
)
def test_what_can_hardly_be_meant_is_a_doubt(tmp_path: Path, changes: dict[str, object], doubt: str) -> None:
    """A size that no metric of classes reaches, and a key that is shared, are told; the pipeline loads."""
    write_days(tmp_path, 1)
    assert examine(declare(tmp_path, **changes)) == Findings([], [doubt])


def test_sizes_of_a_regression_are_passed(tmp_path: Path) -> None:
    """Metrics of numbers have the unit of the label."""
    write_days(tmp_path, 1)
    trigger = {"performance": {"metric": "mean_absolute_error", "drop": 5}}
    changes = {"retrain_when": trigger, "promotion__min_gain": 10}
    assert examine(declare(tmp_path, **REGRESSOR, **changes)) == Findings([], [])
