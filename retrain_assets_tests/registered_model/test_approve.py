"""Manual approval: a blessed candidate waits for a person, and what that person may do, by the real job."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from retrain_assets.champion.approvals import append_approval, approvals
from retrain_assets.champion.registry import client, reconcile
from retrain_assets.home import home
from retrain_assets_tests.champion.conftest import log_model
from retrain_assets_tests.pipelines import declare, write_days
from retrain_assets_tests.registered_model.judged import act, copied, crown, judge, record_training
from retrain_assets_tests.remembered import empty_store
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import (
    YOUNG,
    Running,
    declared_anew,
    materialized,
    next_days,
    sentence,
    serving,
)

pytestmark = YOUNG

LAST_DAY = date(2026, 1, 29)
WHO = {"actor": "grace", "reason": "Checked by hand."}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """Make a home folder with one champion and some rows."""
    folder = tmp_path_factory.mktemp("waiting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(folder / "home"))
        (folder / "home").mkdir()
        (folder / "home" / "mlflow.db").write_bytes(empty_store())
        declaration = declare(folder)
        record_training(declaration, *log_model(folder / "home"))
        take_in(declaration, write_days(folder, 1, LAST_DAY))
        crown(declaration, 1)
    return folder / "home"


@pytest.fixture
def waiting(prepared, tmp_path) -> Running:
    """Version 2 waits for approval in the place of version 1."""
    running = declared_anew(Running(copied(prepared, tmp_path)), promotion__approval="manual")
    judge(running.declaration, "run-2")
    assert act(running.declaration, "run-2").outcome == "waiting"
    return running


def aliases(running: Running) -> dict[str, int]:
    """Read the aliases, after a reader has mended them."""
    reconcile("loans", running.declaration.ledger)
    return {name: int(version) for name, version in client().get_registered_model("loans").aliases.items()}


def tags(version: int) -> dict[str, str]:
    """Read the tags of a version that say what became of it."""
    found = client().get_model_version("loans", str(version)).tags
    return {name: text for name, text in found.items() if name.rpartition("/")[2] in ("approval", "orphaned")}


def answer(running: Running, decision: str, **config: object) -> str:
    """Run the approve job; the sentence that it failed with, or nothing."""
    result = running.intervene("approve", decision=decision, **(WHO | config))
    return "" if result.success else sentence(result)


def actions(running: Running) -> list[tuple[str, int, str]]:
    """Read the ledger."""
    return [(entry.action, entry.version, entry.actor) for entry in running.declaration.ledger.entries()]


def test_a_blessed_candidate_waits(waiting):
    """It is a version with the alias challenger, told by a tag and no orphan, and the ledger is as it was."""
    assert actions(waiting) == [("promoted", 1, "retrain_assets")]
    assert aliases(waiting) == {"champion": 1, "challenger": 2}
    assert tags(2) == {
        "retrain_assets/approval": "Version 2 of loans waits for approval by loans_approve, as a candidate against "
        "version 1, until the data reach 2026-02-13 00:00 UTC."
    }
    # Acted on again after a crash it is the same one.
    assert act(waiting.declaration, "run-2").outcome == "waiting"
    assert [entry.event for entry in approvals(waiting.declaration.lake)] == ["waiting"]


def test_approved(waiting):
    """An approval makes it champion in the person's name, once; Dagster and the life page show it."""
    assert answer(waiting, "approve") == ""
    assert actions(waiting)[1:] == [("promoted", 2, "grace")]
    entry = waiting.declaration.ledger.entries()[-1]
    assert (entry.reason, entry.evidence["attempt"]) == ("Checked by hand.", "run-2")
    assert entry.evidence["verdict"] == "The candidate of run-2 is judged."
    assert aliases(waiting) == {"champion": 2}
    event = waiting.instance.get_latest_materialization_event(dg.AssetKey(["loans", "registered_model"]))
    assert event.asset_materialization.tags["dagster/data_version"] == "2"
    life = json.loads((waiting.declaration.reports / "life.json").read_text())
    assert (life["champion"]["version"], life["approval"]) == (2, None)
    again = answer(waiting, "approve")
    assert again.startswith("Nothing was approved: Version 2 of loans was approved by grace at ")
    assert answer(waiting, "decline").startswith(
        "Nothing was declined: Version 2 of loans was approved by grace"
    )
    assert len(actions(waiting)) == 2


def test_declined(waiting):
    """What was declined keeps a tag with who and why, and is never promoted by itself."""
    assert answer(waiting, "decline", reason="Too slow.") == ""
    assert aliases(waiting) == {"champion": 1}
    assert tags(2)["retrain_assets/approval"].startswith("Version 2 of loans was declined by grace at ")
    assert tags(2)["retrain_assets/approval"].endswith("(Too slow).")
    assert act(waiting.declaration, "run-2").outcome == "none"
    assert answer(waiting, "approve").startswith(
        "Nothing was approved: Version 2 of loans was declined by grace"
    )
    assert len(actions(waiting)) == 1


def test_expired(waiting, tmp_path):
    """When the data have passed the declared time it can be approved no more, and is no challenger."""
    take_in(waiting.declaration, write_days(tmp_path, 1, LAST_DAY + timedelta(days=15)))
    assert answer(waiting, "approve") == (
        "Nothing was approved: Version 2 of loans waited for approval in vain until 2026-02-13 00:00 UTC, and it "
        "expired. loans_retrain trains another candidate."
    )
    assert aliases(waiting) == {"champion": 1}
    assert len(actions(waiting)) == 1


@pytest.mark.parametrize("ended", ["declined", "expired"])
def test_what_was_not_approved_stays_so(waiting, tmp_path, ended):
    """A candidate that was declined, or expired, is not promoted by itself where approval is automatic since."""
    if ended == "declined":
        assert answer(waiting, "decline") == ""
    else:
        take_in(waiting.declaration, write_days(tmp_path, 1, LAST_DAY + timedelta(days=15)))
        assert answer(waiting, "approve").endswith("expired. loans_retrain trains another candidate.")
    automatic = declared_anew(waiting, promotion__approval="automatic")
    found = act(automatic.declaration, "run-2")
    assert (found.outcome, ended in found.sentence) == ("none", True)
    assert actions(waiting) == [("promoted", 1, "retrain_assets")]


def test_what_cannot_be_loaded_is_not_approved(waiting):
    """A candidate whose files are gone goes on waiting, and the champion stays."""
    [entry] = approvals(waiting.declaration.lake)
    (home() / entry.model_path / "model.skops").unlink()
    assert answer(waiting, "approve").startswith(
        "Version 2 of loans cannot be loaded, so it does not become champion"
    )
    assert actions(waiting) == [("promoted", 1, "retrain_assets")]
    assert [item.event for item in approvals(waiting.declaration.lake)] == ["waiting"]
    assert answer(waiting, "decline") == ""


def test_what_was_rolled_back_meanwhile_is_not_approved(waiting):
    """A candidate that a person forced and rolled back while it waited is barred, and no grant is written."""
    assert waiting.intervene("promote", attempt="run-2", actor="ada", reason="At once.").success
    assert waiting.intervene("rollback", actor="ada", reason="Complaints.").success
    assert answer(waiting, "approve").startswith("Version 2 of loans was rolled back by ada at ")
    assert [item.event for item in approvals(waiting.declaration.lake)] == ["waiting"]


def test_a_number_of_a_candidate_is_given_to_no_other(waiting):
    """A registry that counts from 1 again gives a forced candidate no number that one waiting for approval has had."""
    client().delete_registered_model("loans")
    judge(waiting.declaration, "run-3")
    assert waiting.intervene("promote", attempt="run-3", actor="ada", reason="The store is new.").success
    assert actions(waiting)[1:] == [("forced", 3, "ada")]
    assert tags(3) == {}


def test_the_champion_changed(waiting):
    """The approval is for one candidate against one champion: it is void when another one serves."""
    judge(waiting.declaration, "run-3")
    assert waiting.intervene("promote", attempt="run-3", actor="ada", reason="Meanwhile.").success
    assert answer(waiting, "approve") == (
        "Nothing was approved: Version 2 of loans can be approved no more: it was compared with version 1, which "
        "serves no more. loans_retrain trains another candidate."
    )
    assert aliases(waiting) == {"champion": 3}
    assert actions(waiting)[1:] == [("forced", 3, "ada")]


def test_a_newer_candidate(waiting):
    """It takes the place of the one that waits, and a decision that was meant for the old one is refused."""
    judge(waiting.declaration, "run-3")
    assert act(waiting.declaration, "run-3").outcome == "waiting"
    assert aliases(waiting) == {"champion": 1, "challenger": 3}
    assert tags(2)["retrain_assets/approval"] == (
        "Version 2 of loans was never decided on: version 3 took its place."
    )
    assert answer(waiting, "approve", version=2) == (
        "The newest candidate of loans that needs approval is version 3, not the one that was meant. Look at its "
        "evaluation, and start loans_approve again."
    )
    assert answer(waiting, "approve", version=3) == ""
    assert actions(waiting)[1:] == [("promoted", 3, "grace")]


def test_of_decisions_at_once_one_is_granted(waiting):
    """Approval, refusal and a newer candidate that rest on the same record: the first one is written."""
    lake = waiting.declaration.lake
    [entry] = approvals(lake)
    said = {"actor": "ada", "reason": "Now.", "as_of": datetime(2026, 1, 30, tzinfo=UTC)}
    assert append_approval(lake, entry, event="declined", **said)
    assert not append_approval(lake, entry, event="approved", **said)
    assert not append_approval(lake, entry, event="waiting", **said)
    assert [item.event for item in approvals(lake)] == ["waiting", "declined"]


def test_a_grant_whose_run_died(waiting):
    """A run that died between the grant and the ledger's entry is brought to its end, in the name of who granted."""
    [entry] = approvals(waiting.declaration.lake)
    said = {"actor": "ada", "reason": "Checked.", "as_of": datetime(2026, 1, 30, tzinfo=UTC)}
    append_approval(waiting.declaration.lake, entry, event="approved", **said)
    assert answer(waiting, "approve") == ""
    assert actions(waiting)[1:] == [("promoted", 2, "ada")]


def test_who_and_why_are_required(waiting):
    """A decision of nobody, or without a reason, changes nothing."""
    assert answer(waiting, "decline", actor=" ") == (
        "A change of champion of loans needs an actor and a reason: say who decided, and why."
    )
    with pytest.raises(dg.DagsterInvalidConfigError, match="reason"):
        waiting.intervene("approve", decision="approve", actor="grace")
    assert len(approvals(waiting.declaration.lake)) == 1


def test_from_the_training_to_the_approval(tmp_path):
    """The real loop: nothing materializes while it waits, the page says so, the challenger scores, and then serves."""
    running = serving(tmp_path, training__params={"max_iter": 1})
    running = declared_anew(running, promotion__approval="manual")
    retrained = running.retrain()
    assert retrained.success, sentence(retrained)
    assert "registered_model" not in materialized(retrained)
    page = running.declaration.reports / "evaluations" / retrained.run_id / "index.html"
    assert "It waits for approval by loans_approve." in page.read_text()
    keys = next_days(running, 1)
    lake = running.declaration.lake
    assert set(lake.rows("predictions", keys).collect()["model_version"]) == {1}
    assert set(lake.rows("shadow_predictions", keys).collect()["model_version"]) == {2}
    assert answer(running, "approve") == ""
    later = next_days(running, 1)
    assert set(lake.rows("predictions", later).collect()["model_version"]) == {2}
