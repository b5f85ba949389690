"""Opening the UI on a history that was replayed launches nothing."""

from __future__ import annotations

import os

import pytest

from retrain_assets_tests.live.conftest import FINISHED
from retrain_assets_tests.running import YOUNG

pytestmark = [*YOUNG, pytest.mark.timeout(900)]

SECONDS = 300 if os.environ.get("RETRAIN_ASSETS_LONG") else 75
"""How long it is watched; RETRAIN_ASSETS_LONG=1 makes it five minutes."""


def test_nothing_is_launched_on_a_finished_history(live):
    """Over 75 seconds at least, and two ticks of each sensor, the runs stay those of the replay."""
    live.watch(FINISHED, live.since, ticks=2, seconds=SECONDS)
    assert {run["runId"] for run in live.runs(FINISHED)} == {item.run_id for item in live.launched}


def test_quiet_ticks_say_why(live):
    """Each tick since the start was skipped, and says what holds: nothing new, and no reason to train."""
    live.watch(FINISHED, live.since, ticks=1)
    for kind, sentence in (("source", "Nothing new. The source is late"), ("retraining", "Nothing asks")):
        ticks = live.ticks(f"{FINISHED}_{kind}_sensor", live.since)
        assert {tick["status"] for tick in ticks} == {"SKIPPED"}
        assert all(tick["skipReason"].startswith(sentence) for tick in ticks)
