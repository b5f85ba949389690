"""The source sensor and labels that come from elsewhere: what it asks for, when it waits, and what it says."""

from __future__ import annotations

import os
from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from retrain_assets_tests.pipelines import FIRST_DAY
from retrain_assets_tests.running import YOUNG, Running, checks, sentence
from retrain_assets_tests.ticking import Automation
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

pytestmark = YOUNG

SILENT = "Nothing new. The source is late: its newest partition ended 2026-01-08 00:00 UTC."
DAY = timedelta(days=1)


@pytest.fixture
def source(tmp_path):
    """A pipeline with three days of rows and labels, all of them taken in by its ingest job."""
    running = Running(late(tmp_path))
    automation = Automation(running.declaration, running.instance)
    automation.running = running
    keys = deliver(tmp_path, 3)
    [request] = automation.look().run_requests
    assert request.tags["dagster/asset_partition_range_end"] == keys[-1]
    running.ingest(keys)
    return automation


def carry_out(source, request) -> dg.ExecuteInProcessResult:
    """Run what the sensor asked for."""
    result = source.running.run("ingest", tags={**request.tags, "dagster/partition": request.partition_key})
    assert result.success, sentence(result)
    return result


def test_rows_and_labels_are_taken_in_by_one_run(source):
    """What lands together is one request, after which nothing is left to ask for."""
    data = source.look()
    assert not data.run_requests
    assert data.skip_message == SILENT
    assert source.declaration.lake.scan("labels").collect().height > 0


def test_new_labels_alone_are_a_run_of_the_newest_partition(source, tmp_path):
    """Labels that land without rows are asked for once, and the run looks at the newest partition again."""
    extra = bookings_of(FIRST_DAY).head(3).with_columns(outcome=pl.lit(1), booked=pl.col("booked") + 5 * DAY)
    book(tmp_path, FIRST_DAY + 5 * DAY, extra)
    [request] = source.look().run_requests
    assert request.partition_key == "2026-01-07"
    found = checks(carry_out(source, request))["labels_are_joined"]
    assert found.metadata["new_labels"].value == 3
    assert not source.look().run_requests


def test_touching_labels_launches_nothing(source, tmp_path):
    """A file whose time has changed and whose rows have not is no reason for a run."""
    os.utime(tmp_path / "labels" / "2026-01-06.csv", (1_800_000_000, 1_800_000_000))
    assert not source.look().run_requests


def test_what_a_run_could_not_read_is_not_asked_for_at_once(source, tmp_path):
    """A run that succeeded and left the labels out is followed by a pause, not by the next run."""
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).head(9))
    [request] = source.look().run_requests
    run = source.has_run("ingest", dg.DagsterRunStatus.SUCCESS, request.tags)
    data = source.look()
    assert not data.run_requests
    assert data.skip_message.endswith(f"or as soon as the source changes. Run {run.run_id} says why.")
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).head(8))
    assert source.look().run_requests


def test_unreadable_labels_are_told_by_the_check_and_hold_nothing_up(source, tmp_path):
    """A file of labels that lacks the key fails the check with its sentence; the run succeeds, once."""
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).drop("of_loan"))
    [request] = source.look().run_requests
    found = checks(carry_out(source, request))["labels_are_joined"]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert "label.source.key: there is no column 'of_loan'" in found.metadata["sentence"].value
    assert not source.look().run_requests


def test_a_source_of_labels_that_is_away_holds_no_rows_up(tmp_path):
    """Rows are asked for although the labels cannot be reached; without new rows the tick says why."""
    declaration = late(tmp_path, url=f"sqlite:///{tmp_path}/away/labels.db", table="labels")
    running = Running(declaration)
    source = Automation(declaration, running.instance)
    keys = deliver(tmp_path, 3, booked=0)
    assert source.look().run_requests
    result = running.ingest(keys)
    assert not checks(result)["labels_are_joined"].passed
    data = source.look()
    assert not data.run_requests
    assert "away/labels.db" in data.skip_message


def test_labels_without_rows_wait(tmp_path):
    """Labels are there before the first rows: the tick says that they wait."""
    book(tmp_path, FIRST_DAY)
    (tmp_path / "rows").mkdir()
    bookings_of(FIRST_DAY).clear().select(loan="of_loan", asked_at="booked").write_csv(tmp_path / "rows.csv")
    declaration = late(tmp_path)
    source = declaration.spec.source.model_copy(update={"path": "rows.csv"})
    empty = type(declaration)(declaration.spec.model_copy(update={"source": source}), declaration.file)
    data = Automation(empty).look()
    assert data.skip_message == "The source holds no rows yet. Labels are there, and wait for the first rows."


def test_a_cursor_of_another_kind_is_an_empty_cache(source):
    """Whatever stands in the cursor, the tick finds the same."""
    for cursor in ("", "{", "[1]", '{"tag": "x", "files": {}}'):
        source.cursor = cursor
        assert source.look().skip_message == SILENT
