"""The decision: acts for a reason that nothing holds back, and says when it will."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.evidence import Alarm, Champion, Evidence, Unfinished, alarms_of
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, policy_of, train_end_at
from retrain_assets.retraining_decision.ticks import Tick
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
POLICY = Policy(
    partitions=Partitions("daily", "UTC"),
    delay=DAY,
    holdout=7 * DAY,
    window=28 * DAY,
    minimum_rows=2000,
    new_rows=None,
    max_age=None,
    code_changes=False,
    cooldown=timedelta(hours=12),
    runs=6,
    per=30 * DAY,
)


def at(days):
    """Set the data clock to so many days after the start."""
    return START + days * DAY


def evidence(**changes):
    """Evidence of a quiet world with a champion since day 20."""
    quiet = Evidence(Champion(1, at(20)), 100_000, START, 0, "a")
    return replace(quiet, **changes)


def alarm(onset, since=None, code="performance", champion=1):
    """Make an alarm of harm that began on a day."""
    return Alarm(code, champion, at(since if since is not None else onset + 7), at(onset), "The loss rose.")


def attempt(day, outcome="rejected", consumed=None, policy=POLICY, **more):
    """Make an attempt with the data up to a day."""
    more = {"code_version": "a"} | more
    return PastAttempt(at(day), train_end_at(at(day), policy), outcome, consumed or {}, **more)


def codes(items):
    """Codes of reasons or holds."""
    return [item.code for item in items]


def test_a_quiet_world_asks_for_nothing_and_says_what_would():
    """Without a reason it does not act, and names what it waits for."""
    decision = decide(evidence(), POLICY, History(), at(60))
    assert not decision.act
    assert decision.reasons == decision.held_back_by == ()
    assert decision.sentence == "Nothing asks for a retrain."
    assert "tick of the schedule" in decision.would_change


@pytest.mark.parametrize(("zone", "day"), [("UTC", "2026-01-24"), ("Europe/Berlin", "2026-01-25")])
def test_days_are_told_by_the_calendar_of_the_periods(zone, day):
    """A period that ends at a midnight of Berlin is told by the day that begins there, as on the page."""
    policy = replace(POLICY, partitions=Partitions("daily", zone), max_age=5 * DAY)
    world = evidence(champion=Champion(1, at(19) + timedelta(hours=23)))
    [reason] = decide(world, policy, History(), at(60)).reasons
    assert reason.sentence == f"Version 1 was last replaced or confirmed on {day}, and is to be within 5d."


def test_no_champion_waits_for_the_minimum_of_rows():
    """Without a champion it acts as soon as there are rows enough to train on."""
    few = evidence(champion=None, train_rows=1999)
    decision = decide(few, POLICY, History(), at(10))
    assert (decision.act, codes(decision.reasons), codes(decision.held_back_by)) == (
        False,
        ["no_champion"],
        ["minimum_rows"],
    )
    assert decision.earliest is None
    assert "1,999 rows" in decision.sentence
    assert decide(replace(few, train_rows=2000), POLICY, History(), at(10)).act


@pytest.mark.parametrize(
    ("changes", "policy", "code"),
    [
        ({"schedule_due": True}, {}, "schedule"),
        ({"alarms": (alarm(30),)}, {}, "performance"),
        ({"alarms": (alarm(30, code="business:click_rate"),)}, {}, "business:click_rate"),
        ({"alarms": (alarm(30, code="drift"),)}, {}, "drift"),
        ({"new_rows": 50_000}, {"new_rows": 50_000}, "new_rows"),
        ({}, {"max_age": 40 * DAY}, "age"),
        ({"code_version": "b"}, {"code_changes": True}, "code_changed"),
    ],
)
def test_every_reason_acts_when_nothing_holds_it_back(changes, policy, code):
    """Each kind of evidence is a reason of its own, with a sentence and an identity."""
    decision = decide(evidence(**changes), replace(POLICY, **policy), History((attempt(20),)), at(60))
    assert decision.act
    assert codes(decision.reasons) == [code]
    assert decision.reasons[0].identity
    assert decision.reasons[0].sentence in decision.sentence


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({"new_rows": 49_999}, {"new_rows": 50_000}),
        ({"new_rows": 50_000}, {}),
        ({}, {"max_age": 40 * DAY + timedelta(seconds=1)}),
        ({"code_version": "b"}, {}),
        ({"alarms": (alarm(30, champion=2),)}, {}),
    ],
)
def test_what_is_not_reached_or_not_declared_is_no_reason(changes, policy):
    """Evidence below its threshold, undeclared, or about another champion raises nothing."""
    decision = decide(evidence(**changes), replace(POLICY, **policy), History((attempt(20),)), at(60))
    assert decision.reasons == ()


def test_harm_waits_until_training_rows_have_seen_it():
    """A candidate is tried only when 10 % of its window lies after the onset of the harm."""
    world = evidence(alarms=(alarm(40),))
    decision = decide(world, POLICY, History(), at(48))
    assert codes(decision.held_back_by) == ["too_new_to_learn"]
    assert decision.earliest == at(52)  # 40 + 2.8 days of training rows + holdout 7 + two delays, rounded up
    assert not decide(world, POLICY, History(), at(51)).act
    assert decide(world, POLICY, History(), at(52)).act


def test_a_short_window_still_waits_for_two_partitions_after_the_onset():
    """With a window of a few days, two partitions after the onset are the least."""
    policy = replace(POLICY, window=5 * DAY)
    world = evidence(alarms=(alarm(40),))
    assert not decide(world, policy, History(), at(50)).act
    assert decide(world, policy, History(), at(51)).act


def test_nothing_new_to_learn_holds_a_tick():
    """Until training rows end 10 % of the window later, the schedule does not act again."""
    world = evidence(schedule_due=True)
    held = decide(world, POLICY, History((attempt(50),)), at(52))
    assert codes(held.held_back_by) == ["nothing_new"]
    assert decide(world, POLICY, History((attempt(50),)), at(53)).act


def test_changed_code_learns_something_new_from_old_rows():
    """After a change of features or parameters a retrain is due at once; the limits hold it back as any other."""
    policy = replace(POLICY, code_changes=True)
    changed = evidence(code_version="b")
    now = decide(changed, policy, History((attempt(50),)), at(51))
    assert (now.act, codes(now.reasons)) == (True, ["code_changed"])
    limited = replace(policy, cooldown=5 * DAY)
    waits = decide(changed, limited, History((attempt(50),)), at(51))
    assert (codes(waits.held_back_by), waits.earliest) == (["cooldown"], at(55))
    judged_worse = attempt(51, consumed={"code_changed": "b"}, code_version="b")
    assert not decide(changed, policy, History((attempt(50), judged_worse)), at(51)).act


def mondays(first, count):
    """Ticks at two in the morning of Berlin, a week apart, of days that end at midnight UTC."""
    berlin = ZoneInfo("Europe/Berlin")
    ends = [at(first + 7 * week) for week in range(count)]
    return tuple(Tick((end + timedelta(hours=1)).astimezone(berlin), end) for end in ends)


def test_the_next_tick_of_the_schedule_is_foretold():
    """Where only the schedule will ask, the decision says when, in the schedule's own time zone."""
    decision = decide(evidence(ticks=mondays(56, 3)), POLICY, History(), at(50))
    assert decision.earliest == at(56)
    assert decision.sentence == (
        "Nothing asks for a retrain. The schedule is due next on Mon 2026-03-02 02:00 CET."
    )


def test_a_tick_that_would_be_held_back_is_foretold_as_such():
    """Of ticks that find too little new to learn it is said which is the first that finds enough."""
    policy = replace(POLICY, window=140 * DAY, holdout=14 * DAY)
    decision = decide(evidence(ticks=mondays(56, 3)), policy, History((attempt(50, policy=policy),)), at(52))
    assert decision.earliest == at(70)
    assert decision.sentence == (
        "Nothing asks for a retrain. The schedule is due next on Mon 2026-03-02 02:00 CET; 'nothing new' would hold back "
        "a tick before that of Mon 2026-03-16 02:00 CET."
    )
    few = decide(evidence(ticks=mondays(56, 3), train_rows=5), POLICY, History(), at(52))
    assert decision.foreseen == decision.sentence.removeprefix("Nothing asks for a retrain. ")
    assert few.earliest is None
    assert few.sentence.endswith("02:00 CET; 'minimum rows' would hold back a tick.")


def test_a_tick_later_than_another_reason_changes_no_date():
    """The earliest date is that of whatever asks first."""
    policy = replace(POLICY, max_age=33 * DAY)
    decision = decide(evidence(ticks=mondays(56, 3)), policy, History(), at(50))
    assert decision.earliest == at(53)
    assert (
        "With the data up to 2026-02-27 00:00 UTC it would train again because of the champion's age, if nothing else "
        "changes." in decision.sentence
    )
    assert "The schedule is due next on Mon 2026-03-02 02:00 CET." in decision.sentence


def test_an_expanding_window_asks_for_a_tenth_of_what_was_learned():
    """Without a fixed length the step is a tenth of the rows' time at the last attempt."""
    policy = replace(POLICY, window=None)
    world = evidence(schedule_due=True)
    history = History((attempt(59),))
    assert not decide(world, policy, history, at(63)).act
    assert decide(world, policy, history, at(64)).act


def test_a_long_history_asks_for_no_more_than_one_holdout():
    """After one holdout all rows that judge are new, however much an expanding window has learned."""
    policy = replace(POLICY, window=None)
    schedule, harm = evidence(schedule_due=True), evidence(alarms=(alarm(1000, since=1001),))
    history = History((attempt(1009),))
    assert not decide(schedule, policy, history, at(1015)).act
    assert decide(schedule, policy, history, at(1016)).act
    assert decide(harm, policy, History(), at(1001)).earliest == at(1000 + 7 + 9)


def test_a_weekly_schedule_keeps_its_rhythm_over_years():
    """An expanding window with the default holdout of seven days is retrained each week of four years."""
    policy, history = replace(POLICY, window=None), History()
    for day in range(30, 4 * 365):
        world = evidence(schedule_due=at(day).weekday() == 0)
        if decide(world, policy, history, at(day)).act:
            history = History((*history.attempts, attempt(day, policy=policy)))
    assert len(history.attempts) == sum(at(day).weekday() == 0 for day in range(30, 4 * 365))


def test_a_month_counts_as_a_partition_even_in_february():
    """A monthly pipeline may act every month, however short."""
    policy = replace(POLICY, partitions=Partitions("monthly", "Europe/Berlin"), window=90 * DAY)
    history = History((attempt(27, policy=policy),))
    assert decide(evidence(schedule_due=True), policy, history, at(55)).act


def test_failures_wait_twice_as_long_each_time_and_consume_nothing():
    """After two failures in a row two partitions must pass; then the same alarm is tried again."""
    world = evidence(alarms=(alarm(30),))
    consumed = {"performance": alarm(30).identity}
    once = History((attempt(50, "failed", consumed),))
    assert codes(decide(world, POLICY, once, at(50)).held_back_by) == ["cooldown", "back_off"]
    assert decide(world, POLICY, once, at(51)).act
    twice = History((*once.attempts, attempt(51, "failed", consumed)))
    assert codes(decide(world, POLICY, twice, at(52)).held_back_by) == ["back_off"]
    assert decide(world, POLICY, twice, at(53)).act


def test_the_budget_frees_when_its_oldest_attempt_leaves_the_period():
    """With six attempts in thirty days it says on which day the next one is free."""
    history = History(tuple(attempt(day) for day in (30, 34, 38, 42, 46, 50)))
    decision = decide(evidence(alarms=(alarm(30),)), POLICY, history, at(57))
    assert codes(decision.held_back_by) == ["budget"]
    assert decision.earliest == at(60)


def test_a_failed_registration_is_gone_on_with_before_all_else():
    """An unfinished attempt alone is acted on, whatever else stands; limits on training do not hold it."""
    policy = replace(POLICY, cooldown=30 * DAY, runs=1)
    left = Unfinished("a1", at(50), "blessed")
    world = evidence(unfinished=left, schedule_due=True, alarms=(alarm(30),), train_rows=0)
    history = History((attempt(50, "failed"),))
    held = decide(world, policy, history, at(50))
    assert (held.act, held.resumes, held.earliest) == (False, None, at(51))
    assert "back_off" in codes(held.held_back_by)
    beside = decide(replace(world, in_flight=True), policy, history, at(51))
    assert not beside.act
    decision = decide(world, policy, history, at(51))
    assert (decision.act, decision.resumes, codes(decision.reasons)) == (True, "a1", ["unfinished"])


def test_a_registration_that_always_fails_keeps_no_candidate_from_training():
    """A verdict that cannot be acted on is tried ever more seldom; between, another candidate is trained."""
    world = evidence(unfinished=Unfinished("a1", at(50), "blessed"))
    failed = [attempt(day, "failed", {"unfinished": "a1"}, trains=False) for day in (51, 53, 57)]
    history = History((attempt(50, "failed"), *failed))
    held = decide(world, POLICY, history, at(60))
    assert (held.act, codes(held.held_back_by), held.earliest) == (False, ["back_off"], at(65))
    ticked = decide(replace(world, schedule_due=True), POLICY, history, at(60))
    assert (ticked.act, ticked.resumes, codes(ticked.reasons)) == (True, None, ["schedule"])


def test_persistent_harm_comes_again_after_growing_steps():
    """A harm that attempts did not heal is tried again, each time with twice as many newer rows."""
    world, made, history = evidence(alarms=(alarm(30),)), [], History()
    policy = replace(POLICY, runs=100)
    for day in range(30, 90):
        if decide(world, policy, history, at(day)).act:
            made.append(day)
            consumed = {"performance": alarm(30).identity}
            history = History((*history.attempts, attempt(day, consumed=consumed)))
    assert made == [42, 45, 51, 63, 86]


def test_code_is_consumed_until_it_changes_again_or_its_next_look():
    """Changed code is tried once, and again only on the date that an inconclusive verdict named."""
    policy = replace(POLICY, code_changes=True)
    world = evidence(code_version="b")
    tried = attempt(50, "inconclusive", {"code_changed": "b"}, code_version="b", next_look=at(60))
    waiting = decide(world, policy, History((tried,)), at(59))
    assert not waiting.act
    assert waiting.earliest == at(60)
    assert decide(world, policy, History((tried,)), at(60)).act
    judged = replace(tried, outcome="rejected", next_look=None)
    assert not decide(world, policy, History((judged,)), at(90)).act
    assert decide(replace(world, code_version="c"), policy, History((judged,)), at(90)).act


def test_age_comes_again_after_an_attempt_that_confirmed_nothing():
    """A champion that stays unconfirmed is tried again after as much time again."""
    policy = replace(POLICY, max_age=21 * DAY)
    first = decide(evidence(), policy, History(), at(41))
    tried = attempt(41, consumed={"age": first.reasons[0].identity})
    assert decide(evidence(), policy, History((tried,)), at(61)).earliest == at(62)
    assert decide(evidence(), policy, History((tried,)), at(62)).act


def test_policy_and_alarms_come_from_declaration_and_report():
    """The declaration's blocks become the policy, and only crossed findings become alarms."""
    spec = PipelineSpec.model_validate(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "at", "partition": "weekly"},
            "label": {"column": "y", "delay": "1d"},
            "training": {"window": {"type": "rolling", "length": "28d"}},
            "retrain_when": {"max_age": "21d", "code_changes": True},
        }
    )
    policy = policy_of(spec)
    assert (policy.window, policy.max_age, policy.runs) == (28 * DAY, 21 * DAY, 6)
    assert train_end_at(at(9), policy) == START
    moved = {"reason": "drift", "crossed": True, "sentence": "It moved."}
    moved |= {"since": at(3).isoformat(), "onset": at(2).isoformat()}
    payload = {"version": 4, "findings": [moved, {"reason": "performance", "crossed": False}]}
    assert alarms_of(payload) == (Alarm("drift", 4, at(3), at(2), "It moved."),)


policies = st.builds(
    replace,
    st.just(POLICY),
    partitions=st.sampled_from([Partitions("daily", "UTC"), Partitions("weekly", "Europe/Berlin")]),
    delay=st.sampled_from([timedelta(0), DAY, 5 * DAY]),
    holdout=st.sampled_from([7 * DAY, 14 * DAY]),
    window=st.sampled_from([None, 7 * DAY, 28 * DAY, 90 * DAY]),
    new_rows=st.sampled_from([None, 10_000]),
    max_age=st.sampled_from([None, 14 * DAY, 30 * DAY]),
    code_changes=st.booleans(),
    cooldown=st.sampled_from([timedelta(0), timedelta(hours=12), 4 * DAY]),
    runs=st.integers(1, 6),
    per=st.sampled_from([10 * DAY, 30 * DAY]),
)
outcomes = st.sampled_from(["blessed", "rejected", "inconclusive", "failed"])


@st.composite
def worlds(draw):
    """Draw a policy, a history made under no rules at all, evidence, and a moment after it."""
    policy = draw(policies)
    days = sorted(draw(st.lists(st.integers(20, 80), max_size=8)))
    seen = alarm(draw(st.integers(15, 80)), since=80)
    history = History(
        tuple(
            attempt(
                day,
                draw(outcomes),
                draw(st.sampled_from([{}, {"performance": seen.identity}, {"code_changed": "b"}])),
                policy,
                code_version=draw(st.sampled_from("ab")),
                next_look=draw(st.sampled_from([None, at(day + 9)])),
            )
            for day in days
        )
    )
    world = Evidence(
        champion=draw(st.sampled_from([None, Champion(1, at(10)), Champion(2, at(60))])),
        train_rows=draw(st.sampled_from([100, 100_000])),
        train_start=draw(st.sampled_from([None, START])),
        new_rows=draw(st.sampled_from([0, 20_000])),
        code_version=draw(st.sampled_from("ab")),
        alarms=draw(st.sampled_from([(), (seen,)])),
        schedule_due=draw(st.booleans()),
        in_flight=draw(st.booleans()),
        unfinished=draw(st.sampled_from([None, Unfinished("a1", history.attempts[-1].as_of, "blessed")]))
        if history.attempts
        else None,
    )
    return world, policy, history, at(draw(st.integers(80, 90)))


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_it_never_acts_beside_a_run_and_always_explains(case):
    """Two retrains never overlap; the same input gives the same answer; a held reason names its hold."""
    world, policy, history, now = case
    decision = decide(world, policy, history, now)
    assert decision == decide(world, policy, history, now)
    assert not (decision.act and world.in_flight)
    assert decision.act <= bool(decision.reasons)
    assert (decision.resumes is not None) == (decision.act and codes(decision.reasons) == ["unfinished"])
    assert bool(decision.held_back_by) == bool(decision.reasons and not decision.act)
    assert decision.sentence.endswith(".")
    assert decision.would_change
    assert all(item.sentence.endswith(".") for item in (*decision.reasons, *decision.held_back_by))


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_the_earliest_date_is_kept(case):
    """With nothing changed but time and data, it acts at the earliest date and not before."""
    world, policy, history, now = case
    world = replace(world, schedule_due=False)
    decision = decide(world, policy, history, now)
    if decision.earliest is None:
        assert not decision.act
        return
    assert decide(world, policy, history, decision.earliest).act
    before = policy.partitions.bounds(policy.partitions.key_of(decision.earliest - DAY / 2))[0]
    if now <= before:
        assert not decide(world, policy, history, before).act


@settings(max_examples=80, deadline=None)
@given(policies, st.lists(outcomes, min_size=200, max_size=200), st.integers(30, 120))
def test_a_year_of_ticks_keeps_every_limit_and_loses_no_harm(policy, results, onset):
    """Cooldown and budget hold on every tick, an unchanged world acts once, and harm is answered."""
    first = at(5)
    history, champion, version = History(), None, 0
    clock = policy.partitions.bounds(policy.partitions.key_of(first))[1]
    answered: list[datetime] = []
    while clock < at(365):
        harm = alarm(onset, since=onset + 8, champion=version)
        alarms = (harm,) if champion is not None and clock >= harm.since else ()
        started = max(train_end_at(clock, policy) - first, timedelta(0))
        world = Evidence(
            champion=champion,
            train_rows=started // DAY * 5000,
            train_start=first if started else None,
            new_rows=(clock - history.completed[-1].as_of) // DAY * 5000 if history.completed else 0,
            code_version="a" if clock < at(200) else "b",
            alarms=alarms,
            schedule_due=clock.weekday() == 0,
        )
        decision = decide(world, policy, history, clock)
        if decision.act:
            moments = [item.as_of for item in history.attempts]
            assert all(clock - moment >= policy.cooldown for moment in moments)
            assert sum(clock - moment < policy.per for moment in moments) < policy.runs
            outcome = results[len(moments)]
            consumed = {reason.code: reason.identity for reason in decision.reasons}
            if "performance" in consumed:
                answered.append(clock)
            made = PastAttempt(clock, train_end_at(clock, policy), outcome, consumed, world.code_version)
            history = History((*history.attempts, made))
            assert not decide(world, policy, history, clock).act
            if outcome == "blessed":
                version += 1
                champion = Champion(version, clock)
        clock = policy.partitions.bounds(policy.partitions.key_of(clock))[1]
    served = [item.as_of for item in history.attempts if item.outcome == "blessed"]
    if served and served[0] < at(onset):
        assert answered
