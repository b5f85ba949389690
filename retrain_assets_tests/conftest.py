"""What all tests share: a home of their own."""

from __future__ import annotations

import gc
import logging
import os

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from xdist.scheduler import LoadScopeScheduling

from retrain_assets.demo.sqlite import write_without_waiting

# What tests keep ends with them; waiting for the disk would be a good part of their time.
write_without_waiting()

# On a few hundred rows a second thread mostly waits for the first, at the cost of a processor.
for variable in ("OMP_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

# The objects of the libraries live as long as the process: to search them often for garbage finds none.
gc.set_threshold(20_000, 20, 20)


def _read_migrations_once() -> None:
    """Keep the migrations of Dagster's and MLflow's stores, which each new store of a test would read again."""
    read = ScriptDirectory.from_config
    kept: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        location = config.get_main_option("script_location")
        if location not in kept:
            kept[location] = read(config)
        return kept[location]

    ScriptDirectory.from_config = staticmethod(from_config)


_read_migrations_once()


class _ByModule(LoadScopeScheduling):
    """Keep the tests of a module, and all live tests, in one process, so that what they share is made once."""

    def _split_scope(self, nodeid):
        module = nodeid.split("::", 1)[0]
        folder = module.rpartition("/")[0]
        return folder if folder.endswith("/live") else module


def pytest_xdist_make_scheduler(config, log):
    """Share the tests out among processes, in the order in which they were collected."""
    config.option.loadscopereorder = False
    return _ByModule(config, log)


def pytest_collection_modifyitems(items):
    """Begin with the live tests, which take minutes, so that no process is left alone with them at the end."""
    items.sort(key=lambda item: "/live/" not in item.nodeid)


@pytest.fixture(autouse=True, scope="module")
def _own_home_of_a_module(tmp_path_factory):
    """Give what a module's tests share a home folder too, and forget where MLflow was for the module before."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path_factory.mktemp("shared") / "home"))
        yield


@pytest.fixture(autouse=True)
def _own_home(tmp_path, monkeypatch):
    """Give every test an empty home folder, so that none writes to the project's history."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RETRAIN_ASSETS_DAGSTER", str(tmp_path / "home" / "dagster"))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.fixture(autouse=True)
def _quiet_dagster():
    """Keep Dagster's event log off the console."""
    logger = logging.getLogger("dagster")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)
