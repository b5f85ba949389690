"""A champion on watch beside its predecessor: when it is found worse, and what is kept between looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrain_assets.champion.promotion_watch import PromotionWatch, promotion_watch
from retrain_assets.champion.standing import LedgerEntry
from retrain_assets.comparison import METRICS, Criterion, value_criterion
from retrain_assets.monitoring_report.promise import judge_promise
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.spec import ValueSpec
from retrain_assets_tests.pipelines import declare

SINCE = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WATCH = PromotionWatch(2, 1, SINCE, SINCE + 28 * DAY)


def scored(days: int, worse: float, seed: int = 1) -> LabelledRows:
    """Rows of a regression, 50 a day, on which the champion's absolute error is so much larger on average."""
    random = np.random.default_rng(seed)
    times = [SINCE + day * DAY + timedelta(minutes=20 * row + 1) for day in range(days) for row in range(50)]
    y = random.normal(size=len(times))
    frame = pl.DataFrame(
        {
            "asked_at": times,
            "predecessor_score": y + 1.0 + random.normal(0, 0.3, y.size),
            "score": y + 1.0 + worse + random.normal(0, 0.3, y.size),
        }
    )
    return LabelledRows.of(frame, y, declare(Path()).time_columns)


def watched(rows: LabelledRows, days: range, **changes: Any) -> list[dict[str, Any] | None]:
    """Look after each of some days, as the reports do."""
    spec = declare(Path(), **changes).spec
    report: dict[str, Any] | None = None
    found = []
    for day in days:
        bounds = SINCE + (day - 1) * DAY, SINCE + day * DAY
        watch = judge_promise(spec, Criterion(METRICS["mean_absolute_error"]), WATCH, rows, bounds, report)
        report = {"version": 2, "promoted_at": SINCE.isoformat(), "watch": watch}
        found.append(watch)
    return found


def test_worse_is_found_and_stands():
    """From seven mature days on a clear loss is found, told with its figures, and stands as it was found."""
    found = watched(scored(20, 0.5), range(1, 40))
    assert [item["crossed"] for item in found[:7]] == [False] * 7
    assert "at least 7 blocks of time, and there are 6" in found[6]["sentence"]
    first = next(place for place, item in enumerate(found) if item["crossed"])
    assert first < 12
    assert all(item == found[first] for item in found[first:])
    assert found[first]["sentence"].startswith(
        f"Version 2 does worse than version 1, which it replaced. On {50 * first:,} rows in {first} blocks since its "
        "promotion its mean_absolute_error is worse by 0."
    )
    assert found[first]["numbers"]["lower"] > 0
    assert found[first]["first_look"] == 7


def test_better_is_not_found_worse():
    """A champion that does better is never found worse, and the watch ends with its last label."""
    found = watched(scored(40, -0.2), range(1, 40))
    # The label of a row is mature a day later, so that the last of the watch is looked at on the 29th day.
    assert [item is not None for item in found] == [True] * 29 + [False] * 10
    assert not any(item["crossed"] for item in found[:29])
    assert found[28]["numbers"]["rows"] == 28 * 50


def test_margin():
    """Under non-inferiority worse means worse by more than the declared margin."""
    rows = scored(28, 0.2)
    assert watched(rows, range(1, 30))[-1]["crossed"]
    allowed = {"promotion": {"rule": "non_inferiority", "margin": 0.4}}
    last = watched(rows, range(1, 30), **allowed)[-1]
    assert not last["crossed"]
    assert last["numbers"]["threshold"] == 0.4


def test_the_test_of_the_first_look_is_kept():
    """A watch that begins with 20 days goes by the other test than one that began with seven."""
    rows = scored(28, 0.0)
    assert watched(rows, range(1, 25))[-1]["numbers"]["test"] == "t_mixture"
    late = watched(rows, range(24, 25))[-1]
    assert (late["numbers"]["test"], late["first_look"]) == ("confidence_sequence", 23)


def test_equal_champions_are_seldom_found_worse():
    """Looked at every third day, of 150 champions as good as their predecessor some 2.5 % are found worse at most."""
    crossed = sum(
        any(item["crossed"] for item in watched(scored(28, 0.0, seed), range(8, 30, 3)))
        for seed in range(150)
    )
    # Two standard errors of the simulation above the promise.
    assert crossed <= 150 * 0.025 + 2 * np.sqrt(150 * 0.025 * 0.975)


def test_entities_that_come_again_are_no_evidence_of_days():
    """Where ten customers' peculiarities make a champion seem worse every day, customers as blocks find nothing."""
    rows = scored(20, 0.0)
    customers = np.random.default_rng(3).integers(0, 10, rows.y.size)
    peculiar = np.array([0.9, -0.5, 0.4, 0.6, -0.4, 0.7, -0.3, 0.8, -0.2, -0.6])[customers]
    frame = rows.frame.with_columns(pl.col("score") + peculiar, customer=pl.Series(customers))
    rows = LabelledRows(frame, rows.y, rows.columns)
    assert watched(rows, range(1, 22))[-1]["crossed"]
    assert not any(item["crossed"] for item in watched(rows, range(1, 22), evaluation__block="customer"))


@pytest.mark.parametrize(
    ("action", "expected", "length", "on_watch"),
    [
        ("promoted", 1, 28, True),
        ("promoted", None, 28, False),
        ("forced", 1, 28, False),
        ("rolled_back", 1, 28, False),
        ("promoted", 1, 0, False),
    ],
)
def test_who_is_on_watch(action, expected, length, on_watch):
    """A promotion over another champion begins a watch; the first one, a person's choice and a rollback do not."""
    entry = LedgerEntry(2, action, 2, expected, "retrain_assets", "Better.", {}, SINCE, SINCE)
    found = promotion_watch(entry, length * DAY)
    assert (found == WATCH) if on_watch else (found is None)


def test_default_is_four_holdouts():
    """Without a declaration a promotion is watched for four holdouts."""
    assert declare(Path()).spec.promotion_watch == 28 * DAY
    assert declare(Path(), promotion__watch="0d").spec.promotion_watch == timedelta(0)


def test_the_watch_is_by_what_decides():
    """A champion that errs less and brings in less is found worse where value decides, and not by its errors."""
    rows = scored(20, -0.3)
    by_error = watched(rows, range(1, 22))
    money = ValueSpec(function="retrain_assets_tests.monitoring_report.test_promise:sold", currency="EUR")
    spec = declare(Path()).spec
    bounds = SINCE + 20 * DAY, SINCE + 21 * DAY
    by_value = judge_promise(spec, value_criterion(money, "regression"), WATCH, rows, bounds, None)
    assert not any(item is not None and item["crossed"] for item in by_error)
    assert by_value is not None and by_value["crossed"]
    assert "its value is worse by " in by_value["sentence"]


def sold(rows: pl.DataFrame, y: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Money of a shop that pays 10 for its place, and in which the more is ordered the better."""
    del rows
    return score - y - 10
