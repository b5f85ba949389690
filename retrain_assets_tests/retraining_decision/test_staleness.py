"""Lost quality against the cost of a retrain: when it acts, and that this is the best that can be done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.evidence import Champion, Evidence
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, train_end_at
from retrain_assets.retraining_decision.staleness import accumulate
from retrain_assets.windows import Partitions
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.retraining_decision.past import at, attempt, codes_of, live, promote, ruled

DAY = timedelta(days=1)
POLICY = Policy(
    partitions=Partitions("daily", "UTC"),
    delay=timedelta(0),
    holdout=DAY,
    window=7 * DAY,
    minimum_rows=0,
    new_rows=None,
    max_age=None,
    code_changes=False,
    cooldown=timedelta(0),
    runs=1000,
    per=30 * DAY,
    per_retrain=50.0,
)


def reports(*losses, rows=100):
    """Make monitoring reports with a loss of quality each."""
    return [{"lost": lost, "rows": rows} for lost in losses]


def decided(losses, policy=POLICY, history=History(), day=30, per=0.1):  # noqa: B008  it is frozen
    """Decide on losses of a champion promoted on the tenth day."""
    stale = accumulate(reports(*losses), at(10), per)
    world = Evidence(Champion(1, at(10)), 1000, at(0), 0, "a", staleness=stale)
    return decide(world, policy, history, at(day))


def test_costs_add_up_over_partitions_and_gains_count_against_them():
    """Rows times loss times value, summed; periods that cannot be judged count nothing."""
    stale = accumulate(reports(None, 0.5, -0.25, 1.0), at(10), 0.1)
    assert (stale.cost, stale.per_partition, stale.partitions) == (pytest.approx(12.5), pytest.approx(10), 3)
    assert accumulate(reports(-1.0), at(10), 0.1).cost == 0
    assert accumulate(reports(1.0, 0.0), at(10), 0.1).per_partition == 0
    assert accumulate([], at(10), 0.1).partitions == 0


def test_it_acts_when_the_loss_has_cost_more_than_a_retrain():
    """At 50 for a retrain a loss of 10 a day acts after the sixth day, and not when both are equal."""
    held = decided([1.0] * 5)
    assert (held.act, held.reasons) == (False, ())
    assert (
        "Lost quality that has cost more than 50.00: since 2026-01-15 it has cost 50.00, and a retrain costs 50.00; "
        "at the 10.00 of the newest period that is one period away."
    ) in held.would_change
    decision = decided([1.0] * 6)
    assert decision.act
    assert decision.reasons[0].code == "staleness_cost"
    assert decision.reasons[0].sentence == (
        "Since 2026-01-15 the champion's lost quality has cost 60.00, of which 10.00 in the newest period, and a "
        "retrain costs 50.00. A retrain that cost 60.00 or more would have waited."
    )


def test_days_are_told_by_the_calendar_of_the_periods():
    """A period that ends at a midnight of Berlin is told by the day that begins there, as on the page."""
    berlin = replace(POLICY, partitions=Partitions("daily", "Europe/Berlin"))
    stale = accumulate(reports(*[1.0] * 6), at(9) + timedelta(hours=23), 0.1)
    world = Evidence(Champion(1, at(9) + timedelta(hours=23)), 1000, at(0), 0, "a", staleness=stale)
    decision = decide(world, berlin, History(), at(30))
    assert decision.reasons[0].sentence.startswith("Since 2026-01-15 the champion's lost quality")
    assert decide(world, POLICY, History(), at(30)).reasons[0].sentence.startswith("Since 2026-01-14")


def test_a_threshold_asks_for_so_many_times_the_cost():
    """At half the cost of a retrain a loss of 10 a day acts after the third day, and the sentence tells both."""
    policy = replace(POLICY, cost_threshold=0.5)
    assert not decided([1.0] * 2, policy).act
    decision = decided([1.0] * 3, policy)
    assert decision.act
    assert decision.reasons[0].sentence.endswith(
        "a retrain costs 50.00 (25.00 are asked for at a threshold of 0.5). A retrain that cost 60.00 or more would "
        "have waited."
    )
    tried = PastAttempt(
        at(18), train_end_at(at(18), policy), "rejected", {"staleness_cost": "staleness of version 1"}
    )
    assert "(50.00 are asked for at a threshold of 0.5 after one attempt without a better model)" in (
        decided([1.0] * 5, policy, History((tried,))).would_change
    )


def test_without_declared_costs_nothing_is_weighed():
    """A loss without a price is no reason."""
    assert decided([1.0] * 60, replace(POLICY, per_retrain=None)).reasons == ()


def test_every_attempt_without_a_better_model_doubles_the_price():
    """A loss that no training heals is tried ever more seldom: after 6, 11, 21 and 41 days of it."""
    history, made, begin = History(), [], 10
    for day in range(11, 100):
        decision = decided([1.0] * (day - begin), history=history, day=day)
        if decision.act:
            made.append(day - begin)
            begin = day
            consumed = {reason.code: reason.identity for reason in decision.reasons}
            ended = PastAttempt(at(day), train_end_at(at(day), POLICY), "rejected", consumed)
            history = History((*history.attempts, ended))
    assert made == [6, 11, 21, 41]


def paid(period, slope, price, days):
    """What a year costs that retrains after each period, with a loss that grows by a slope each day."""
    return sum(price if day % period == 0 else slope * (day % period) for day in range(1, days + 1))


@pytest.mark.parametrize("slope", [0.02, 0.1, 0.5, 2.0])
def test_under_steady_decay_the_period_is_the_best_one(slope):
    """Where quality falls by as much each day, its retrains cost no more than 5 % above the best fixed period."""
    history, version, begin, cost = History(), 1, 0, 0.0
    days = 400
    for day in range(1, days + 1):
        losses = [slope * age for age in range(1, day - begin + 1)]
        stale = accumulate(reports(*losses, rows=1), at(begin), 1.0)
        world = Evidence(Champion(version, at(begin)), 1000, at(0), 0, "a", staleness=stale)
        decision = decide(world, POLICY, history, at(day))
        cost += POLICY.per_retrain if decision.act else losses[-1]
        if decision.act:
            ended = PastAttempt(at(day), train_end_at(at(day), POLICY), "blessed", {})
            history, version, begin = History((*history.attempts, ended)), version + 1, day
    best = min(paid(period, slope, POLICY.per_retrain, days) for period in range(1, days))
    assert cost <= 1.05 * best


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60))
def test_waiting_never_costs_more_than_twice_the_best_choice(costs):
    """Against whoever knows the losses to come and retrains once at the best moment or never."""
    waited = 0.0
    for day in range(1, len(costs) + 1):
        waited += costs[day - 1]
        if decided([item / 100 for item in costs[:day]], per=1.0).act:
            waited += POLICY.per_retrain
            break
    best = min(sum(costs), POLICY.per_retrain)
    assert waited <= 2 * best + max(costs) + 1e-6


@pytest.mark.parametrize(("threshold", "codes"), [(1.0, ["staleness_cost"]), (1.5, [])])
def test_the_loss_is_read_from_the_reports_since_the_last_attempt(tmp_path, threshold, codes):
    """Reports on the champion since the last attempt count; earlier ones and those on other versions do not."""
    cost = {"per_retrain": 50.0, "per_metric_unit_and_row": 0.1, "threshold": threshold}
    declaration = declare(tmp_path, retrain_when={"cost": cost})
    live(declaration, tmp_path, 30)
    attempt(declaration, 12, "blessed")
    promote(declaration, 12)
    attempt(declaration, 20, "rejected")
    for day, version in ((20, 1), (21, 1), (22, 2), (23, 1), (24, 1)):
        payload = {"version": version, "lost": 1.0, "rows": 200, "findings": []}
        row = {
            "partition_key": at(day - 1).date().isoformat(),
            "as_of": at(day),
            "payload": json.dumps(payload),
        }
        declaration.lake.append("monitoring", pl.DataFrame([row], schema=SCHEMAS["monitoring"]))
    ruling = ruled(declaration)
    assert ruling.numbers["staleness_cost"] == pytest.approx(3 * 200 * 0.1)
    assert ruling.numbers["staleness_cost_per_partition"] == pytest.approx(20)
    assert codes_of(ruling) == codes
