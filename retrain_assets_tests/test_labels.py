from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets.labels import target
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
