"""Labels that are delivered after the reports that they count in: those reports are made anew, and no others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from retrain_assets.declaration import Declaration
from retrain_assets.lake import Lake
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report import asset, late_labels, life, watch
from retrain_assets.monitoring_report.late_labels import Review, newest_delivery, review_reports
from retrain_assets.monitoring_report.life import write_life
from retrain_assets.monitoring_report.record import record_reports
from retrain_assets.monitoring_report.report import monitor
from retrain_assets.monitoring_report.watch import watch_partitions
from retrain_assets_tests.pipelines import FIRST_DAY
from retrain_assets_tests.remembered import begin_with
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import YOUNG, Running, sentence
from retrain_assets_tests.ticking import Automation
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

pytestmark = YOUNG

DAY = timedelta(days=1)
BUSINESS = {"business": [{"name": "rate", "sql": "AVG(repaid)", "below": 0.1, "over": "2d"}]}
OVERTAKEN = [(FIRST_DAY + day * DAY).isoformat() for day in range(32, 37)]
"""A label of day 30 counts at the age of two days: from the report of day 32 on."""

CAME = [(FIRST_DAY + day * DAY).isoformat() for day in range(30, 35)]


@pytest.fixture
def overtaken(tmp_path):
    """Reports of twelve days, while labels came for the first five of them only; then those of five more days."""
    declared = {"retrain_when": BUSINESS}

    def live() -> None:
        running = Running(late(tmp_path, declared=declared))
        take_in(running.declaration, deliver(tmp_path, 25))
        assert running.retrain().success
        running.ingest(deliver(tmp_path, 37, booked=30)[25:])
        assert review_reports(running.declaration) == Review()
        for day in range(30, 35):
            book(tmp_path, FIRST_DAY + day * DAY)

    begin_with("overtaken", tmp_path, live)
    return Running(late(tmp_path, declared=declared))


def payloads(declaration) -> dict[str, dict]:
    """What each partition's report says."""
    return {key: report for key, (report, _) in recorded(declaration).items()}


def deliveries(declaration) -> dict[str, int]:
    """The newest delivery of labels that each partition's report has been held against."""
    return {key: delivery for key, (_, delivery) in recorded(declaration).items()}


def recorded(declaration) -> dict[str, tuple[dict, int]]:
    """Each partition's report, and the newest delivery that it knows of."""
    reports = declaration.lake.scan("monitoring").sort("partition_key").collect()
    found = {row["partition_key"]: json.loads(row["payload"]) for row in reports.iter_rows(named=True)}
    return {key: (report, report.pop("label_delivery")) for key, report in found.items()}


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


def observations(running, result) -> dict[str, dict[str, float | str]]:
    """What a run observed of partitions, as plain values."""
    key = dg.AssetKey([running.declaration.name, "monitoring_report"])
    events = running.instance.fetch_observations(key, limit=100).records
    return {
        event.partition_key: {name: held.value for name, held in event.asset_observation.metadata.items()}
        for event in events
        if event.run_id == result.run_id
    }


def observed(running, result) -> dict[str, float]:
    """Quality of partitions' own rows that a run observed."""
    return {key: found["own_log_loss"] for key, found in observations(running, result).items()}


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
    assert {key: event.run_id for key, event in found.items()} == dict.fromkeys(OVERTAKEN, result.run_id)
    evaluation = found[OVERTAKEN[0]].dagster_event.asset_check_evaluation_data
    assert evaluation.metadata["sentence"].value == after[OVERTAKEN[0]]["findings"][0]["sentence"]
    assert set(deliveries(overtaken.declaration).values()) == {newest_delivery(overtaken.declaration)}
    assert review_reports(overtaken.declaration) == Review()

    record_reports(overtaken.declaration, watch_partitions(overtaken.declaration, OVERTAKEN), Review())
    again = payloads(overtaken.declaration)
    assert {key: sentences(again[key]) for key in again} == {key: sentences(after[key]) for key in after}


def test_a_run_that_dies_leaves_what_it_did_not_tell_to_the_next(overtaken, monkeypatch):
    """Reports are recorded when they and their checks are told, and quality when it was, whoever wrote the page."""
    before, newest = payloads(overtaken.declaration), OVERTAKEN[-1]

    def dies(*_: object) -> None:
        raise OSError("the disk is full")

    def dies_of(second: str, tell: Callable[..., dg.AssetObservation]) -> Callable[..., dg.AssetObservation]:
        return lambda *told: dies() if second in told else tell(*told)

    def dies_behind_the_page(declaration: Declaration) -> None:
        write_life(declaration)
        dies()

    with monkeypatch.context() as patch:
        patch.setattr(asset, "log_findings", dies)
        assert not overtaken.run("ingest", tags={"dagster/partition": newest}).success
    assert payloads(overtaken.declaration) == before
    with monkeypatch.context() as patch:
        patch.setattr(life, "write_life", dies_behind_the_page)
        second = overtaken.run("ingest", tags={"dagster/partition": newest})
    assert not second.success
    assert told(overtaken, second) == OVERTAKEN
    assert {
        key for key, found in checked(overtaken, "rate_is_in_range").items() if found.run_id == second.run_id
    } == {*OVERTAKEN}
    assert own_quality(overtaken, CAME).keys() == set(CAME)
    with monkeypatch.context() as patch:
        patch.setattr(asset, "_realised", dies_of(CAME[1], asset._realised))
        third = overtaken.run("ingest", tags={"dagster/partition": newest})
    assert not third.success
    assert told(overtaken, third) == [newest]
    assert observed(overtaken, third) == own_quality(overtaken, CAME[:1])
    fourth = overtaken.run("ingest", tags={"dagster/partition": newest})
    assert observed(overtaken, fourth) == own_quality(overtaken, CAME)
    again = overtaken.run("ingest", tags={"dagster/partition": newest})
    assert observed(overtaken, again) == {}


def test_own_quality_is_told_with_the_reason_why_it_is_news(overtaken, tmp_path):
    """Labels that come first, labels that are corrected, and another first metric are each told as what they are."""
    found = observations(overtaken, asked_for(overtaken))
    assert {key: said["said"] for key, said in found.items()} == dict.fromkeys(
        CAME, "Labels of this partition's own rows have come in since its report."
    )
    day = FIRST_DAY + 31 * DAY
    book(tmp_path, day, bookings_of(day).with_columns(outcome=1 - pl.col("outcome")))
    [(corrected, said)] = observations(overtaken, asked_for(overtaken)).items()
    assert corrected == CAME[1]
    assert said["said"] == "This figure has changed since it was told: labels were corrected or came later."
    evaluation = overtaken.declaration.spec.evaluation
    declared = {"retrain_when": BUSINESS, "evaluation__metrics": [*reversed(evaluation.metrics)]}
    other = Running(late(tmp_path, declared=declared), overtaken.instance)
    found = observations(other, other.run("ingest", tags={"dagster/partition": OVERTAKEN[-1]}))
    assert found.keys() >= set(CAME)
    assert all(said["said"].startswith("The first declared metric is roc_auc") for said in found.values())
    assert {key: found[key]["own_roc_auc"] for key in CAME} == own_quality(other, CAME)


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


def at(day: float) -> datetime:
    """A moment so many days after the first day's midnight."""
    return datetime(*FIRST_DAY.timetuple()[:3], tzinfo=UTC) + day * DAY


def key(day: float) -> str:
    """The partition of that moment."""
    return at(day).date().isoformat()


LATE = 18.8
"""When a row was asked for that came with the file of day 22."""


@pytest.fixture
def looked_at(tmp_path):
    """A row every six hours of thirty days, no label, and reports as of the ends of two days by different champions.

    The first knows of the second delivery of labels, and its champion is of day 3; the other knows of the first
    delivery, and its champion is of day 10.
    """
    declaration = late(tmp_path)
    moments = [number / 4 for number in range(120)]
    rows = [{"partition_key": key(moment), "loan": str(moment), "asked_at": at(moment)} for moment in moments]
    declaration.lake.append("training_data", pl.DataFrame(rows))
    for day, promoted, delivery in ((19, 3, 2), (20, 10, 1)):
        report = {"partition_key": key(day), "as_of": at(day + 1).isoformat(), "label_delivery": delivery}
        row = {
            "partition_key": key(day),
            "as_of": at(day + 1),
            "payload": json.dumps(report | {"promoted_at": at(promoted).isoformat()}),
        }
        declaration.lake.append("monitoring", pl.DataFrame([row], schema=SCHEMAS["monitoring"]))
    return declaration


def come(declaration: Declaration, delivery: int, moment: float, known: float) -> None:
    """Deliver the label of a row."""
    row = {
        "partition_key": key(known),
        "key": str(float(moment)),
        "value": 1,
        "known_at": at(known),
        "delivery": delivery,
    }
    row |= {"read_as": declaration.spec.label.source.read_as, "seen_at": at(40), "run_id": "one"}
    declaration.lake.append("labels", pl.DataFrame([row], schema_overrides={"delivery": pl.Int64}))


@pytest.mark.parametrize(
    ("delivery", "moment", "known", "overtaken"),
    [
        pytest.param(2, 15, 16, [20], id="counts in the one that does not know of it"),
        pytest.param(3, 15, 16, [19, 20], id="counts in both"),
        pytest.param(2, 10, 11, [20], id="of the champion's first moment"),
        pytest.param(2, 9.75, 11, [], id="of a row older than its champion, but not than the one before"),
        pytest.param(3, 9.75, 11, [19, 20], id="counts in the first, which the other goes on from"),
        pytest.param(3, 2.75, 11, [], id="of a row older than both champions"),
        pytest.param(2, 19, 19.5, [20], id="of a row that is mature at the last moment"),
        pytest.param(2, 19.25, 19.5, [], id="of a row that is too young"),
        pytest.param(2, 15, 21, [20], id="known at the last moment"),
        pytest.param(2, 15, 21.25, [], id="known later"),
        pytest.param(1, 15, 16, [], id="of a delivery that both know of"),
        pytest.param(3, LATE, 19.5, [20], id="of a late row, in the partition of its delivery"),
    ],
)
def test_labels_that_count_in_a_report(looked_at, delivery, moment, known, overtaken):
    """A report is overtaken by labels of its champion's rows that came later, and were to be known by its end."""
    row = {"partition_key": key(22), "loan": str(LATE), "asked_at": at(LATE)}
    looked_at.lake.append("training_data", pl.DataFrame([row]))
    come(looked_at, delivery, moment, known)
    assert list(review_reports(looked_at).overtaken) == [key(day) for day in overtaken]


def test_only_rows_that_may_count_are_read_and_only_for_new_deliveries(looked_at):
    """Files of days before the champions and of rows that are too young stay closed; without news those of all days."""
    come(looked_at, 2, 9.75, 11)
    folder = Path(looked_at.lake.uri("training_data"))
    for day in (*range(3), *range(20, 30)):
        shutil.rmtree(folder / f"partition_key={key(day)}")
    review = review_reports(looked_at)
    assert (review.delivery, review.overtaken) == (2, [])
    record_reports(looked_at, [], review)
    assert deliveries(looked_at) == {key(19): 2, key(20): 2}
    shutil.rmtree(folder)
    looked_at.lake.append("training_data", pl.DataFrame(schema={"partition_key": pl.String}))
    assert review_reports(looked_at) == Review()


def remake(declaration: Declaration, day: int) -> None:
    """Record another report of a day, which knows of the second delivery of labels, as another run does."""
    row = declaration.lake.rows("monitoring", [key(day)]).collect()
    payload = json.loads(row["payload"].item()) | {"label_delivery": 2, "rows": 7}
    declaration.lake.replace_partitions(
        "monitoring", row.with_columns(payload=pl.lit(json.dumps(payload))), [key(day)]
    )


@pytest.mark.parametrize("moment", ["before the record is read", "before it is written"])
def test_a_report_that_another_run_made_meanwhile_is_left_alone(looked_at, moment, monkeypatch):
    """What was found out about a report does not count for the one in its place, whenever that came."""
    come(looked_at, 3, 2.75, 11)
    review = review_reports(looked_at)
    replace = Lake.replace_partitions

    def overtaken_once(*arguments: object) -> None:
        monkeypatch.setattr(Lake, "replace_partitions", replace)
        remake(looked_at, 20)
        replace(*arguments)

    if moment == "before it is written":
        monkeypatch.setattr(Lake, "replace_partitions", overtaken_once)
    else:
        remake(looked_at, 20)
    record_reports(looked_at, [], review)
    assert deliveries(looked_at) == {key(19): 3, key(20): 2}
    assert payloads(looked_at)[key(20)]["rows"] == 7
