"""Models of three classes or more: the order of their probabilities, and classes that the window lacks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets_tests.candidate_model.clicks import declare, fit, table

NAMES = ["high", "low", "mid", "never"]


def levels() -> pl.DataFrame:
    """The table with a label of three texts that follows the bid."""
    bid = pl.col("bid").fill_nan(0).fill_null(0)
    level = (
        pl.when(bid > 0.5).then(pl.lit("high")).when(bid < -0.5).then(pl.lit("low")).otherwise(pl.lit("mid"))
    )
    return table().with_columns(clicked=level)


def declared(classes: list[str], **blocks):
    """Declare the classes of the label."""
    return declare(label={"column": "clicked", "delay": "1d", "classes": classes}, **blocks)


@pytest.mark.parametrize(
    "estimator",
    ["sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.linear_model.LogisticRegression"],
)
def test_probabilities_are_in_the_declared_order(estimator):
    """Declared in another order the same model gives the same probabilities, in that order."""
    training = {"estimator": estimator, "params": {}}
    rows = levels()
    one = fit(declared(["high", "low", "mid"], training=training), rows)
    other = fit(declared(["mid", "high", "low"], training=training), rows)
    scores = one.model.predict(rows)
    assert scores.shape == (rows.height, 3)
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    np.testing.assert_allclose(other.model.predict(rows), scores[:, [2, 0, 1]], atol=1e-4)
    right = np.array(["high", "low", "mid"])[scores.argmax(axis=1)] == rows["clicked"].to_numpy()
    assert right.mean() > 0.85


def test_a_class_that_the_window_lacks_has_probability_0():
    """A declared class without rows is told, and keeps its place in the scores."""
    fitted = fit(declared(["high", "never", "low", "mid"]), levels())
    assert fitted.guards[0] == (
        "No row of the training window is of the class 'never': the model gives it probability 0."
    )
    scores = fitted.model.predict(levels())
    assert (scores[:, 1] == 0).all()
    assert fitted.baseline[1] == 0
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    assert fitted.model.predict(levels().clear()).shape == (0, 4)


def test_labels_that_are_not_listed_are_left_out():
    """A label outside the classes counts as missing, and is told with its number of rows."""
    rows = levels().with_columns(
        clicked=pl.when(pl.col("row_id") < 30).then(pl.lit("odd")).otherwise(pl.col("clicked"))
    )
    fitted = fit(declared(["high", "low", "mid"]), rows)
    assert fitted.rows == rows.height - 30
    assert fitted.guards[:2] == [
        "30 rows have a label that label.classes does not list, such as 'odd', and count as rows without a label.",
        "30 of 1,500 rows have no label and were left out.",
    ]


@pytest.mark.parametrize(
    ("rows", "blocks", "sentence"),
    [
        (
            levels().with_columns(clicked=pl.lit("low")),
            {},
            "All 1,500 rows of the training window are of one class, 'low'. Mend label.classes, or widen "
            "training.window.",
        ),
        (
            levels(),
            {"training": {"estimator": "sklearn.linear_model.Ridge", "params": {}}},
            "label.classes: Ridge predicts numbers. Choose a classifier under training.estimator, or remove the "
            "classes.",
        ),
    ],
    ids=["one class", "regressor"],
)
def test_classes_that_cannot_be_learnt_are_a_sentence(rows, blocks, sentence):
    """A window of one class, and an estimator of numbers, end with their sentence."""
    with pytest.raises(TrainingError) as caught:
        fit(declared(["high", "low", "mid"], **blocks), rows)
    assert str(caught.value) == sentence


def test_three_texts_without_declared_classes_are_hinted_at():
    """Where a label of several texts has no positive one, the sentence names label.classes."""
    with pytest.raises(
        TrainingError, match=r"A label of three classes or more is declared by label\.classes\."
    ):
        fit(declare(), levels())
