"""The registry follows the ledger, whatever a hand did to it."""

import pytest

from retrain_assets.champion.alignment import Alignment, reconcile
from retrain_assets.champion.ledger import Ledger
from retrain_assets.champion.registry import client, register_version, roll_back
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake
from retrain_assets_tests.champion.conftest import AS_OF, NAME, aliases, promoted
from retrain_assets_tests.remembered import empty_store

MOVED = (
    "The alias champion of churn {was}, but by the ledger version 1 is the champion; the alias names it again. A "
    "run ended before it had moved the alias, or it was moved by hand: the champion is changed by churn_promote "
    "and churn_rollback."
)


def orphaned(version):
    """Read what the registry says of a version that the ledger does not know."""
    return client().get_model_version(NAME, str(version)).tags.get("retrain_assets/orphaned")


def test_alias_follows_the_ledger(ledger, versions):
    """What is registered is challenger; what is promoted is champion, and challenger no more."""
    assert aliases() == {"challenger": 2}
    promoted(ledger, versions[0], None)
    assert aliases() == {"champion": 1}
    promoted(ledger, versions[1], 1, action="forced")
    assert aliases() == {"champion": 2}
    roll_back(NAME, ledger, actor="ada", reason="Complaints.", as_of=AS_OF)
    assert aliases() == {"champion": 1}
    assert reconcile(NAME, ledger) == Alignment(1, ())


def test_orphan(ledger, versions):
    """A version that no entry names is told to be orphaned, once, until it becomes champion after all."""
    promoted(ledger, versions[0], None)
    sentence = (
        "Version 2 of churn was registered by the run run-2, but no entry of the ledger names it: the run ended "
        "before it was promoted, or another change of champion came first. It never was champion; churn_promote "
        "with that attempt makes it one."
    )
    assert (orphaned(1), orphaned(2)) == (None, sentence)
    assert reconcile(NAME, ledger) == Alignment(1, ())
    promoted(ledger, versions[1], 1, action="forced")
    assert (orphaned(1), orphaned(2)) == (None, None)


def test_registered_by_hand(ledger, versions):
    """A version that somebody else registered is told as such, and is champion only by the ledger."""
    promoted(ledger, versions[0], None)
    source = client().get_model_version(NAME, "1").source
    client().create_model_version(NAME, source=source)
    client().set_registered_model_alias(NAME, "champion", "3")
    alignment = reconcile(NAME, ledger)
    assert alignment.champion == 1
    assert alignment.findings == (
        MOVED.format(was="named version 3"),
        "Version 3 of churn was registered by hand: no entry of the ledger names it, and it never was champion.",
    )
    assert aliases() == {"champion": 1}


@pytest.mark.parametrize("hand", ["moves", "deletes"])
def test_alias_moved_by_hand(ledger, versions, hand):
    """An alias that a hand moved or took away is put back, and the reader is told."""
    promoted(ledger, versions[0], None)
    if hand == "moves":
        client().set_registered_model_alias(NAME, "champion", "2")
    else:
        client().delete_registered_model_alias(NAME, "champion")
    was = "named version 2" if hand == "moves" else "was missing"
    assert reconcile(NAME, ledger) == Alignment(1, (MOVED.format(was=was),))
    assert aliases() == {"champion": 1}
    assert reconcile(NAME, ledger) == Alignment(1, ())


def test_alias_without_a_champion(ledger, versions):
    """An alias of a model that has no champion by the ledger is taken away."""
    client().set_registered_model_alias(NAME, "champion", "2")
    alignment = reconcile(NAME, ledger)
    assert alignment.champion is None
    assert alignment.findings[0] == (
        "The alias champion of churn named version 2, but the ledger knows no champion; the alias was taken away. "
        "churn_promote makes a version champion."
    )
    assert aliases() == {}
    assert all(orphaned(version) for version in versions)


@pytest.mark.parametrize("late", [1, 2])
def test_reader_overtaken_by_a_promotion(ledger, versions, late):
    """A reader that read the ledger before a promotion leaves neither the alias nor a tag behind it."""
    promoted(ledger, versions[0], None)

    class Stale(Ledger):
        reads = 0

        def entries(self):
            """Read the ledger, and let somebody else promote right after."""
            read = super().entries()
            Stale.reads += 1
            if Stale.reads == late:
                promoted(ledger, versions[1], 1)
            return read

    reconcile(NAME, Stale(Lake(NAME)))
    assert aliases() == {"champion": 2}
    assert (orphaned(1), orphaned(2)) == (None, None)


def test_a_model_that_was_never_registered(home, ledger):
    """Nothing registered, nothing promoted: there is nothing to put right."""
    (home / "mlflow.db").write_bytes(empty_store())
    assert reconcile(NAME, ledger) == Alignment(None, ())


def test_champion_deleted_from_mlflow(home, ledger, versions):
    """A champion that was deleted from MLflow is told with the ways out, and each of them leads out."""
    promoted(ledger, versions[0], None)
    promoted(ledger, versions[1], 1)
    client().delete_model_version(NAME, "2")
    with pytest.raises(ChampionError) as refused:
        reconcile(NAME, ledger)
    assert str(refused.value) == (
        f"Version 2 of churn is the champion by the ledger, but MLflow at sqlite:///{home}/mlflow.db does not have "
        "it. If MLflow's store was moved, put it back or mend MLFLOW_TRACKING_URI, and start the run again. If the "
        "version was deleted, churn_rollback puts the previous champion back, and churn_promote makes another "
        "version, or the candidate of a run, champion."
    )
    roll_back(NAME, ledger, actor="ada", reason="It was deleted.", as_of=AS_OF)
    assert aliases() == {"champion": 1}


def test_promotion_after_the_champion_was_deleted(ledger, logged, versions):
    """A champion that was deleted from MLflow is replaced by a person who makes another one champion."""
    promoted(ledger, versions[0], None)
    client().delete_model_version(NAME, "1")
    third = register_version(NAME, model_uri=logged[0], attempt="run-3", tags={}, taken={1})
    promoted(ledger, third, 1, action="forced")
    assert aliases() == {"champion": third}
