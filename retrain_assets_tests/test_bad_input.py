"""Bad input: a sentence or a quarantine entry for each kind, and nothing else changes."""

from __future__ import annotations

import dagster as dg
import pytest

from retrain_assets.asset import fails_in_a_sentence
from retrain_assets.errors import TrainingError
from retrain_assets_tests.bad_input.case import Case
from retrain_assets_tests.bad_input.declarations import DECLARATIONS
from retrain_assets_tests.bad_input.deliveries import DELIVERIES
from retrain_assets_tests.bad_input.history import History, live
from retrain_assets_tests.bad_input.trainings import TRAININGS
from retrain_assets_tests.training_data.conftest import postgres  # noqa: F401  a fixture

CASES = [*DECLARATIONS, *DELIVERIES, *TRAININGS]

# Dagster marks parts of its present interface so.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A pipeline with days taken in, a champion and predictions."""
    return live(tmp_path_factory.mktemp("past"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_told_and_changes_nothing(
    case: Case, past: History, tmp_path: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    """Each kind of bad input is told in its exact words, and lake, ledger and registry stay as they were."""
    history = past.copy_to(tmp_path)
    if case.prepare is not None:
        case.prepare(history)
    before = case.keeps(history)
    told = case.act(history, request)
    assert told == [sentence.format(folder=tmp_path) for sentence in case.told]
    assert case.keeps(history) == before


def test_a_failed_step_shows_its_sentence_first_and_is_not_tried_again() -> None:
    """A condition that a user can mend is described in its own words, is not retried, and keeps its cause."""
    tries = []

    @dg.asset(retry_policy=dg.RetryPolicy(max_retries=2))
    @fails_in_a_sentence
    def model() -> None:
        tries.append(1)
        raise TrainingError("There are no rows. Deliver some.")

    result = dg.materialize([model], raise_on_error=False)
    [event] = result.filter_events(lambda event: event.is_step_failure)
    failed = event.step_failure_data
    assert failed.user_failure_data.description == "There are no rows. Deliver some."
    assert failed.error.message.strip().endswith("Failure: There are no rows. Deliver some.")
    assert failed.error.cause.cls_name == "TrainingError"
    assert len(tries) == 1


def test_an_error_in_the_code_stays_what_it_is() -> None:
    """What no user can mend is not dressed up as a sentence, in a generator either."""

    @dg.asset
    @fails_in_a_sentence
    def model():
        yield dg.MaterializeResult(metadata={"rows": 1})
        raise ZeroDivisionError

    result = dg.materialize([model], raise_on_error=False)
    [event] = result.filter_events(lambda event: event.is_step_failure)
    assert event.step_failure_data.user_failure_data is None
    assert event.step_failure_data.error.cause.cls_name == "ZeroDivisionError"
