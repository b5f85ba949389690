"""Cells side by side: in processes, on a cluster that loses a worker, and in a run that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from distributed import Client

import retrain_assets.cadence_report.run as lab
from retrain_assets.cadence_report.parallel import Machines
from retrain_assets.errors import TrainingError
from retrain_assets_tests.cadence_report.matrices import differences
from retrain_assets_tests.cadence_report.pasts import finished, replayed, taken_in, usual_matrix

PROGRAM = "retrain_assets_tests.cadence_report.lab"


@pytest.fixture(scope="module")
def expected():
    """The matrix, computed cell after cell in this process."""
    return usual_matrix()


def test_processes_of_this_machine_give_the_same(tmp_path, expected):
    """Two processes compute the matrix that one does."""
    assert differences(finished(taken_in(tmp_path), machines=Machines(processes=2)), expected) == []


def test_a_killed_run_goes_on_where_it_was(tmp_path, expected):
    """After kill -9 the next run computes what was not finished, and the matrix is the same."""
    declaration = taken_in(tmp_path)
    command = [sys.executable, "-m", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            whole = int(process.stdout.readline().split("cells. ")[1].split()[0])
            assert process.stdout.readline().startswith(f"1 of {whole} cells are computed; about ")
        finally:
            process.send_signal(signal.SIGKILL)
    ran, _ = replayed(declaration)
    assert 0 < ran.computed < whole
    assert differences(ran.matrix, expected) == []


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, as processes on loopback; gives the address and the workers by their own."""
    file = tmp_path / "scheduler.json"
    started = [_dask("scheduler", "--scheduler-file", file, "--port", "0")]
    try:
        _wait_for(file.exists)
        started += [
            _dask("worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--name", str(number))
            for number in range(2)
        ]
        address = json.loads(file.read_text())["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _dask(*arguments: object) -> subprocess.Popen:
    """Start a part of a cluster."""
    command = [sys.executable, "-m", "dask", *map(str, arguments), "--host", "127.0.0.1", "--no-dashboard"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, **quiet)


def _wait_for(condition, seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_cluster_that_loses_a_worker_gives_the_same(tmp_path, cluster, expected, monkeypatch):
    """Half-way one of two workers is killed: the other computes what it had begun, and the matrix is the same."""
    address, workers = cluster
    monkeypatch.setattr(lab, "TELL_EVERY", 0.0)
    killed = []

    def kill_half_way(said: str) -> None:
        if said.startswith("5 of ") and not killed:
            workers[0].send_signal(signal.SIGKILL)
            workers[0].wait()
            killed.append(said)

    machines = Machines(backend="dask", scheduler=address)
    ran, _ = replayed(taken_in(tmp_path), tell=kill_half_way, machines=machines)
    assert killed
    assert workers[1].poll() is None
    assert differences(ran.matrix, expected) == []


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    """Where nothing answers at the address, a sentence names it."""
    monkeypatch.setattr("retrain_assets.cadence_report.parallel.CONNECT_SECONDS", 1)
    machines = Machines(backend="dask", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(TrainingError, match=r"There is no Dask scheduler at tcp://127\.0\.0\.1:9"):
        replayed(taken_in(tmp_path, 20), machines=machines)
