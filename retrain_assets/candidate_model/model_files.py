"""The files of a logged model, in the layout of MLflow's scikit-learn flavour.

``mlflow.sklearn.save_model`` would write the same files. It also serializes the model a second time, loads it
again, and reads the metadata of every installed package to warn of requirements that the environment does not
meet, although they are the environment's own versions: seconds of every retrain.
"""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import yaml

from retrain_assets.candidate_model.fit import Fitted
from retrain_assets.champion.loading import FILE, load_file
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets.scores import is_scored
from retrain_assets.spec import PipelineSpec

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

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


def write_model(
    spec: PipelineSpec, fitted: Fitted, sample_raw: pl.DataFrame, described: Model, folder: Path
) -> None:
    """Write a fitted model as files that MLflow and ``champion.loading`` load.

    Parameters
    ----------
    spec
        The declaration.
    fitted
        The model.
    sample_raw
        Some raw rows, on which the written file is tried.
    described
        MLflow's description of the model, with its run and its place; it is completed here.
    folder
        Folder to write to, which is made.

    Raises
    ------
    TrainingError
        When the file is refused where models are loaded, or scores otherwise than the model in memory, which
        must score all rows.
    """
    from mlflow import pyfunc

    folder.mkdir()
    trusted = _write_tried(spec, fitted, sample_raw, folder / FILE)
    described.signature = _signature(fitted)
    described.model_size_bytes = (folder / FILE).stat().st_size
    pyfunc.add_to_model(
        described,
        loader_module="mlflow.sklearn",
        model_path=FILE,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
        predict_fn="predict",
    )
    described.add_flavor(
        "sklearn",
        pickled_model=FILE,
        sklearn_version=version("scikit-learn"),
        serialization_format="skops",
        code=None,
        skops_trusted_types=trusted,
    )
    described.save(str(folder / "MLmodel"))
    _write_environment(_requirements(spec), folder)


def _named_modules(spec: PipelineSpec) -> list[str]:
    """List the modules, besides scikit-learn's, that the declaration names: a model may hold their types."""
    training, derive = spec.training, spec.features.derive
    named = [training.model.partition(":")[0] if training.model else training.estimator.rpartition(".")[0]]
    if "function" in derive:
        named.append(derive["function"].partition(":")[0])
    return [module for module in named if module.partition(".")[0] != "sklearn"]


def _write_tried(spec: PipelineSpec, fitted: Fitted, rows: pl.DataFrame, file: Path) -> list[str]:
    """Write the model, load it as it will be loaded and compare the scores; returns the types to trust."""
    import skops.io

    name = type(fitted.model.estimator).__name__
    skops.io.dump(fitted.model, file)
    try:
        loaded = load_file(file, _named_modules(spec))
    except ChampionError as error:
        raise TrainingError(
            f"training: {name} cannot be served, because its file is refused. {error}"
        ) from error
    scores = fitted.model.predict(rows)
    missing = rows.height - int(np.count_nonzero(is_scored(scores)))
    if missing:
        raise TrainingError(
            f"training: {name} gives no finite score for {missing:,} of {rows.height:,} raw rows that it was tried "
            "on, so it cannot be served. Mend training.params, or choose another estimator."
        )
    if not np.array_equal(loaded.predict(rows), scores):
        raise TrainingError(
            f"training: {name} scores otherwise once it has been written to a file, so it cannot be served. "
            "Choose another estimator."
        )
    types: list[str] = skops.io.get_untrusted_types(file=file)
    return types


def _signature(fitted: Fitted) -> ModelSignature:
    """Declare the raw columns that the model needs, and the score, or the probability of each class by its name.

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
    scores = fitted.model.classes or ["score"]
    return ModelSignature(Schema(inputs), Schema([ColSpec(DataType.double, name) for name in scores]))


def _requirements(spec: PipelineSpec) -> list[str]:
    """Exact versions of what the model needs to be loaded."""
    declared = {module.partition(".")[0] for module in _named_modules(spec)}
    distributions = _distributions() if declared else {}
    names = {*_LIBRARIES, *(name for module in declared for name in distributions.get(module, []))}
    return [f"{name}=={version(name)}" for name in sorted(names)]


# Reads the list of files of everything that is installed.
_distributions = cache(packages_distributions)


def _write_environment(requirements: list[str], folder: Path) -> None:
    """Say what MLflow must install to serve the model, for each of its environment managers."""
    python = platform.python_version()
    conda = {
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": requirements}],
    }
    virtual = {
        "python": python,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }
    (folder / "requirements.txt").write_text("\n".join(requirements))
    (folder / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False))
    (folder / "python_env.yaml").write_text(yaml.safe_dump(virtual, sort_keys=False))
