from __future__ import annotations

import subprocess
import sys

import pytest

from retrain_assets.candidate_model.estimator import check_estimator, resolve_estimator, task_of
from retrain_assets.errors import TrainingError
from retrain_assets_tests.candidate_model.clicks import declare

MAKERS = "retrain_assets_tests.candidate_model.makers"


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        (
            {"estimator": "sklearn.ensemble.HistGradientBoostingClassifer"},
            "training.estimator: The module 'sklearn.ensemble' has no 'HistGradientBoostingClassifer'. "
            "Did you mean 'HistGradientBoostingClassifier'?",
        ),
        (
            {"estimator": "sklearn.ensembles.RandomForestClassifier"},
            "training.estimator: There is no module 'sklearn.ensembles'. Did you mean 'ensemble'?",
        ),
        (
            {"estimator": "no_such_package.Boosting"},
            "training.estimator: There is no module 'no_such_package' here. "
            "Install it, or put its folder on the Python path.",
        ),
        (
            {"estimator": "RandomForestClassifier"},
            "training.estimator: 'RandomForestClassifier' is no import path, such as "
            "sklearn.ensemble.RandomForestClassifier.",
        ),
        (
            {"model": f"{MAKERS}:men"},
            f"training.model: The module '{MAKERS}' has no 'men'. Did you mean 'mean'?",
        ),
        (
            {"estimator": "sklearn.ensemble"},
            "training.estimator: sklearn.ensemble is a module. Name a class in it, such as "
            "sklearn.ensemble.HistGradientBoostingClassifier.",
        ),
        (
            {"estimator": "sklearn"},
            "training.estimator: 'sklearn' is no import path, such as sklearn.ensemble.HistGradientBoostingClassifier.",
        ),
        (
            {"estimator": "sklearn.svm.LinearSVC", "params": {}},
            "training: LinearSVC gives no probabilities. Choose an estimator with predict_proba, or wrap it in "
            "sklearn.calibration.CalibratedClassifierCV by a function under training.model.",
        ),
        (
            {"params": {"learning_rat": 0.1}},
            "training.params: sklearn.ensemble.HistGradientBoostingClassifier has no parameter 'learning_rat'. "
            "Did you mean 'learning_rate'?",
        ),
        (
            {"estimator": "sklearn.linear_model.Lasso", "params": {"alfa": 0.1}},
            "training.params: sklearn.linear_model.Lasso has no parameter 'alfa'. Did you mean 'alpha'?",
        ),
        (
            {"model": f"{MAKERS}:mean", "params": {"shft": 1}},
            f"training.params: {MAKERS}:mean has no parameter 'shft'. Did you mean 'shift'?",
        ),
        (
            {"estimator": "sklearn.ensemble.StackingClassifier", "params": {}},
            "training.params: sklearn.ensemble.StackingClassifier needs the parameter 'estimators'. Declare it.",
        ),
    ],
)
def test_unknown_estimator_is_a_sentence(training, sentence):
    """An estimator or a parameter that does not exist is told by reading files, with the nearest right spelling."""
    assert check_estimator(declare(training=training)) == [sentence]


@pytest.mark.parametrize(
    ("declared", "meant"),
    [
        ({}, "HistGradientBoostingRegressor"),
        ({"label": {"positive": "Y"}}, "HistGradientBoostingClassifier"),
        ({"label": {"classes": ["a", "b", "c"]}}, "HistGradientBoostingClassifier"),
        ({"evaluation": {"metrics": ["roc_auc"]}}, "HistGradientBoostingClassifier"),
        ({"evaluation": {"metrics": ["r2"]}}, "HistGradientBoostingRegressor"),
    ],
)
def test_an_estimator_of_the_task_is_suggested(declared, meant):
    """Where label or metrics tell that there are classes, a misspelt estimator is taken for a classifier."""
    [fault] = check_estimator(declare(training={"estimator": "sklearn.ensemble.HistGradBoost"}, **declared))
    assert fault.endswith(f"Did you mean {meant!r}?")


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"estimator": "sklearn.linear_model.LogisticRegression"},
        {"estimator": "sklearn.neural_network.MLPRegressor"},
        {"estimator": "sklearn.ensemble._forest.RandomForestClassifier", "params": {"max_depth": 3}},
        {"model": f"{MAKERS}:scaled", "params": {}},
    ],
)
def test_known_estimator_has_no_fault(training):
    """Public and private paths and a function are found."""
    assert check_estimator(declare(training=training)) == []


def test_checking_imports_nothing():
    """The check at load imports neither scikit-learn nor the declared module."""
    code = (
        "import sys\n"
        "from retrain_assets.candidate_model.estimator import check_estimator\n"
        "from retrain_assets.spec import load_spec\n"
        "spec = load_spec({'name': 'a', 'source': {'path': 'x.csv', 'timestamp': 't'},"
        " 'label': {'column': 'y', 'delay': '1d'},"
        f" 'training': {{'model': '{MAKERS}:mean'}}}}, 'defs.yaml')\n"
        "assert check_estimator(spec) == []\n"
        f"print('sklearn' in sys.modules, '{MAKERS}' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]


def test_random_state_is_set_unless_declared():
    """The declared random state reaches every part that has none of its own."""
    forest = "sklearn.ensemble.RandomForestClassifier"
    assert resolve_estimator(declare(training={"estimator": forest, "params": {}})).random_state == 7
    own = {"estimator": forest, "params": {"random_state": 3}}
    assert resolve_estimator(declare(training=own)).random_state == 3
    nested = resolve_estimator(declare(training={"model": f"{MAKERS}:scaled", "params": {}}))
    assert nested.named_steps["logisticregression"].random_state == 7


def test_task_follows_the_estimator():
    """Classifiers classify, anything else is a regression."""
    assert task_of(resolve_estimator(declare())) == "classification"
    ridge = {"estimator": "sklearn.linear_model.Ridge", "params": {}}
    assert task_of(resolve_estimator(declare(training=ridge))) == "regression"


@pytest.mark.parametrize(
    ("training", "sentence"),
    [
        (
            {"params": {"learning_rat": 0.1}},
            "training.params: sklearn.ensemble.HistGradientBoostingClassifier has no parameter "
            "'learning_rat'. "
            "Did you mean 'learning_rate'?",
        ),
        (
            {"model": f"{MAKERS}:mean", "params": {"shft": 1}},
            f"training.params: {MAKERS}:mean has no parameter 'shft'. Did you mean 'shift'?",
        ),
        (
            {"model": f"{MAKERS}:not_an_estimator", "params": {}},
            f"training: {MAKERS}:not_an_estimator gives object, which is no scikit-learn estimator: "
            "it needs fit, predict and get_params.",
        ),
        (
            {"estimator": "sklearn.svm.LinearSVC", "params": {}},
            "training: LinearSVC gives no probabilities. Choose an estimator with predict_proba, or wrap "
            "it in "
            "sklearn.calibration.CalibratedClassifierCV by a function under training.model.",
        ),
    ],
)
def test_unusable_estimator_is_a_sentence(training, sentence):
    """A wrong parameter, something that is no estimator and a classifier without probabilities are told."""
    with pytest.raises(TrainingError) as caught:
        resolve_estimator(declare(training=training))
    assert str(caught.value) == sentence
