"""The MLflow registry: versions once, and an alias that follows the ledger."""

import os
import shutil
import signal
import subprocess
import sys
import traceback

import pytest

from retrain_assets.champion.ledger import Ledger
from retrain_assets.champion.registry import client, promote, reconcile, register_version
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake
from retrain_assets_tests.champion.conftest import AS_OF, NAME, files

DYING = """
import os, signal
from datetime import UTC, datetime
from retrain_assets.champion import registry
from retrain_assets.champion.ledger import Ledger
from retrain_assets.lake import Lake

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

registry._set_aliases = die
registry.promote("churn", Ledger(Lake("churn")), 2, expected_champion=1, actor="ada", reason="It is better.",
                 evidence={}, as_of=datetime(2026, 1, 5, tzinfo=UTC))
"""


@pytest.fixture
def versions(logged):
    """Register two versions, of which none is champion."""
    return [
        register_version(NAME, model_uri=logged[0], attempt=f"run-{number}", tags={}) for number in (1, 2)
    ]


def aliases():
    """Read the aliases of the registered model."""
    return {alias: int(version) for alias, version in client().get_registered_model(NAME).aliases.items()}


def promoted(ledger, version, expected, **changes):
    """Promote with a reason that is beside the point of the test."""
    asked = {"actor": "ada", "reason": "It is better.", "evidence": {}, "as_of": AS_OF} | changes
    return promote(NAME, ledger, version, expected_champion=expected, **asked)


def test_an_attempt_is_registered_once(logged):
    """A run that registers again after a crash gets the version that it already has."""
    first = register_version(NAME, model_uri=logged[0], attempt="run-1", tags={"retrain_assets/as_of": "now"})
    assert register_version(NAME, model_uri=logged[0], attempt="run-1", tags={}) == first == 1
    assert register_version(NAME, model_uri=logged[0], attempt="run-2", tags={}) == 2
    version = client().get_model_version(NAME, "1")
    assert version.tags == {"retrain_assets/attempt": "run-1", "retrain_assets/as_of": "now"}
    assert version.run_id == client().get_logged_model(logged[0].removeprefix("models:/")).source_run_id


def test_alias_follows_the_ledger(ledger, versions):
    """What is registered is challenger; what is promoted is champion, and challenger no more."""
    assert aliases() == {"challenger": 2}
    promoted(ledger, versions[0], None)
    assert aliases() == {"challenger": 2, "champion": 1}
    promoted(ledger, versions[1], 1, action="forced")
    assert aliases() == {"champion": 2}
    ledger.roll_back(actor="ada", reason="Complaints.", as_of=AS_OF)
    assert reconcile(NAME, ledger) == 1
    assert aliases() == {"champion": 1}


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


def test_kill_between_ledger_and_alias(ledger, versions):
    """A process killed between ledger and alias leaves them apart; the next reader puts them together."""
    promoted(ledger, versions[0], None)
    died = subprocess.run([sys.executable, "-c", DYING], check=False)
    assert died.returncode == -signal.SIGKILL
    assert ledger.standing().version == 2
    assert aliases()["champion"] == 1
    assert reconcile(NAME, ledger) == 2
    assert aliases() == {"champion": 2}


def test_alias_moved_by_hand(ledger, versions):
    """An alias that a hand moved or took away is put back, and one without a champion in the ledger goes."""
    client().set_registered_model_alias(NAME, "champion", "2")
    assert reconcile(NAME, ledger) is None
    assert "champion" not in aliases()
    promoted(ledger, versions[0], None)
    client().set_registered_model_alias(NAME, "champion", "2")
    assert reconcile(NAME, ledger) == 1
    assert aliases()["champion"] == 1
    client().delete_registered_model_alias(NAME, "champion")
    assert reconcile(NAME, ledger) == 1
    assert aliases()["champion"] == 1


def test_reader_overtaken_by_a_promotion(ledger, versions):
    """A reader that read the ledger just before a promotion does not leave the alias on the old champion."""
    promoted(ledger, versions[0], None)

    class Stale(Ledger):
        rival = True

        def standing(self):
            """Read the ledger, and let somebody else promote right after."""
            read = super().standing()
            if Stale.rival:
                Stale.rival = False
                promoted(ledger, versions[1], 1)
            return read

    assert reconcile(NAME, Stale(Lake(NAME))) == 2
    assert aliases()["champion"] == 2


def test_a_model_that_was_never_registered(home, ledger, empty_store):
    """Nothing registered, nothing promoted: there is nothing to put right."""
    shutil.copy(empty_store, home / "mlflow.db")
    assert reconcile(NAME, ledger) is None


def test_champion_deleted_from_mlflow(ledger, versions):
    """A champion that was deleted from MLflow is told as a sentence."""
    promoted(ledger, versions[0], None)
    client().delete_model_version(NAME, "1")
    with pytest.raises(ChampionError, match=r"Model Version \(name=churn, version=1\) not found"):
        reconcile(NAME, ledger)


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
