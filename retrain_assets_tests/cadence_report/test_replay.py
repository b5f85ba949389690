"""Policies, the gate and the optimum on simulated matrices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.cadence_report import policies
from retrain_assets.cadence_report.answers import reaction_days, stability
from retrain_assets.cadence_report.arbiter import Arbiter
from retrain_assets.cadence_report.clock import read_clock
from retrain_assets.cadence_report.detectors import adwin, page_hinkley
from retrain_assets.cadence_report.forecast import gain_per_block
from retrain_assets.cadence_report.gate import compare_days, judge
from retrain_assets.cadence_report.optimum import find_optimum
from retrain_assets.cadence_report.recommend import daily_losses
from retrain_assets.cadence_report.replay import Path, Replayer, cost_between
from retrain_assets.cadence_report.report import hold_contest
from retrain_assets.cadence_report.seen import Attempt
from retrain_assets.spec import PromotionSpec, RetrainWhenSpec, load_spec
from retrain_assets_tests.cadence_report.simulated import simulate
from retrain_assets_tests.pipelines import ATTRIBUTES, declare

WEEK = timedelta(days=7)
PRICE = 50.0


def replayer(drift="gradual", **options):
    """A simulated history of inputs that move with the concept, so that estimates are right, ready for replays."""
    matrix = simulate(drift, **options)
    matrix = replace(matrix, estimated=matrix.loss)
    return Replayer(matrix, read_clock(matrix, WEEK), PromotionSpec())


def every_policy(matrix, spec, **further):
    """One policy of each family, the arbiter with several triggers."""
    when = {"drift": {"importance": 0.2}, "performance": {"metric": "log_loss", "drop": 0.01}, **further}
    declared = spec.model_copy(update={"retrain_when": RetrainWhenSpec.model_validate(when)})
    return [
        policies.never(),
        policies.periodic(3),
        policies.drift_share(0.2, 2),
        policies.performance_drop(0.01, 2),
        policies.estimated_drop(0.05, 2),
        policies.page_hinkley_alarm(10),
        policies.adwin_alarm(0.05),
        policies.cost_aware(PRICE, 1),
        policies.forecast_gain(PRICE, 0.9),
        Arbiter(declared, matrix).policy("arbiter", "declared"),
    ]


def done(path, block):
    """What a path has come to up to a block: who served, and what was attempted."""
    attempts = [attempt for attempt in path.attempts if attempt.block <= block]
    return path.serving[: block + 1].tolist(), attempts


def test_the_clock_counts_holdout_and_label_delay():
    """A verdict comes a holdout and a label delay after the candidate's training, and no later than need be."""
    matrix = simulate("none", blocks=6, delay=timedelta(days=3))
    clock = read_clock(matrix, WEEK)
    assert clock.candidate.tolist() == [-1, -1, 0, 1, 2, 3]
    assert [(matrix.day_known <= block).sum() for block in range(6)] == [0, 4, 11, 18, 25, 32]
    assert clock.known_blocks.tolist() == [0, 0, 1, 2, 3, 4]
    assert clock.lag == 2


@pytest.mark.parametrize("number", range(10))
def test_no_policy_sees_what_comes_later(tmp_path, number):
    """Another future changes nothing of what a policy has done before it."""
    spec = declare(tmp_path).spec
    before = replayer("gradual", seed=3)
    matrix, cut = before.matrix, 18
    changed = replace(
        matrix,
        daily_loss=np.where(np.arange(matrix.days.size) >= cut * 7 - 1, 9.0, matrix.daily_loss),
        loss=np.where(np.arange(30) >= cut - 1, 9.0, matrix.loss),
        drift=np.where(np.arange(30) >= cut, 1.0, matrix.drift),
        estimated=np.where(np.arange(30) >= cut, 9.0, matrix.estimated),
    )
    after = Replayer(changed, before.clock, before.promotion)
    paths = [one.replay(every_policy(one.matrix, spec)[number], 1) for one in (before, after)]
    assert done(paths[0], cut) == done(paths[1], cut)


@pytest.mark.parametrize("number", range(10))
def test_no_policy_sees_labels_before_they_came(tmp_path, number):
    """Where labels come three weeks late, what they say changes nothing that was done before they came."""
    spec = declare(tmp_path).spec
    before = replayer("gradual", seed=3)
    before.matrix = replace(before.matrix, day_known=before.matrix.day_known + 3)
    before.clock = read_clock(before.matrix, 5 * WEEK)
    matrix, cut = before.matrix, 18
    unknown = matrix.day_known > cut
    assert unknown[matrix.day_block < cut - 2].any()
    assert before.begin(1)[0] < cut
    changed = replace(matrix, daily_loss=np.where(unknown, 9.0, matrix.daily_loss))
    after = Replayer(changed, before.clock, before.promotion)
    paths = [one.replay(every_policy(one.matrix, spec)[number], 1) for one in (before, after)]
    assert done(paths[0], cut) == done(paths[1], cut)


def test_an_estimate_reacts_before_labels_that_come_late():
    """Where inputs move and labels come three blocks late, the estimate asks sooner than the labelled quality does."""
    one = replayer("abrupt", seed=3)
    one.matrix = replace(one.matrix, day_known=one.matrix.day_known + 3)
    one.clock = read_clock(one.matrix, 5 * WEEK)
    jump = 30 // 4 * 7 // 7 + 1
    first = {}
    for policy in (policies.estimated_drop(0.05, 2), policies.performance_drop(0.05, 2)):
        attempts = one.replay(policy, 1).attempts
        first[policy.family] = next(attempt.block for attempt in attempts if attempt.block >= jump)
    assert first["estimated"] + 2 <= first["performance"]


def test_parts_of_a_day_are_judged_as_one_day():
    """Cutting days into parts that are known at once changes no verdict, as their noise is not counted twice."""
    one = replayer("gradual", seed=3)
    cut = {
        name: np.repeat(getattr(one.matrix, name), 2, axis=-1)
        for name in ("days", "day_block", "day_known", "daily_loss", "daily_rows", "daily_baseline")
    }
    halves = replace(one.matrix, **cut | {"daily_rows": cut["daily_rows"] / 2})
    other = Replayer(halves, one.clock, one.promotion)
    whole, parted = (
        compare_days(
            *matrix.daily_loss[1, [6, 3]][:, known := matrix.day_known <= 12],
            matrix.daily_rows[known],
            0.05,
            matrix.days[known],
        )
        for matrix in (one.matrix, halves)
    )
    assert (parted.lower, parted.upper) == pytest.approx((whole.lower, whole.upper))
    for policy in every_policy(one.matrix, load_spec(ATTRIBUTES, "defs.yaml")):
        paths = [each.replay(policy, 1).serving.tolist() for each in (one, other)]
        assert paths[0] == paths[1]


def test_the_arbiter_holds_no_drop_of_another_metric_against_losses(tmp_path):
    """A drop that is declared of the AUC says nothing about the log loss, so that it never asks in a replay."""
    one, spec = replayer("gradual", seed=3), declare(tmp_path).spec
    attempts = {}
    for metric in ("log_loss", "roc_auc"):
        when = RetrainWhenSpec.model_validate({"performance": {"metric": metric, "drop": 0.02}})
        arbiter = Arbiter(spec.model_copy(update={"retrain_when": when}), one.matrix)
        attempts[metric] = len(one.replay(arbiter.policy("arbiter", metric), 1).attempts)
    assert attempts["log_loss"] > 0
    assert attempts["roc_auc"] == 0


def test_every_policy_but_never_renews_a_model_that_ages(tmp_path):
    """Where the concept moves steadily, every trigger comes to retrains that are promoted."""
    one = replayer("gradual")
    found = {
        policy.name: one.replay(policy, 1) for policy in every_policy(one.matrix, declare(tmp_path).spec)
    }
    without = {name for name, path in found.items() if not path.promotions}
    assert without == {"never"}


def test_events_leave_a_model_alone_that_does_not_age(tmp_path):
    """Where nothing moves, no trigger but the calendar's asks more than three times in half a year."""
    one = replayer("none")
    asked = [p for p in every_policy(one.matrix, declare(tmp_path).spec) if p.family != "periodic"]
    found = {policy.name: one.replay(policy, 0) for policy in asked}
    assert {name: len(path.attempts) for name, path in found.items() if len(path.attempts) > 3} == {}
    assert sum(path.promotions for path in found.values()) <= 3


def test_nothing_serves_before_a_model_beats_the_naive_constant():
    """The gate keeps first models that the constant beats from service; its loss counts until one is blessed."""
    one = replayer("none", seed=3)
    weak = (np.arange(30) < 8)[:, None]
    one.matrix = replace(
        one.matrix,
        loss=np.where(weak, one.matrix.loss + 1, one.matrix.loss),
        daily_loss=np.where(weak, one.matrix.daily_loss + 1, one.matrix.daily_loss),
        baseline=np.linspace(0.6, 0.7, 30),
    )
    first = 8 + one.clock.lag
    for policy in (policies.never(), policies.periodic(1)):
        path = one.replay(policy, 0)
        assert path.first < first
        assert (path.serving[:first] == -1).all()
        assert path.serving[first] == 8
        served = slice(path.first, first)
        assert path.losses[served].tolist() == one.matrix.baseline[served].tolist()
        assert all(attempt.block > first for attempt in path.attempts)
        days = one.matrix.day_block < first
        known = one.matrix.day_block >= path.first
        assert np.nanmax(np.abs(daily_losses(one.matrix, path)[days & known] - 0.69)) == 0
    one = Replayer(replace(one.matrix, daily_baseline=np.zeros(210)), one.clock, one.promotion)
    assert one.begin(0) == (30, -1)
    assert (one.replay(policies.never(), 0).serving == -1).all()


def test_the_gate_keeps_a_champion_from_equals():
    """Equal candidates are promoted about as often as the declared error rate allows."""
    promotions = attempts = 0
    for seed in range(30):
        path = replayer("none", seed=seed, blocks=20).replay(policies.periodic(2), 0)
        promotions, attempts = promotions + path.promotions, attempts + len(path.attempts)
    assert attempts > 200
    assert promotions / attempts < 0.12


@pytest.mark.parametrize(
    ("worth", "verdict"), [(0.0, "inconclusive"), (0.4, "rejected"), ("500%", "rejected")]
)
def test_a_gain_worth_having_that_is_ruled_out_is_a_rejection(worth, verdict):
    """What is unclear is rejected where the interval ends below the declared gain, or share of an advantage."""
    matrix = simulate("none", seed=3, blocks=20)
    same = matrix.daily_loss.copy()
    same[0, 8] = same[0, 4] + np.random.default_rng(0).normal(0, 0.1, matrix.days.size)
    days = matrix.day_block >= 8
    promotion = PromotionSpec(min_gain=worth)
    assert judge(replace(matrix, daily_loss=same), 0, 8, 4, days, promotion) == verdict


def test_false_promotions_a_year_set_the_alpha_of_replayed_looks(tmp_path):
    """One false promotion a year, shared out among two looks at each of 78 candidates; else the declared alpha."""
    matrix = simulate("none", blocks=12)
    of_year = declare(tmp_path, promotion={"false_promotions_per_year": 1})
    assert hold_contest(matrix, of_year).replayer.promotion.alpha == pytest.approx(2 / (2 * 78))
    assert hold_contest(matrix, declare(tmp_path, promotion={"alpha": 0.1})).replayer.promotion.alpha == 0.1


def test_a_refit_serves_the_newest_model():
    """With refit the model trained at the block of promotion serves; without it the judged candidate."""
    one = replayer("gradual")
    plain, refit = (one.replay(policies.periodic(3), 1, refit=flag) for flag in (False, True))
    blessed = next(attempt for attempt in plain.attempts if attempt.verdict == "blessed")
    assert plain.serving[blessed.block] == blessed.candidate == blessed.block - one.clock.lag
    again = next(attempt for attempt in refit.attempts if attempt.verdict == "blessed")
    assert refit.serving[again.block] == again.block


def test_page_hinkley_alarms_where_river_does():
    """On a published construction of an abrupt change the alarm comes at the value where river 0.22's comes."""
    random = np.random.default_rng(3)
    values = np.r_[random.uniform(0, 0.4, 200), random.uniform(0.3, 0.7, 200)]
    assert page_hinkley(values, 0.05, 3) == 211
    assert page_hinkley(random.uniform(0, 0.4, 400), 0.05, 3) is None


def test_adwin_tells_a_change_no_later_than_with_buckets():
    """With all cuts looked at, the change at 200 is told after it, and before river 0.22, which does at 240."""
    random = np.random.default_rng(3)
    values = np.r_[random.uniform(0, 0.4, 200), random.uniform(0.3, 0.7, 200)]
    assert 200 < adwin(values, 0.002) <= 240
    assert adwin(values[::-1], 0.002) is None


def test_adwin_keeps_its_error_rate():
    """Streams that do not change raise an alarm no more often than delta says."""
    random = np.random.default_rng(5)
    alarms = sum(adwin(random.uniform(0, 1, 120), 0.05) is not None for _ in range(60))
    assert alarms <= 6


def test_the_forecast_recovers_a_known_rate_of_ageing():
    """The bound lies below the true gain per block of age, and near it where noise is small."""
    age = np.subtract.outer(np.arange(20), np.arange(20)).T
    random = np.random.default_rng(0)
    curve = np.where(age >= 0, 0.3 + 0.01 * age + random.normal(0, 0.001, age.shape), np.nan)
    assert 0.008 < gain_per_block(curve, 0.9) < 0.0101
    assert gain_per_block(curve[:2, :2], 0.9) is None


def test_what_promotions_change_and_how_soon_they_answer_a_drift():
    """Each promotion counts by the two models that it exchanges; the first model's, which comes late, is none."""
    matrix = simulate("none", blocks=12)
    churn, drift = np.full((3, 12, 12), 9.0), np.zeros((3, 12, 12))
    churn[1, 3, 6], churn[1, 6, 9] = 0.2, 0.4
    drift[1, 3, 6] = drift[1, 6, 7] = 0.3
    matrix = replace(matrix, churn=churn, drift=drift)
    serving = np.array([-1, -1, -1, -1, -1, 3, 3, 6, 6, 6, 9, 9])
    attempts = (Attempt(7, 6, "blessed"), Attempt(8, 7, "rejected"), Attempt(10, 9, "blessed"))
    path = Path(policies.never(), 1, False, 4, serving, attempts, np.zeros(12), 0.0)
    assert stability(matrix, path) == pytest.approx((0.2 + 0.4) / 2)
    # From block 6 to 7, and from block 7 to 10, of a week each.
    assert reaction_days(matrix, path) == pytest.approx((7 + 21) / 2)
    churn[1, 6, 9] = np.nan
    assert stability(matrix, path) == pytest.approx(0.2)
    kept = replace(path, serving=np.where(serving < 0, -1, 3), attempts=attempts[1:2])
    assert (stability(matrix, kept), reaction_days(matrix, kept)) == (None, None)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), price=st.floats(0, 400), refit=st.booleans())
def test_the_optimum_is_that_of_trying_all_paths(seed, price, refit):
    """Dynamic programming finds the cost that brute force over all paths finds, the constant's until a model serves."""
    one = replayer("recurring", seed=seed, blocks=7)
    one.matrix = replace(one.matrix, baseline=np.random.default_rng(seed).uniform(0.1, 0.5, 7))
    begin, end = one.first, 7
    found = find_optimum(one, price, begin, end, refit=refit)
    loss, rows = one.matrix.loss, one.matrix.blocks[0].rows
    free = {
        (w, t)
        for b in range(one.first, begin + 1)
        for w in one.windows
        for t in ({int(one.clock.candidate[b]), b} if refit else {int(one.clock.candidate[b])})
    }
    costs = []
    options = [
        [None, *product(one.windows, {int(one.clock.candidate[b])} | ({b} if refit else set()))]
        for b in range(begin + 1, end)
    ]
    baseline = one.matrix.baseline
    for start in [None, *free]:
        for choice in product(*options):
            state, total = start, rows * (baseline[begin] if start is None else loss[*start, begin])
            for block, change in enumerate(choice, begin + 1):
                if change is not None:
                    total += 0 if state is None else price
                    state = change
                total += rows * (baseline[block] if state is None else loss[*state, block])
            costs.append(total / (rows * (end - begin)))
    assert found.cost == pytest.approx(min(costs), abs=1e-12)


@pytest.mark.parametrize("drift", ["none", "abrupt", "gradual", "recurring"])
def test_no_policy_costs_less_than_the_optimum(tmp_path, drift):
    """Regret is never negative, on any part of history."""
    one = replayer(drift)
    for policy in every_policy(one.matrix, declare(tmp_path).spec):
        for refit in (False, True):
            path = one.replay(policy, 1, refit=refit)
            for begin in (one.first, 20):
                bound = find_optimum(one, PRICE, begin, 30, refit=refit).cost
                assert cost_between(one.matrix, path, PRICE, begin, 30) >= bound - 1e-12
