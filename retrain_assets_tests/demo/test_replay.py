"""The replay: every run in the instance was launched from a request that a sensor or schedule returned."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import date

import dagster as dg
import pytest

from retrain_assets.demo.impressions import write_impressions
from retrain_assets.demo.replay import Replay
from retrain_assets.home import home
from retrain_assets_tests.demo.lean import RETRAIN_WHEN, live_through
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_day
from retrain_assets_tests.running import YOUNG, Running

pytestmark = YOUNG

ONE_WEEK = """
import sys
from pathlib import Path

from retrain_assets.demo import __main__ as demo
from retrain_assets.home import home

demo.DAYS_BEFORE = 5
demo.live_through(sorted(Path(sys.argv[1]).iterdir())[:7], home() / "demo" / demo.PIPELINE)
"""


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """A Dagster instance on disk, as the demo has one."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    with dg.DagsterInstance.get() as instance:
        yield instance


@pytest.fixture
def requests(monkeypatch):
    """Every request that a sensor or a schedule returns, with the name of who returned it."""
    returned: list[tuple[str, dg.RunRequest]] = []
    for kind in (dg.SensorDefinition, dg.ScheduleDefinition):
        evaluate = kind.evaluate_tick

        def noted(definition, context, evaluate=evaluate):
            data = evaluate(definition, context)
            returned.extend((definition.name, request) for request in data.run_requests or ())
            return data

        monkeypatch.setattr(kind, "evaluate_tick", noted)
    return returned


def test_runs_and_requests_match_one_to_one(tmp_path, instance, requests):
    """Each request became one run with its tags and job, launched by who asked, and there is no other run."""
    declaration = declare(tmp_path, retrain_when=RETRAIN_WHEN)
    replay = Replay(Running(declaration, instance).repository, instance)
    live_through(replay, tmp_path, "loans")

    assert [(item.requested_by, dict(item.tags)) for item in replay.launched] == [
        (name, dict(request.tags)) for name, request in requests
    ]
    runs = {run.run_id: run for run in instance.get_runs()}
    assert len(runs) == len(replay.launched)
    for item in replay.launched:
        run = runs[item.run_id]
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.job_name == item.job
        assert item.tags.items() <= run.tags.items()
        asked_by = {run.tags.get("dagster/sensor_name"), run.tags.get("dagster/schedule_name")} - {None}
        assert asked_by == {item.requested_by}
    assert Counter(item.requested_by for item in replay.launched) == {
        "loans_source_sensor": 6,
        "loans_retraining_sensor": 1,
        "loans_retrain_schedule": 1,
    }
    assert declaration.ledger.standing().version is not None


def test_another_round_of_ticks_launches_nothing(tmp_path, instance, requests):
    """Sensors that have settled ask for nothing more, with their cursors and without them."""
    declaration = declare(tmp_path)
    write_day(tmp_path, FIRST_DAY)
    repository = Running(declaration, instance).repository
    replay = Replay(repository, instance)
    replay.settle("loans_source_sensor", "loans_retraining_sensor")
    assert len(requests) == 1
    replay.settle("loans_source_sensor", "loans_retraining_sensor")
    Replay(repository, instance).settle("loans_source_sensor", "loans_retraining_sensor")
    assert len(requests) == len(instance.get_runs()) == 1


def test_a_failed_run_ends_the_replay_in_a_sentence(tmp_path, instance):
    """A run that fails is named with its job; a replay does not go on over it."""
    declaration = declare(tmp_path)
    write_day(tmp_path, FIRST_DAY)
    (home() / "lake" / "loans").mkdir(parents=True)
    (home() / "lake" / "loans" / "features").write_text("a file in the place of the table")
    replay = Replay(Running(declaration, instance).repository, instance)
    with pytest.raises(RuntimeError, match=r"^Run \S+ of loans_ingest failed; Dagster's UI shows why\.$"):
        replay.settle("loans_source_sensor")


def test_the_demo_keeps_the_record_of_its_requests(tmp_path, instance):
    """Its own pipeline, over a week with five days of history: launched.json names the request of each run."""
    write_impressions(tmp_path / "waiting", date(2026, 8, 3))
    # A process of its own, because the demo changes how its process logs and writes.
    subprocess.run([sys.executable, "-c", ONE_WEEK, str(tmp_path / "waiting")], check=True)

    record = json.loads((home() / "demo" / "launched.json").read_text())
    runs = {run.run_id: run for run in instance.get_runs()}
    assert runs.keys() == {item["run_id"] for item in record}
    for item in record:
        assert item["tags"].items() <= runs[item["run_id"]].tags.items()
        assert runs[item["run_id"]].tags["dagster/sensor_name"] == item["requested_by"]
    assert Counter(item["job"] for item in record) == {"ad_clicks_ingest": 3}
