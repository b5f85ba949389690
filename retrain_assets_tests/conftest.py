"""What all tests share: a home of their own."""

from __future__ import annotations

import logging

import pytest


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items):
    """Keep the tests of a module, and all live tests, in one process, so that what they share is made once."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder == "live" else str(item.path)))


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """Give every test an empty home folder, so that none writes to the project's history."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RETRAIN_ASSETS_DAGSTER", str(tmp_path / "home" / "dagster"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(autouse=True)
def _quiet_dagster():
    """Keep Dagster's event log off the console."""
    logger = logging.getLogger("dagster")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
