"""The contest, the recommendation and the answers on simulated histories."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import takewhile
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import yaml
from dagster._utils.schedules import cron_string_iterator

from retrain_assets.cadence_report.ageing import age_curve, lifetime
from retrain_assets.cadence_report.arbiter import Arbiter
from retrain_assets.cadence_report.asset import declared_ticks
from retrain_assets.cadence_report.contest import Contest
from retrain_assets.cadence_report.declared_block import as_text, every
from retrain_assets.cadence_report.entries import OR_AGE, TODAY
from retrain_assets.cadence_report.matrix import WindowPolicy
from retrain_assets.cadence_report.page import cadence_page
from retrain_assets.cadence_report.prices import read_prices
from retrain_assets.cadence_report.recommend import recommend
from retrain_assets.cadence_report.report import build_report, hold_contest
from retrain_assets.cadence_report.service import unproven_sentence
from retrain_assets.cadence_report.standing import is_declared, says_the_same
from retrain_assets.cadence_report.told import sureness
from retrain_assets.cadence_report.worth import read_worth
from retrain_assets.errors import TrainingError
from retrain_assets.spec import RetrainWhenSpec, load_spec
from retrain_assets_tests.cadence_report.simulated import WINDOWS, simulate
from retrain_assets_tests.pipelines import ATTRIBUTES, declare

# Of the kinds of policies, a test asks for those that it is about: each is replayed on every window.
NO_KINDS = ()


def pasted(block):
    """The declaration with a recommended block pasted over it."""
    attributes = deepcopy(ATTRIBUTES)
    read = yaml.safe_load(block)
    attributes["training"] |= read["training"]
    return load_spec(attributes | {"retrain_when": read["retrain_when"]}, "defs.yaml")


@pytest.mark.parametrize("drift", ["none", "seasonal", "abrupt", "gradual", "recurring"])
def test_nothing_is_recommended_that_does_not_beat_the_tuned_schedule(tmp_path, drift):
    """On the last third a recommendation costs no more than the tuned schedule; nothing to learn, hardly a retrain."""
    contest = hold_contest(simulate(drift, seed=2, blocks=20), declare(tmp_path))
    price = read_prices(contest.replayer.matrix, contest.spec)[1].value
    found = recommend(contest, price, contest.today())
    paths = (found.chosen.path, found.bar.path, contest.today())
    cost, bar, today = (contest.cost(path, price, checked=True) for path in paths)
    assert cost <= min(bar, today)
    assert found.keeps_today == (cost == today)
    assert found.keeps_today or (found.chosen is found.bar) == (cost == bar)
    if drift in {"none", "seasonal"}:
        assert len(found.chosen.path.attempts) <= 2
        assert not found.retraining_pays
    if drift in {"abrupt", "gradual"}:
        assert found.retraining_pays


KEPT = {
    "training__window": {"type": "rolling", "length": "28d"},
    "retrain_when": {"drift": {"importance": 0.1}, "code_changes": True},
}


def test_todays_declaration_is_kept_where_nothing_is_cheaper(tmp_path):
    """What is declared already takes part, and stays where no tuned policy is cheaper on the last third."""
    matrix = replace(simulate("abrupt", blocks=20), declared=1)
    other = build_report(matrix, declare(tmp_path), kinds=["cost"]).document["recommendation"]
    assert (other["keeps_today"], other["is_declared"]) == (False, False)
    declaration = declare(tmp_path, **KEPT)
    report = build_report(matrix, declaration)
    found = report.document["recommendation"]
    assert found["title"] == "Keep today's declaration (window: last 28d)"
    assert (found["keeps_today"], found["is_declared"], found["retraining_pays"]) == (True, True, True)
    assert yaml.safe_load(report.block)["retrain_when"] == KEPT["retrain_when"]
    assert (found["saved_today"], found["saved_bar"]) == (0, 0)
    assert "It comes to the same as the tuned schedule there." in found["sentence"]
    assert "today's declaration" not in found["sentence"]
    rows = [row for row in report.document["policies"] if row["recommended"]]
    assert [row["role"] for row in rows] == ["today"]
    assert says_the_same(report.block, as_text(WINDOWS[1], {"drift": {"importance": 0.1}}), matrix)
    assert not says_the_same(report.block, other["block"], matrix)
    for unread in ("{training: {window: {type: expanding}}, retrain_when: {tides: 2}}", "{retrain_when: {}}"):
        assert not says_the_same(unread, report.block, matrix)
    page = cadence_page(report.document)
    assert "Nothing is to be pasted" in page
    assert "To paste into" not in page


@pytest.mark.parametrize(("zone", "april"), [("UTC", "04-01"), ("America/New_York", "04-08")])
def test_a_declared_schedule_is_replayed_at_the_first_block_after_each_tick(tmp_path, zone, april):
    """The first of a month, in the pipeline's time zone, is answered on the next Monday, where the blocks begin."""
    matrix = simulate("gradual", blocks=20)
    declaration = declare(tmp_path, timezone=zone, retrain_when={"schedule": "0 0 1 * *"})
    ticks = declared_ticks(declaration, matrix)
    document = build_report(matrix, declaration, ticks, NO_KINDS).document
    today = next(row for row in document["policies"] if row["role"] == "today")
    assert today["attempts"] == 4
    line = next(row for row in document["time_line"] if row["role"] == "today")
    attempted = ["02-05", "03-04", april, "05-06"]
    assert [attempt["at"][:10] for attempt in line["attempts"]] == [f"2024-{day}" for day in attempted]
    entries = hold_contest(matrix, declaration, ticks, NO_KINDS).results(0.0)
    triggers = [result.path for result in entries if result.entry.policy.family == TODAY]
    assert [len(path.attempts) for path in triggers if path.window == matrix.declared] == [4]


def test_figures_against_several_are_told_once_where_they_are_the_same(tmp_path, monkeypatch):
    """What is spared alike against the tuned schedule and against today's declaration is one sentence."""
    contest = hold_contest(simulate("abrupt", blocks=20), declare(tmp_path), kinds=["drift"])
    price = read_prices(contest.replayer.matrix, contest.spec)[1].value
    bar = recommend(contest, price, contest.today()).bar
    drift = next(result for result in contest.tuned(price) if result.entry.policy.family == "declared drift")
    found = recommend(contest, price, bar.path)
    other = replace(found, chosen=drift, saved_bar=0.5, saved_today=0.5)
    first = contest.replayer.matrix.blocks[contest.split].start
    for zone, day in (("UTC", first), ("America/New_York", first - timedelta(days=1))):
        here = replace(contest, spec=contest.spec.model_copy(update={"timezone": zone}))
        assert f"last {20 - contest.split} blocks, from {day:%Y-%m-%d} on" in sureness(here, other)
    monkeypatch.setattr(Contest, "split", 19)
    assert "Checked on the last block, from " in sureness(contest, other)
    assert "Against the tuned schedule and today's declaration it spares 0.5 nats" in sureness(contest, other)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [(("drift", "cost"), {"declared drift", "drift", "declared cost", "cost-aware"}), ((), set())],
)
def test_kinds_of_policies_can_be_left_out(tmp_path, kinds, expected):
    """Of the kinds asked for triggers and rules take part; never, the schedules and today's declaration always do."""
    contest = hold_contest(simulate("abrupt", blocks=20), declare(tmp_path), kinds=kinds)
    families = {result.entry.policy.family.removesuffix(OR_AGE) for result in contest.results(1.0)}
    assert families == expected | {"never", "periodic", TODAY}


def test_a_declaration_on_a_window_that_stands_in_is_not_told_as_declared(tmp_path):
    """Where another window stands in for the declared one, only the triggers are kept."""
    matrix = simulate("abrupt", blocks=20)
    late = matrix.training_rows.copy()
    late[0, :10] = 0
    declaration = declare(tmp_path, training__window={"type": "expanding"}, retrain_when={"max_age": "7d"})
    document = build_report(replace(matrix, training_rows=late), declaration, kinds=NO_KINDS).document
    found = document["recommendation"]
    assert found["title"] == "Keep today's triggers (window: last 28d)"
    assert (found["keeps_today"], found["is_declared"]) == (True, False)
    page = cadence_page(document)
    assert found["block"] in page
    assert "Nothing is to be pasted" not in page


@pytest.mark.parametrize(
    ("baseline", "worse"),
    [
        (np.full(20, 0.69), ""),
        (
            np.full(20, 0.2),
            "on the last third, {checked_loss:.4g} against 0.2; and on the whole counted history, {loss:.4g}",
        ),
        (np.where(np.arange(20) < 15, 0.69, 0.2), "on the last third, {checked_loss:.4g} against 0.2 nats."),
    ],
)
def test_what_the_naive_constant_comes_to_is_told(tmp_path, baseline, worse):
    """Its mean loss stands beside the policies and the frontier, and the first screen says where it is the better one."""
    matrix = replace(simulate("none", blocks=20), baseline=baseline)
    document = build_report(matrix, declare(tmp_path), kinds=NO_KINDS).document
    row = next(row for row in document["policies"] if row["role"] == "constant")
    counted = baseline[4:]
    assert (row["loss"], row["attempts"]) == (pytest.approx(counted.mean()), 0)
    assert row["checked_loss"] == pytest.approx(counted[-5:].mean())
    assert row["regret"] >= -1e-12
    naive = document["frontier"][-1]
    assert (naive["family"], naive["on_frontier"]) == ("constant", False)
    assert naive["loss"] == pytest.approx(counted.mean())
    sentence = document["recommendation"]["sentence"]
    chosen = next(row for row in document["policies"] if row["recommended"])
    assert worse.format(**chosen) in sentence
    assert ("naive constant" in sentence) == bool(worse)
    page = cadence_page(document)
    assert "The naive constant</th>" in page
    assert ">naive constant</text>" in page
    assert sentence in unescape(page)


@pytest.mark.parametrize(
    ("better_until", "said", "today"),
    [
        (140, "", "No model was proven better than the constant, whose mean loss is 0.200 nats"),
        (
            98,
            " in time: the first serves from 2024-04-15, after the tuned part",
            "0 retrains, 0 promoted; mean loss",
        ),
    ],
)
def test_that_no_model_served_while_policies_were_tuned_comes_first(tmp_path, better_until, said, today):
    """Where the constant serves in all that tuning sees, nothing is recommended, and no life of a model is told."""
    daily = np.where(np.arange(140) < better_until, 0.2, 0.69)
    matrix = replace(
        simulate("none", blocks=20), baseline=daily.reshape(20, 7).mean(axis=1), daily_baseline=daily
    )
    report = build_report(matrix, declare(tmp_path))
    document = json.loads(json.dumps(report.document, allow_nan=False))
    found = document["recommendation"]
    assert found["title"] == f"No model was proven better than the constant{said} (window: all history)"
    assert found["serves_from"] == (None if better_until == 140 else "2024-04-15T00:00:00+00:00")
    assert document["today"]["serves_from"] == found["serves_from"]
    assert (report.block, found["block"], document["lifetime"]) == (None, None, None)
    assert not (found["keeps_today"] or found["is_declared"] or found["serves_in_tuning"])
    assert not any(row["recommended"] for row in document["policies"])
    assert document["notes"] == [
        f"No model was proven better than the constant{said}. Until a model serves, the loss of today's declaration "
        "is the constant's."
    ]
    page = unescape(cadence_page(document))
    assert today in page
    assert "Nothing is to be pasted" in page
    wrong = ("Keep today", "first model is kept", "of service", "Retraining does not pay", "(recommended)")
    assert not [words for words in wrong if words in page]


def test_a_window_without_a_model_that_served_names_those_that_have_one(tmp_path):
    """Where today's window alone has no model better than the constant, its line says so, and others are recommended."""
    matrix = replace(simulate("none", blocks=20), declared=0)
    daily = matrix.daily_loss.copy()
    daily[0] += 1.0
    loss = matrix.loss.copy()
    loss[0] += 1.0
    matrix = replace(matrix, loss=loss, daily_loss=daily)
    document = build_report(matrix, declare(tmp_path), kinds=NO_KINDS).document
    assert document["recommendation"]["serves_in_tuning"]
    assert (document["today"]["serves_from"], document["today"]["serves_in_tuning"]) == (None, False)
    page = cadence_page(document)
    assert "No model was proven better than the constant, whose mean loss is 0.690 nats" in page
    contest = hold_contest(matrix, declare(tmp_path))
    assert "Windows with a model that serves earlier: last 28d; last 84d." in unproven_sentence(contest, 0)


def test_a_drop_that_counts_as_a_fall_is_a_tenth_of_the_worth_that_the_price_is_taken_from(tmp_path):
    """First models that learn from next to nothing are not counted in what a fresh model is worth."""
    matrix, spec = simulate("none", blocks=20), declare(tmp_path).spec
    weak = (np.arange(20) < 4)[:, None]
    weak = replace(matrix, loss=np.where(weak, matrix.loss + 9, matrix.loss))
    worth = read_worth(weak, spec)
    counted = np.arange(4, 20)
    expected = max(np.mean(0.69 - matrix.loss[w, counted, counted]) for w in range(3))
    assert worth.loss == pytest.approx(expected)
    level = lifetime(weak, spec, 0, 4).level
    assert level.startswith(
        f"by {expected / 10:.2g} nats from that of its first block (assumed: a tenth of what"
    )
    assert read_prices(weak, spec)[1].value == pytest.approx(0.05 * expected * 1400)


def test_the_worth_is_of_compared_windows_on_the_same_blocks_and_beyond_noise(tmp_path):
    """Windows that come too late, and blocks that one window lacks, do not count; a mean within its error is noise."""
    matrix, spec = simulate("none", blocks=20), declare(tmp_path).spec
    counted, loss, rows = np.arange(4, 20), matrix.loss.copy(), matrix.training_rows.copy()
    loss[2] -= 0.2
    rows[2, :10] = 0
    late = replace(matrix, loss=loss, training_rows=rows)
    expected = max(np.mean(0.69 - loss[w, counted, counted]) for w in range(2))
    assert read_worth(late, spec).loss == pytest.approx(expected)
    holed = loss.copy()
    holed[0, :15, :15] = np.nan
    both = np.arange(15, 20)
    expected = max(np.mean(0.69 - loss[w, both, both]) for w in range(2))
    assert read_worth(replace(late, loss=holed), spec).loss == pytest.approx(expected)
    fresh = np.mean([loss[w, counted, counted] for w in range(2)], axis=0)
    noise = np.where(np.arange(16) % 2, 0.1, -0.1)
    for mean, words in ((0.02, "the spread of losses"), (0.05, "what a fresh model is worth")):
        baseline = matrix.baseline.copy()
        baseline[counted] = fresh + noise + mean
        assert read_worth(replace(late, baseline=baseline), spec).words.startswith(words)
    nothing = read_worth(replace(late, baseline=np.full(20, 0.1)), spec)
    assert nothing.loss == pytest.approx(np.nanstd(loss[:2]))


def test_tuning_does_not_see_the_last_third(tmp_path):
    """Where nothing is to be learnt before the split, the tuned schedule stays the same however much is after it."""
    matrix, declaration = simulate("none", seed=4, blocks=16), declare(tmp_path)
    contest = hold_contest(matrix, declaration, kinds=NO_KINDS)
    price = read_prices(matrix, declaration.spec)[1].value
    late = np.arange(16) >= contest.split
    learnt = np.where(late, 0.1, 5.0)[:, np.newaxis]
    changed = replace(
        matrix,
        loss=np.where(late & np.isfinite(matrix.loss), learnt, matrix.loss),
        daily_loss=np.where(
            late[matrix.day_block] & np.isfinite(matrix.daily_loss), learnt, matrix.daily_loss
        ),
    )
    other = hold_contest(changed, declaration, kinds=NO_KINDS)
    bars = [recommend(one, price, one.today()).bar for one in (contest, other)]
    assert bars[0].entry.policy.name == bars[1].entry.policy.name
    assert bars[0].path.window == bars[1].path.window


@pytest.mark.parametrize(
    ("changes", "shortest"),
    [({}, 1), ({"limits__runs": 1, "limits__per": "21d"}, 3), ({"limits__cooldown": "13d"}, 2)],
)
def test_schedules_are_tried_whose_every_tick_may_train(tmp_path, changes, shortest):
    """A schedule that cooldown or budget would thin out is not tried, as it would not do what its replay does."""
    contest = hold_contest(
        simulate("gradual", seed=4, blocks=16), declare(tmp_path, **changes), kinds=NO_KINDS
    )
    tried = [result.entry.policy for result in contest.results(0.0)]
    periods = [policy.parameter for policy in tried if policy.family == "periodic"]
    assert min(periods) == shortest


def test_the_report_is_json_and_its_block_loads(tmp_path):
    """All figures are JSON without NaN, the block loads as a declaration, and the optimum has no greater cost."""
    report = build_report(simulate("abrupt", blocks=18), declare(tmp_path))
    document = json.loads(json.dumps(report.document, allow_nan=False))
    assert pasted(report.block).training.window.type in {"rolling", "expanding"}
    best = document["policies"][-1]
    assert best["role"] == "optimum"
    assert all(row["cost"] >= best["cost"] - 1e-12 for row in document["policies"])
    assert all(row["regret"] >= -1e-12 for row in document["policies"][:-1])
    roles = {"recommended", "tuned", "today", "constant", "optimum"}
    assert {row["role"] for row in document["policies"]} == roles
    assert len(document["sensitivity"]) == 3
    assert any(row["on_frontier"] for row in document["frontier"])
    assert document["age"][0]["loss"] == 0


@pytest.mark.parametrize(
    ("days", "shortest", "said"),
    [
        (1, 1, {"schedule": "0 2 * * *"}),
        (7, 7, {"schedule": "0 2 * * 1"}),
        (14, 14, {"max_age": "14d"}),
        (30.4, 28, {"schedule": "0 2 1 * *"}),
        (61, 59, {"max_age": "59d"}),
        (91, 89, {"schedule": "0 2 1 */3 *"}),
    ],
)
def test_a_period_becomes_a_schedule_or_a_greatest_age(days, shortest, said):
    """A day, a week, a month and a quarter are schedules; what the calendar has no word for is max_age."""
    assert every(timedelta(days=days), timedelta(days=shortest)) == said


def on_the_calendar(matrix, months, zone):
    """The matrix with blocks that begin with a month, or a week, each in a time zone."""
    first = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone))
    numbers = range(len(matrix.blocks) + 1)
    starts = [
        first.replace(year=2024 + number // 12, month=number % 12 + 1)
        if months
        else first + number * timedelta(days=7)
        for number in numbers
    ]
    blocks = [
        replace(block, start=start.astimezone(UTC), end=end.astimezone(UTC))
        for block, start, end in zip(matrix.blocks, starts, starts[1:], strict=False)
    ]
    return replace(matrix, blocks=tuple(blocks))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Lisbon"])
@pytest.mark.parametrize("months", [False, True])
def test_what_is_declared_decides_as_it_was_replayed(tmp_path, months, zone):
    """A block that is pasted makes the arbiter do what the schedule, or the trigger with its age, did in the contest."""
    matrix = simulate("gradual", seed=4, blocks=20, block_days=30 if months else 7)
    matrix = on_the_calendar(matrix, months, zone)
    changes = {"source__partition": "monthly", "training__window": {"type": "expanding"}} if months else {}
    changes["retrain_when"] = {"drift": {"psi": 0.15}}
    contest = hold_contest(matrix, declare(tmp_path, timezone=zone, **changes), kinds=["cost", "drift"])
    begin, end = matrix.blocks[0].start, matrix.blocks[-1].end
    triggers = ("declared cost", "declared drift")
    kinds = ("periodic", "never", *triggers, *(f"{trigger} or age" for trigger in triggers))
    tried = [result for result in contest.results(20.0) if result.entry.policy.family in kinds]
    assert {result.entry.policy.family for result in tried} == set(kinds)
    for result in tried:
        when = RetrainWhenSpec.model_validate(result.entry.when)
        due = cron_string_iterator(begin.timestamp(), when.schedule, zone) if when.schedule else ()
        spec = contest.spec.model_copy(update={"retrain_when": when})
        arbiter = Arbiter(spec, matrix, list(takewhile(lambda tick: tick <= end, due)))
        path = contest.replayer.replay(arbiter.policy("pasted", "pasted"), result.path.window)
        assert path.attempts == result.path.attempts, result.entry
        assert when.drift is None or when.drift.psi == 0.15
        if months:
            assert not (when.max_age or timedelta()) % timedelta(days=1)


def test_a_threshold_leaves_the_price_as_it_is_declared(tmp_path):
    """Tuned thresholds of the cost keep the declared money, so that the next report weighs by the same price."""
    cost = {"per_retrain": 30.0, "per_metric_unit_and_row": 0.5}
    declaration = declare(tmp_path, retrain_when={"cost": cost})
    contest = hold_contest(simulate("gradual", seed=4, blocks=16), declaration, kinds=["cost"])
    price = read_prices(contest.replayer.matrix, contest.spec)[1].value
    tried = [r.entry for r in contest.results(price) if r.entry.policy.family == "declared cost"]
    assert {entry.when["cost"].get("threshold", 1.0) for entry in tried} == {0.1, 0.5, 1.0, 2.0}
    for entry in tried:
        spec = contest.spec.model_copy(update={"retrain_when": RetrainWhenSpec.model_validate(entry.when)})
        assert read_prices(contest.replayer.matrix, spec)[1].value == price


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("when", [{}, {"max_age": "21d"}, {"drift": {"importance": 0.3}}])
def test_every_block_loads(window, when):
    """Whatever is recommended can be pasted."""
    pasted(as_text(window, when))


def test_the_age_curve_recovers_how_fast_a_concept_moves():
    """A gradual drift costs what the simulation says; without one the interval holds zero."""
    moving = age_curve(simulate("gradual", blocks=24, noise=0.005), 1, 8)
    assert [point.loss for point in moving[:8]] == sorted(point.loss for point in moving[:8])
    assert moving[5].lower > 0
    still = [point for point in age_curve(simulate("none", blocks=24), 1, 8)[1:] if point.lower is not None]
    assert np.mean([point.lower <= 0 <= point.upper for point in still]) > 0.8


def test_days_until_a_fall_have_the_interval_of_an_exponential_time(tmp_path):
    """Of n falls in T days the interval is that of Epstein and Sobel; without any it is not within this history."""
    matrix, spec = simulate("none", blocks=20), declare(tmp_path).spec
    none = lifetime(matrix, spec, 0, 5)
    assert none.days is None
    assert none.upper is None
    assert none.lower == pytest.approx(none.watched / 2.995732, rel=1e-5)
    loss = matrix.loss.copy()
    loss[:, :10, 10] += 5.0
    loss[:, 11:15, 15] += 5.0
    found = lifetime(replace(matrix, loss=loss), spec, 0, 5)
    assert found.falls == 2
    assert found.watched == 15 * 7
    assert found.days == pytest.approx(52.5)
    # Chi-square: .95 quantile with 6 degrees is 12.5916, .05 quantile with 4 degrees 0.710723.
    assert (found.lower, found.upper) == pytest.approx((210 / 12.59159, 210 / 0.7107230), rel=1e-5)


@pytest.mark.parametrize(
    ("measured", "watched"),
    [("accuracy", "balanced_accuracy"), ("mean_squared_error", "root_mean_squared_error")],
)
def test_a_level_of_another_metric_is_none_of_the_days_until_a_fall(tmp_path, measured, watched):
    """A declared drop counts for its own metric alone, not for one whose name is a part of its name."""
    matrix = replace(simulate("none", blocks=20), metric=measured)
    for metric, declared in ((measured, True), (f"neg_{measured}", True), (watched, False)):
        spec = declare(tmp_path, retrain_when={"performance": {"metric": metric, "drop": 0.25}}).spec
        assert lifetime(matrix, spec, 0, 5).level.startswith("by the declared drop of 0.25 nats") == declared


def test_declared_costs_set_the_price(tmp_path):
    """A declared cost is the price in units of the loss times rows, with a quarter and four times beside it."""
    cost = {"per_retrain": 30.0, "per_metric_unit_and_row": 0.5}
    spec = declare(tmp_path, retrain_when={"cost": cost}).spec
    assert [price.value for price in read_prices(simulate("none", blocks=8), spec)] == [15.0, 60.0, 240.0]


@pytest.mark.parametrize(
    ("window", "when", "same"),
    [
        ({"type": "rolling", "length": "28d"}, {"drift": {"importance": 0.1}}, True),
        ({"type": "rolling", "length": "28d"}, {"drift": {"importance": 0.3}}, False),
        ({"type": "expanding"}, {"drift": {"importance": 0.1}}, False),
        (
            {"type": "rolling", "length": "28d"},
            {"drift": {"importance": 0.1}, "schedule": "0 2 * * 1"},
            False,
        ),
        ({"type": "rolling", "length": "28d"}, {"drift": {"importance": 0.1, "joint": 0.8}}, True),
        (
            {"type": "rolling", "length": "28d"},
            {
                "drift": {"importance": 0.1},
                "code_changes": True,
                "performance": {"metric": "roc_auc", "at_least": 0.7},
            },
            True,
        ),
    ],
)
def test_whether_a_declaration_says_what_is_recommended(tmp_path, window, when, same):
    """Window and triggers have to be the same, but for those that no replay knows."""
    spec = declare(tmp_path, training__window=window, retrain_when=when).spec
    block = as_text(WINDOWS[1], {"drift": {"importance": 0.1}})
    assert is_declared(spec, block, simulate("none", blocks=4)) == same


@pytest.mark.parametrize(
    ("performance", "same"),
    [
        ({"metric": "log_loss", "drop": 0.01}, True),
        ({"metric": "neg_log_loss", "drop": 0.01}, True),
        ({"metric": "log_loss", "drop": 0.01, "over": "14d", "at_least": 0.7}, True),
        ({"metric": "log_loss", "drop": 0.02}, False),
        ({"metric": "log_loss", "at_least": 0.7}, False),
        ({"metric": "roc_auc", "drop": 0.01}, False),
    ],
)
def test_a_declared_drop_is_the_recommended_one_where_it_watches_the_same_metric(tmp_path, performance, same):
    """The drop counts, of the metric that decides under either name; a level, the span and other metrics do not."""
    spec = declare(tmp_path, retrain_when={"performance": performance}).spec
    window = WindowPolicy("last 14d", "rolling", timedelta(days=14))
    block = as_text(window, {"performance": {"metric": "log_loss", "drop": 0.01}})
    assert is_declared(spec, block, simulate("none", blocks=4)) == same


@pytest.mark.parametrize(("metric", "carried"), [("log_loss", {"14d"}), ("roc_auc", {None})])
def test_a_declared_span_of_a_fall_is_kept(tmp_path, metric, carried):
    """Falls are replayed over the declared span, and the block to paste says so; that of another metric is not."""
    watched = {"performance": {"metric": metric, "drop": 0.05, "over": "14d"}}
    declaration = declare(tmp_path, retrain_when=watched)
    contest = hold_contest(simulate("none", blocks=12), declaration, kinds=["performance"])
    tried = [result.entry.when for result in contest.results(0.0)]
    assert {when["performance"].get("over") for when in tried if when and "performance" in when} == carried


def test_of_declared_costs_the_ratio_is_what_is_recommended(tmp_path):
    """A retrain of 30 at half a unit a row is the same trigger as one of 60 at a unit, with the same threshold."""
    cost = {"per_retrain": 30.0, "per_metric_unit_and_row": 0.5}
    spec = declare(tmp_path, retrain_when={"cost": cost}).spec
    window = WindowPolicy("last 14d", "rolling", timedelta(days=14))
    for price, threshold, same in ((60.0, 1.0, True), (61.0, 1.0, False), (60.0, 0.5, False)):
        when = {"cost": {"per_retrain": price, "per_metric_unit_and_row": 1.0, "threshold": threshold}}
        assert is_declared(spec, as_text(window, when), simulate("none", blocks=4)) == same


def test_a_declaration_that_is_replayed_on_another_window_is_told(tmp_path):
    """Where the declared window has its first model too late, report and page name the window that stands in for it."""
    matrix = simulate("abrupt", blocks=18)
    late = matrix.training_rows.copy()
    late[0, :10] = 0
    late = replace(matrix, training_rows=late)
    document = build_report(late, declare(tmp_path), kinds=NO_KINDS).document
    note = (
        "The declared window 'all history' has no model in the first third of history: today's declaration is replayed "
        "on the window 'last 28d' instead."
    )
    placed = {"window": "last 28d", "declared_window": "all history", "note": note}
    assert placed.items() <= document["today"].items()
    assert note in document["notes"]
    page = cadence_page(document)
    assert "on the window last 28d in place of its own" in page
    plain = build_report(matrix, declare(tmp_path), kinds=NO_KINDS).document
    assert (plain["today"]["window"], plain["today"]["note"]) == ("all history", None)
    assert "in place of its own" not in cadence_page(plain)


def test_too_short_a_history_is_told(tmp_path):
    """Without blocks after the first verdict there is nothing to compare, and a sentence says so."""
    with pytest.raises(TrainingError, match="a replay needs 3"):
        build_report(simulate("none", blocks=6), declare(tmp_path))


def test_without_a_window_that_can_be_declared_nothing_is_recommended():
    """Rows cannot be weighed by age in a declaration, and a sentence says what is missing."""
    weighted = tuple(replace(window, kind="weighted") for window in WINDOWS)
    matrix = replace(simulate("none", blocks=12), windows=weighted)
    declaration = SimpleNamespace(name="loans", spec=load_spec(ATTRIBUTES, "defs.yaml"))
    with pytest.raises(TrainingError, match="of a window that can be declared"):
        hold_contest(matrix, declaration)


def test_a_block_on_which_the_metric_is_undefined_counts_for_nobody(tmp_path):
    """Where a block has one class, say, the report is made from the others and holds no NaN."""
    matrix, gap = simulate("gradual", blocks=14), 10
    blocks = np.arange(14) == gap
    holed = replace(
        matrix,
        loss=np.where(blocks, np.nan, matrix.loss),
        daily_loss=np.where(blocks[matrix.day_block], np.nan, matrix.daily_loss),
    )
    document = build_report(holed, declare(tmp_path)).document
    json.dumps(document, allow_nan=False)
    assert all(row["regret"] >= -1e-12 for row in document["policies"][:-1])
