"""The retraining sensor: what it asks for, when it waits, and what it says."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from retrain_assets.attempts import attempts
from retrain_assets.home import home
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.monitoring_report.life import write_life
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_days
from retrain_assets_tests.retraining_decision.past import (
    DAYS,
    alarm,
    at,
    attempt,
    codes,
    decisions,
    live,
    promote,
    started,
    take_in,
)
from retrain_assets_tests.running import YOUNG, loans, next_days, sentence
from retrain_assets_tests.ticking import Automation, reasons

pytestmark = YOUNG


def test_no_champion(tmp_path):
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
def test_a_declared_trigger_asks(tmp_path, changes, reason):
    """New labelled rows and the champion's age are reasons of their own."""
    assert reasons(started(tmp_path, **changes).decide()) == [reason]


@pytest.mark.parametrize("reason", ["performance", "business:repaid_share", "drift"])
def test_an_alarm_asks_when_there_is_something_to_learn(tmp_path, reason):
    """An alarm whose onset lies far enough before the end of training is a reason, by its own name."""
    pipeline = started(tmp_path)
    alarm(pipeline.declaration, DAYS, reason, onset=14)
    data = pipeline.decide()
    assert reasons(data) == [reason]
    assert data.run_requests[0].tags["retrain_assets/why"] == f"The threshold of {reason} is crossed."


def test_changed_code_asks(tmp_path):
    """A declaration that differs from that of the last attempt is a reason, where it is declared as one."""
    started(tmp_path)
    changes = {"training__params": {"max_iter": 25, "min_samples_leaf": 10}}
    assert not Automation(declare(tmp_path, **changes)).decide().run_requests
    changes["retrain_when"] = {"code_changes": True}
    assert reasons(Automation(declare(tmp_path, **changes)).decide()) == ["code_changed"]


def test_reasons_come_together(tmp_path):
    """All reasons that stand are named, in one run."""
    pipeline = started(tmp_path, retrain_when={"new_rows": 900, "max_age": "8d"})
    assert reasons(pipeline.decide()) == ["new_rows,age"]


@pytest.mark.parametrize(
    ("changes", "hold"),
    [
        ({"limits": {"cooldown": "10d"}}, "cooldown"),
        ({"limits": {"runs": 1, "per": "30d"}}, "budget"),
        ({"training__minimum_rows": 5000}, "minimum_rows"),
        (
            {"training__window": {"type": "rolling", "length": "85d"}, "evaluation__holdout": "14d"},
            "nothing_new",
        ),
    ],
)
def test_a_declared_limit_holds_back(tmp_path, changes, hold):
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
def test_a_retrain_in_flight_holds_back(tmp_path, status):
    """While a retrain is queued or running there is no second one."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
    pipeline.has_run("retrain", dg.DagsterRunStatus[status], {"retrain_assets/as_of": at(DAYS).isoformat()})
    data = pipeline.decide()
    assert not data.run_requests
    assert "A retrain is in flight." in data.skip_message


@pytest.mark.parametrize("status", ["FAILURE", "CANCELED"])
def test_a_failed_retrain_backs_off(tmp_path, status):
    """After a run that failed or was canceled, the next one waits for a partition more."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "0h"})
    tags = {"retrain_assets/as_of": at(DAYS).isoformat(), "retrain_assets/evidence": "{}"}
    pipeline.has_run("retrain", dg.DagsterRunStatus[status], tags)
    data = pipeline.decide()
    assert not data.run_requests
    assert "The last attempt failed; it tries again from 2026-01-31 23:00 UTC on." in data.skip_message
    take_in(pipeline.declaration, write_days(tmp_path, 1, FIRST_DAY + timedelta(days=DAYS)))
    assert reasons(pipeline.decide()) == ["age"]


def test_a_run_that_was_just_asked_for_counts_as_in_flight(tmp_path):
    """Two ticks at the same moment ask for one run, not for two; once that run is there, it is what counts."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
    assert pipeline.decide().run_requests
    assert "A retrain is in flight." in pipeline.decide().skip_message
    pipeline.has_run("retrain", dg.DagsterRunStatus.SUCCESS)
    assert pipeline.decide().run_requests


@pytest.mark.parametrize(("seconds", "asks"), [(0, False), (60, True)])
def test_a_request_that_was_lost_is_made_again(tmp_path, seconds, asks):
    """The daemon died before it launched the run: a minute later it is asked for again."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
    payload = json.dumps({"reasons": [], "held_back_by": []})
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    row = {"as_of": at(DAYS), "at": moment, "act": True, "payload": payload}
    pipeline.declaration.lake.append("decisions", pl.DataFrame([row], schema=SCHEMAS["decisions"]))
    assert bool(pipeline.decide().run_requests) == asks


def test_an_alarm_waits_until_there_is_something_to_learn(tmp_path):
    """Harm that has just begun is told, and held back until training rows reach beyond its onset."""
    pipeline = started(tmp_path)
    alarm(pipeline.declaration, DAYS, "performance", onset=22)
    data = pipeline.decide()
    assert not data.run_requests
    [entry] = decisions(pipeline.declaration)
    assert codes(entry["held_back_by"]) == ["too_new_to_learn"]
    assert entry["earliest"] == at(22 + 2 + 9).isoformat()


def test_a_reason_that_was_acted_on_is_consumed(tmp_path):
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


def test_an_ingest_in_flight_is_waited_for(tmp_path):
    """Nothing is decided on rows that are about to change."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
    pipeline.has_run("ingest", dg.DagsterRunStatus.STARTED)
    data = pipeline.decide()
    assert not data.run_requests
    assert data.skip_message == "An ingest run is in flight. The decision waits for what it brings."
    assert not events(pipeline)


def test_a_changed_decision_is_an_event_of_its_asset(tmp_path):
    """It tells the decision in words and the evidence in numbers, which the UI plots; the same one tells nothing."""
    pipeline = started(tmp_path)
    pipeline.decide()
    [event] = events(pipeline)
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
    pipeline.decide()
    assert len(events(pipeline)) == 1


def test_reasons_and_holds_are_told_as_lists(tmp_path):
    """The event lists each reason and each hold as a sentence of its own, in Markdown."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
    pipeline.decide()
    [event] = events(pipeline)
    assert event.metadata["reasons"].value.startswith("- Version 1 was last replaced or confirmed on ")
    assert event.metadata["held_back_by"].value == (
        "- The last attempt was at 2026-01-23 00:00 UTC; 10d must pass."
    )


def test_a_changed_decision_renews_the_page_of_the_models_life(tmp_path):
    """A decision not to act is on the page at once, although no run writes it."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
    pipeline.decide()
    life = json.loads((pipeline.declaration.reports / "life.json").read_text())
    assert [codes(item["held_back_by"]) for item in life["decisions"]] == [["cooldown"]]
    assert (pipeline.declaration.reports / "index.html").exists()


def test_a_life_leads_to_the_pages_that_there_are(tmp_path):
    """It links the cadence once that is written, and the data docs of the newest partition that has some."""
    pipeline = started(tmp_path)
    reports = pipeline.declaration.reports
    life = write_life(pipeline.declaration)
    assert life["links"] == {"cadence": None, "data_docs": None}
    for part in life["partitions"][2:4]:
        (reports / "data_docs" / part["key"]).mkdir(parents=True)
        (reports / "data_docs" / part["key"] / "index.html").touch()
    (reports / "cadence.html").touch()
    docs = f"data_docs/{life['partitions'][3]['key']}/index.html"
    assert write_life(pipeline.declaration)["links"] == {"cadence": "cadence.html", "data_docs": docs}


def test_after_a_retrain_the_page_tells_the_decision_that_follows(tmp_path):
    """The sensor's next tick, with the same data, puts in the place of the request what is waited for then."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"})
    [request] = pipeline.decide().run_requests
    attempt(pipeline.declaration, DAYS, evidence=json.loads(request.tags["retrain_assets/evidence"]))
    promote(pipeline.declaration, DAYS, action="confirmed")
    assert pipeline.decide().skip_message.startswith("Nothing asks for a retrain.")
    page = (pipeline.declaration.reports / "index.html").read_text()
    first_screen = page[: page.index("</section>")]
    assert "Nothing asks for a retrain." in first_screen
    assert "It asked for a retrain." not in first_screen


def test_a_decision_whose_page_cannot_be_written_has_been_reported(tmp_path):
    """The event comes before the record and the page: a tick that fails at the page has told its decision."""
    pipeline = started(tmp_path, retrain_when={"max_age": "5d"}, limits={"cooldown": "10d"})
    (pipeline.declaration.reports / "life.json").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        pipeline.decide()
    [event] = events(pipeline)
    assert event.metadata["number_of_holds"].value == 1
    assert len(decisions(pipeline.declaration)) == 1


def test_a_run_that_failed_to_register_is_gone_on_with(tmp_path):
    """The registry refuses a blessed candidate; a day later the sensor asks for registration alone, which succeeds."""
    running = loans(tmp_path)
    automation = Automation(running.declaration, running.instance)
    with sqlite3.connect(home() / "mlflow.db") as store:
        store.execute(
            "CREATE TRIGGER away BEFORE INSERT ON model_versions BEGIN SELECT RAISE(ABORT, 'away'); END"
        )
    [request] = automation.decide().run_requests
    assert not running.run("retrain", tags=request.tags).success
    assert "The last attempt failed; it tries again from" in automation.decide().skip_message
    with sqlite3.connect(home() / "mlflow.db") as store:
        store.execute("DROP TRIGGER away")

    next_days(running, 1)
    [request] = automation.decide().run_requests
    assert request.tags["retrain_assets/reason"] == "unfinished"
    assert request.asset_selection == [dg.AssetKey(["loans", "registered_model"])]
    resumed = running.run("retrain", nodes=["registered_model"], tags=request.tags)
    assert resumed.success, sentence(resumed)
    assert running.declaration.ledger.standing().version == 1
    assert [item.stage for item in attempts(running.declaration.lake)] == [
        "trained",
        "evaluated",
        "registered",
    ]
    assert automation.decide().skip_message == "Nothing asks for a retrain."


def events(pipeline):
    """Events of the decision in the instance."""
    key = dg.AssetKey(["loans", "retraining_decision"])
    records = pipeline.instance.fetch_materializations(key, 10).records
    return [record.asset_materialization for record in records]
