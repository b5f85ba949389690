"""What a person may do to the champion, and what is refused before anything is changed."""

from __future__ import annotations

import json
import re

import pytest

from retrain_assets.attempts import attempts, record_attempt
from retrain_assets.champion.tracking import client
from retrain_assets.errors import ChampionError
from retrain_assets.home import home
from retrain_assets.registered_model.intervene import force_champion, roll_back_champion
from retrain_assets_tests.running import (
    YOUNG,
    Running,
    loans,
    materialized,
    replaced,
    sentence,
)

pytestmark = YOUNG

NO_REASON = "A change of champion of loans needs an actor and a reason: say who decided, and why."


@pytest.fixture
def twice(tmp_path) -> Running:
    """Promote two versions."""
    return replaced(tmp_path)


def state(running: Running) -> tuple[object, ...]:
    """Read all that an intervention could change."""
    found = client().search_registered_models("name = 'loans'")
    versions = client().search_model_versions("name = 'loans'")
    return (
        running.declaration.lake.version("ledger"),
        {alias: str(version) for model in found for alias, version in model.aliases.items()},
        sorted((version.version, *sorted(version.tags.items())) for version in versions),
    )


def test_roll_back(twice):
    """The previous champion serves again, the present one is barred, and who did it and why is kept."""
    declaration = twice.declaration
    assert roll_back_champion(declaration, "ada", "Complaints.") == 1
    entry = declaration.ledger.entries()[-1]
    assert (entry.action, entry.version, entry.expected_champion) == ("rolled_back", 1, 2)
    assert (entry.actor, entry.reason) == ("ada", "Complaints.")
    assert entry.as_of == declaration.data_clock()
    assert state(twice)[1] == {"champion": "1"}
    told = json.loads((declaration.reports / "life.json").read_text())
    assert (told["champion"]["version"], told["champion"]["replaced"]) == (1, 2)
    assert (told["ledger"][-1]["replaced"], told["ledger"][-1]["at"]) == (2, entry.wall_time.isoformat())
    with pytest.raises(ChampionError) as refused:
        roll_back_champion(declaration, "ada", "Once more.")
    assert str(refused.value) == (
        "Version 1 of loans has no earlier champion that could be put back. Train a new version with "
        "loans_retrain, or make another one champion with loans_promote."
    )


def test_bar(twice):
    """What was rolled back becomes champion no more: neither by its version nor by the run that trained it."""
    declaration = twice.declaration
    attempt = str(declaration.ledger.entries()[-1].evidence["attempt"])
    roll_back_champion(declaration, "ada", "Complaints.")
    before = state(twice)
    for asked in ({"version": 2, "attempt": None}, {"version": None, "attempt": attempt}):
        with pytest.raises(
            ChampionError,
            match=r"^Version 2 of loans was rolled back by ada at .* \(Complaints\), so it cannot become champion "
            r"again\. Train a new version with loans_retrain\.$",
        ):
            force_champion(declaration, **asked, actor="bob", reason="I like it.")
    assert state(twice) == before


def test_force_an_earlier_version(twice):
    """A version that was champion before is made so again, and can be loaded."""
    declaration = twice.declaration
    entry = force_champion(declaration, version=1, attempt=None, actor="ada", reason="Safer.")
    assert entry == declaration.ledger.entries()[-1]
    assert (entry.action, entry.version, entry.expected_champion) == ("forced", 1, 2)
    assert entry.evidence["model_path"] == declaration.ledger.entries()[0].evidence["model_path"]
    assert state(twice)[1] == {"champion": "1"}
    assert entry.evidence["verdict"].startswith(
        "Version 1 was forced; it was blessed with the data up to 2026-01-30 00:00 UTC: The first model is better than"
    )


@pytest.mark.parametrize(
    ("verdict", "trial", "link"),
    [
        ("rejected", False, " although it was rejected with"),
        ("inconclusive", True, " although it was inconclusive, in a trial, with"),
    ],
)
def test_forced_in_spite_of_its_evaluation(twice, verdict, trial, link):
    """What the evaluation had found is repeated in the ledger, in the run's metadata and on the life page."""
    declaration = twice.declaration
    record = attempts(declaration.lake, "trained")[-1]
    judged = attempts(declaration.lake, "evaluated")[-1].payload | {"trial": trial}
    judged |= {"verdict": {"verdict": verdict, "reason": "worse", "sentence": "The candidate is worse."}}
    record_attempt(declaration.lake, "run-3", "trained", record.as_of, record.payload)
    record_attempt(declaration.lake, "run-3", "evaluated", record.as_of, judged)
    result = twice.intervene("promote", attempt="run-3", actor="ada", reason="It explains itself.")
    assert result.success, sentence(result)
    told = f"Version 3 was forced{link} the data up to {record.as_of:%Y-%m-%d} 00:00 UTC: The candidate is worse."
    entry = declaration.ledger.entries()[-1]
    assert (entry.reason, entry.evidence["verdict"]) == ("It explains itself.", told)
    assert materialized(result)["registered_model"]["sentence"] == told
    life = json.loads((declaration.reports / "life.json").read_text())
    assert life["champion"]["verdict"] == life["ledger"][-1]["verdict"] == told
    page = (declaration.reports / "index.html").read_text()
    assert page.count(told) == 2


def test_force_a_candidate(twice):
    """The candidate of a run that was not promoted is registered, with all its tags, and made champion."""
    trained = twice.retrain("candidate_model", tags={"retrain_assets/reason": "asked"})
    declaration = twice.declaration
    entry = force_champion(declaration, version=None, attempt=trained.run_id, actor="ada", reason="Try.")
    assert entry.version == 3
    assert state(twice)[1] == {"champion": "3"}
    tags = client().get_model_version("loans", "3").tags
    promoted = client().get_model_version("loans", "2").tags
    assert set(tags) == set(promoted)
    assert tags["retrain_assets/verdict"] == "forced, not evaluated"
    assert tags["retrain_assets/dagster_run_id"] == tags["retrain_assets/attempt"] == trained.run_id
    record = attempts(declaration.lake, "trained")[-1].payload
    assert declaration.ledger.entries()[-1].evidence == {
        "attempt": trained.run_id,
        "model_path": record["model_path"],
        "verdict": "Version 3 was forced without an evaluation on record.",
    }


@pytest.mark.parametrize(("actor", "reason"), [("", "Because."), ("ada", ""), (" ", "\n")])
def test_actor_and_reason(twice, actor, reason):
    """Without an actor and a reason nothing is changed, not even a version registered."""
    declaration = twice.declaration
    trained = twice.retrain("candidate_model")
    before = state(twice)
    with pytest.raises(ChampionError, match=f"^{re.escape(NO_REASON)}$"):
        roll_back_champion(declaration, actor, reason)
    for asked in ({"version": 1, "attempt": None}, {"version": None, "attempt": trained.run_id}):
        with pytest.raises(ChampionError, match=f"^{re.escape(NO_REASON)}$"):
            force_champion(declaration, **asked, actor=actor, reason=reason)
    assert state(twice) == before


REFUSED = {
    "both": (
        {"version": 1, "attempt": "run"},
        "Give exactly one of version and attempt: which model is to become champion?",
    ),
    "neither": (
        {"version": None, "attempt": None},
        "Give exactly one of version and attempt: which model is to become champion?",
    ),
    "unknown version": (
        {"version": 9, "attempt": None},
        "Version 9 of loans is not in the ledger, so its model cannot be found. Give the id of the run that "
        "trained it as attempt instead.",
    ),
    "unknown run": (
        {"version": None, "attempt": "1234"},
        "No candidate of run '1234' is on record for loans. Take the run id from the page of an evaluation.",
    ),
    "champion": (
        {"version": 2, "attempt": None},
        "Version 2 of loans already is the champion; nothing was changed.",
    ),
}


@pytest.mark.parametrize(("asked", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(twice, asked, said):
    """What cannot be made champion is refused in a sentence that says what to do, and nothing is changed."""
    before = state(twice)
    with pytest.raises(ChampionError) as refused:
        force_champion(twice.declaration, **asked, actor="ada", reason="Because.")
    assert str(refused.value) == said
    assert state(twice) == before


def test_a_version_that_cannot_be_loaded(twice):
    """Neither a rollback nor a person puts a version in service whose files are gone, and nobody is barred."""
    declaration = twice.declaration
    file = home() / str(declaration.ledger.entries()[0].evidence["model_path"]) / "model.skops"
    file.unlink()
    before = state(twice)
    said = (
        "Version 1 of loans cannot be loaded, so it does not become champion, and the present one stays. The model "
        f"file {file} is missing. Put its files back, or make another version champion with loans_promote."
    )
    with pytest.raises(ChampionError) as refused:
        roll_back_champion(declaration, "ada", "Complaints.")
    assert str(refused.value) == said
    with pytest.raises(ChampionError) as refused:
        force_champion(declaration, version=1, attempt=None, actor="ada", reason="Safer.")
    assert str(refused.value) == said
    assert state(twice) == before


def test_nothing_to_roll_back(tmp_path):
    """Before the first champion there is nothing to roll back."""
    running = loans(tmp_path, days=1)
    with pytest.raises(
        ChampionError, match=r"^loans has no champion yet, so there is nothing to roll back\.$"
    ):
        roll_back_champion(running.declaration, "ada", "Complaints.")


def test_mlflow_away(twice, monkeypatch):
    """While MLflow is away nothing is rolled back or forced, so that asking again does it once."""
    before = state(twice)
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        for change in ("rollback", "promote"):
            asked = {"version": 1} if change == "promote" else {}
            result = twice.intervene(change, actor="ada", reason="Complaints.", **asked)
            assert not result.success
            assert sentence(result).startswith("MLflow at http://127.0.0.1:9 did not do what it was asked (")
            assert "The champion is unchanged;" in sentence(result)
    assert state(twice) == before
    assert twice.intervene("rollback", actor="ada", reason="Complaints.").success
    assert twice.declaration.ledger.standing().version == 1
