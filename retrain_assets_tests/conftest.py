"""What all tests share: a home of their own."""

from __future__ import annotations

import logging
import os

import pytest
from xdist.scheduler import LoadScopeScheduling


class _ByModule(LoadScopeScheduling):
    """Keep the tests of a module, and all live tests, in one process, so that what they share is made once."""

    def _split_scope(self, nodeid):
        module = nodeid.split("::", 1)[0]
        folder = module.rpartition("/")[0]
        return folder if folder.endswith("/live") else module


def pytest_xdist_make_scheduler(config, log):
    """Share the tests out among processes."""
    return _ByModule(config, log)


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """Give every test an empty home folder, so that none writes to the project's history."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RETRAIN_ASSETS_DAGSTER", str(tmp_path / "home" / "dagster"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield
    # MLflow puts the address that it was told into the environment, where the next module's fixtures would find it.
    os.environ.pop("MLFLOW_TRACKING_URI", None)


@pytest.fixture(autouse=True)
def _quiet_dagster():
    """Keep Dagster's event log off the console."""
    logger = logging.getLogger("dagster")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
