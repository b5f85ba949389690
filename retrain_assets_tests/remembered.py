"""States of a pipeline that many tests begin with: each is lived through once a process, and copied afterwards."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from retrain_assets.champion.tracking import client
from retrain_assets.home import home

_ADDRESSES = {
    "experiments": ["artifact_location"],
    "runs": ["artifact_uri"],
    "logged_models": ["artifact_location"],
    "model_versions": ["source", "storage_location"],
}
"""Columns of the MLflow store that hold a folder's address."""


@cache
def empty_store() -> bytes:
    """Make an empty MLflow store once, because making its tables takes seconds."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client()
        return Path(folder, "mlflow.db").read_bytes()


@dataclass(frozen=True)
class _Kept:
    """A copy of a folder, and where it was made."""

    copy: Path
    made_in: Path


_states: dict[str, _Kept] = {}


def begin_with(state: str, folder: Path, live: Callable[[], object]) -> None:
    """Bring a folder, which holds the home, into a state.

    Dagster's own record is no part of it: to an instance that is opened afterwards, nothing has run.

    Parameters
    ----------
    state
        What names the state, with all that it depends on.
    folder
        A folder in which nothing has happened yet.
    live
        Makes the state there.
    """
    if home().parent != folder:
        raise ValueError(f"The home {home()} is not in {folder}, so that its state cannot be copied.")
    kept = _states.get(state)
    if kept is None:
        live()
        copy = Path(_place().name, str(len(_states)))
        shutil.copytree(folder, copy)
        _states[state] = _Kept(copy, folder)
    else:
        shutil.copytree(kept.copy, folder, dirs_exist_ok=True)
        store = home() / "mlflow.db"
        if store.exists():
            move_store(store, kept.made_in, folder)


def move_store(store: Path, old: Path, new: Path) -> None:
    """Tell an MLflow store that was copied with its home where its artifacts lie.

    Parameters
    ----------
    store
        The store's file.
    old, new
        Folder of the home in which the artifacts were written, and of the copy.
    """
    with closing(sqlite3.connect(store)) as database, database:
        for table, columns in _ADDRESSES.items():
            for column in columns:
                database.execute(
                    f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (old.as_uri(), new.as_uri())
                )


@cache
def _place() -> TemporaryDirectory[str]:
    """A folder that ends with the process."""
    return TemporaryDirectory(prefix="retrain_assets_states_")
