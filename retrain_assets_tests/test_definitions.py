"""The code location: what loading it gives, and what it does not import."""

from __future__ import annotations

import subprocess
import sys

import dagster as dg
import pytest

from retrain_assets.definitions import defs

NODES = {
    "source",
    "training_data",
    "features",
    "candidate_model",
    "evaluation_report",
    "registered_model",
    "predictions",
    "monitoring_report",
    "retraining_decision",
    "cadence_report",
}
HEAVY = ("mlflow", "dagster_mlflow", "great_expectations", "sklearn", "joblib", "dask", "distributed")


@pytest.fixture(scope="module")
def repository():
    """The code location as Dagster's processes see it."""
    return defs().get_repository_def()


def test_a_pipeline_has_the_promised_names(repository):
    """Assets, jobs, schedule and sensors of the demo's pipeline have the names that users and tools rely on."""
    keys = {key.path[1] for key in repository.asset_graph.get_all_asset_keys() if key.path[0] == "ad_clicks"}
    jobs = {name for name in repository.job_names if name.startswith("ad_clicks")}
    assert keys >= NODES
    kinds = ("ingest", "retrain", "cadence", "rollback", "promote", "release")
    assert jobs == {f"ad_clicks_{kind}" for kind in kinds}
    assert repository.has_schedule_def("ad_clicks_retrain_schedule")
    assert repository.has_sensor_def("ad_clicks_source_sensor")
    assert repository.has_sensor_def("ad_clicks_retraining_sensor")


def test_automation_runs_by_default(repository):
    """The schedule and the sensors start as running, so that a new pipeline needs no click."""
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.RUNNING}
    assert {schedule.default_status for schedule in repository.schedule_defs} == {
        dg.DefaultScheduleStatus.RUNNING
    }


def test_assets_of_a_pipeline_form_the_documented_graph(repository):
    """Each node depends on the nodes that the README's picture shows."""
    graph = repository.asset_graph
    parents = {
        key.path[1]: {parent.path[1] for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
        if key.path[0] == "ad_clicks"
    }
    assert parents["training_data"] == {"source"}
    assert parents["features"] == {"training_data"}
    assert parents["candidate_model"] == {"features"}
    assert parents["evaluation_report"] == {"candidate_model"}
    assert parents["registered_model"] == {"evaluation_report"}
    assert parents["predictions"] >= {"features"}
    assert parents["monitoring_report"] == {"predictions"}
    assert parents["retraining_decision"] == {"monitoring_report"}
    assert parents["cadence_report"] == {"features"}


def test_loading_imports_no_heavy_library():
    """Loading the definitions imports none of mlflow, great_expectations, sklearn, joblib and Dask."""
    program = (
        "import sys\n"
        "from retrain_assets.definitions import defs\n"
        "defs().get_repository_def()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_spec_needs_no_dagster():
    """A declaration is read and the functional core is imported without Dagster."""
    program = (
        "import sys\n"
        "import retrain_assets.spec, retrain_assets.declaration, retrain_assets.windows, retrain_assets.lake\n"
        "import retrain_assets.comparison, retrain_assets.retraining_decision.decide\n"
        "import retrain_assets.training_data.ingest, retrain_assets.evaluation_report.verdict\n"
        "print('dagster' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
