"""Some weeks of the loans pipeline, lived through as the demo lives through its own, in seconds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from retrain_assets.demo.replay import Replay
from retrain_assets_tests.pipelines import FIRST_DAY, write_day, write_days

HISTORY = 18
"""Days that are there from the beginning: enough for a first model."""
DAYS = 23
"""All days; the Monday within them is the schedule's."""

RETRAIN_WHEN: dict[str, Any] = {
    "schedule": "0 2 * * 1",
    "performance": {"metric": "roc_auc", "drop": 0.2},
    "business": [{"name": "repaid_share", "sql": "AVG(repaid)", "below": 0.1}],
    "drift": {"psi": 0.5, "importance": 0.5},
    "max_age": "60d",
}


def live_through(replay: Replay, folder: Path, name: str) -> None:
    """Deliver a day at a time and tick the sensors after each, the schedule on Mondays.

    Parameters
    ----------
    replay
        The pipeline's automation.
    folder
        The folder that the pipeline is declared in.
    name
        The pipeline's name.
    """
    write_days(folder, HISTORY - 1)
    for number in range(HISTORY - 1, DAYS):
        day = FIRST_DAY + timedelta(days=number)
        write_day(folder, day)
        replay.settle(f"{name}_source_sensor")
        replay.settle(f"{name}_retraining_sensor")
        tomorrow = day + timedelta(days=1)
        if tomorrow.weekday() == 0:
            replay.tick_schedule(f"{name}_retrain_schedule", _two_o_clock(tomorrow))
            replay.settle(f"{name}_retraining_sensor")


def _two_o_clock(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 2, tzinfo=UTC)
