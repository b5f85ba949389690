"""The source sensor: what it asks for, when it waits, and what it says."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from retrain_assets import automation
from retrain_assets.training_data import pending
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import YOUNG
from retrain_assets_tests.ticking import Automation

pytestmark = YOUNG

PATIENT = {"source__expected_every": "9000d"}


def ranges(data):
    """First and last partition of each requested run; a single one is the partition of its run."""
    return [
        (request.partition_key,) * 2
        if request.partition_key
        else tuple(request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end"))
        for request in data.run_requests
    ]


@pytest.fixture
def source(tmp_path):
    """A pipeline with five days of files, none of them taken in."""
    write_days(tmp_path, 5)
    return Automation(declare(tmp_path))


def test_a_range_of_new_partitions_is_one_run(source):
    """Five new days in a row are asked for in one run, tagged with the pipeline, by the ingest job."""
    data = source.look()
    assert ranges(data) == [("2026-01-05", "2026-01-09")]
    [request] = data.run_requests
    assert request.run_key is None
    assert request.tags["retrain_assets/pipeline"] == "loans"
    assert request.tags["retrain_assets/ingest"] == "loans"
    sensor = source.repository.get_sensor_def("loans_source_sensor")
    assert sensor.job_name == "loans_ingest"


def test_a_gap_makes_two_runs(source, tmp_path):
    """Changed partitions that are no neighbours are asked for in a run each."""
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    for number in (0, 1, 4):
        day = FIRST_DAY + timedelta(days=number)
        write_day(tmp_path, day, loans_of(day).with_columns(age=pl.lit(30)))
    assert ranges(source.look()) == [("2026-01-05", "2026-01-06"), ("2026-01-09", "2026-01-09")]


def test_the_source_is_observed(source):
    """What was found is an observation of the source asset, with numbers and a data version."""
    [event] = source.look().asset_events
    assert isinstance(event, dg.AssetObservation)
    assert event.asset_key == dg.AssetKey(["loans", "source"])
    assert event.metadata["new_or_changed_partitions"].value == 5
    assert event.metadata["left_for_later"].value == 0
    assert event.tags["dagster/data_version"]


def test_a_tick_asks_for_a_stated_number_of_partitions(source, monkeypatch):
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


def test_a_request_that_came_to_nothing_is_made_again(source):
    """No run followed the request, as after a crash of the daemon: the next tick asks for the same."""
    assert ranges(source.look()) == ranges(source.look()) == [("2026-01-05", "2026-01-09")]


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "STARTED", "CANCELING"])
def test_a_run_in_flight_is_waited_for(source, status):
    """While an ingest run is queued or running, nothing is asked for, and the tick says why."""
    source.has_run("ingest", dg.DagsterRunStatus[status])
    data = source.look()
    assert not data.run_requests
    assert data.skip_message == (
        "An ingest run of this pipeline is in flight; the source is compared after it."
    )


def test_another_pipelines_run_is_not_waited_for(source, tmp_path):
    """A run of another pipeline holds nothing back."""
    (tmp_path / "other").mkdir()
    other = Automation(declare(tmp_path / "other", name="other"))
    other.instance = source.instance
    other.has_run("ingest", dg.DagsterRunStatus.STARTED)
    assert ranges(source.look())


@pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
def test_the_same_state_is_not_read_again_at_once_after_it_failed(source, monkeypatch, status):
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


def test_a_new_state_is_read_at_once_after_a_failure(source, tmp_path):
    """A file that changes after a failed run is asked for without a pause."""
    [request] = source.look().run_requests
    source.has_run("ingest", dg.DagsterRunStatus.FAILURE, request.tags)
    assert not source.look().run_requests
    write_day(tmp_path, FIRST_DAY + timedelta(days=5))
    assert ranges(source.look()) == [("2026-01-05", "2026-01-10")]


def test_touching_a_file_launches_nothing(source, tmp_path):
    """All has been taken in, and a file is touched: the tick asks for nothing."""
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    assert not source.look().run_requests
    os.utime(tmp_path / "rows" / "2026-01-07.parquet", (1_800_000_000, 1_800_000_000))
    assert not source.look().run_requests


def test_one_changed_value_launches_a_run_for_its_partition(source, tmp_path):
    """One value of one row changes: that day alone is asked for."""
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    source.look()
    day = FIRST_DAY + timedelta(days=2)
    changed = loans_of(day).with_columns(age=pl.when(pl.int_range(pl.len()) == 3).then(99).otherwise("age"))
    write_day(tmp_path, day, changed)
    assert ranges(source.look()) == [("2026-01-07", "2026-01-07")]


def test_a_silent_source_is_told_to_be_late(source, tmp_path):
    """The skip message says that the source is late, and since when, once it was silent for too long."""
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    assert source.look().skip_message == (
        "Nothing new. The source is late: its newest partition ended 2026-01-10 00:00 UTC."
    )
    patient = Automation(declare(tmp_path, **PATIENT))
    assert patient.look().skip_message == (
        "Nothing new: every complete partition of the source has been taken in."
    )


def test_a_source_is_late_no_sooner_than_its_partitions_are_ready(source, tmp_path):
    """A partition that is ready long after its end makes nothing late before that."""
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    silent = datetime.now(UTC) - datetime(2026, 1, 10, tzinfo=UTC)
    ready = Automation(declare(tmp_path, source__complete_after=f"{silent.days - 1}d"))
    assert ready.look().skip_message == (
        "Nothing new: every complete partition of the source has been taken in."
    )


def test_withheld_partitions_are_named(source, tmp_path):
    """A tick without anything new names what could not be accepted, and says why of the newest."""
    broken = [FIRST_DAY + timedelta(days=number) for number in (1, 4)]
    for day in broken:
        write_day(tmp_path, day).write_bytes(b"no parquet")
    take_in(source.declaration, [f"2026-01-0{day}" for day in range(5, 10)])
    patient = Automation(declare(tmp_path, **PATIENT))
    assert patient.look().skip_message == (
        f"Nothing new. 2 partitions are withheld: {broken[1]}, {broken[0]}. Of {broken[1]}: {tmp_path}/rows/"
        f"{broken[1]}.parquet: the file is no Parquet file. Write it as Parquet, or name it .csv if it is CSV."
    )


def test_older_rows_than_the_code_location_knows_are_told(tmp_path):
    """They keep nothing else out: newer days are asked for, with the sentence, which then is the skip message."""
    key = write_days(tmp_path, 1, FIRST_DAY + timedelta(days=4))[0]
    pipeline = Automation(declare(tmp_path, source__start=None))
    write_days(tmp_path, 2)
    sentence = (
        "The source holds partitions from 2026-01-05 on, and the loaded code location begins with 2026-01-09: "
        "reload it to take them in, or declare source.start to leave them out."
    )
    data = pipeline.look()
    assert ranges(data) == [(key, key)]
    assert data.asset_events[0].metadata["older_partitions"].value == sentence
    take_in(pipeline.declaration, [key])
    assert pipeline.look().skip_message == sentence
    assert ranges(Automation(pipeline.declaration).look()) == [("2026-01-05", "2026-01-06")]


def test_a_run_without_a_state_of_the_source_ends_no_pause(source):
    """A release, or what a person starts, between the failure and the tick changes nothing about the pause."""
    [request] = source.look().run_requests
    source.has_run("ingest", dg.DagsterRunStatus.FAILURE, request.tags)
    source.has_run("ingest", dg.DagsterRunStatus.SUCCESS)
    assert source.look().skip_message.startswith("The last ingest run for this state")


def test_an_empty_source_says_so(tmp_path):
    """Where the source has no file yet, the skip message says which one it looks for; else that it has no rows."""
    assert Automation(declare(tmp_path)).look().skip_message == (
        f"There is no file of the form {tmp_path}/rows/{{partition:%Y-%m-%d}}.parquet yet. Deliver it, or mend "
        "source.path."
    )
    loans_of(FIRST_DAY).clear().write_csv(tmp_path / "all.csv")
    assert (
        Automation(declare(tmp_path, source__path="all.csv")).look().skip_message
        == "The source holds no rows yet."
    )


def test_a_source_out_of_reach_is_told_without_a_failed_tick(tmp_path):
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
