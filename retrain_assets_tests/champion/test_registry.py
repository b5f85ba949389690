"""The MLflow registry: versions once, and one champion of many promoters."""

import os
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from retrain_assets.champion.ledger import Ledger
from retrain_assets.champion.registry import client, reconcile, register_version, roll_back
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake
from retrain_assets_tests.champion.conftest import AS_OF, NAME, aliases, files, promoted


def test_an_attempt_is_registered_once(logged):
    """A run that registers again after a crash gets the version that it already has."""
    first = register_version(NAME, model_uri=logged[0], attempt="run-1", tags={"retrain_assets/as_of": "now"})
    assert register_version(NAME, model_uri=logged[0], attempt="run-1", tags={}) == first == 1
    assert register_version(NAME, model_uri=logged[0], attempt="run-2", tags={}) == 2
    version = client().get_model_version(NAME, "1")
    assert version.tags == {"retrain_assets/attempt": "run-1", "retrain_assets/as_of": "now"}
    assert version.run_id == client().get_logged_model(logged[0].removeprefix("models:/")).source_run_id


def test_model_path_is_kept_relative_to_home(ledger, logged, versions):
    """The ledger says where the model's files are, in words that survive a move of the home folder."""
    entry = promoted(ledger, versions[0], None, evidence={"attempt": "run-1", "model_path": logged[1]})
    assert entry.evidence["model_path"].startswith(f"mlartifacts/{NAME}/models/m-")


def test_unknown_version(home, ledger, versions):
    """A version that nobody registered is refused before the ledger is touched."""
    with pytest.raises(ChampionError) as refused:
        promoted(ledger, 7, None)
    assert str(refused.value) == "churn has no registered version 7. Registered are: 1, 2."
    assert not (home / "lake").exists()
    assert versions == [1, 2]


@pytest.mark.parametrize("rounds", [3])
def test_eight_promoters(ledger, logged, rounds):
    """Of eight that promote at once one succeeds, the others are told who did, and the alias names it."""
    barrier = threading.Barrier(8)

    def attempted(version, expected):
        barrier.wait()
        try:
            return promoted(Ledger(Lake(NAME)), version, expected, actor=f"promoter {version}").version
        except ChampionError as error:
            return str(error)

    for number in range(rounds):
        champion = ledger.standing().version
        candidates = [
            register_version(NAME, model_uri=logged[0], attempt=f"run-{number}-{racer}", tags={})
            for racer in range(8)
        ]
        with ThreadPoolExecutor(8) as pool:
            ended = list(pool.map(attempted, candidates, [champion] * 8))
        (winner,) = (outcome for outcome in ended if isinstance(outcome, int))
        said = [outcome for outcome in ended if isinstance(outcome, str)]
        named = f"version {winner} is the champion, promoted by promoter {winner} at"
        assert (len(said), [text for text in said if named not in text]) == (7, [])
        assert ledger.standing().version == winner
        assert aliases() == {"champion": winner}
        tags = {candidate: client().get_model_version(NAME, str(candidate)).tags for candidate in candidates}
        orphans = {candidate for candidate, found in tags.items() if "retrain_assets/orphaned" in found}
        assert orphans == set(candidates) - {winner}
    assert len(ledger.entries()) == rounds


def test_registry_made_anew(home, ledger, logged, versions):
    """A registry that counts from 1 again gives no number that the ledger knows to another model."""
    promoted(ledger, versions[0], None)
    promoted(ledger, versions[1], 1)
    client().delete_registered_model(NAME)
    taken = {entry.version for entry in ledger.entries()}
    assert register_version(NAME, model_uri=logged[0], attempt="run-3", tags={}, taken=taken) == 3
    promoted(ledger, 3, 2, action="forced")
    assert aliases() == {"champion": 3}
    assert (home / "mlflow.db").exists()


def test_rollback_to_a_version_that_was_deleted(ledger, versions):
    """A rollback to a version that MLflow no longer has is refused before the ledger is touched."""
    promoted(ledger, versions[0], None)
    promoted(ledger, versions[1], 1)
    client().delete_model_version(NAME, "1")
    with pytest.raises(ChampionError) as refused:
        roll_back(NAME, ledger, actor="ada", reason="Complaints.", as_of=AS_OF)
    assert str(refused.value) == "churn has no registered version 1. Registered are: 2."
    assert [entry.version for entry in ledger.entries()] == [1, 2]


def test_bar_outlives_the_number(ledger, logged, versions):
    """A model that was rolled back stays barred when its version is deleted and its run registered again."""
    promoted(ledger, versions[0], None, evidence={"attempt": "run-1"})
    promoted(ledger, versions[1], 1, evidence={"attempt": "run-2"})
    roll_back(NAME, ledger, actor="ada", reason="Complaints.", as_of=AS_OF)
    client().delete_model_version(NAME, "2")
    again = register_version(NAME, model_uri=logged[0], attempt="run-2", tags={})
    assert again == 3
    for action in ("promoted", "forced"):
        with pytest.raises(
            ChampionError, match=r"^Version 3 of churn was rolled back by ada at .* \(Complaints\)"
        ):
            promoted(ledger, again, 1, evidence={"attempt": "run-2"}, action=action)
    orphan = client().get_model_version(NAME, "3").tags["retrain_assets/orphaned"]
    assert orphan.endswith("the same model was rolled back under another number, so it cannot become one.")
    assert aliases() == {"champion": 1}


@pytest.mark.parametrize("place", ["server", "store"])
def test_mlflow_goes_away_between_ledger_and_alias(home, ledger, versions, monkeypatch, place):
    """When MLflow goes away after the ledger's entry, the sentence tells who is champion; the next reader mends."""
    promoted(ledger, versions[0], None)
    commit = Ledger.commit

    def last(*arguments, **named):
        entry = commit(*arguments, **named)
        if place == "server":
            monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        else:
            (home / "mlflow.db").rename(home / "moved.db")
        return entry

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "commit", last)
        with pytest.raises(ChampionError) as refused:
            promoted(ledger, versions[1], 1)
    said = str(refused.value)
    if place == "server":
        assert said.startswith("MLflow at http://127.0.0.1:9 did not do what it was asked (")
        assert said.endswith(
            "By the ledger version 2 is champion, and the next retrain makes the registry agree; see that the "
            "server runs and that MLFLOW_TRACKING_URI is right."
        )
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
    else:
        assert said.startswith(f"MLflow at sqlite:///{home}/mlflow.db did not do what it was asked (")
        assert "By the ledger version 2 is champion, and the next retrain makes the registry agree" in said
        (home / "moved.db").rename(home / "mlflow.db")
    assert ledger.standing().version == 2
    assert aliases() == {"champion": 1}
    assert reconcile(NAME, ledger).champion == 2
    assert aliases() == {"champion": 2}


AWAY = {
    "server": "http://bob:s3cr%40t@127.0.0.1:9/mlflow",
    "database": "postgresql://bob:s3cr%40t@127.0.0.1:9/mlflow",
    "password in the query": "postgresql://127.0.0.1:9/mlflow?user=bob&password=s3cr%40t",
}


@pytest.mark.parametrize("uri", AWAY.values(), ids=AWAY)
def test_mlflow_away(home, ledger, monkeypatch, uri):
    """When MLflow is away a sentence names its address and no password, and nothing is written."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ChampionError) as refused:
        promoted(ledger, 1, None)
    said = str(refused.value)
    assert said.startswith(f"MLflow at {uri.replace('s3cr%40t', '***')} did not do what it was asked (")
    assert said.endswith(
        "The champion is unchanged; see that the server runs and that MLFLOW_TRACKING_URI is right, "
        "and start the run again."
    )
    shown = "".join(traceback.format_exception(refused.value))
    assert "s3cr" not in shown
    assert files(home) == {}


def test_unreadable_store(home, ledger):
    """A store that is no database is told as a sentence."""
    (home / "mlflow.db").write_bytes(os.urandom(5000))
    with pytest.raises(ChampionError, match=r"mlflow.db did not do what it was asked \(.*not a database"):
        promoted(ledger, 1, None)


def test_two_processes_make_one_store(home):
    """Two processes that meet a home folder without a store both get a client."""
    code = "from retrain_assets.champion.registry import ensure_experiment; print(ensure_experiment('churn'))"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)]
    answers = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert answers[0] == answers[1]
    assert (home / "mlflow.db").exists()
