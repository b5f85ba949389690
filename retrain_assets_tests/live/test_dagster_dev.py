"""The loop closes by itself: under a real daemon a new file becomes rows, a decision, a model, a champion."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from retrain_assets.champion.tracking import client
from retrain_assets_tests.live.conftest import DAYS_WAITING, WAITING, Live
from retrain_assets_tests.pipelines import FIRST_DAY, write_day
from retrain_assets_tests.running import YOUNG

pytestmark = [*YOUNG, pytest.mark.timeout(900), pytest.mark.usefixtures("in_home")]


def _finished(live: Live, **tags: str):
    """Runs that have ended, or nothing while one has not; a failed one fails the test."""
    runs = live.runs(WAITING, **tags)
    assert all(run["status"] not in {"FAILURE", "CANCELED"} for run in runs), live.server.tail()
    return runs if all(run["status"] == "SUCCESS" for run in runs) else []


def test_a_new_file_becomes_a_champion(live):
    """A file lands; one ingest run and one retrain run follow, a champion is registered, then it is quiet."""
    before = [run["runId"] for run in live.runs(WAITING)]
    assert len(before) == 1
    day = FIRST_DAY + timedelta(days=DAYS_WAITING)
    write_day(live.folder / WAITING, day)

    ingested = live.server.wait_for(
        lambda: [run for run in _finished(live, ingest=WAITING) if run["runId"] not in before],
        "finished ingest run",
        240,
    )
    assert len(ingested) == 1
    assert ingested[0]["jobName"] == f"{WAITING}_ingest"
    assert ingested[0]["tags"]["dagster/sensor_name"] == f"{WAITING}_source_sensor"
    assert ingested[0]["tags"]["dagster/partition"] == day.isoformat()

    [retrained] = live.server.wait_for(lambda: _finished(live, retrain=WAITING), "finished retrain run", 240)
    assert retrained["jobName"] == f"{WAITING}_retrain"
    assert retrained["tags"]["dagster/sensor_name"] == f"{WAITING}_retraining_sensor"
    assert retrained["tags"]["retrain_assets/reason"] == "no_champion"
    assert retrained["tags"]["retrain_assets/as_of"] == f"{day + timedelta(days=1)}T00:00:00+00:00"

    champion = client().get_model_version_by_alias(WAITING, "champion")
    assert int(champion.version) == 1
    assert retrained["runId"] in champion.tags.values()

    live.watch(WAITING, time.time(), ticks=2)
    after = {run["runId"] for run in live.runs(WAITING)}
    assert after == {*before, ingested[0]["runId"], retrained["runId"]}
