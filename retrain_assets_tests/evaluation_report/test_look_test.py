"""Which test a look goes by, and what the document says of it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from retrain_assets.comparison import METRICS
from retrain_assets.evaluation_report.error_budget import PlannedLook
from retrain_assets.evaluation_report.look_test import LookTest
from retrain_assets.evaluation_report.slices import Scored
from retrain_assets_tests.evaluation_report.test_evaluate import (
    DELAY,
    SPLIT,
    declare,
    good,
    holdout,
    judge,
    poor,
)

AS_OF = SPLIT + timedelta(days=10) + DELAY


def planned(**changes):
    """Plan a first look at an alpha of 2.5 %."""
    facts = {
        "pair": "a",
        "kind": "first",
        "number": 1,
        "at": AS_OF,
        "alpha": 0.025,
        "cost": 0.025,
        "used": 0.025,
    }
    return PlannedLook(**(facts | {"budget": None} | changes))


def alike(days=112):
    """Loss differences of past days that resemble their neighbours."""
    return np.sin(np.arange(days) / 5)


def test_a_first_look_is_told():
    """The document says which look it is, what it cost, and the alpha of the intervals."""
    document = judge(look=planned(alpha=0.01, cost=0.01, used=0.03, budget=1.0))
    assert document["comparisons"][0]["vs_champion"]["alpha"] == 0.02
    look = document["look"]
    assert (look["number"], look["kind"], look["alpha"], look["cost"], look["used"]) == (
        1,
        "first",
        0.01,
        0.01,
        0.03,
    )
    assert look["begun_with"] == 10
    assert look["sentence"].startswith("This is look 1 at this candidate. It cost 0.01 of the year")


def test_a_later_look_is_always_valid():
    """A later look at the same rows has a wider interval, from blocks of time even where rows are blocks."""
    spec = declare(evaluation={"holdout": "10d", "block": "row"})
    first = judge(spec=spec, look=planned())
    later = judge(spec=spec, look=planned(kind="later", number=2, begun_with=8))
    once, again = (item["comparisons"][0]["vs_champion"] for item in (first, later))
    assert (once["blocks"], again["blocks"], again["estimator"]) == (4_000, 4_000, "t_mixture")
    assert again["lower"] < once["lower"]
    assert "holds over all looks at this pair together" in later["method"]


def test_a_later_look_allows_for_entities_that_come_again():
    """Of 60 equal pairs on 50 entities with peculiarities days alone find many better, and entities as declared few."""
    random, found = np.random.default_rng(7), {True: 0, False: 0}
    days = np.repeat(np.arange(33), 60)
    for _ in range(60):
        entities, gain = random.integers(0, 50, days.size), random.normal(size=50)
        champion = 50 + gain[entities] + random.normal(size=days.size)
        for in_time in found:
            test = LookTest(alpha=0.05, later=True, begun_with=14, in_time=in_time)
            scored = Scored(np.zeros(days.size), np.full(days.size, 50.0), champion, entities, None)
            compared = [
                test.compare(METRICS["mean_absolute_error"], scored[rows], champion[rows], days[rows])
                for rows in (np.flatnonzero(days < until) for until in (14, 20, 33))
            ]
            found[in_time] += any(look.lower > 0 for look in compared)
            assert {look.blocks for look in compared} == {50}
    assert found[True] > 10
    assert found[False] <= 4


def test_a_later_look_needs_seven_days():
    """Where the rows lie in fewer than seven days a later look is not taken, and costs nothing."""
    rows, y = holdout(2_000, days=5)
    spec = declare(evaluation={"holdout": "10d", "block": "row"})
    document = judge(spec=spec, rows=rows, y=y, look=planned(kind="later", number=2))
    assert (document["verdict"]["reason"], document["look"]) == ("too_few_rows", None)
    assert "Repeated looks need at least 7 blocks of time" in document["verdict"]["sentence"]


def test_a_spent_budget_decides_nothing():
    """Where nothing is left of the budget even a far better candidate waits until it returns."""
    returns = AS_OF + timedelta(days=40)
    document = judge(look=planned(alpha=0.0, cost=0.0, used=1.0, budget=1.0, returns=returns))
    verdict = document["verdict"]
    assert (verdict["verdict"], verdict["reason"]) == ("inconclusive", "error_budget_spent")
    assert verdict["next_look"] == returns.isoformat()
    assert "The year's budget of 1 false promotions is spent" in verdict["sentence"]
    assert document["comparisons"][0]["candidate"] > 0


@pytest.mark.parametrize("rows", [0, 20])
def test_rows_that_allow_no_test_cost_nothing(rows):
    """Without enough rows no look is taken."""
    frame, y = holdout(rows)
    assert judge(rows=frame, y=y, look=planned())["look"] is None


def test_a_budget_widens_the_first_look():
    """Where a budget is declared the first look allows for days that are alike; a declared alpha does not."""
    rows, y = holdout()

    def astray(part, bias):
        return np.clip(good(part) + bias, 0.01, 0.99)

    def drifting(part):
        day = (part["at"] - SPLIT).dt.total_days().to_numpy()
        return astray(part, 0.2 * np.abs(np.sin(day / 3)))

    def steady(part):
        return astray(part, 0.15)

    budget = {"promotion": {"false_promotions_per_year": 1}, "retrain_when": {"schedule": "0 2 * * 1"}}
    plain = judge(drifting, steady, rows=rows, y=y, look=planned())
    wide = judge(drifting, steady, spec=declare(**budget), rows=rows, y=y, look=planned(budget=1.0))
    narrow, wider = (item["comparisons"][0]["vs_champion"] for item in (plain, wide))
    assert (narrow["inflation"], narrow["alpha"]) == (1, wider["alpha"])
    assert wider["inflation"] > 1.5
    assert wider["upper"] - wider["lower"] > 1.2 * (narrow["upper"] - narrow["lower"])
    assert "Its variance was multiplied by" in wide["method"]
    alternating = np.tile([1.0, -1.0], 56)
    told = judge(
        drifting, steady, spec=declare(**budget), rows=rows, y=y, look=planned(budget=1.0), past=alternating
    )
    assert told["comparisons"][0]["vs_champion"]["inflation"] == 1


def test_past_days_that_are_alike_let_cosines_decide():
    """The report says which estimator decided, the correlation, and over how many days."""
    document = judge(poor, good, past=alike())
    found = document["comparisons"][0]["vs_champion"]
    assert (found["estimator"], found["past_days"]) == ("equal_weighted_cosine", 112)
    assert document["method"].startswith(
        "Equal-weighted cosines decided, because days are alike: over 112 past days"
    )
    few = judge(poor, good, past=alike(20))
    assert few["method"] == (
        "Blocks count as independent: 20 past days are known, and 56 are needed to know their correlation."
    )


def test_the_past_says_nothing_of_entities():
    """Entities and single rows have no order in time, and past days do not choose their estimator."""
    document = judge(spec=declare(evaluation={"holdout": "10d", "block": "row"}), past=alike())
    assert document["comparisons"][0]["vs_champion"]["estimator"] == "cluster_robust"


def test_one_day_with_most_rows_is_too_few_blocks():
    """Ten days of which one holds nine tenths of the rows tell as much as one and a half, and decide nothing."""
    rows, y = holdout(12_000)
    first = (rows["at"] < SPLIT + timedelta(days=1)).to_numpy()
    kept = first | (np.arange(rows.height) % 80 == 0)
    document = judge(rows=rows.filter(kept), y=y[kept], look=planned())
    assert (document["verdict"]["reason"], document["look"]) == ("too_few_blocks", None)
    assert "so unequal that they tell as much as 1." in document["verdict"]["sentence"]
