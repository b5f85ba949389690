"""A run that counts as running although its process has gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient

from retrain_assets.run_launcher import AttentiveRunLauncher

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A code server of a folder without pipelines, and its socket."""
    (tmp_path / "nothing.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
    socket = str(tmp_path / "socket")
    words = ["-m", "dagster", "api", "grpc", "--socket", socket, "-f", "nothing.py", "--lazy-load-user-code"]
    with subprocess.Popen([sys.executable, *words], cwd=tmp_path) as process:
        client = DagsterGrpcClient(socket=socket)
        while process.poll() is None:
            try:
                client.ping("")
                break
            except dg.DagsterError:
                continue
        yield socket, process
        process.kill()


def started(tags: dict[str, str]) -> dg.DagsterRun:
    """A run that has been started."""
    return dg.DagsterRun("loans_ingest", status=dg.DagsterRunStatus.STARTED, tags=tags)


def test_a_run_without_its_server_has_failed(server: tuple[str, subprocess.Popen[bytes]]) -> None:
    """A run counts as running while its code server is there, and has failed when that was killed."""
    socket, process = server
    run = started({GRPC_INFO_TAG: json.dumps({"host": "localhost", "socket": socket})})
    assert AttentiveRunLauncher().check_run_worker_health(run).status == WorkerStatus.RUNNING
    process.kill()
    process.wait()
    gone = AttentiveRunLauncher().check_run_worker_health(run)
    assert (gone.status, gone.msg) == (
        WorkerStatus.FAILED,
        "The server of its process is gone, and the process with it.",
    )


def test_a_run_of_the_command_line_passes_for_running() -> None:
    """A run that no code server was asked for is nobody's to fail."""
    found = AttentiveRunLauncher().check_run_worker_health(started({}))
    assert found.status == WorkerStatus.RUNNING


def test_the_project_looks_for_such_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The project's dagster.yaml names the launcher, and has Dagster ask it."""
    monkeypatch.setenv("RETRAIN_ASSETS_DAGSTER", str(tmp_path))
    with dg.DagsterInstance.from_config(os.fspath(PROJECT)) as instance:
        assert isinstance(instance.run_launcher, AttentiveRunLauncher)
        assert instance.run_launcher.supports_check_run_worker_health
        assert instance.run_monitoring_enabled
