"""The schedule: its tick is one more reason for the same decision."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from retrain_assets.asset import INGEST_TAG
from retrain_assets.retraining_decision import automation
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_day
from retrain_assets_tests.retraining_decision.past import DAYS, at, attempt, found_worse, promote, started
from retrain_assets_tests.running import YOUNG
from retrain_assets_tests.ticking import Automation, reasons

pytestmark = YOUNG


@pytest.fixture
def scheduled(tmp_path):
    """A pipeline with a schedule; schedules are evaluated against an instance on disk."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        yield started(tmp_path, instance, retrain_when={"schedule": "0 2 * * 1"})


def test_a_tick_asks_for_a_retrain(scheduled):
    """Nothing holds it back: one run, with the schedule as its reason."""
    data = scheduled.schedule()
    assert reasons(data) == ["schedule"]
    assert data.run_requests[0].tags["retrain_assets/as_of"] == at(DAYS).isoformat()
    [event] = decision_events(scheduled)
    assert event.metadata["acts"].value == 1


def test_between_ticks_the_schedule_is_no_reason(scheduled):
    """The sensor does not act for the schedule, and says there and on the life page when it is due."""
    data = scheduled.decide()
    assert not data.run_requests
    told = re.fullmatch(
        r"Nothing asks for a retrain\. The schedule is due next on Mon (\S+) 02:00 UTC\.", data.skip_message
    )
    assert told
    assert timedelta(0) < datetime.fromisoformat(f"{told[1]}T02:00+00:00") - datetime.now(UTC) <= timedelta(7)
    life = json.loads((scheduled.declaration.reports / "life.json").read_text())
    assert life["decisions"][-1]["foreseen"] == f"The schedule is due next on Mon {told[1]} 02:00 UTC."


def test_a_tick_with_nothing_new_to_learn_is_skipped_in_words(scheduled):
    """On the rows of the last attempt the tick passes, with its reason and holds reported."""
    attempt(scheduled.declaration, DAYS, "rejected")
    data = scheduled.schedule()
    assert not data.run_requests
    assert data.skip_message.startswith("A retrain is held back. The schedule is due.")
    assert "There is too little new to learn" in data.skip_message
    [event] = decision_events(scheduled)
    assert event.metadata["number_of_holds"].value == 2


def test_a_tick_during_an_ingest_is_kept(scheduled):
    """The tick meets an ingest run; when that has ended, the sensor decides on it."""
    run = scheduled.has_run("ingest", dg.DagsterRunStatus.STARTED)
    data = scheduled.schedule()
    assert not data.run_requests
    assert data.skip_message.endswith("It is decided on when that has ended.")
    assert not scheduled.decide().run_requests
    scheduled.instance.delete_run(run.run_id)
    assert reasons(scheduled.decide()) == ["schedule"]


def test_a_tick_is_kept_while_a_rollback_is_due(scheduled):
    """A candidate is not compared with a champion that is to go: the tick is decided on after the rollback."""
    promote(scheduled.declaration, 20, version=2)
    found_worse(scheduled.declaration, DAYS)
    data = scheduled.schedule()
    assert not data.run_requests
    assert "The schedule is due." in data.skip_message
    assert data.skip_message.endswith(
        "The champion is to be rolled back first. It is decided on when that has ended."
    )
    [request] = scheduled.decide().run_requests
    assert request.job_name == "loans_rollback"
    promote(scheduled.declaration, 26, version=1, action="rolled_back")
    assert reasons(scheduled.decide()) == ["schedule"]


def test_a_rollback_that_comes_due_during_a_tick_goes_first(scheduled, monkeypatch):
    """Where an ingest ends while the sensor ticks, and finds the champion worse, it does not ask for a retrain."""
    promote(scheduled.declaration, 20, version=2)
    run = scheduled.has_run("ingest", dg.DagsterRunStatus.STARTED)
    assert not scheduled.schedule().run_requests
    asked = automation.runs_of

    def ends_now(instance, declaration, tag, *args, **options):
        if tag == INGEST_TAG:
            found_worse(scheduled.declaration, DAYS)
            scheduled.instance.delete_run(run.run_id)
        return asked(instance, declaration, tag, *args, **options)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(automation, "runs_of", ends_now)
        data = scheduled.decide()
    assert not data.run_requests
    assert data.skip_message.startswith("The champion is to be rolled back first.")
    assert [request.job_name for request in scheduled.decide().run_requests] == ["loans_rollback"]


def test_a_rollback_that_failed_holds_no_tick(scheduled):
    """Where the rollback failed with the present data, the schedule trains against the champion that is there."""
    promote(scheduled.declaration, 20, version=2)
    found_worse(scheduled.declaration, DAYS)
    [request] = scheduled.decide().run_requests
    scheduled.has_run("rollback", dg.DagsterRunStatus.FAILURE, dict(request.tags))
    assert reasons(scheduled.schedule()) == ["schedule"]


def test_without_a_schedule_there_is_none(tmp_path):
    """A declaration without a schedule has sensors only."""
    write_day(tmp_path, FIRST_DAY)
    repository = Automation(declare(tmp_path)).repository
    assert [item.name for item in repository.schedule_defs] == []
    assert {item.name for item in repository.sensor_defs} == {
        "loans_source_sensor",
        "loans_retraining_sensor",
    }


def test_it_runs_in_the_declared_time_zone(tmp_path):
    """Two o'clock is two o'clock where the pipeline is declared to live."""
    write_day(tmp_path, FIRST_DAY)
    repository = Automation(
        declare(tmp_path, timezone="Europe/Berlin", retrain_when={"schedule": "0 2 * * 1"})
    ).repository
    [schedule] = repository.schedule_defs
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * 1", "Europe/Berlin")


def test_schedule_and_sensors_run_by_default(scheduled):
    """Nobody has to switch anything on; source and decision are looked at every 30 seconds."""
    [schedule] = scheduled.repository.schedule_defs
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    sensors = {item.name: item for item in scheduled.repository.sensor_defs}
    assert {item.default_status for item in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
    assert sensors["loans_source_sensor"].minimum_interval_seconds == 30
    assert sensors["loans_retraining_sensor"].minimum_interval_seconds == 30


def decision_events(pipeline):
    """Events of the decision that the schedule stored in the instance."""
    key = dg.AssetKey(["loans", "retraining_decision"])
    return [
        record.asset_materialization for record in pipeline.instance.fetch_materializations(key, 10).records
    ]
