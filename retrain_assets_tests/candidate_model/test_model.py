from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import TrainingError
from retrain_assets_tests.candidate_model.clicks import declare, fit, table

MAKERS = "retrain_assets_tests.candidate_model.makers"
ESTIMATORS = [
    {"params": {"max_iter": 20}},
    {"params": {"max_iter": 10, "max_bins": 15}},
    {"estimator": "sklearn.linear_model.LogisticRegression", "params": {}},
    {"estimator": "sklearn.naive_bayes.GaussianNB", "params": {}},
    {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 10, "n_jobs": 2}},
    {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor", "params": {"max_iter": 10}},
    {"estimator": "sklearn.linear_model.Ridge", "params": {}},
    {"model": f"{MAKERS}:scaled", "params": {"C": 0.5}},
]


@pytest.mark.parametrize("training", ESTIMATORS, ids=lambda t: t.get("estimator", t.get("model", "default")))
def test_scores_do_not_depend_on_the_kind_of_frame(training):
    """Raw rows from pandas and from Polars, and the table of features, give the very same scores."""
    raw = table()
    fitted = fit(declare(training=training), raw)
    scores = fitted.model.predict(raw)
    assert scores.dtype == np.float64
    assert scores.shape == (raw.height,)
    np.testing.assert_array_equal(fitted.model.predict(raw.to_pandas()), scores)
    if fitted.task == "classification":
        assert ((scores >= 0) & (scores <= 1)).all()


def test_features_and_raw_rows_score_alike():
    """The table of features and the raw rows that it was made of have the same scores."""
    from retrain_assets.features.columns import feature_columns
    from retrain_assets.features.table import feature_table

    raw, spec = table(), declare()
    features = feature_table(raw, spec, feature_columns(spec, raw.schema))
    fitted = fit(spec, raw)
    np.testing.assert_array_equal(fitted.predict_features(features), fitted.model.predict(raw))


def test_a_row_scores_the_same_in_any_batch():
    """A boosting gives a row the same score alone, in a slice, and with the rows in another order."""
    raw = table()
    model = fit(declare(), raw).model
    scores = model.predict(raw)
    for start in range(0, 600, 41):
        part = raw[start : start + 3]
        np.testing.assert_array_equal(model.predict(part), scores[start : start + 3])
        np.testing.assert_array_equal(model.predict(part.to_pandas()), scores[start : start + 3])
    np.testing.assert_array_equal(model.predict(raw.reverse())[::-1], scores)


def test_many_rows_are_scored_in_parts(monkeypatch):
    """The matrix is made for so many rows at once, and the scores come in the order of the rows."""
    raw = table()
    model = fit(declare(), raw).model
    scores, heights = model.predict(raw), []
    whole = type(model.rows_).transform_table

    def watched(self, part):
        heights.append(part.height)
        return whole(self, part)

    monkeypatch.setattr(type(model.rows_), "transform_table", watched)
    monkeypatch.setattr("retrain_assets.candidate_model.model.ROWS_AT_ONCE", 1000)
    np.testing.assert_array_equal(model.predict(raw), scores)
    assert max(heights) <= 1000
    assert sum(heights) == raw.height


def test_fit_on_raw_rows_is_the_same_model():
    """Fitting on raw rows and on their table of features gives the same scores."""
    raw = table()
    fitted = fit(declare(), raw)
    again = fitted.model.__class__(fitted.model.rows, fitted.model.estimator)
    again.fit(raw, raw["clicked"].to_numpy())
    np.testing.assert_array_equal(again.predict(raw), fitted.model.predict(raw))


def test_label_and_extra_columns_are_ignored():
    """Rows to score need neither the label nor what is no feature, in any order of columns."""
    raw = table()
    model = fit(declare(), raw).model
    bare = raw.select(*reversed(raw.columns)).drop("clicked", "row_id", "partition_key")
    np.testing.assert_array_equal(model.predict(bare.with_columns(extra=1)), model.predict(raw))


def test_timestamps_of_other_zones_are_the_same_moment():
    """A timestamp in another zone or precision, or without a zone in the declared one, is the same moment."""
    raw = table()
    model = fit(declare(timezone="Europe/Berlin"), raw).model
    local = raw.with_columns(pl.col("shown_at").dt.convert_time_zone("Europe/Berlin"))
    naive = local.with_columns(pl.col("shown_at").dt.replace_time_zone(None).dt.cast_time_unit("ns"))
    np.testing.assert_array_equal(model.predict(local), model.predict(raw))
    np.testing.assert_array_equal(model.predict(naive), model.predict(raw))
    np.testing.assert_array_equal(model.predict(naive.to_pandas()), model.predict(raw))


def test_function_derivation_is_part_of_the_model():
    """A declared function is applied by the model itself."""
    raw = table()
    spec = declare(features={"derive": {"function": f"{MAKERS}:squares"}})
    model = fit(spec, raw).model
    assert {"slot_squared", "morning"} <= set(model.rows_.numeric_)
    np.testing.assert_array_equal(model.predict(raw.to_pandas()), model.predict(raw))


def test_unseen_category_is_scored():
    """A category that training never saw is scored."""
    raw = table()
    for training in ESTIMATORS:
        model = fit(declare(training=training), raw).model
        assert np.isfinite(model.predict(raw.head(3).with_columns(device=pl.lit("watch")))).all()


def test_more_categories_than_bins():
    """More categories than a histogram gradient boosting takes are trained on and scored."""
    raw = table(2000).with_columns(site=pl.col("row_id") % 700)
    assert np.isfinite(fit(declare(), raw).model.predict(raw)).all()


def test_no_rows_no_scores():
    """Zero rows have zero scores."""
    raw = table()
    assert fit(declare(), raw).model.predict(raw.clear()).shape == (0,)


def test_estimator_refuses_a_parameter():
    """A parameter of a wrong kind is a sentence of training that names the estimator."""
    with pytest.raises(TrainingError, match="HistGradientBoostingClassifier cannot be fitted as declared"):
        fit(declare(training={"params": {"max_iter": "many"}}), table())


def test_an_estimator_of_the_users_own_fails_in_a_sentence():
    """Whatever the code of an estimator raises while it is fitted is a sentence that names it."""
    with pytest.raises(TrainingError) as caught:
        fit(declare(training={"estimator": f"{MAKERS}.UnreadyRegressor", "params": {}}), table())
    assert str(caught.value) == (
        "training: UnreadyRegressor cannot be fitted as declared (RuntimeError: the device is busy)."
    )
