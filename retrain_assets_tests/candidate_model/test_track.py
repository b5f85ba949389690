from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from retrain_assets.candidate_model.track import Logged, log_candidate
from retrain_assets.champion.loading import load_file, load_model
from retrain_assets.champion.tracking import client, ensure_experiment
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets_tests.candidate_model.clicks import declare, fit, table
from retrain_assets_tests.remembered import empty_store

MAKERS = "retrain_assets_tests.candidate_model.makers"
# Of MLflow's own making: a loader that SQLAlchemy 2.1 deprecates, and type hints of its own classes.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning"),
]


@pytest.fixture
def tracking(tmp_path, monkeypatch):
    """Connect to MLflow in a home folder of the test's own."""
    import mlflow

    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow.db").write_bytes(empty_store())
    connected = client()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    yield connected
    mlflow.set_tracking_uri(None)


def log(tracking, spec, fitted, raw: pl.DataFrame, **changes) -> Logged:
    """Log a candidate with some tags, parameters and metrics."""
    given = {
        "client": tracking,
        "experiment_id": ensure_experiment("ads"),
        "tags": {"retrain_assets/pipeline": "ads"},
        "params": {"rows": fitted.rows},
        "metrics": {"training_rows": 1500.0},
        "profile": {"features": {"bid": [0.5, 0.5]}},
    }
    return log_candidate(spec, fitted, raw.head(50), **(given | changes))


def test_run_holds_what_was_given(tracking, tmp_path):
    """The run carries tags, parameters, metrics, profile and parent, and is finished; none is left active."""
    import mlflow

    raw, spec = table(), declare()
    parent = tracking.create_run(ensure_experiment("ads")).info.run_id
    logged = log(tracking, spec, fit(spec, raw), raw, parent_run_id=parent)
    run = tracking.get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"rows": "1500"}
    assert run.data.metrics == {"training_rows": 1500.0}
    assert run.data.tags["retrain_assets/pipeline"] == "ads"
    assert run.data.tags["mlflow.parentRunId"] == parent
    profile = Path(tracking.download_artifacts(logged.run_id, "profile.json", str(tmp_path)))
    assert json.loads(profile.read_text()) == {"features": {"bid": [0.5, 0.5]}}
    assert mlflow.active_run() is None
    assert tracking.get_logged_model(logged.model_uri.removeprefix("models:/")).status == "READY"


def test_requirements_are_exact(tracking, tmp_path):
    """The model's requirements name the libraries that it needs, each with its exact version."""
    raw, spec = table(), declare()
    logged = log(tracking, spec, fit(spec, raw), raw)
    lines = (tmp_path / logged.model_path / "requirements.txt").read_text().split()
    assert {line.partition("==")[0] for line in lines} >= {
        "scikit-learn",
        "polars",
        "retrain-assets",
        "skops",
    }
    assert all("==" in line for line in lines)
    conda = yaml.safe_load((tmp_path / logged.model_path / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": lines}


@pytest.mark.parametrize(
    "blocks",
    [
        {},
        {"features": {"derive": {"function": f"{MAKERS}:squares"}}},
        {"training": {"estimator": "sklearn.linear_model.LogisticRegression", "params": {}}},
        {"training": {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5}}},
        {"training": {"estimator": "sklearn.neural_network.MLPClassifier", "params": {"tol": 0.01}}},
        {"training": {"estimator": "sklearn.ensemble.HistGradientBoostingRegressor", "params": {}}},
        {"training": {"model": f"{MAKERS}:mean", "params": {}}},
        {"training": {"model": f"{MAKERS}:scaled", "params": {}}},
    ],
)
def test_pyfunc_takes_raw_rows(tracking, blocks):
    """MLflow's own loader and ours take raw rows, and give exactly the scores of the fitted model."""
    import mlflow

    raw, spec = table(), declare(**blocks)
    fitted = fit(spec, raw)
    scores = fitted.model.predict(raw)
    logged = log(tracking, spec, fitted, raw)
    served = mlflow.pyfunc.load_model(logged.model_uri)
    np.testing.assert_array_equal(served.predict(raw.to_pandas()), scores)
    np.testing.assert_array_equal(served.predict(raw.drop("clicked").to_pandas()), scores)
    np.testing.assert_array_equal(load_model(logged.model_path, [MAKERS]).predict(raw), scores)


def test_pyfunc_takes_any_slice(tracking):
    """A slice without gaps, with nothing but gaps or of one row scores the same."""
    import mlflow

    raw, spec = table(), declare()
    fitted = fit(spec, raw)
    served = mlflow.pyfunc.load_model(log(tracking, spec, fitted, raw).model_uri)
    scores = fitted.model.predict(raw)
    full = raw.drop("never", "nothing").drop_nulls()["row_id"].to_numpy()
    gaps = raw.filter(pl.col("slot").is_null())["row_id"].to_numpy()
    flags = raw.filter(pl.col("mobile").is_null())["row_id"].to_numpy()
    for rows in (full, gaps, flags, [0], [1, 2]):
        np.testing.assert_array_equal(served.predict(raw[rows].to_pandas()), scores[rows])


def test_registered_model_takes_raw_rows(tracking):
    """The model under its registered alias gives the same scores."""
    import mlflow

    raw, spec = table(), declare()
    fitted = fit(spec, raw)
    logged = log(tracking, spec, fitted, raw)
    version = mlflow.register_model(logged.model_uri, "ads").version
    tracking.set_registered_model_alias("ads", "champion", version)
    served = mlflow.pyfunc.load_model("models:/ads@champion")
    np.testing.assert_array_equal(served.predict(raw.to_pandas()), fitted.model.predict(raw))


def test_signature_names_the_raw_columns(tracking):
    """The signature lists the raw columns that the model needs, derived ones and the label not among them."""
    import mlflow

    raw, spec = table(), declare()
    logged = log(tracking, spec, fit(spec, raw), raw)
    inputs = mlflow.pyfunc.load_model(logged.model_uri).metadata.get_input_schema().input_names()
    assert sorted(inputs) == sorted(set(raw.columns) - {"partition_key", "row_id", "clicked"})


def test_undeclared_type_is_refused(tracking, tmp_path):
    """A type of a module that the declaration does not name is refused when loaded, and fails the logging."""
    raw, spec = table(), declare(training={"model": f"{MAKERS}:mean", "params": {}})
    logged = log(tracking, spec, fit(spec, raw), raw)
    with pytest.raises(ChampionError, match="MeanRegressor, of a module that the declaration does not"):
        load_file(tmp_path / logged.model_path, [])


def test_failed_logging_is_a_failed_run(tracking):
    """When the model cannot be served, a sentence says so, and neither run nor model counts as good."""
    raw, spec = table(), declare(training={"model": f"{MAKERS}:with_foreign_function", "params": {}})
    fitted = fit(spec, raw)
    with pytest.raises(
        TrainingError, match=r"cannot be served, because its file is refused\. .*numpy\.nan_to_num"
    ):
        log(tracking, spec, fitted, raw)
    experiment = ensure_experiment("ads")
    assert [run.info.status for run in tracking.search_runs([experiment])] == ["FAILED"]
    assert [model.status for model in tracking.search_logged_models([experiment])] == ["FAILED"]


def test_an_estimator_that_gives_no_score_is_told(tracking):
    """An estimator whose scores are NaN cannot be served, and the sentence counts the rows."""
    raw, spec = (
        table(),
        declare(training={"estimator": f"{MAKERS}.MeanRegressor", "params": {"shift": np.nan}}),
    )
    with pytest.raises(
        TrainingError, match="MeanRegressor gives no finite score for 50 of 50 raw rows that it"
    ):
        log(tracking, spec, fit(spec, raw), raw)
