"""Logging a candidate to MLflow: a run of its own, and a model that takes raw rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from retrain_assets.candidate_model.fit import Fitted
from retrain_assets.champion.loading import load_file
from retrain_assets.champion.tracking import mlflow_errors, stored_path
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets.spec import PipelineSpec

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

_LIBRARIES = (
    "retrain-assets",
    "mlflow",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skops",
)
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


def named_modules(spec: PipelineSpec) -> list[str]:
    """List the modules, besides scikit-learn's, that the declaration names: a model may hold their types."""
    training, derive = spec.training, spec.features.derive
    named = [training.model.partition(":")[0] if training.model else training.estimator.rpartition(".")[0]]
    if "function" in derive:
        named.append(derive["function"].partition(":")[0])
    return [module for module in named if module.partition(".")[0] != "sklearn"]


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
    import mlflow.sklearn
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    logged = client.create_logged_model(experiment_id, name="model", source_run_id=run_id)
    status = "FAILED"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            mlflow.sklearn.save_model(
                fitted.model,
                str(path),
                mlflow_model=Model(
                    artifact_path=logged.artifact_location, run_id=run_id, model_id=logged.model_id
                ),
                serialization_format="skops",
                skops_trusted_types=_tried(spec, fitted, sample_raw.head(_EXAMPLE_ROWS), Path(folder)),
                signature=_signature(fitted),
                pip_requirements=_requirements(spec),
            )
            client.log_model_artifacts(logged.model_id, str(path))
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        status = "READY"
    finally:
        client.finalize_logged_model(logged.model_id, status)
    return Logged(run_id, f"models:/{logged.model_id}", stored_path(logged.artifact_location))


def _tried(spec: PipelineSpec, fitted: Fitted, rows: pl.DataFrame, folder: Path) -> list[str]:
    """Write the model, load it as it will be loaded and compare the scores; returns the types to trust."""
    import skops.io

    name = type(fitted.model.estimator).__name__
    file = folder / "tried.skops"
    skops.io.dump(fitted.model, file)
    try:
        loaded = load_file(file, named_modules(spec))
    except ChampionError as error:
        raise TrainingError(
            f"training: {name} cannot be served, because its file is refused. {error}"
        ) from error
    if not np.array_equal(loaded.predict(rows), fitted.model.predict(rows)):
        raise TrainingError(
            f"training: {name} scores otherwise once it has been written to a file, so it cannot be served. "
            "Choose another estimator."
        )
    types: list[str] = skops.io.get_untrusted_types(file=file)
    return types


def _signature(fitted: Fitted) -> ModelSignature:
    """Declare the raw columns that the model needs, and the score.

    pandas gives whole numbers and booleans other types as soon as a value is missing, and MLflow's types
    refuse timestamps with a time zone: only text is declared by its type, and the model itself sees to the
    others.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    from retrain_assets.candidate_model.encode import unpack_schema

    inputs = [
        ColSpec(DataType.string if dtype == pl.String else AnyType(), name)
        for name, dtype in unpack_schema(fitted.model.rows.inputs).items()
    ]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double, "score")]))


def _requirements(spec: PipelineSpec) -> list[str]:
    """Exact versions of what the model needs to be loaded."""
    declared = {module.partition(".")[0] for module in named_modules(spec)}
    distributions = packages_distributions() if declared else {}
    names = {*_LIBRARIES, *(name for module in declared for name in distributions.get(module, []))}
    return [f"{name}=={version(name)}" for name in sorted(names)]
