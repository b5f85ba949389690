"""What has been tried, as decisions see it: what counts, what failed, what can be gone on with."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retrain_assets.attempts import newest_attempt, record_attempt
from retrain_assets.retraining_decision.past import FailedRun, read_past
from retrain_assets.retraining_decision.policy import policy_of
from retrain_assets_tests.pipelines import ROWS_A_DAY, declare
from retrain_assets_tests.retraining_decision.past import DAYS, at, attempt, codes_of, promote, ruled


def past(declaration, *failed):
    """Read what has been tried."""
    return read_past(declaration, policy_of(declaration.spec), failed)


def failed_run(run, as_of, evidence, **more):
    """A run that has just failed."""
    return FailedRun(run, as_of, evidence, datetime.now(UTC), **more)


def outcomes(declaration, *failed):
    """Outcomes of the attempts, oldest first."""
    return [item.outcome for item in past(declaration, *failed).history.attempts]


def test_a_trial_is_no_attempt(loans):
    """A trial, which nobody would promote, neither consumes a reason nor starts a cooldown."""
    attempt(loans, DAYS, "rejected", trial=True)
    ruling = ruled(loans, schedule_due=True)
    assert ruling.decision.act
    assert ruling.numbers["new_rows"] == (DAYS - 18) * ROWS_A_DAY


def test_a_trial_that_failed_after_its_verdict_is_none_either(loans):
    """A person's trial whose run failed counts as little as one that did not."""
    run_id = attempt(loans, DAYS, "rejected", trial=True, acted_on=False)
    assert outcomes(loans, failed_run(run_id, at(DAYS), {})) == ["blessed"]


def test_a_failed_run_backs_off(loans):
    """A run that failed before its verdict holds the next one back."""
    failed = [failed_run("some run", at(DAYS), {"schedule": "tick"})]
    ruling = ruled(loans, schedule_due=True, failed=failed)
    assert {hold.code for hold in ruling.decision.held_back_by} == {"cooldown", "back_off"}


def test_a_run_that_failed_after_its_verdict_was_acted_on_is_no_failure(loans):
    """An attempt that was acted on has its verdict as its outcome, though the run failed later."""
    run_id = attempt(loans, 20, "rejected")
    assert outcomes(loans, failed_run(run_id, at(20), {})) == ["blessed", "rejected"]


def test_a_success_ends_the_back_off_of_the_run_it_repeats(loans):
    """Dagster tries a crashed run again at the same moment of knowledge; its success is the last attempt."""
    failed = [failed_run("crashed", at(20), {})]
    attempt(loans, 20, "rejected")
    assert ruled(loans, schedule_due=True, failed=failed).decision.act


def test_a_verdict_that_was_not_acted_on_is_gone_on_with(loans):
    """The run failed when it registered: a partition later its verdict is acted on, and nothing is trained."""
    run_id = attempt(loans, DAYS - 1, "blessed", acted_on=False)
    decision = ruled(loans, schedule_due=True, failed=[failed_run(run_id, at(DAYS - 1), {})]).decision
    assert decision.act
    assert decision.resumes == run_id
    assert [reason.code for reason in decision.reasons] == ["unfinished"]
    assert decision.sentence == (
        "Go on with the attempt instead of training another. The candidate trained with the data up to "
        "2026-01-30 was judged blessed, and the run failed before that was acted on."
    )


def test_a_failure_backs_off_after_a_success_at_the_same_moment(loans):
    """What fails after another attempt with the same data has come to its end is not tried again at once."""
    attempt(loans, DAYS, "rejected")
    run_id = attempt(loans, DAYS, "blessed", acted_on=False)
    held = ruled(loans, failed=[failed_run(run_id, at(DAYS), {})]).decision
    assert [hold.code for hold in held.held_back_by] == ["back_off"]
    resumed = failed_run("second", at(DAYS), {}, resumed=run_id)
    assert not ruled(loans, failed=[failed_run(run_id, at(DAYS), {}), resumed]).decision.act


def test_going_on_backs_off_after_each_failure(loans):
    """While the registry stays away, it is tried at most once a partition, and ever more seldom."""
    run_id = attempt(loans, DAYS - 3, "blessed", acted_on=False)
    broken = failed_run(run_id, at(DAYS - 3), {})
    again = failed_run("second", at(DAYS - 2), {"unfinished": f"attempt {run_id}"}, resumed=run_id)
    assert ruled(loans, failed=[broken, again]).decision.act
    third = failed_run("third", at(DAYS - 1), {"unfinished": f"attempt {run_id}"}, resumed=run_id)
    held = ruled(loans, failed=[broken, again, third]).decision
    assert (held.act, held.earliest) == (False, at(DAYS + 3))
    assert [hold.code for hold in held.held_back_by] == ["back_off"]


def test_what_was_gone_on_with_costs_nothing_afterwards(loans):
    """Once it was acted on, the attempt counts once, with its verdict; the runs that failed to, not at all."""
    run_id = attempt(loans, 20, "rejected")
    failed = [failed_run(run_id, at(20), {}), failed_run("second", at(21), {}, resumed=run_id)]
    assert outcomes(loans, *failed) == ["blessed", "rejected"]


def test_a_run_that_a_person_stopped_is_not_gone_on_with(loans):
    """Who cancels a run after its verdict does not want it acted on: the attempt counts as failed."""
    run_id = attempt(loans, 20, "blessed", acted_on=False)
    found = past(loans, failed_run(run_id, at(20), {}, canceled=True))
    assert found.unfinished is None
    assert [item.outcome for item in found.history.attempts] == ["blessed", "failed"]


def test_nodes_that_a_person_ran_alone_are_not_gone_on_with(loans):
    """An evaluation without registration is what was asked for, so nothing is registered behind it."""
    attempt(loans, 20, "blessed", acted_on=False)
    found = past(loans)
    assert found.unfinished is None
    assert [item.outcome for item in found.history.attempts] == ["blessed", "blessed"]


def test_a_verdict_against_an_earlier_champion_is_not_gone_on_with(loans):
    """The champion changed since the evaluation: the attempt counts as failed, and another is made."""
    run_id = attempt(loans, 20, "blessed", acted_on=False)
    promote(loans, 21, version=2)
    found = past(loans, failed_run(run_id, at(20), {}))
    assert found.unfinished is None
    assert [item.outcome for item in found.history.attempts] == ["blessed", "failed"]


@pytest.mark.parametrize(("action", "open_still"), [("promoted", True), ("forced", False)])
def test_a_crash_after_the_ledgers_entry_is_brought_to_its_end(loans, action, open_still):
    """A promotion that is in the ledger and not on record is gone on with; a person's own is complete."""
    run_id = attempt(loans, 20, "blessed", acted_on=False)
    promote(loans, 20, version=2, action=action, attempt=run_id)
    assert (past(loans, failed_run(run_id, at(20), {})).unfinished is not None) == open_still


def test_only_the_newest_attempt_is_gone_on_with(loans):
    """A later attempt that came to its end overtakes an earlier one that did not."""
    run_id = attempt(loans, 20, "blessed", acted_on=False)
    attempt(loans, 23, "rejected")
    assert past(loans, failed_run(run_id, at(20), {})).unfinished is None


def test_an_attempt_that_was_evaluated_again_counts_once(loans):
    """Evaluating it twice more makes no attempts; the newest verdict is its outcome."""
    run_id = attempt(loans, 20, "inconclusive")
    judged = newest_attempt(loans.lake, "evaluated", run_id)
    for verdict in ("inconclusive", "rejected"):
        payload = dict(judged.payload) | {"verdict": dict(judged.payload["verdict"]) | {"verdict": verdict}}
        record_attempt(loans.lake, run_id, "evaluated", at(20), payload)
    assert outcomes(loans) == ["blessed", "rejected"]


def test_where_training_ended_is_read_from_the_record(loans, tmp_path):
    """Another holdout declared since changes nothing of where an attempt's training rows ended."""
    attempt(loans, 20, "rejected", train_end=11)
    later = declare(tmp_path, evaluation__holdout="14d")
    assert [item.train_end for item in past(later).history.attempts] == [at(9), at(11)]


def test_a_persons_failed_run_has_no_moment_and_counts_by_its_record_only(loans):
    """A run launched by hand carries no moment: without an evaluation it is no attempt, with one it is."""
    assert outcomes(loans, failed_run("by hand", None, {})) == ["blessed"]
    run_id = attempt(loans, DAYS - 1, "blessed", acted_on=False)
    assert codes_of(ruled(loans, failed=[failed_run(run_id, None, {})])) == ["unfinished"]
