"""How many comparisons a year a declaration can lead to."""

from __future__ import annotations

import pytest

from retrain_assets.evaluation_report.comparison_rate import comparisons_per_year, ticks_per_year
from retrain_assets.spec import load_spec
from retrain_assets_tests.spec.test_declarations import declared

COST = {"per_retrain": 10, "per_metric_unit_and_row": 1}


@pytest.mark.parametrize(
    ("cron", "ticks"),
    [
        ("0 2 * * 1", 53),
        ("0 2 * * MON,THU", 105),
        ("30 6 * * 1-5", 261),
        ("0 0 * * 7", 53),
        ("0 0 * * 0", 53),
        ("0 2 1 * *", 12),
        ("0 2 1 jan,jul *", 2),
        ("0 */6 * * *", 4 * 365),
        ("0,30 8-10 * * *", 6 * 365),
        ("5/20 * * * *", 3 * 24 * 365),
        ("0 2 29 2 *", 1),
        ("0 2 1 * 1", 53 + 12),
        ("@weekly", 53),
        ("@monthly", 12),
    ],
)
def test_ticks_of_a_schedule_are_counted(cron, ticks):
    """A year's ticks are counted for the year that has the most of them."""
    assert ticks_per_year(cron) == ticks


@pytest.mark.parametrize(
    "cron", ["", "0 2 * *", "0 25 * * *", "0 2 L * *", "0 2 * * 1#1", "*/0 * * * *", "x * * * *"]
)
def test_other_expressions_are_not_guessed_at(cron):
    """What is no plain cron expression gives no number."""
    assert ticks_per_year(cron) is None


@pytest.mark.parametrize(
    ("changes", "comparisons"),
    [
        ({"limits__runs": 6, "limits__per": "30d", "limits__cooldown": "12h"}, 6 * 13),
        ({"limits__runs": 1, "limits__per": "400d"}, 1),
        ({"limits__runs": 1000, "limits__per": "1d", "limits__cooldown": 0}, 366),
        ({"limits__runs": 1000, "source__partition": "weekly"}, 53),
        ({"limits__runs": 1000, "limits__per": "1d", "limits__cooldown": "73d"}, 5),
        ({"retrain_when__schedule": "0 2 * * 1"}, 53),
        ({"retrain_when__schedule": "0 2 L * *"}, 6 * 13),
        ({"retrain_when__schedule": "0 2 * * 1", "retrain_when__max_age": "21d"}, 6 * 13),
        ({"retrain_when__schedule": "0 2 * * 1", "retrain_when__code_changes": True}, 6 * 13),
        ({"retrain_when__schedule": "0 2 * * 1", "retrain_when__cost": COST}, 6 * 13),
    ],
)
def test_the_tightest_limit_counts(changes, comparisons):
    """Runs, cooldown, partitions and, where it alone asks, the schedule bound the comparisons of a year."""
    assert comparisons_per_year(load_spec(declared(**changes), "defs.yaml")) == comparisons
