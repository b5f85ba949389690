from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets_tests.candidate_model.clicks import declare, fit, table

MAKERS = "retrain_assets_tests.candidate_model.makers"


def test_what_a_fit_tells():
    """Rows, positives and the baseline are those of the window, and empty features are told."""
    raw = table()
    fitted = fit(declare(), raw)
    assert (fitted.task, fitted.rows, fitted.positives) == ("classification", 1500, raw["clicked"].sum())
    assert fitted.baseline == pytest.approx(raw["clicked"].mean())
    assert fitted.guards == [
        f"The feature {name!r} has no value in the training window and was left out."
        for name in ("nothing", "never")
    ]


def test_model_learns():
    """The scores order the rows better than chance, on rows that were not trained on."""
    from sklearn.metrics import roc_auc_score

    fresh = table(seed=4)
    assert roc_auc_score(fresh["clicked"], fit(declare(), table()).model.predict(fresh)) > 0.65


def test_rows_without_a_label_are_left_out():
    """Rows whose label is missing are left out and counted."""
    raw = table().with_columns(clicked=pl.when(pl.col("row_id") >= 100).then("clicked"))
    fitted = fit(declare(), raw)
    assert fitted.rows == 1400
    assert "100 of 1,500 rows have no label and were left out." in fitted.guards
    same = fit(declare(), raw.filter(pl.col("clicked").is_not_null()))
    np.testing.assert_array_equal(same.model.predict(raw), fitted.model.predict(raw))


def test_text_label():
    """A label of text is learnt by its positive value."""
    raw = table()
    text = raw.with_columns(
        clicked=pl.when(pl.col("clicked") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
    )
    spec = declare(label={"column": "clicked", "delay": "1d", "positive": "yes"})
    np.testing.assert_array_equal(fit(spec, text).model.predict(text), fit(declare(), raw).model.predict(raw))


def test_regression():
    """A regression predicts the number, with the mean as baseline."""
    raw = table().with_columns(clicked=pl.col("slot").fill_null(0) * 2.5)
    fitted = fit(declare(training={"estimator": "sklearn.ensemble.HistGradientBoostingRegressor"}), raw)
    assert (fitted.task, fitted.positives) == ("regression", None)
    assert fitted.baseline == pytest.approx(raw["clicked"].mean())
    known = raw["slot"].is_not_null().to_numpy()
    assert np.abs(fitted.model.predict(raw) - raw["clicked"].to_numpy())[known].mean() < 1


def test_a_weight_counts_like_rows():
    """Rows of weight 0 do not matter, and the baseline is weighted."""
    raw = table().with_columns(importance=pl.when(pl.col("row_id") < 700).then(2.0).otherwise(0.0))
    ridge = {"estimator": "sklearn.linear_model.LogisticRegression", "params": {}}
    features = {"numeric": ["price"], "categorical": [], "derive": {}}
    fitted = fit(declare(weight="importance", training=ridge, features=features), raw)
    assert fitted.baseline == pytest.approx(raw["clicked"][:700].mean())
    assert fitted.model.predict(raw).mean() == pytest.approx(fitted.baseline, abs=0.02)


@pytest.mark.parametrize("model", ["scaled", "mean"])
def test_weights_reach_declared_models(model):
    """Weights reach the last step of a declared pipeline, and an estimator of the user's own."""
    raw = table().with_columns(importance=pl.when(pl.col("clicked") == 1).then(50.0).otherwise(1.0))
    plain = declare(training={"model": f"{MAKERS}:{model}", "params": {}})
    weighted = declare(weight="importance", training={"model": f"{MAKERS}:{model}", "params": {}})
    assert fit(weighted, raw).model.predict(raw).mean() > fit(plain, raw).model.predict(raw).mean() + 0.2


def test_weights_that_would_not_reach_a_wrapped_estimator():
    """A calibration of a pipeline, which scikit-learn fits without the weights, is refused where some are declared."""
    raw, training = table().with_columns(importance=1.0), {"model": f"{MAKERS}:calibrated", "params": {}}
    assert fit(declare(training=training), raw).rows == 1500
    with pytest.raises(
        TrainingError, match=r"\(UserWarning: Since Pipeline does not appear to accept sample_weight"
    ):
        fit(declare(weight="importance", training=training), raw)


def test_rows_without_a_weight_are_left_out():
    """A row without a weight, or of weight 0, is left out, and those without one are told."""
    raw = table().with_columns(importance=pl.when(pl.col("row_id") >= 40).then(pl.col("row_id") >= 50))
    fitted = fit(declare(weight="importance"), raw)
    assert fitted.rows == 1450
    assert "40 of 1,500 rows have no weight and were left out." in fitted.guards


def clicked(value: object) -> pl.DataFrame:
    """Draw the table with one label for all rows."""
    return table().with_columns(clicked=pl.lit(value, dtype=pl.Int64))


@pytest.mark.parametrize(
    ("raw", "blocks", "sentence"),
    [
        (
            table(60),
            {},
            "The training window holds 60 usable rows, fewer than training.minimum_rows (500). Wait for "
            "more rows, "
            "widen training.window, or lower minimum_rows.",
        ),
        (
            table().clear(),
            {},
            "The training window holds 0 usable rows, fewer than training.minimum_rows (500). Wait for "
            "more rows, "
            "widen training.window, or lower minimum_rows.",
        ),
        (
            clicked(0),
            {},
            "All 1,500 rows of the training window are of one class: no label equals label.positive (1). "
            "The column "
            "'clicked' holds 0. Mend label.positive, or widen training.window.",
        ),
        (
            table().with_columns(clicked=pl.lit("yes")),
            {"label": {"column": "clicked", "delay": "1d", "positive": True}},
            "All 1,500 rows of the training window are of one class: no label equals label.positive (True). The "
            "column 'clicked' holds 'yes'. Mend label.positive, or widen training.window. YAML reads yes, no, on and "
            "off as true and false: put the word in quotes.",
        ),
        (
            clicked(1),
            {},
            "All 1,500 rows of the training window are of one class: every label equals label.positive "
            "(1). The "
            "column 'clicked' holds 1. Mend label.positive, or widen training.window.",
        ),
        (
            clicked(None),
            {},
            "label.column: all 1,500 labels in the training window are missing from 'clicked'. Look at "
            "the source, "
            "and at label.delay.",
        ),
        (
            table().with_columns(importance=pl.col("row_id") - 1.0),
            {"weight": "importance"},
            "weight: the column 'importance' has 1 values that are negative or infinite, such as -1. A "
            "weight is 0 "
            "or more; mend the source.",
        ),
        (
            table().with_columns(importance=1.0 - pl.col("clicked")),
            {"weight": "importance"},
            "All 619 rows of the training window are of one class: no label equals label.positive (1). The "
            "column 'clicked' holds 0. Mend label.positive, or widen training.window.",
        ),
        (
            table().with_columns(importance=0.0),
            {"weight": "importance"},
            "weight: all weights in the training window are 0 or missing in 'importance'.",
        ),
        (
            table(),
            {"features": {"numeric": ["nothing"], "categorical": ["never"], "derive": {}}},
            "No feature has values in the training window. Look at the table of features, and at "
            "features.exclude "
            "in the declaration.",
        ),
        (
            table().with_columns(importance=1.0),
            {
                "weight": "importance",
                "training": {"estimator": "sklearn.neighbors.KNeighborsClassifier", "params": {}},
            },
            "training: KNeighborsClassifier takes no sample weights. Remove weight from the declaration, "
            "or choose "
            "another estimator.",
        ),
    ],
)
def test_rows_that_teach_nothing_are_a_sentence(raw, blocks, sentence):
    """Too few rows, one class, no labels, no usable weights and no features each end with their sentence."""
    with pytest.raises(TrainingError) as caught:
        fit(declare(**blocks), raw)
    assert str(caught.value) == sentence


def test_a_column_without_any_value_in_training_has_none_for_the_model():
    """A raw column that gets its first values after training leaves the scores as they are."""
    raw = table().with_columns(note=pl.lit(None))
    spec = declare(features={"numeric": ["bid"], "derive": {"said": "COALESCE(note, 'nothing')"}})
    model = fit(spec, raw).model
    scores = model.predict(raw.with_columns(note=pl.lit("text")))
    np.testing.assert_array_equal(scores, model.predict(raw))
