"""Looking again at a candidate that was inconclusive, as a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.evidence import Champion, NextLook
from retrain_assets.retraining_decision.history import History
from retrain_assets.retraining_decision.past import FailedRun, read_past
from retrain_assets.retraining_decision.policy import policy_of
from retrain_assets_tests.retraining_decision.past import DAYS, at, attempt, look, promote, ruled
from retrain_assets_tests.retraining_decision.test_decide import POLICY, codes, evidence
from retrain_assets_tests.retraining_decision.test_decide import at as after
from retrain_assets_tests.retraining_decision.test_decide import attempt as tried

LOOK = NextLook("run-1", after(60), after(70))


def unclear(declaration, day, next_look, **more):
    """Record an attempt whose gain was unclear."""
    return attempt(declaration, day, "inconclusive", next_look=next_look, reason="gain_unclear", **more)


def past(declaration, *failed):
    """Read what has been tried."""
    return read_past(declaration, policy_of(declaration.spec), failed)


def failed_look(run_id, day, judged=20, **more):
    """A run that was to look at an attempt again, and failed just now."""
    identity = {"next_look": f"attempt {run_id} as judged on {at(judged).isoformat()}"}
    return FailedRun("look", at(day), identity, datetime.now(UTC), resumed=run_id, **more)


def test_a_look_that_is_due_is_taken_without_training():
    """Neither too few rows, nor a spent budget, nor a cooldown, nor want of anything new hold a look back."""
    policy = replace(POLICY, runs=1)
    history = History((tried(69.9, "inconclusive"),))
    world = evidence(next_look=LOOK, train_rows=0)
    decision = decide(world, policy, history, after(70))
    assert (decision.act, decision.resumes, codes(decision.reasons)) == (True, "run-1", ["next_look"])
    assert decision.sentence.startswith("Look again at a candidate instead of training another.")


def test_a_look_waits_until_it_is_due():
    """Before its date the decision says when it will be taken."""
    decision = decide(evidence(next_look=LOOK), POLICY, History((tried(60, "inconclusive"),)), after(65))
    assert (decision.act, decision.earliest) == (False, after(70))
    assert "The next look at the newest candidate, on" in decision.would_change
    assert "UTC it would look at the newest candidate again, if nothing else changes." in decision.sentence


def test_a_look_is_not_foretold_where_training_goes_before():
    """Of a look and a champion's age that both come due within one partition, the age is foretold, and acts."""
    policy, history = replace(POLICY, max_age=timedelta(days=70.5)), History((tried(60, "inconclusive"),))
    sooner = replace(LOOK, due=after(70) + timedelta(hours=6))
    world = evidence(next_look=sooner, champion=Champion(1, after(0)))
    decision = decide(world, policy, history, after(69))
    assert decision.earliest == after(71)
    assert "it would train again because of the champion's age" in decision.sentence
    assert codes(decide(world, policy, history, after(71)).reasons) == ["age"]


def test_a_look_that_always_fails_keeps_no_candidate_from_training():
    """A candidate whose files are gone is tried ever more seldom, and the next tick of the schedule trains another."""
    failed = [tried(day, "failed", {"next_look": "run-1"}, trains=False) for day in (70, 71, 73, 77)]
    history = History((tried(60, "inconclusive"), *failed))
    held = decide(evidence(next_look=LOOK), POLICY, history, after(80))
    assert (held.act, codes(held.held_back_by), held.earliest) == (False, ["back_off"], after(85))
    ticked = decide(evidence(next_look=LOOK, schedule_due=True), POLICY, history, after(80))
    assert (ticked.act, ticked.resumes, codes(ticked.reasons)) == (True, None, ["schedule"])


@pytest.mark.parametrize("held", ["in_flight", "back_off"])
def test_a_run_in_flight_or_a_failure_holds_a_look_back(held):
    """While a retrain runs, and after one that failed, no look is taken."""
    failures = (tried(70, "failed", trains=False),) if held == "back_off" else ()
    world = evidence(next_look=LOOK, in_flight=held == "in_flight")
    decision = decide(world, POLICY, History(failures), after(70))
    assert (decision.act, codes(decision.held_back_by)) == (False, [held])


def test_a_reason_to_train_goes_before_a_look():
    """A newer attempt takes the place of the one that waits, so a look cannot keep the model from training."""
    world = evidence(next_look=LOOK, schedule_due=True)
    decision = decide(world, POLICY, History((tried(40),)), after(70))
    assert (decision.act, decision.resumes, codes(decision.reasons)) == (True, None, ["schedule"])


def test_a_failed_look_counts_in_no_limit():
    """A look that failed is no training: it starts no cooldown and takes nothing of the budget."""
    policy = replace(POLICY, runs=1)
    failed = tried(60, "failed", trains=False)
    decision = decide(evidence(schedule_due=True), policy, History((failed,)), after(62))
    assert decision.act


def test_the_newest_inconclusive_attempt_is_looked_at_again(loans):
    """Its next look is what its verdict said, and the attempt is no reason to train until then."""
    run_id = unclear(loans, 20, DAYS)
    found = past(loans)
    assert found.next_look == NextLook(run_id, at(20), at(DAYS))
    assert found.history.attempts[-1].next_look is None
    decision = ruled(loans).decision
    assert (decision.act, decision.resumes) == (True, run_id)


def test_a_newer_attempt_takes_its_place(loans):
    """Once another candidate was trained, the older one is not looked at again."""
    unclear(loans, 20, DAYS)
    attempt(loans, 22, "rejected")
    assert past(loans).next_look is None


def test_another_champion_makes_the_look_void(loans):
    """The pair is gone when the champion was replaced meanwhile."""
    unclear(loans, 20, DAYS)
    promote(loans, 22, 2)
    assert past(loans).next_look is None


def test_too_few_rows_are_no_look(loans):
    """A verdict that came without any comparison is not looked at again; its date is for another attempt."""
    attempt(loans, 20, "inconclusive", next_look=DAYS, reason="too_few_rows")
    found = past(loans)
    assert (found.next_look, found.history.attempts[-1].next_look) == (None, at(DAYS))


def test_after_a_look_the_attempt_is_as_old_as_before(loans):
    """A look moves neither cooldown nor budget, gives the newest verdict, and may name another date."""
    run_id = unclear(loans, 20, 24)
    look(loans, run_id, 24, "inconclusive", next_look=40)
    found = past(loans)
    assert found.next_look == NextLook(run_id, at(24), at(40))
    assert [item.as_of for item in found.history.attempts] == [at(18), at(20)]


def test_a_look_that_failed_is_tried_again_after_a_while(loans):
    """A run that failed before it judged backs off, and its success at a later moment makes it good."""
    run_id = unclear(loans, 20, DAYS)
    failed = failed_look(run_id, DAYS)
    assert [(item.outcome, item.trains) for item in past(loans, failed).history.attempts[1:]] == [
        ("inconclusive", True),
        ("failed", False),
    ]
    decision = ruled(loans, failed=[failed]).decision
    assert (decision.act, [hold.code for hold in decision.held_back_by]) == (False, ["back_off"])
    look(loans, run_id, DAYS, "inconclusive", next_look=40)
    assert [item.outcome for item in past(loans, failed).history.attempts] == ["blessed", "inconclusive"]


def test_a_verdict_of_a_look_that_was_not_acted_on_is_gone_on_with(loans):
    """Where the run failed between verdict and registration, the blessed candidate is not lost."""
    run_id = unclear(loans, 20, 25)
    look(loans, run_id, 25, "blessed", acted_on=False)
    found = past(loans, failed_look(run_id, 25))
    assert (found.next_look, found.unfinished.attempt, found.unfinished.verdict) == (None, run_id, "blessed")
    assert ruled(loans, failed=[failed_look(run_id, 25)]).decision.resumes == run_id
