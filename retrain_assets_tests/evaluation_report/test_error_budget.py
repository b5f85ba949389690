"""The budget of false promotions: what looks cost, and that no year costs more than declared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.yearly_budget import false_promotions
from retrain_assets.attempts import Attempt
from retrain_assets.evaluation_report.error_budget import (
    YEAR,
    ErrorBudget,
    Look,
    error_budget_of,
    pair_name,
    plan_look,
    spent_in_year,
)
from retrain_assets.evaluation_report.look_record import look_payload, look_sentence, looks_on_record
from retrain_assets.spec import load_spec
from retrain_assets_tests.spec.test_declarations import declared

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = timedelta(days=7)
WEEKLY = ErrorBudget(1.0, 1 / 52)

EVENTS = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 200)), max_size=60)
"""Looks in order: which pair, and how many days after the look before."""
BUDGETS = st.builds(ErrorBudget, st.floats(0.05, 3), st.floats(0.005, 0.25))


def take(budget, events):
    """Take looks as planned, one after the other; those that were planned, and those on record."""
    at, planned, looks = START, [], []
    for pair, days in events:
        at += timedelta(days=days)
        plan = plan_look(budget, looks, f"pair {pair}", at)
        planned.append(plan)
        if not plan.spent:
            looks.append(Look(plan.pair, plan.kind, at, plan.alpha, plan.cost, plan.begun_with or 7 + days))
    return planned, looks


@given(BUDGETS, EVENTS, st.integers(0, 3000))
@settings(max_examples=300, deadline=None)
def test_no_trailing_year_costs_more_than_the_budget(budget, events, day):
    """Whatever is looked at when, the alphas paid in any 365 days add up to no more than the budget."""
    planned, looks = take(budget, events)
    for moment in (*(plan.at for plan in planned), START + timedelta(days=day)):
        paid = spent_in_year([look for look in looks if look.at <= moment], moment)
        assert paid <= budget.per_year + 1e-9
    assert all(plan.used <= budget.per_year + 1e-9 for plan in planned)
    assert all(plan.alpha <= budget.alpha for plan in planned)


@given(BUDGETS, st.lists(st.integers(0, 1500), max_size=60, unique=True), st.integers(0, 1500))
@settings(max_examples=150, deadline=None)
def test_looks_recorded_in_any_order_stay_within_the_budget(budget, days, day):
    """First looks of a replayed past, taken after later ones, overspend no year either."""
    looks = []
    for number in days:
        plan = plan_look(budget, looks, f"pair {number}", START + timedelta(days=number))
        if not plan.spent:
            looks.append(plan_as_look(plan))
    moment = START + timedelta(days=day)
    assert spent_in_year([look for look in looks if look.at <= moment], moment) <= budget.per_year + 1e-9


def plan_as_look(plan):
    """A planned look as it stands on record, resting on ten blocks."""
    return looks_on_record([attempt(plan, 10)])[0]


def attempt(plan, blocks, *, trial=False):
    """The record of an evaluation that took a look."""
    payload = {"look": look_payload(plan, blocks), "trial": trial}
    return Attempt("run", "evaluated", plan.at, plan.at, payload)


@given(BUDGETS, EVENTS, EVENTS)
@settings(max_examples=150, deadline=None)
def test_more_on_record_never_buys_more(budget, events, more):
    """Looks of other pairs only lower the alpha of a new one, and only raise what was used."""
    _, looks = take(budget, events)
    others = [
        Look(f"other {pair}", "first", START + timedelta(days=days), budget.alpha, budget.alpha, 7)
        for pair, days in more
    ]
    at = START + timedelta(days=300)
    alone, beside = (plan_look(budget, known, "new", at) for known in (looks, [*looks, *others]))
    assert beside.alpha <= alone.alpha
    assert spent_in_year([*looks, *others], at) >= spent_in_year(looks, at)


@given(EVENTS)
@settings(max_examples=100, deadline=None)
def test_no_budget_promotes_nothing(events):
    """A budget of 0 allows no look at any time, and never returns."""
    planned, looks = take(ErrorBudget(0.0, 0.0), events)
    assert looks == []
    assert all(plan.spent and plan.cost == 0 and plan.returns is None for plan in planned)


@given(BUDGETS, EVENTS)
@settings(max_examples=200, deadline=None)
def test_budget_returns_when_it_says(budget, events):
    """Where nothing is left, a look on the date named can be paid, and none an hour before it."""
    planned, looks = take(budget, events)
    for plan in planned:
        known = [look for look in looks if look.at < plan.at]
        if plan.spent:
            assert plan.returns is not None
            assert not plan_look(budget, known, "new", plan.returns).spent
            assert plan_look(budget, known, "new", plan.returns - timedelta(hours=1)).spent


def test_first_look_and_later_looks_cost_one_alpha_each():
    """A pair's first look costs its alpha, the next one an alpha more, and all that follow nothing."""
    planned, looks = take(WEEKLY, [(0, 7)] * 5)
    assert [plan.kind for plan in planned] == ["first", *["later"] * 4]
    assert [plan.number for plan in planned] == [1, 2, 3, 4, 5]
    assert [plan.cost for plan in planned] == [1 / 52, 1 / 52, 0, 0, 0]
    assert {plan.alpha for plan in planned} == {1 / 52}
    assert spent_in_year(looks, planned[-1].at) == pytest.approx(2 / 52)


def test_later_looks_know_the_blocks_they_began_with():
    """The first of the later looks begins a sequence, and the others carry its number of blocks on."""
    looks = []
    for week, blocks in enumerate((7, 14, 21, 28)):
        plan = plan_look(WEEKLY, looks, "pair", START + week * WEEK)
        assert plan.begun_with == (None if week < 2 else 14)
        looks += looks_on_record([attempt(plan, blocks)])
    assert [look.begun_with for look in looks] == [7, 14, 14, 14]


@pytest.mark.parametrize(("number", "kind"), [(1, "first"), (2, "later"), (3, "later")])
def test_the_same_look_is_not_paid_twice(number, kind):
    """An evaluation that is run again with the same knowledge is the same look: same alpha, same number, no cost."""
    planned, looks = take(WEEKLY, [(0, 7)] * number)
    again = plan_look(WEEKLY, looks, "pair 0", planned[-1].at)
    assert (again.cost, again.alpha, again.number, again.kind) == (0, 1 / 52, number, kind)
    assert again.used == pytest.approx(planned[-1].used)


def test_the_rest_is_spent_and_then_nothing():
    """The look that the budget leaves less than a whole alpha for gets the rest, the next one nothing."""
    planned, _ = take(ErrorBudget(0.05, 0.02), [(pair, 7) for pair in range(4)])
    assert [plan.alpha for plan in planned] == pytest.approx([0.02, 0.02, 0.01, 0])
    assert planned[3].returns == planned[0].at + YEAR
    assert [plan.spent for plan in planned] == [False, False, False, True]


def test_what_was_spent_returns_after_a_year():
    """A year and a day after the first of 52 weekly looks its alpha may be spent again."""
    planned, looks = take(WEEKLY, [(pair, 7) for pair in range(52)])
    assert planned[-1].used == pytest.approx(1)
    assert plan_look(WEEKLY, looks, "new", planned[0].at + YEAR).alpha == pytest.approx(1 / 52)


def test_the_record_gives_the_looks_back():
    """What was recorded is read as it was planned; trials and looks that nothing was left for are no looks."""
    planned, looks = take(ErrorBudget(0.03, 0.02), [(0, 7), (0, 7), (1, 7)])
    record = [attempt(plan, 9) for plan in planned]
    found = looks_on_record([*record, attempt(planned[0], 9, trial=True)])
    assert [(look.pair, look.kind, look.at, look.alpha) for look in found] == [
        (look.pair, look.kind, look.at, look.alpha) for look in looks
    ]
    assert looks_on_record([Attempt("run", "evaluated", START, START, {"verdict": {}})]) == ()


def test_sentences_say_which_look_and_what_it_cost():
    """A look names its number, cost, use and budget; a spent budget names the day on which it returns."""
    planned, looks = take(ErrorBudget(1.0, 0.6), [(0, 7), (0, 7), (0, 7), (1, 7)])
    assert look_sentence(planned[0]) == (
        "This is look 1 at this candidate. It cost 0.6 of the year's budget of 1 false "
        "promotions; the last 365 days have used 0.6."
    )
    assert "This is look 3 at" in look_sentence(planned[2])
    assert "It was paid for by an earlier look; the last 365 days" in look_sentence(planned[2])
    assert (
        "is spent (used: 1), and enough for a look returns with the data up to 2027-01-12"
        in look_sentence(planned[3])
    )
    unlimited = plan_look(ErrorBudget(None, 0.025), looks, "new", planned[-1].at)
    assert "It cost 0.025; the last" in look_sentence(unlimited)


def test_a_declared_alpha_is_not_limited():
    """Half of a declared two-sided alpha is each look's, however many there were."""
    budget = error_budget_of(load_spec(declared(promotion__alpha=0.1), "defs.yaml"))
    assert (budget.per_year, budget.alpha) == (None, 0.05)
    planned, _ = take(budget, [(pair, 1) for pair in range(60)])
    assert all(plan.alpha == 0.05 for plan in planned)
    assert planned[-1].used == pytest.approx(3)


def test_a_declared_budget_is_shared_among_all_looks():
    """One false promotion a year at 53 weekly comparisons is one in 106 for each first and each later look."""
    weekly = declared(promotion__false_promotions_per_year=1, retrain_when__schedule="0 2 * * 1")
    budget = error_budget_of(load_spec(weekly, "defs.yaml"))
    assert (budget.per_year, budget.alpha) == (1, pytest.approx(1 / 106))
    monthly = declared(promotion__false_promotions_per_year=50, retrain_when__schedule="0 2 1 * *")
    generous = error_budget_of(load_spec(monthly, "defs.yaml"))
    assert generous.alpha == 0.25


def test_pairs_are_told_apart():
    """The same candidate against another champion is another pair."""
    assert pair_name("run", 3) == "run against version 3"
    assert pair_name("run", None) == "run against the baseline"


def test_a_year_of_equal_challengers_stays_within_its_budget():
    """Weekly challengers that are no better spend the budget of 1, are refused no look, and promote less than once."""
    years = 30
    tally = false_promotions(years, 0.0)
    assert tally.years == years
    assert tally.promotions / years <= 1 + 2 / years**0.5
    assert 0.95 < tally.most_spent <= 1 + 1e-9
    assert tally.refused == 0
    assert tally.bigger / years > 20
