"""The sensors and the schedule: what they ask for, when they wait, and what they say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import dagster as dg
import polars as pl
import pytest

from retrain_assets.pipeline import build_definitions
from retrain_assets.retraining_decision import automation
from retrain_assets.training_data import pending
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.retraining_decision.past import (
    alarm,
    at,
    attempt,
    codes,
    decisions,
    live,
    promote,
    take_in,
)
from retrain_assets_tests.running import YOUNG

pytestmark = YOUNG

DAYS = 26
MONDAY = datetime(2026, 2, 2, 2, tzinfo=UTC)


class Automation:
    """A pipeline's sensors and schedule on an instance."""

    def __init__(self, declaration, instance=None):
        self.declaration = declaration
        self.repository = build_definitions(declaration).get_repository_def()
        self.instance = instance or dg.DagsterInstance.ephemeral()
        self.cursor = None

    def look(self):
        """Tick the source sensor."""
        name = f"{self.declaration.name}_source_sensor"
        data = self._tick(name, self.cursor)
        self.cursor = data.cursor
        return data

    def decide(self):
        """Tick the retraining sensor."""
        return self._tick(f"{self.declaration.name}_retraining_sensor", None)

    def schedule(self):
        """Tick the schedule."""
        schedule = self.repository.get_schedule_def(f"{self.declaration.name}_retrain_schedule")
        context = dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=MONDAY, repository_def=self.repository
        )
        return schedule.evaluate_tick(context)

    def _tick(self, name, cursor):
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor, repository_def=self.repository, sensor_name=name
        )
        return self.repository.get_sensor_def(name).evaluate_tick(context)

    def has_run(self, kind, status, tags=None):
        """Put a run of a kind into the instance."""
        run = dg.DagsterRun(
            job_name=f"{self.declaration.name}_{kind}",
            run_id=str(uuid4()),
            status=status,
            tags={f"retrain_assets/{kind}": self.declaration.name, **(tags or {})},
        )
        self.instance.add_run(run)
        return run


def ranges(data):
    """First and last partition of each requested run; a single one is the partition of its run."""
    return [
        (request.partition_key,) * 2
        if request.partition_key
        else tuple(request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        for request in data.run_requests
    ]


def reasons(data):
    """Reason tags of the requested runs."""
    return [request.tags["retrain_assets/reason"] for request in data.run_requests]


@pytest.fixture
def source(tmp_path):
    """A pipeline with five days of files, none of them taken in."""
    write_days(tmp_path, 5)
    return Automation(declare(tmp_path))


def started(tmp_path, instance=None, **changes):
    """A pipeline of 26 days with a champion since the 18th, and nothing that asks for a retrain."""
    declaration = declare(tmp_path, **changes)
    live(declaration, tmp_path, DAYS)
    attempt(declaration, 18, "blessed")
    promote(declaration, 18)
    return Automation(declaration, instance)


class TestSourceSensor:
    """New and changed partitions become runs, one a contiguous range."""

    def test_a_range_of_new_partitions_is_one_run(self, source):
        """Five new days in a row are asked for in one run, tagged with the pipeline, by the ingest job."""
        data = source.look()
        assert ranges(data) == [("2026-01-05", "2026-01-09")]
        [request] = data.run_requests
        assert request.run_key is None
        assert request.tags["retrain_assets/pipeline"] == "loans"
        assert request.tags["retrain_assets/ingest"] == "loans"
        sensor = source.repository.get_sensor_def("loans_source_sensor")
        assert sensor.job_name == "loans_ingest"

    def test_a_gap_makes_two_runs(self, source, tmp_path):
        """Changed partitions that are no neighbours are asked for in a run each."""
        take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
        for number in (0, 1, 4):
            day = FIRST_DAY + timedelta(days=number)
            write_day(tmp_path, day, loans_of(day).with_columns(age=pl.lit(30)))
        assert ranges(source.look()) == [("2026-01-05", "2026-01-06"), ("2026-01-09", "2026-01-09")]

    def test_the_source_is_observed(self, source):
        """What was found is an observation of the source asset, with numbers and a data version."""
        [event] = source.look().asset_events
        assert isinstance(event, dg.AssetObservation)
        assert event.asset_key == dg.AssetKey(["loans", "source"])
        assert event.metadata["new_or_changed_partitions"].value == 5
        assert event.metadata["left_for_later"].value == 0
        assert event.tags["dagster/data_version"]

    def test_a_tick_asks_for_a_stated_number_of_partitions(self, source, monkeypatch):
        """What is over the limit follows when the first lot is in."""
        monkeypatch.setattr(pending, "PARTITIONS_A_TICK", 2)
        seen = []
        for _ in range(4):
            data = source.look()
            seen += ranges(data)
            for first, last in ranges(data):
                take_in(source.declaration, [first] if first == last else [first, last])
        assert seen == [
            ("2026-01-05", "2026-01-06"),
            ("2026-01-07", "2026-01-08"),
            ("2026-01-09", "2026-01-09"),
        ]

    def test_a_request_that_came_to_nothing_is_made_again(self, source):
        """No run followed the request, as after a crash of the daemon: the next tick asks for the same."""
        assert ranges(source.look()) == ranges(source.look()) == [("2026-01-05", "2026-01-09")]

    @pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
    def test_a_run_in_flight_is_waited_for(self, source, status):
        """While an ingest run is queued or running, nothing is asked for, and the tick says why."""
        source.has_run("ingest", dg.DagsterRunStatus[status])
        data = source.look()
        assert not data.run_requests
        assert data.skip_message == (
            "An ingest run of this pipeline is in flight; the source is compared after it."
        )

    def test_another_pipelines_run_is_not_waited_for(self, source, tmp_path):
        """A run of another pipeline holds nothing back."""
        (tmp_path / "other").mkdir()
        other = Automation(declare(tmp_path / "other", name="other"))
        other.instance = source.instance
        other.has_run("ingest", dg.DagsterRunStatus.STARTED)
        assert ranges(source.look())

    @pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
    def test_the_same_state_is_not_read_again_at_once_after_it_failed(self, source, monkeypatch, status):
        """A failed run is followed by a pause that doubles; after it, or with a new state, it is asked again."""
        [request] = source.look().run_requests
        run = source.has_run("ingest", dg.DagsterRunStatus[status], request.tags)
        said = source.look()
        assert not said.run_requests
        assert said.skip_message.startswith(
            "The last ingest run for this state of the source did not succeed; it is read again at "
        )
        assert said.skip_message.endswith(f"or as soon as the source changes. Run {run.run_id} says why.")

        shift(monkeypatch, timedelta(minutes=2, seconds=5))
        assert source.look().run_requests
        source.has_run("ingest", dg.DagsterRunStatus[status], request.tags)
        assert source.look().skip_message.startswith("The last 2 ingest runs for this state of the source")
        shift(monkeypatch, timedelta(minutes=4, seconds=5))
        assert source.look().run_requests

    def test_a_new_state_is_read_at_once_after_a_failure(self, source, tmp_path):
        """A file that changes after a failed run is asked for without a pause."""
        [request] = source.look().run_requests
        source.has_run("ingest", dg.DagsterRunStatus.FAILURE, request.tags)
        assert not source.look().run_requests
        write_day(tmp_path, FIRST_DAY + timedelta(days=5))
        assert ranges(source.look()) == [("2026-01-05", "2026-01-10")]

    def test_touching_a_file_launches_nothing(self, source, tmp_path):
        """All has been taken in, and a file is touched: the tick asks for nothing."""
        take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
        assert not source.look().run_requests
        os.utime(tmp_path / "rows" / "2026-01-07.parquet", (1_800_000_000, 1_800_000_000))
        assert not source.look().run_requests

    def test_one_changed_value_launches_a_run_for_its_partition(self, source, tmp_path):
        """One value of one row changes: that day alone is asked for."""
        take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
        source.look()
        day = FIRST_DAY + timedelta(days=2)
        changed = loans_of(day).with_columns(
            age=pl.when(pl.int_range(pl.len()) == 3).then(99).otherwise("age")
        )
        write_day(tmp_path, day, changed)
        assert ranges(source.look()) == [("2026-01-07", "2026-01-07")]

    def test_a_silent_source_is_told_to_be_late(self, source, tmp_path):
        """The skip message says that the source is late, and since when, once it was silent for too long."""
        take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
        assert source.look().skip_message == (
            "Nothing new. The source is late: its newest partition ended 2026-01-10 00:00 UTC."
        )
        patient = Automation(declare(tmp_path, source__expected_every="9000d"))
        assert patient.look().skip_message == (
            "Nothing new: every complete partition of the source has been taken in."
        )

    def test_an_empty_source_says_so(self, tmp_path):
        """Where the source has no rows yet, the skip message says just that."""
        (tmp_path / "rows").mkdir()
        assert Automation(declare(tmp_path)).look().skip_message == "The source holds no rows yet."

    def test_a_source_out_of_reach_is_told_without_a_failed_tick(self, tmp_path):
        """A database that does not answer makes a skipped tick with the sentence, and no request."""
        url = f"sqlite:///{tmp_path / 'missing' / 'loans.db'}"
        declaration = declare(
            tmp_path, source={"url": url, "table": "loans", "timestamp": "asked_at", "start": "2026-01-05"}
        )
        data = Automation(declaration).look()
        assert not data.run_requests
        assert "missing/loans.db" in data.skip_message


def shift(monkeypatch, by):
    """Let the automation's wall clock run ahead."""

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + by

    monkeypatch.setattr(automation, "datetime", Later)


def test_a_run_that_has_not_ended_is_in_flight():
    """A run holds the next one back in every state between its creation, the queue included, and its end."""
    ended = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
    unused = {dg.DagsterRunStatus.MANAGED, dg.DagsterRunStatus.SUSPENDED}
    assert {*automation.IN_FLIGHT, *ended, *unused} == set(dg.DagsterRunStatus)
    assert not ended & set(automation.IN_FLIGHT)


class TestRetrainingSensor:
    """A reason that nothing holds back becomes one run; anything else a sentence."""

    def test_no_champion(self, tmp_path):
        """Enough rows and no champion: a run is asked for, with what it is for in its tags."""
        declaration = declare(tmp_path)
        live(declaration, tmp_path, 18)
        data = Automation(declaration).decide()
        [request] = data.run_requests
        assert data.skip_message is None
        assert request.run_key is None
        assert (
            request.tags.items()
            >= {
                "retrain_assets/pipeline": "loans",
                "retrain_assets/retrain": "loans",
                "retrain_assets/as_of": at(18).isoformat(),
                "retrain_assets/reason": "no_champion",
                "retrain_assets/why": "There is no champion yet.",
            }.items()
        )
        assert json.loads(request.tags["retrain_assets/evidence"]) == {"no_champion": "no champion"}

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"retrain_when": {"new_rows": 900}}, "new_rows"),
            ({"retrain_when": {"max_age": "8d"}}, "age"),
        ],
    )
    def test_a_declared_trigger_asks(self, tmp_path, changes, reason):
        """New labelled rows and the champion's age are reasons of their own."""
        assert reasons(started(tmp_path, **changes).decide()) == [reason]

    @pytest.mark.parametrize("reason", ["performance", "business:repaid_share", "drift"])
    def test_an_alarm_asks_when_there_is_something_to_learn(self, tmp_path, reason):
        """An alarm whose onset lies far enough before the end of training is a reason, by its own name."""
        pipeline = started(tmp_path)
        alarm(pipeline.declaration, DAYS, reason, onset=14)
        data = pipeline.decide()
        assert reasons(data) == [reason]
        assert data.run_requests[0].tags["retrain_assets/why"] == f"The threshold of {reason} is crossed."

    def test_changed_code_asks(self, tmp_path):
        """A declaration that differs from that of the last attempt is a reason, where it is declared as one."""
        started(tmp_path)
        changes = {"training__params": {"max_iter": 25, "min_samples_leaf": 10}}
        assert not Automation(declare(tmp_path, **changes)).decide().run_requests
        changes["retrain_when"] = {"code_changes": True}
        assert reasons(Automation(declare(tmp_path, **changes)).decide()) == ["code_changed"]

    def test_reasons_come_together(self, tmp_path):
        """All reasons that stand are named, in one run."""
        pipeline = started(tmp_path, retrain_when={"new_rows": 900, "max_age": "8d"})
        assert reasons(pipeline.decide()) == ["new_rows,age"]

    @pytest.mark.parametrize(
        ("changes", "hold"),
        [
            ({"limits": {"cooldown": "10d"}}, "cooldown"),
            ({"limits": {"runs": 1, "per": "30d"}}, "budget"),
            ({"training__minimum_rows": 5000}, "minimum_rows"),
            ({"training__window": {"type": "rolling", "length": "85d"}}, "nothing_new"),
        ],
    )
    def test_a_declared_limit_holds_back(self, tmp_path, changes, hold):
        """A reason stands, and one limit holds it back: no run, and the skip message says which and until when."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, **changes)
        data = pipeline.decide()
        assert not data.run_requests
        assert data.skip_message.startswith("A retrain is held back. Version 1 was last replaced")
        [entry] = decisions(pipeline.declaration)
        assert codes(entry["reasons"]) == ["age"]
        assert codes(entry["held_back_by"]) == [hold]
        assert entry["sentence"] == data.skip_message

    @pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
    def test_a_retrain_in_flight_holds_back(self, tmp_path, status):
        """While a retrain is queued or running there is no second one."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
        pipeline.has_run(
            "retrain", dg.DagsterRunStatus[status], {"retrain_assets/as_of": at(DAYS).isoformat()}
        )
        data = pipeline.decide()
        assert not data.run_requests
        assert "A retrain is in flight." in data.skip_message

    @pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
    def test_a_failed_retrain_backs_off(self, tmp_path, status):
        """After a run that failed or was canceled, the next one waits for a partition more."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "0h"})
        tags = {"retrain_assets/as_of": at(DAYS).isoformat(), "retrain_assets/evidence": "{}"}
        pipeline.has_run("retrain", dg.DagsterRunStatus[status], tags)
        data = pipeline.decide()
        assert not data.run_requests
        assert "The last attempt failed; it tries again from 2026-01-31 23:00 UTC on." in data.skip_message
        take_in(pipeline.declaration, write_days(tmp_path, 1, FIRST_DAY + timedelta(days=DAYS)))
        assert reasons(pipeline.decide()) == ["age"]

    def test_an_alarm_waits_until_there_is_something_to_learn(self, tmp_path):
        """Harm that has just begun is told, and held back until training rows reach beyond its onset."""
        pipeline = started(tmp_path)
        alarm(pipeline.declaration, DAYS, "performance", onset=22)
        data = pipeline.decide()
        assert not data.run_requests
        [entry] = decisions(pipeline.declaration)
        assert codes(entry["held_back_by"]) == ["too_new_to_learn"]
        assert entry["earliest"] == at(22 + 2 + 9).isoformat()

    def test_a_reason_that_was_acted_on_is_consumed(self, tmp_path):
        """The attempt that was made for an alarm answers it, until there is as much again to learn."""
        pipeline = started(tmp_path)
        alarm(pipeline.declaration, DAYS, "performance", onset=12)
        [request] = pipeline.decide().run_requests
        evidence = json.loads(request.tags["retrain_assets/evidence"])
        attempt(pipeline.declaration, DAYS, "rejected", evidence=evidence)
        data = pipeline.decide()
        assert not data.run_requests
        entry = decisions(pipeline.declaration)[-1]
        assert "already_tried" in codes(entry["held_back_by"])

    def test_an_ingest_in_flight_is_waited_for(self, tmp_path):
        """Nothing is decided on rows that are about to change."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
        pipeline.has_run("ingest", dg.DagsterRunStatus.STARTED)
        data = pipeline.decide()
        assert not data.run_requests
        assert data.skip_message == "An ingest run is in flight. The decision waits for what it brings."
        assert not data.asset_events

    def test_a_changed_decision_is_an_event_of_its_asset(self, tmp_path):
        """It tells the decision in words and the evidence in numbers, which the UI plots; the same one tells nothing."""
        pipeline = started(tmp_path)
        [event] = pipeline.decide().asset_events
        assert isinstance(event, dg.AssetMaterialization)
        assert event.asset_key == dg.AssetKey(["loans", "retraining_decision"])
        values = {name: value.value for name, value in event.metadata.items()}
        assert values["decision"] == event.description == "Nothing asks for a retrain."
        assert values["as_of"] == at(DAYS).isoformat()
        assert (values["reasons"], values["held_back_by"]) == ("none", "nothing")
        assert values["would_change_its_mind"].startswith("A crossed threshold")
        numbers = {name: value for name, value in values.items() if isinstance(value, int | float)}
        assert numbers == {
            "acts": 0,
            "number_of_reasons": 0,
            "number_of_holds": 0,
            "evidence_training_rows": 14 * 120,
            "evidence_new_rows": (DAYS - 18) * 120,
            "evidence_alarms": 0,
            "evidence_champion_age_days": DAYS - 18,
        }
        assert not pipeline.decide().asset_events

    def test_reasons_and_holds_are_told_as_lists(self, tmp_path):
        """The event lists each reason and each hold as a sentence of its own, in Markdown."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
        [event] = pipeline.decide().asset_events
        assert event.metadata["reasons"].value.startswith("- Version 1 was last replaced or confirmed on ")
        assert event.metadata["held_back_by"].value == (
            "- The last attempt was at 2026-01-23 00:00 UTC; 10d must pass."
        )

    def test_a_changed_decision_renews_the_page_of_the_models_life(self, tmp_path):
        """A decision not to act is on the page at once, although no run writes it."""
        pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
        pipeline.decide()
        life = json.loads((pipeline.declaration.reports / "life.json").read_text())
        assert [codes(item["held_back_by"]) for item in life["decisions"]] == [["cooldown"]]
        assert (pipeline.declaration.reports / "index.html").exists()


class TestSchedule:
    """A tick of the schedule is one more reason for the same decision."""

    @pytest.fixture
    def scheduled(self, tmp_path):
        """A pipeline with a schedule; schedules are evaluated against an instance on disk."""
        (tmp_path / "dagster").mkdir()
        with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
            yield started(tmp_path, instance, retrain_when={"schedule": "0 2 * * 1"})

    def test_a_tick_asks_for_a_retrain(self, scheduled):
        """Nothing holds it back: one run, with the schedule as its reason."""
        data = scheduled.schedule()
        assert reasons(data) == ["schedule"]
        assert data.run_requests[0].tags["retrain_assets/as_of"] == at(DAYS).isoformat()
        [event] = decision_events(scheduled)
        assert event.metadata["acts"].value == 1

    def test_between_ticks_the_schedule_is_no_reason(self, scheduled):
        """The sensor does not act for the schedule."""
        data = scheduled.decide()
        assert not data.run_requests
        assert data.skip_message == "Nothing asks for a retrain."

    def test_a_tick_with_nothing_new_to_learn_is_skipped_in_words(self, scheduled):
        """On the rows of the last attempt the tick passes, with its reason and holds reported."""
        attempt(scheduled.declaration, DAYS, "rejected")
        data = scheduled.schedule()
        assert not data.run_requests
        assert data.skip_message.startswith("A retrain is held back. The schedule is due.")
        assert "There is too little new to learn" in data.skip_message
        [event] = decision_events(scheduled)
        assert event.metadata["number_of_holds"].value == 2

    def test_a_tick_during_an_ingest_is_kept(self, scheduled):
        """The tick meets an ingest run; when that has ended, the sensor decides on it."""
        run = scheduled.has_run("ingest", dg.DagsterRunStatus.STARTED)
        data = scheduled.schedule()
        assert not data.run_requests
        assert data.skip_message.endswith("It is decided on when that has ended.")
        assert not scheduled.decide().run_requests
        scheduled.instance.delete_run(run.run_id)
        assert reasons(scheduled.decide()) == ["schedule"]

    def test_without_a_schedule_there_is_none(self, tmp_path):
        """A declaration without a schedule has sensors only."""
        write_day(tmp_path, FIRST_DAY)
        repository = Automation(declare(tmp_path)).repository
        assert [item.name for item in repository.schedule_defs] == []
        assert {item.name for item in repository.sensor_defs} == {
            "loans_source_sensor",
            "loans_retraining_sensor",
        }

    def test_it_runs_in_the_declared_time_zone(self, tmp_path):
        """Two o'clock is two o'clock where the pipeline is declared to live."""
        write_day(tmp_path, FIRST_DAY)
        repository = Automation(
            declare(tmp_path, timezone="Europe/Berlin", retrain_when={"schedule": "0 2 * * 1"})
        ).repository
        [schedule] = repository.schedule_defs
        assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * 1", "Europe/Berlin")

    def test_schedule_and_sensors_run_by_default(self, scheduled):
        """Nobody has to switch anything on; the source is looked at every 30 seconds, the decision every 60."""
        [schedule] = scheduled.repository.schedule_defs
        assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
        sensors = {item.name: item for item in scheduled.repository.sensor_defs}
        assert {item.default_status for item in sensors.values()} == {dg.DefaultSensorStatus.RUNNING}
        assert sensors["loans_source_sensor"].minimum_interval_seconds == 30
        assert sensors["loans_retraining_sensor"].minimum_interval_seconds == 60


def decision_events(pipeline):
    """Events of the decision that the schedule stored in the instance."""
    key = dg.AssetKey(["loans", "retraining_decision"])
    return [
        record.asset_materialization for record in pipeline.instance.fetch_materializations(key, 10).records
    ]


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
