"""Labels that are delivered after the reports that they count in: those reports are made anew, and no others."""

from __future__ import annotations

import json
from datetime import timedelta

import dagster as dg
import pytest

from retrain_assets.monitoring_report import late_labels, watch
from retrain_assets.monitoring_report.late_labels import overtaken_reports
from retrain_assets.monitoring_report.report import monitor
from retrain_assets.monitoring_report.watch import watch_partitions
from retrain_assets_tests.pipelines import FIRST_DAY
from retrain_assets_tests.running import YOUNG, Running, sentence
from retrain_assets_tests.ticking import Automation
from retrain_assets_tests.training_data.label_source.late import book, deliver, late

pytestmark = YOUNG

DAY = timedelta(days=1)
BUSINESS = {"business": [{"name": "rate", "sql": "AVG(repaid)", "below": 0.1, "over": "2d"}]}
OVERTAKEN = [(FIRST_DAY + day * DAY).isoformat() for day in range(32, 37)]
"""A label of day 30 counts at the age of two days: from the report of day 32 on."""

CAME = [(FIRST_DAY + day * DAY).isoformat() for day in range(30, 35)]


@pytest.fixture
def overtaken(tmp_path):
    """Reports of twelve days, while labels came for the first five of them only; then those of five more days."""
    running = Running(late(tmp_path, declared={"retrain_when": BUSINESS}))
    running.ingest(deliver(tmp_path, 25))
    assert running.retrain().success
    running.ingest(deliver(tmp_path, 37, booked=30)[25:])
    assert overtaken_reports(running.declaration) == []
    for day in range(30, 35):
        book(tmp_path, FIRST_DAY + day * DAY)
    return running


def payloads(declaration) -> dict[str, dict]:
    """What each partition's report says."""
    reports = declaration.lake.scan("monitoring").sort("partition_key").collect()
    return {row["partition_key"]: json.loads(row["payload"]) for row in reports.iter_rows(named=True)}


def sentences(report) -> list[tuple[str, str | None]]:
    """What a report finds, and since when; its figures differ in the last digits from one reading to the next."""
    return [(finding["sentence"], finding["since"]) for finding in report["findings"]]


def asked_for(running) -> dg.ExecuteInProcessResult:
    """Carry out what the source sensor asks for."""
    [request] = Automation(running.declaration, running.instance).look().run_requests
    result = running.run("ingest", tags={**request.tags, "dagster/partition": request.partition_key})
    assert result.success, sentence(result)
    return result


def told(running, result) -> list[str]:
    """Partitions whose report a run materialized, oldest first."""
    key = dg.AssetKey([running.declaration.name, "monitoring_report"])
    events = running.instance.fetch_materializations(key, limit=100).records
    return sorted({event.partition_key for event in events if event.run_id == result.run_id})


def observed(running, result) -> dict[str, float]:
    """Quality of partitions' own rows that a run observed."""
    key = dg.AssetKey([running.declaration.name, "monitoring_report"])
    events = running.instance.fetch_observations(key, limit=100).records
    return {
        event.partition_key: event.asset_observation.metadata["own_log_loss"].value
        for event in events
        if event.run_id == result.run_id
    }


def own_quality(running, keys) -> dict[str, float]:
    """The same of some partitions as the life page tells it."""
    life = json.loads((running.declaration.reports / "life.json").read_text())
    return {part["key"]: part["realised"] for part in life["partitions"] if part["key"] in keys}


def checked(running, name) -> dict[str, dg.EventLogEntry]:
    """The newest evaluation of a check in each partition that Dagster knows."""
    key = dg.AssetCheckKey(dg.AssetKey([running.declaration.name, "monitoring_report"]), name)
    records = running.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found = {}
    for record in records:
        found.setdefault(record.partition, record.event)
    return found


def test_reports_that_labels_overtook_are_made_anew(overtaken):
    """The run of the labels makes each report that they count in what it is with them, checks included, and no others."""
    before = payloads(overtaken.declaration)
    assert before[OVERTAKEN[-1]]["business"]["rate"] is None
    result = asked_for(overtaken)
    after = payloads(overtaken.declaration)
    assert [key for key in after if after[key] != before[key]] == OVERTAKEN
    assert after[OVERTAKEN[-1]]["business"]["rate"]["rows"] == 240
    assert told(overtaken, result) == OVERTAKEN
    assert observed(overtaken, result) == own_quality(overtaken, CAME)
    found = checked(overtaken, "rate_is_in_range")
    assert {key: found[key].run_id == result.run_id for key in found} == {
        key: key in OVERTAKEN for key in found
    }
    evaluation = found[OVERTAKEN[0]].dagster_event.asset_check_evaluation_data
    assert evaluation.metadata["sentence"].value == after[OVERTAKEN[0]]["findings"][0]["sentence"]

    watch_partitions(overtaken.declaration, OVERTAKEN)
    again = payloads(overtaken.declaration)
    assert {key: sentences(again[key]) for key in again} == {key: sentences(after[key]) for key in after}


def test_no_more_than_the_newest_reports_are_made_anew(overtaken, monkeypatch):
    """A run makes so many anew as is stated, and partitions far apart each go on from their day before."""
    monkeypatch.setattr(late_labels, "MOST_REMADE", 3)
    before = payloads(overtaken.declaration)
    asked_for(overtaken)
    after = payloads(overtaken.declaration)
    assert [key for key in after if after[key] != before[key]] == OVERTAKEN[-3:]
    known = {}

    def spied(spec, champion, batch, rows, previous):
        known[batch.key] = previous and previous["partition_key"]
        return monitor(spec, champion, batch, rows, previous)

    monkeypatch.setattr(watch, "monitor", spied)
    watch_partitions(overtaken.declaration, [OVERTAKEN[0], OVERTAKEN[3]])
    assert known == {OVERTAKEN[0]: (FIRST_DAY + 31 * DAY).isoformat(), OVERTAKEN[3]: OVERTAKEN[2]}
