from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets.labels import best_constant, labelled, target, unlisted
from retrain_assets_tests.candidate_model.clicks import declare


@pytest.mark.parametrize(
    ("label", "positive", "expected"),
    [
        ([1, 0, None], 1, [1, 0, np.nan]),
        ([1.0, 0.0, float("nan")], 1, [1, 0, np.nan]),
        ([True, False, None], 1, [1, 0, np.nan]),
        ([1, 0, None], True, [1, 0, np.nan]),
        ([True, False, None], False, [0, 1, np.nan]),
        (["UP", "DOWN", None], "UP", [1, 0, np.nan]),
        (["UP", "up", None], "UP", [1, 0, np.nan]),
        ([1, 0, None], "1", [0, 0, np.nan]),
        (["1", "0", None], 1, [1, 0, np.nan]),
        ([None, None, None], 1, [np.nan] * 3),
    ],
)
def test_positive_class(label, positive, expected):
    """1, 1.0 and true are the same, text equals only the same text, and a missing label stays missing."""
    spec = declare(label={"column": "clicked", "delay": "1d", "positive": positive})
    rows = pl.DataFrame({"clicked": pl.Series(label)})
    np.testing.assert_array_equal(target(rows, spec, "classification"), np.array(expected))


def test_regression_takes_the_number():
    """The label of a regression is the number itself; NaN and null are missing."""
    rows = pl.DataFrame({"clicked": [2.5, None, float("nan")]})
    np.testing.assert_array_equal(target(rows, declare(), "regression"), [2.5, np.nan, np.nan])


def test_text_is_no_label_of_a_regression():
    """Text as the label of a regression is a sentence with the column and its type."""
    with pytest.raises(
        TrainingError, match=r"label\.column: 'clicked' is of type String, and a regression needs"
    ):
        target(pl.DataFrame({"clicked": ["a"]}), declare(), "regression")


@pytest.mark.parametrize(
    ("label", "classes", "expected"),
    [
        (["b", "c", "a", None, "d"], ["a", "b", "c"], [1, 2, 0, np.nan, np.nan]),
        ([3, 1, 2, None, 4], [1, 2, 3], [2, 0, 1, np.nan, np.nan]),
        ([3.0, 1.0, 2.0, float("nan"), None], [3, 2, 1], [0, 2, 1, np.nan, np.nan]),
        (["1", "2", "3"], [1, 2, 3], [0, 1, 2]),
        ([1, 2, 3], ["1", "2", "3"], [np.nan] * 3),
        ([None, None], ["a", "b", "c"], [np.nan] * 2),
    ],
)
def test_classes_are_numbered_in_the_declared_order(label, classes, expected):
    """A label becomes the number of its class; what is missing or not listed has none, and is no label to learn from."""
    spec = declare(label={"column": "clicked", "delay": "1d", "classes": classes})
    rows = pl.DataFrame({"clicked": pl.Series(label)})
    np.testing.assert_array_equal(target(rows, spec, "multiclass"), np.array(expected))
    known = rows.select(labelled(spec, rows.schema)).to_series()
    assert known.to_list() == [not np.isnan(number) for number in expected]


def test_labels_that_are_not_listed_are_counted():
    """Labels that are no class are named with their rows, the commonest first; missing ones are not among them."""
    spec = declare(label={"column": "clicked", "delay": "1d", "classes": ["a", "b", "c"]})
    rows = pl.DataFrame({"clicked": ["a", "x", "y", "y", None]})
    assert unlisted(rows, spec).rows() == [("y", 2), ("x", 1)]


def test_the_best_constant_of_several_classes_is_their_shares():
    """Without features several classes are predicted by their weighted shares, two by that of the positive one."""
    several = declare(label={"column": "clicked", "delay": "1d", "classes": ["a", "b", "c"]})
    y = np.array([0.0, 2.0, 2.0])
    assert best_constant(several, y, None) == pytest.approx([1 / 3, 0, 2 / 3])
    assert best_constant(several, y, np.array([2.0, 1.0, 1.0])) == pytest.approx([0.5, 0, 0.5])
    assert best_constant(declare(), np.array([0.0, 1.0, 1.0]), None) == pytest.approx(2 / 3)


def test_rows_of_weight_zero_teach_nothing():
    """A row counts where it has a label and a weight above 0."""
    rows = pl.DataFrame({"clicked": [1, 0, None, 1, 0], "w": [1.0, 0.0, 2.0, None, 0.5]})
    usable = labelled(declare(weight="w"), rows.schema)
    assert rows.select(usable).to_series().to_list() == [True, False, False, False, True]
