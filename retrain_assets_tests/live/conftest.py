"""Another project's code location, a history in it, and one `dagster dev` on both for all live tests."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from retrain_assets.declaration import Declaration
from retrain_assets.demo.replay import Launched, Replay
from retrain_assets.spec import load_spec
from retrain_assets_tests.demo.lean import RETRAIN_WHEN, live_through
from retrain_assets_tests.live.server import Server, dagster_dev
from retrain_assets_tests.pipelines import ATTRIBUTES, write_days
from retrain_assets_tests.running import Running

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = """
[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "lender"
code_location_name = "lender.definitions"
"""
DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""
WAITING, FINISHED = "waiting", "finished"
DAYS_WAITING = 17
"""Days that the waiting pipeline has taken in: one more brings the rows that its first model needs."""

TICKS = """
{
  sensorsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "lender.definitions"
  }) { ... on Sensors { results { name sensorState { ticks(limit: 200) { timestamp status skipReason } } } } }
}
"""
RUNS = """
query($tags: [ExecutionTag!]) {
  runsOrError(filter: {tags: $tags}) {
    ... on Runs { results { runId jobName status creationTime tags { key value } } }
  }
}
"""


@dataclass(frozen=True)
class Live:
    """The running server, and what it was started on.

    Parameters
    ----------
    server
        The server.
    folder
        Of the project; a pipeline's rows lie in a folder of its name there.
    home
        Everything written, Dagster's history included.
    since
        When the server answered for the first time, in seconds since the epoch.
    launched
        Runs of the finished pipeline, all from before the server was started.
    """

    server: Server
    folder: Path
    home: Path
    since: float
    launched: Sequence[Launched]

    def runs(self, pipeline: str, **tags: str) -> list[dict[str, Any]]:
        """Runs of a pipeline over GraphQL, newest first, with their tags as a mapping."""
        wanted = {"retrain_assets/pipeline": pipeline} | {
            f"retrain_assets/{name}": value for name, value in tags.items()
        }
        asked = [{"key": key, "value": value} for key, value in wanted.items()]
        found = self.server.query(RUNS, tags=asked)["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def ticks(self, sensor: str, after: float) -> list[dict[str, Any]]:
        """Ticks of a sensor that began after a moment and have ended, newest first."""
        [found] = [
            item["sensorState"]["ticks"]
            for item in self.server.query(TICKS)["sensorsOrError"]["results"]
            if item["name"] == sensor
        ]
        return [tick for tick in found if tick["timestamp"] > after and tick["status"] != "STARTED"]

    def watch(self, pipeline: str, after: float, *, ticks: int, seconds: float = 0) -> None:
        """Wait until both sensors of a pipeline have ticked so often since a moment, and so long it is ago."""
        sensors = [f"{pipeline}_{kind}_sensor" for kind in ("source", "retraining")]
        self.server.wait_for(
            lambda: (
                time.time() - after >= seconds
                and all(len(self.ticks(sensor, after)) >= ticks for sensor in sensors)
            ),
            f"{ticks} ticks of {' and '.join(sensors)}",
            max(seconds, 65 * ticks) + 120,
        )


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Start `dagster dev` in another project, after one of its two pipelines has lived through some weeks."""
    folder = tmp_path_factory.mktemp("lender")
    home = folder / "home"
    (home / "dagster").mkdir(parents=True)
    shutil.copy(PROJECT / "dagster.yaml", home / "dagster.yaml")
    environment = {
        "DAGSTER_HOME": str(home),
        "RETRAIN_ASSETS_HOME": str(home),
        "RETRAIN_ASSETS_DAGSTER": str(home / "dagster"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        for name in ("MLFLOW_TRACKING_URI", "DAGSTER_CLI_DEV_WORKSPACE"):
            patch.delenv(name, raising=False)
        waiting, finished = write_project(folder)
        with dg.DagsterInstance.get() as instance:
            replay = Replay(Running(finished, instance).repository, instance)
            live_through(replay, folder / FINISHED, FINISHED)
            write_days(folder / WAITING, DAYS_WAITING)
            Replay(Running(waiting, instance).repository, instance).settle(f"{WAITING}_source_sensor")
        with dagster_dev(folder, os.environ, "-m", "lender.definitions") as server:
            yield Live(server, folder, home, time.time(), replay.launched)


@pytest.fixture
def in_home(live: Live, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the test read the lake and the registry that the server writes."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(live.home))
    return live.home


def write_project(folder: Path) -> tuple[Declaration, Declaration]:
    """Write a project that has this package as a dependency, and two pipelines of its own."""
    package = folder / "lender"
    package.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(DEFINITIONS)
    return (
        _declare(folder, WAITING, {"training": {**ATTRIBUTES["training"], "minimum_rows": 1000}}),
        _declare(folder, FINISHED, {"retrain_when": RETRAIN_WHEN}),
    )


def _declare(folder: Path, name: str, changes: Mapping[str, Any]) -> Declaration:
    attributes = deepcopy(ATTRIBUTES) | changes | {"name": name}
    attributes["source"]["path"] = str(folder / name / "rows" / "{partition:%Y-%m-%d}.parquet")
    file = folder / "lender" / "defs" / name / "defs.yaml"
    file.parent.mkdir(parents=True)
    written = {"type": "retrain_assets.RetrainingPipeline", "attributes": attributes}
    file.write_text(yaml.safe_dump(written))
    return Declaration(load_spec(attributes, str(file)), file)
