"""A function of the user's own as a metric."""

from __future__ import annotations

import numpy as np
import pytest

from retrain_assets.comparison import METRICS, check_functions, declared_metrics, find_metric
from retrain_assets.errors import TrainingError
from retrain_assets.spec import MetricSpec
from retrain_assets_tests.comparison.draws import draw

HERE = "retrain_assets_tests.comparison.draws"


def declare_own(name, module=HERE):
    """Declare a function as a metric."""
    return MetricSpec(function=f"{module}:{name}", greater_is_better=False, unit="EUR")


def own(name):
    """A function of the module of draws as a metric."""
    (metric,) = declared_metrics([declare_own(name)], "regression")
    return metric


def test_a_function_measures_every_task():
    """A function is called with labels, scores and weights of whatever task, and its number is the value."""
    metric = own("cost")
    assert (metric.name, metric.title, metric.unit) == ("cost", "cost", "EUR")
    assert metric.tasks == ("classification", "multiclass", "regression")
    assert not metric.greater_is_better
    assert find_metric("cost", [declare_own("cost")]) == metric
    y, score, weight = draw("regression")
    for weights in (None, weight):
        expected, _ = METRICS["mean_absolute_error"].measure(y, score, weights)
        value, influence = metric.measure(y, score, weights)
        assert value == pytest.approx(expected)
        assert influence is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("constant_text", "draws:constant_text failed on 3 rows with ValueError: could not convert"),
        ("positives_cost", "draws:positives_cost failed on 3 rows with ZeroDivisionError: float division"),
        ("unready", "draws:unready failed on 3 rows with RuntimeError: the device is busy"),
        ("not_a_number", "draws:not_a_number gave nan on 3 rows, and a metric is a number."),
    ],
)
def test_a_function_that_fails_is_told_in_a_sentence(name, sentence):
    """A function that raises, or answers without a number, is named with the fault and the rows."""
    with pytest.raises(TrainingError) as caught:
        own(name).measure(np.zeros(3), np.ones(3))
    assert sentence in str(caught.value)


def test_a_function_is_given_no_broken_rows():
    """Missing scores are told before the function is called."""
    with pytest.raises(TrainingError, match="cost is undefined: the score of 1 rows is missing or infinite"):
        own("cost").measure(np.zeros(2), np.array([1, np.nan]))


def test_a_missing_function_is_found_without_an_import():
    """A function that its module lacks, or a module that is not there, is a fault with the place in the list."""
    faults = check_functions(
        [MetricSpec(metric="r2"), declare_own("costt"), declare_own("cost", "nowhere"), declare_own("cost")]
    )
    assert faults == [
        f"evaluation.metrics[1].function: The module '{HERE}' has no 'costt'. Did you mean 'cost'?",
        "evaluation.metrics[2].function: There is no module 'nowhere' here. Install it, or put its folder on the "
        "Python path.",
    ]
