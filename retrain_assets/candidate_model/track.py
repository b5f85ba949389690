"""Logging a candidate to MLflow: a run of its own, and a model that takes raw rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from retrain_assets.candidate_model.fit import Fitted
from retrain_assets.candidate_model.model_files import write_model
from retrain_assets.champion.tracking import mlflow_errors, stored_path
from retrain_assets.spec import PipelineSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXAMPLE_ROWS = 100


@dataclass(frozen=True)
class Logged:
    """Where MLflow keeps a candidate.

    Parameters
    ----------
    run_id
        Its run.
    model_uri
        Address of the model for MLflow, ``models:/<id>``.
    model_path
        Folder of the model's files, relative to the home folder where it lies in it, or their address.
    """

    run_id: str
    model_uri: str
    model_path: str


def log_candidate(  # noqa: PLR0913  what a run carries has no fewer parts
    spec: PipelineSpec,
    fitted: Fitted,
    sample_raw: pl.DataFrame,
    *,
    client: MlflowClient,
    experiment_id: str,
    parent_run_id: str | None = None,
    tags: Mapping[str, str],
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    profile: Mapping[str, Any],
) -> Logged:
    """Log a fitted candidate under an MLflow run of its own; the run is FAILED when this fails.

    Parameters
    ----------
    spec
        The declaration.
    fitted
        The candidate.
    sample_raw
        Some raw rows, on which the logged file is tried before it counts.
    client
        Client of the tracking server.
    experiment_id
        Experiment of the run.
    parent_run_id
        The run that this one is shown under.
    tags, params, metrics
        What the run is to carry.
    profile
        Reference profile of the training rows, kept as ``profile.json``.

    Raises
    ------
    TrainingError
        When the model holds types of modules that the declaration does not name.
    """
    from mlflow.entities import Metric, Param
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID
    from mlflow.utils.time import get_current_time_millis

    own = dict(tags) | ({MLFLOW_PARENT_RUN_ID: parent_run_id} if parent_run_id else {})
    with mlflow_errors(), _run(client, experiment_id, own) as run_id:
        now = get_current_time_millis()
        client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        client.log_dict(run_id, dict(profile), "profile.json")
        return _log_model(spec, fitted, sample_raw, client, experiment_id, run_id)


@contextmanager
def _run(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> Iterator[str]:
    run_id: str = client.create_run(experiment_id, run_name="candidate_model", tags=dict(tags)).info.run_id
    status = "FAILED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run_id, status)


def _log_model(
    spec: PipelineSpec,
    fitted: Fitted,
    sample_raw: pl.DataFrame,
    client: MlflowClient,
    experiment_id: str,
    run_id: str,
) -> Logged:
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    logged = client.create_logged_model(experiment_id, name="model", source_run_id=run_id)
    status = "FAILED"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            described = Model(artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id)
            write_model(spec, fitted, sample_raw.head(_EXAMPLE_ROWS), described, path)
            client.log_model_artifacts(logged.model_id, str(path))
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        status = "READY"
    finally:
        client.finalize_logged_model(logged.model_id, status)
    return Logged(run_id, f"models:/{logged.model_id}", stored_path(logged.artifact_location))
