"""A home folder with a real MLflow store, and a small model logged in it."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrain_assets.champion.ledger import Ledger
from retrain_assets.champion.registry import client, ensure_experiment, promote, register_version
from retrain_assets.lake import Lake
from retrain_assets_tests.remembered import empty_store

NAME = "churn"
AS_OF = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Set a home folder of the test's own, without an MLflow store."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", "RETRAIN_ASSETS_LAKE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def ledger(home):  # noqa: ARG001
    """Open the ledger of one pipeline, empty."""
    return Ledger(Lake(NAME))


@pytest.fixture
def logged(home):
    """Log a model that is not registered; its address and folder."""
    (home / "mlflow.db").write_bytes(empty_store())
    return log_model(home)


@pytest.fixture
def versions(logged):
    """Register two versions, of which none is champion."""
    return [
        register_version(NAME, model_uri=logged[0], attempt=f"run-{number}", tags={}) for number in (1, 2)
    ]


def aliases():
    """Read the aliases of the registered model."""
    return {alias: int(version) for alias, version in client().get_registered_model(NAME).aliases.items()}


def promoted(ledger, version, expected, **changes):
    """Promote with a reason that is beside the point of the test."""
    asked = {"actor": "ada", "reason": "It is better.", "evidence": {}, "as_of": AS_OF} | changes
    return promote(NAME, ledger, version, expected_champion=expected, **asked)


def log_model(home: Path) -> tuple[str, str]:
    """Log a small model with the MLflow that is set; its address, and where MLflow keeps its files."""
    import mlflow.sklearn
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows = pl.DataFrame({"x": np.linspace(0, 1, 60)})
    mlflow.sklearn.save_model(
        HistGradientBoostingRegressor(max_iter=3).fit(rows, rows["x"]),
        str(home / "saved"),
        serialization_format="skops",
        skops_trusted_types=["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"],
        pip_requirements=["scikit-learn"],
    )
    experiment = ensure_experiment(NAME)
    run = client().create_run(experiment)
    model = client().create_logged_model(experiment, name="model", source_run_id=run.info.run_id)
    client().log_model_artifacts(model.model_id, str(home / "saved"))
    client().finalize_logged_model(model.model_id, "READY")
    return model.model_uri, model.artifact_location


def change(ledger, version, expected, action="promoted", reason="It is better.", actor="ada"):
    """Commit an entry with a reason that is beside the point of the test."""
    return ledger.commit(
        action=action,
        version=version,
        expected_champion=expected,
        actor=actor,
        reason=reason,
        evidence={"attempt": f"run-{version}"},
        as_of=AS_OF,
    )


def files(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
