"""The gates of the verdict, figures by group and the gain in money, through the real jobs."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from retrain_assets.monitoring_report.watch import newest_report
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import (
    QUIET,
    YOUNG,
    Running,
    checks,
    declared_anew,
    materialized,
)

pytestmark = YOUNG

BENEFITS = {
    "true_positive": "interest",
    "false_positive": -8,
    "true_negative": 0,
    "false_negative": 0,
    "currency": "EUR",
}
BEFORE, TRAINED, HELD_OUT = 25, 14, 9
NORTH_AND_SOUTH, WEST = ("north", "south"), ("west",)


def day_of(number: int, *, turned: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a day, where features mean the opposite in some regions; half of the west's rows are left out."""
    day = FIRST_DAY + timedelta(days=number)
    other = loans_of(day, flipped=True)["repaid"]
    rows = loans_of(day).with_columns(
        repaid=pl.when(pl.col("region").is_in(turned)).then(other).otherwise("repaid"),
        interest=pl.col("amount") / 5,
    )
    return rows.filter((pl.col("region") != "west") | (pl.int_range(pl.len()) % 2 == 0))


def deliver(running: Running, numbers: range, *, turned: tuple[str, ...]) -> list[str]:
    """Deliver days; returns the keys of their partitions."""
    folder = running.declaration.file.parent
    days = [FIRST_DAY + timedelta(days=number) for number in numbers]
    for number, day in zip(numbers, days, strict=True):
        write_day(folder, day, day_of(number, turned=turned))
    return [day.isoformat() for day in days]


def evaluation(running: Running, attempt: str) -> dict[str, Any]:
    """Read the JSON twin of an evaluation's page."""
    file = running.declaration.reports / "evaluations" / attempt / "evaluation.json"
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def test_what_is_better_and_worse_in_a_slice(tmp_path: Path) -> None:
    """A candidate that gains in two regions and loses in the third is rejected, and told in money and by group.

    The champion knows the first weeks, in which north and south are turned round. The candidate was trained on days
    when the west was, and is judged on days when no region is. Without the slices, value promotes it.
    """
    gates = {
        "evaluation__sensitive": ["region"],
        "promotion": {"value": BENEFITS, "calibration": {"max_error": 0.3}},
    }
    running = Running(declare(tmp_path, **(QUIET | gates)))
    take_in(running.declaration, deliver(running, range(BEFORE), turned=NORTH_AND_SOUTH))
    assert materialized(running.retrain())["evaluation_report"]["reason"] == "first_champion"
    # What the champion scored of these days, and what its reports said, decides nothing here.
    take_in(running.declaration, deliver(running, range(BEFORE, BEFORE + TRAINED), turned=WEST))
    judged = range(BEFORE + TRAINED, BEFORE + TRAINED + HELD_OUT)
    take_in(running.declaration, deliver(running, judged, turned=()))

    result = running.retrain()
    shown, found = materialized(result)["evaluation_report"], checks(result)
    document = evaluation(running, result.run_id)
    assert (shown["verdict"], shown["reason"]) == ("rejected", "slice_worse")
    assert "worsens where region = west by " in shown["sentence"]
    assert not found["no_slice_is_worse"].passed
    assert found["calibration_holds"].passed
    assert document["calibration_test"]["candidate"] < document["calibration_test"]["champion"]
    assert shown["value_per_day_improvement"] == document["value"]["per_period"]["improvement"] > 0
    [groups] = document["fairness"]
    assert {group["group"] for group in groups["groups"]} == {"north", "south", "west"}
    difference = groups["differences"]["candidate"]["selection_rate"]
    assert shown["candidate_region_selection_rate_difference"] == difference > 0
    assert running.declaration.ledger.standing().version == 1

    by_value = {"evaluation__slices": [], "promotion": {"value": BENEFITS, "decide_by": "value"}}
    running = declared_anew(running, **by_value)
    result = running.retrain()
    shown = materialized(result)["evaluation_report"]
    assert (shown["verdict"], shown["reason"]) == ("blessed", "better")
    assert "value improves by " in shown["sentence"] and " EUR per row" in shown["sentence"]
    assert running.declaration.ledger.standing().version == 2

    # On watch it is compared by what it was promoted for.
    running.ingest(deliver(running, range(judged.stop, judged.stop + HELD_OUT), turned=()))
    report = newest_report(running.declaration)
    assert report is not None
    assert "blocks since its promotion its value is worse by -" in report["watch"]["sentence"]
    assert not report["watch"]["crossed"]
