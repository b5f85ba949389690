"""Loading models: without MLflow where their files are at hand, and no code that nobody declared.

MLflow takes the list of trusted types from the model file itself, which protects nobody. Here the declaration
gives it.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import polars as pl

from retrain_assets.attempts import attempt_of_version
from retrain_assets.champion.approvals import approvals
from retrain_assets.champion.ledger import Ledger
from retrain_assets.champion.tracking import client, is_address, mlflow_errors, stored_path, tracking_uri
from retrain_assets.champion.trust import untrusted_types
from retrain_assets.errors import ChampionError, RetrainError
from retrain_assets.home import home
from retrain_assets.lake import Lake
from retrain_assets.run_imports import import_skops

FILE = "model.skops"

# What a broken archive makes zipfile, json and skops raise.
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)

# What a model's own code raises when rows no longer fit it: a missing column, another type, a wrong value.
SCORING_ERRORS = (
    RetrainError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)


class Model(Protocol):
    """A model that scores raw rows."""

    def predict(self, rows: pl.DataFrame, /) -> np.ndarray:
        """Score rows: float64, shape (rows,), or (rows, classes) of several classes."""

    def features(self, rows: pl.DataFrame, /) -> pl.DataFrame:
        """Make of rows the features that it was trained with."""


def load_version(name: str, version: int, trusted_modules: Sequence[str]) -> Model:
    """Load the model of a version; MLflow is imported only where no record knows its files.

    Parameters
    ----------
    name
        The registered model.
    version
        The version.
    trusted_modules
        Modules that the declaration names, whose types a model file may hold. Those that it named when the
        version was trained count too, by the lake's record and not the file's.

    Raises
    ------
    ChampionError
        When the files are missing or broken, or hold a type that is not trusted.
    """
    try:
        return _load_version(name, version, trusted_modules)
    except ChampionError as error:
        raise ChampionError(
            f"Version {version} of {name} cannot be loaded. {error} The way out is another champion: "
            f"{name}_promote makes one of the other versions champion, {name}_rollback the previous one."
        ) from error


def check_loads(name: str, version: int, trusted_modules: Sequence[str]) -> None:
    """Check that a version can be loaded before it becomes champion: one that cannot would keep all rows from scores.

    Parameters
    ----------
    name, version, trusted_modules
        As of :func:`load_version`.

    Raises
    ------
    ChampionError
        When it cannot.
    """
    try:
        _load_version(name, version, trusted_modules)
    except ChampionError as error:
        raise ChampionError(
            f"Version {version} of {name} cannot be loaded, so it does not become champion, and the present one "
            f"stays. {error} Put its files back, or make another version champion with {name}_promote."
        ) from error


def _load_version(name: str, version: int, trusted_modules: Sequence[str]) -> Model:
    lake = Lake(name)
    entries = Ledger(lake).entries()
    paths = [entry.evidence.get("model_path") for entry in entries if entry.version == version]
    paths += [entry.model_path for entry in approvals(lake) if entry.version == version]
    trained = attempt_of_version(lake, entries, version)
    if trained is not None:
        trusted_modules = (*trusted_modules, *trained.payload.get("modules", ()))
    place = next(filter(None, paths), None) or _registered_place(name, version)
    return load_model(place, trusted_modules)


def load_model(model_path: str, trusted_modules: Sequence[str]) -> Model:
    """Load a model from where its files are.

    Parameters
    ----------
    model_path
        A path, relative to the home folder or absolute, or the address of MLflow's artifacts
        (``mlflow-artifacts:/``, ``s3://``).
    trusted_modules
        Modules that the declaration names, whose types a model file may hold.

    Raises
    ------
    ChampionError
        When the files are missing or broken, or hold a type that is not trusted.
    """
    place = stored_path(model_path)
    if not is_address(place):
        return _kept(home() / place, tuple(trusted_modules))
    client()
    from mlflow.artifacts import download_artifacts

    with TemporaryDirectory() as folder:
        with mlflow_errors():
            fetched = download_artifacts(artifact_uri=place, dst_path=folder, tracking_uri=tracking_uri())
        return load_file(Path(fetched), trusted_modules)


def _kept(path: Path, trusted_modules: tuple[str, ...]) -> Model:
    """Load a model, or take the one that was loaded from this very file before."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        return load_file(path, trusted_modules)
    found = file.stat()
    return _loaded(file, (found.st_ino, found.st_mtime_ns, found.st_size), trusted_modules)


@lru_cache(maxsize=5)
def _loaded(file: Path, identity: tuple[int, int, int], trusted_modules: tuple[str, ...]) -> Model:
    """Load a file once while it stays the same: those of all models that score, and a candidate."""
    del identity
    return load_file(file, trusted_modules)


def load_file(path: Path, trusted_modules: Sequence[str]) -> Model:
    """Load a model from a skops file.

    Parameters
    ----------
    path
        The file, or the folder that MLflow stored the model in.
    trusted_modules
        Modules that the declaration names, whose types the file may hold.

    Raises
    ------
    ChampionError
        When the file is missing or broken, or holds a type that is not trusted.
    """
    import_skops()
    from skops.io import get_untrusted_types, load

    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise ChampionError(f"The model file {file} is missing.")
    try:
        found = get_untrusted_types(file=file)
    except _BROKEN as error:
        raise _broken(file, error) from error
    refused = untrusted_types(found, trusted_modules)
    if refused:
        raise ChampionError(
            f"The model file {file} holds {', '.join(refused)}, of a module that the declaration does not "
            "name or that cannot be imported. Define it in the module named by training.model or by "
            "features.derive.function."
        )
    try:
        model: Model = load(file, trusted=found)
    except _BROKEN as error:
        raise _broken(file, error) from error
    return model


def _registered_place(name: str, version: int) -> str:
    connected = client()
    with mlflow_errors():
        return str(connected.get_model_version_download_uri(name, str(version)))


def _broken(file: Path, error: Exception) -> ChampionError:
    return ChampionError(f"The model file {file} cannot be read ({type(error).__name__}: {error}).")
