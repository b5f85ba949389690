"""What all sensors share: which runs are in flight, and how little a tick imports."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg

from retrain_assets.automation import IN_FLIGHT
from retrain_assets_tests.retraining_decision.past import started
from retrain_assets_tests.running import YOUNG

pytestmark = YOUNG


def test_a_run_that_has_not_ended_is_in_flight():
    """A run holds the next one back in every state between its creation, the queue included, and its end."""
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    unused = {dg.DagsterRunStatus.MANAGED, dg.DagsterRunStatus.SUSPENDED}
    assert {*IN_FLIGHT, *ended, *unused} == set(dg.DagsterRunStatus)
    assert not ended & set(IN_FLIGHT)


HEAVY = ("mlflow", "dagster_mlflow", "great_expectations", "sklearn", "pandas")
LOADING = """
import sys

from retrain_assets.definitions import defs

repository = defs().get_repository_def()
assert repository.get_sensor_def("ad_clicks_source_sensor")
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""
TICKING = """
import sys
from pathlib import Path

import dagster as dg

from retrain_assets.pipeline import build_definitions
from retrain_assets_tests.pipelines import declare

pipeline = declare(Path(FOLDER), retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
repository = build_definitions(pipeline).get_repository_def()
for name in ("loans_source_sensor", "loans_retraining_sensor"):
    context = dg.build_sensor_context(
        instance=dg.DagsterInstance.ephemeral(), repository_def=repository, sensor_name=name
    )
    assert not repository.get_sensor_def(name).evaluate_tick(context).run_requests
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""


def imported(program):
    """Which of the heavy packages a program has imported."""
    command = [sys.executable, "-c", program, *HEAVY]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def test_loading_the_definitions_imports_nothing_heavy():
    """The code location loads without mlflow, dagster_mlflow, great_expectations, sklearn or pandas."""
    assert imported(LOADING) == []


def test_ticking_the_sensors_imports_nothing_heavy(tmp_path):
    """Neither does a tick of a sensor, even one that changes the decision and renews the page."""
    started(tmp_path)
    assert imported(TICKING.replace("FOLDER", repr(str(tmp_path)))) == []
    assert (tmp_path / "home" / "reports" / "loans" / "index.html").exists()
