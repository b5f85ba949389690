"""The watch after a promotion, with the real jobs: a champion that turns bad is rolled back by the sensor."""

from __future__ import annotations

import json

import dagster as dg
import polars as pl
import pytest

from retrain_assets.demo.replay import Replay
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.remembered import begin_with
from retrain_assets_tests.running import (
    QUIET,
    YOUNG,
    Running,
    checks,
    declared_anew,
    next_days,
    replaced,
    sentence,
)
from retrain_assets_tests.ticking import Automation

pytestmark = YOUNG

SENSOR = "loans_retraining_sensor"


@pytest.fixture
def promoted(tmp_path) -> Running:
    """Version 2, which relies much more on its features, has taken the place of version 1."""
    return replaced(tmp_path)


@pytest.fixture
def turned(tmp_path) -> Running:
    """After that the relation has been turned round for twelve days."""
    begin_with("turned", tmp_path, lambda: next_days(replaced(tmp_path), 12, flipped=True))
    return Running(declare(tmp_path, **QUIET))


def watches(running: Running) -> list[dict | None]:
    """What the reports say of the watch, oldest first."""
    rows = running.declaration.lake.scan("monitoring").sort("as_of").collect()["payload"]
    return [json.loads(row)["watch"] for row in rows]


def test_a_champion_that_turns_bad_is_rolled_back(turned):
    """The relation turns round, version 2 is shown to be worse than version 1, and the sensor's run puts 1 back."""
    found = watches(turned)
    looks = [item["first_look"] for item in found]
    assert looks[:7] == [None] * 7
    assert set(looks[7:]) == {7}
    assert found[-1]["crossed"]
    assert found[-1]["sentence"].startswith("Version 2 does worse than version 1, which it replaced. On ")

    replay = Replay(turned.repository, turned.instance)
    assert replay.tick_sensor(SENSOR) == 1
    [launched] = replay.launched
    assert (launched.job, launched.requested_by) == ("loans_rollback", SENSOR)
    entry = turned.declaration.ledger.entries()[-1]
    assert (entry.action, entry.version, entry.expected_champion) == ("rolled_back", 1, 2)
    assert (entry.actor, entry.reason) == ("retrain_assets", found[-1]["sentence"])
    assert turned.declaration.ledger.standing().barred == {2}

    # Never twice, and not against version 1, which nobody promoted.
    replay.tick_sensor(SENSOR)
    assert [item.job for item in replay.launched].count("loans_rollback") == 1
    [unwatched] = next_days(turned, 1, flipped=True)
    assert watches(turned)[-1] is None

    life = json.loads((turned.declaration.reports / "life.json").read_text())
    [told] = [item for item in life["decisions"] if item.get("rolls_back")]
    assert told["sentence"].startswith(
        "loans_rollback is asked for: version 1 is to serve again in the place of "
    )
    assert "version 2 rolled back (watch)." in " ".join(
        told for week in life["weeks"] for told in week["decisions"]
    )
    key = dg.AssetKey(["loans", "retraining_decision"])
    events = [item.asset_materialization for item in turned.instance.fetch_materializations(key, 10).records]
    assert told["sentence"] in {event.description for event in events}
    scored = turned.declaration.lake.scan("shadow_predictions").collect()
    assert set(scored["model_version"]) == {1}
    served = turned.declaration.lake.scan("predictions").collect()
    assert set(scored["partition_key"]) == set(served["partition_key"]) - {unwatched}


def test_a_champion_that_holds_its_promise_stays(promoted):
    """While the new champion does better nothing is asked for, and the check tells the figures of the look."""
    last = promoted.ingest(next_days(promoted, 10)[-1:])
    check = checks(last)["champion_holds_its_promise"]
    assert check.passed
    assert check.metadata["blocks"].value == 9
    assert check.metadata["worse_by"].value < 0
    assert not any(item["crossed"] for item in watches(promoted))
    assert not Automation(promoted.declaration, promoted.instance).decide().run_requests


def test_the_range_of_a_run_makes_no_difference(promoted):
    """Looks of partitions that were taken in one after the other are those of all of them again in one run."""
    next_days(promoted, 7)
    for _ in range(3):
        next_days(promoted, 1)
    one_by_one = watches(promoted)
    assert [item["first_look"] for item in one_by_one] == [*[None] * 7, *[7] * 3]
    first = (
        promoted.declaration.lake.scan("monitoring").select(pl.col("partition_key").min()).collect().item()
    )
    promoted.ingest([first, str(promoted.declaration.newest_partition())])
    assert watches(promoted) == one_by_one


def test_a_rollback_waits_for_the_one_in_flight(turned):
    """While a rollback is queued or running no second one is asked for; after a failed one, with the next data."""
    automation = Automation(turned.declaration, turned.instance)
    [request] = automation.decide().run_requests
    run = automation.has_run("rollback", dg.DagsterRunStatus.STARTED, dict(request.tags))
    assert automation.decide().skip_message.startswith("A rollback is in flight;")
    turned.instance.delete_run(run.run_id)
    automation.has_run("rollback", dg.DagsterRunStatus.FAILURE, dict(request.tags))
    assert "loans_rollback" not in {item.job_name for item in automation.decide().run_requests}
    next_days(turned, 1, flipped=True)
    assert [item.job_name for item in automation.decide().run_requests] == ["loans_rollback"]


def test_a_rollback_means_the_champion_that_the_watch_found(turned):
    """When another champion came between request and run, the run leaves it."""
    [request] = Automation(turned.declaration, turned.instance).decide().run_requests
    assert turned.intervene("promote", actor="ada", reason="Meanwhile.", version=1).success
    result = turned.run("rollback", config=request.run_config)
    assert not result.success
    assert sentence(result).startswith(
        "Nothing was rolled back: version 1 is the champion, forced by ada at "
    )
    assert not Automation(turned.declaration, turned.instance).decide().run_requests
    assert turned.declaration.ledger.standing().version == 1


def test_no_watch(promoted):
    """``watch: 0d`` turns it off: no check, and no finding."""
    off = declared_anew(promoted, promotion__watch="0d")
    keys = next_days(off, 2, flipped=True)
    assert "champion_holds_its_promise" not in checks(off.ingest(keys[-1:]))
    assert set(watches(off)) == {None}


@pytest.mark.parametrize(
    "changes",
    [
        {"evaluation__block": "region"},
        {"evaluation__block": "decade", "features__derive": {"decade": "CAST(FLOOR(age / 10) AS INTEGER)"}},
    ],
    ids=["column", "derived"],
)
def test_the_watch_reads_the_declared_entities(tmp_path, changes):
    """Where blocks are entities the rows of the watch hold their column, and its error is that of their comparison."""
    running = declared_anew(replaced(tmp_path), **changes)
    next_days(running, 9)
    told = watches(running)[-1]
    assert told["numbers"]["blocks"] == 8
    assert "is worse by" in told["sentence"]
