"""Permutation importance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LinearRegression

from retrain_assets.comparison import METRICS
from retrain_assets.evaluation_report import explanation
from retrain_assets.evaluation_report.explanation import (
    Model,
    explain,
    permutation_importance,
    sample_rows,
)

MSE = METRICS["mean_squared_error"]


@pytest.fixture(scope="module")
def linear():
    """Rows, labels and a fitted linear model whose third feature is noise."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(4_000, 3))
    y = 3 * values[:, 0] + values[:, 1] + rng.normal(size=4_000)
    return pl.DataFrame(values, schema=["strong", "weak", "noise"]), y, LinearRegression().fit(values, y)


def test_importances_are_those_of_scikit_learn(linear):
    """Up to the permutation's chance the losses are scikit-learn's: twice the slope squared."""
    rows, y, model = linear
    mine = permutation_importance(
        Model(lambda part: model.predict(part.to_numpy())), rows, y, rows.columns, MSE
    )
    theirs = sklearn_importance(model, rows.to_numpy(), y, scoring="neg_mean_squared_error", n_repeats=5)
    assert list(mine.values()) == pytest.approx(theirs.importances_mean, rel=0.05, abs=0.02)
    assert mine["strong"] == pytest.approx(18, rel=0.1)


def test_features_are_scored_many_at_a_time(linear, monkeypatch):
    """The importances do not depend on how many features one call scores, and few calls are made."""
    rows, y, fitted = linear
    calls = []

    def score(part):
        calls.append(part.height)
        return fitted.predict(part.to_numpy())

    together = permutation_importance(Model(score), rows, y, rows.columns, MSE)
    assert calls == [4_000, 12_000]
    monkeypatch.setattr(explanation, "BATCH_ROWS", 1)
    alone = permutation_importance(Model(score), rows, y, rows.columns, MSE)
    assert alone == pytest.approx(together, abs=1e-12)


def test_a_harmed_auc_is_a_positive_importance(linear):
    """Importance is positive when shuffling harms, for metrics to raise too."""
    rows, y, model = linear
    found = permutation_importance(
        Model(lambda part: model.predict(part.to_numpy())),
        rows,
        (y > 0).astype(float),
        ["strong"],
        METRICS["roc_auc"],
    )
    assert found["strong"] > 0.2


def test_derived_features_are_shuffled_after_their_derivation(linear):
    """A feature made by the model's own derivation has an importance of its own."""
    rows, y, model = linear

    def derive(part):
        return part.with_columns(doubled=pl.col("strong") * 2)

    def score(part):
        return model.predict(part.select(pl.col("doubled") / 2, "weak", "noise").to_numpy())

    found = permutation_importance(Model(score, derive), rows, y, ["strong", "doubled"], MSE)
    assert found["strong"] == 0
    assert found["doubled"] > 10


def test_the_champion_is_explained_beside_the_candidate(linear):
    """Entries fall by the candidate's importance, hold the champion's, and repeat under one seed."""
    rows, y, model = linear
    models = {
        "candidate": Model(lambda part: model.predict(part.to_numpy())),
        "champion": Model(lambda part: 3 * part["strong"].to_numpy()),
    }
    found = explain(models, rows, y, ["noise", "weak", "strong", "gone"], MSE, seed=2)
    assert [entry["feature"] for entry in found.entries][:2] == ["strong", "weak"]
    assert {entry["feature"]: entry["champion"] for entry in found.entries}["weak"] == 0
    assert found.rows == 4_000
    assert found.notes == ["Importances are not shown for gone: the rows lack them."]
    assert explain(models, rows, y, ["noise", "weak", "strong", "gone"], MSE, seed=2) == found


def test_at_most_ten_thousand_rows_are_used():
    """The sample is without repetition, in order, and the same for one seed."""
    chosen = sample_rows(100_000, seed=1)
    assert chosen.size == 10_000
    assert np.all(np.diff(chosen) > 0)
    assert np.array_equal(chosen, sample_rows(100_000, seed=1))
    assert sample_rows(5, seed=1).tolist() == [0, 1, 2, 3, 4]
