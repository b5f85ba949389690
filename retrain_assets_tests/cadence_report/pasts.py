"""Pasts to replay: loans that were taken in, without the rest of the pipeline."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.parallel import Machines
from retrain_assets.cadence_report.run import Ran, Request, run_matrix
from retrain_assets.declaration import Declaration
from retrain_assets.features.refresh import refresh_features
from retrain_assets.training_data.ingest import ingest
from retrain_assets_tests.pipelines import declare, write_days

HERE = Machines(processes=1)
WINDOWS = ("14d", "expanding")


def _kept_folder() -> Path:
    """A folder that ends with the process."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return folder


@cache
def _prepared(days: int) -> Path:
    """Take days of loans in once: the home, with the files of the source beside it."""
    folder = _kept_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(folder / "home"))
        ingest_days(declare(folder, expectations=[]), write_days(folder, days))
    return folder


def taken_in(folder: Path, days: int = 40, **changes) -> Declaration:
    """Have days of loans that were taken in, up to their features."""
    shutil.copytree(_prepared(days), folder, dirs_exist_ok=True)
    return _declared(folder, **changes)


def _declared(folder: Path, **changes) -> Declaration:
    usual = {"expectations": [], "training__minimum_rows": 200, "training__params": {"max_iter": 10}}
    return declare(folder, **(usual | changes))


@cache
def _computed() -> tuple[Path, Ran]:
    """Run the lab once on forty days of loans: the home, with the files of the source, and what the run gave."""
    folder = _kept_folder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(folder / "home"))
        return folder, replayed(taken_in(folder))[0]


def computed(folder: Path) -> tuple[Declaration, Ran]:
    """Have forty days of loans that were taken in, and on which the lab was run, with what that run gave."""
    before, ran = _computed()
    shutil.copytree(before, folder, dirs_exist_ok=True)
    return _declared(folder), ran


def usual_matrix() -> Matrix:
    """What a run of the lab on forty days of loans gives."""
    return _computed()[1].matrix


def ingest_days(declaration: Declaration, keys: list[str]) -> None:
    """Take partitions in, up to their features."""
    list(ingest(declaration, keys, "run"))
    refresh_features(declaration, keys)


def replayed(
    declaration: Declaration, tell: Callable[[str], None] | None = None, **changes
) -> tuple[Ran, list[str]]:
    """Run the lab in this process, with two windows and eight blocks; gives what it told too."""
    told: list[str] = []
    request = Request(**({"blocks": 8, "windows": WINDOWS, "machines": HERE} | changes))
    return run_matrix(declaration, request, tell or told.append), told


def finished(declaration: Declaration, **changes) -> Matrix:
    """Run the lab and give its matrix."""
    return replayed(declaration, **changes)[0].matrix
