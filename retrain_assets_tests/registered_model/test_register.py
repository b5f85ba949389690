"""What becomes of an evaluated candidate, through real Dagster runs, the real ledger and a real MLflow registry."""

from __future__ import annotations

import json

import mlflow
import numpy as np
import polars as pl
import pytest

from retrain_assets.attempts import attempts
from retrain_assets.champion.tracking import client
from retrain_assets.registered_model import register
from retrain_assets_tests.running import (
    YOUNG,
    Running,
    checks,
    declared_anew,
    loans,
    materialized,
    next_days,
    sentence,
    serving,
)

pytestmark = YOUNG

WEAK = {"training__params": {"max_iter": 1}}
NO_GAIN = {"promotion__min_gain": 0.5}
ALARM = {"retrain_when__performance": {"metric": "roc_auc", "at_least": 0.99}}


def aliases() -> dict[str, int]:
    """Read the registered model's aliases; none before anything is registered."""
    found = client().search_registered_models("name = 'loans'")
    return {alias: int(version) for model in found for alias, version in model.aliases.items()}


def versions() -> list[int]:
    """Read the registered versions."""
    return sorted(int(version.version) for version in client().search_model_versions("name = 'loans'"))


def actions(running: Running) -> list[tuple[str, int]]:
    """Read what the ledger holds."""
    return [(entry.action, entry.version) for entry in running.declaration.ledger.entries()]


def outcome(result) -> str | None:
    """What the run did to the registered model, as its materialization tells; None where it made none."""
    return materialized(result).get("registered_model", {}).get("outcome")


def verdict(result) -> str:
    """The run's verdict."""
    return materialized(result)["evaluation_report"]["verdict"]


def test_first_champion(tmp_path):
    """The first proven model is promoted: alias, ledger, data version, and tags that say where it came from."""
    running = loans(tmp_path)
    data = {table: running.declaration.lake.version(table) for table in ("training_data", "features")}
    result = running.retrain(
        tags={"retrain_assets/reason": "no_champion,new_rows", "retrain_assets/why": "A\nB"}
    )
    assert (verdict(result), outcome(result)) == ("blessed", "promoted")
    assert aliases() == {"champion": 1}
    entry = running.declaration.ledger.entries()[0]
    assert (entry.action, entry.version, entry.expected_champion) == ("promoted", 1, None)
    assert entry.as_of.isoformat() == "2026-01-30T00:00:00+00:00"
    assert entry.reason == materialized(result)["evaluation_report"]["sentence"]
    tags = client().get_model_version_by_alias("loans", "champion").tags
    assert json.loads(tags.pop("retrain_assets/data")) == data
    assert tags == {
        "retrain_assets/attempt": result.run_id,
        "retrain_assets/dagster_run_id": result.run_id,
        "retrain_assets/as_of": "2026-01-30T00:00:00+00:00",
        "retrain_assets/train_start": "2026-01-07T00:00:00+00:00",
        "retrain_assets/train_end": "2026-01-21T00:00:00+00:00",
        "retrain_assets/code_version": running.declaration.code_version(),
        "retrain_assets/verdict": "blessed: first_champion",
        "retrain_assets/reason": "no_champion,new_rows",
    }
    made = result.asset_materializations_for_node("loans__registered_model")
    assert [item.tags["dagster/data_version"] for item in made] == ["1"]


def test_champion_serves_the_figures_of_predictions(tmp_path):
    """MLflow's own loader, given raw rows of later partitions, gives exactly the figures in predictions."""
    running = loans(
        tmp_path, features__derive={"ratio": "amount / age", "night": "EXTRACT(hour FROM asked_at) < 6"}
    )
    assert running.retrain().success
    keys = next_days(running, 3)
    served = mlflow.pyfunc.load_model("models:/loans@champion")
    folder = running.declaration.file.parent / "rows"
    for key in keys:
        raw = pl.read_parquet(folder / f"{key}.parquet")
        lake = running.declaration.lake
        scores = (
            lake.rows("training_data", [key])
            .join(lake.rows("predictions", [key]), on="row_id")
            .select("loan", "score", "model_version")
            .collect()
        )
        found = raw.join(scores, on="loan", maintain_order="left")
        assert found.height == raw.height == 120
        assert set(found["model_version"]) == {1}
        np.testing.assert_array_equal(served.predict(raw.to_pandas()), found["score"].to_numpy())
        np.testing.assert_array_equal(
            served.predict(raw.drop("repaid").to_pandas()), found["score"].to_numpy()
        )


def test_better_candidate_replaces_the_champion(tmp_path):
    """A candidate proven better takes the champion's place, and the very model that was evaluated is registered."""
    running = serving(tmp_path, **WEAK)
    stronger = declared_anew(running)
    result = stronger.retrain()
    assert materialized(result)["evaluation_report"]["reason"] == "better"
    assert outcome(result) == "promoted"
    assert actions(running) == [("promoted", 1), ("promoted", 2)]
    assert aliases() == {"champion": 2}
    trained = next(
        item for item in attempts(running.declaration.lake, "trained") if item.attempt == result.run_id
    )
    registered = client().get_model_version("loans", "2")
    assert registered.run_id == trained.payload["mlflow_run_id"]
    assert registered.source.endswith(trained.payload["model_path"])


def test_rejection_confirms(tmp_path):
    """A rejected candidate confirms the champion: materialized with its version, nothing registered."""
    running = serving(tmp_path, 2)
    result = declared_anew(running, **NO_GAIN).retrain()
    assert (verdict(result), outcome(result)) == ("rejected", "confirmed")
    assert result.success
    assert actions(running) == [("promoted", 1), ("confirmed", 1)]
    assert versions() == [1]
    assert materialized(result)["registered_model"]["version"] == 1
    assert running.declaration.ledger.standing().last_confirmed.isoformat() == "2026-02-01T00:00:00+00:00"


def test_rejection_confirms_nothing_while_harm_stands(tmp_path):
    """While an alarm of harm stands, a rejection confirms nothing, and the champion goes on ageing."""
    running = serving(tmp_path, 9, **ALARM)
    result = declared_anew(running, **ALARM, **NO_GAIN).retrain()
    assert result.success
    assert (verdict(result), outcome(result)) == ("rejected", None)
    assert actions(running) == [("promoted", 1)]
    record = attempts(running.declaration.lake, "registered")[-1].payload
    assert record["outcome"] == "none"
    assert record["sentence"].startswith("Version 1 stays, unconfirmed: ROC AUC over 7d is 0.")
    quiet = declared_anew(running, **NO_GAIN)
    next_days(quiet, 1)
    assert outcome(quiet.retrain()) == "confirmed"


def test_rejection_without_a_champion(tmp_path):
    """A first candidate that does not beat the baseline registers nothing and materializes nothing."""
    running = loans(tmp_path, training__model="retrain_assets_tests.registered_model.test_register:coin")
    result = running.retrain()
    assert (verdict(result), outcome(result)) == ("rejected", None)
    assert result.success
    assert versions() == []
    assert actions(running) == []
    assert aliases() == {}


def coin(max_iter: int = 0, min_samples_leaf: int = 0):
    """Make a classifier that knows the share of neither class."""
    from sklearn.dummy import DummyClassifier

    del max_iter, min_samples_leaf
    return DummyClassifier(strategy="uniform")


def test_inconclusive_materializes_nothing(tmp_path):
    """Without proof either way the run succeeds, and there is no materialization of the registered model."""
    running = serving(tmp_path, 5)
    result = running.retrain()
    assert result.success
    assert verdict(result) == "inconclusive"
    assert set(materialized(result)) == {"candidate_model", "evaluation_report"}
    assert actions(running) == [("promoted", 1)]
    assert versions() == [1]
    assert aliases() == {"champion": 1}


def test_an_as_of_before_the_champions_is_a_trial(tmp_path):
    """What was better in the past does not take the place of a champion that knows more, however much better it was."""
    running = loans(tmp_path, days=46, **WEAK)
    running.retrain()
    result = declared_anew(running).retrain(as_of="2026-01-27T00:00:00Z")
    assert (verdict(result), outcome(result)) == ("blessed", None)
    assert running.declaration.ledger.standing().version == 1
    newer = declared_anew(running).retrain()
    assert (verdict(newer), outcome(newer)) == ("blessed", "promoted")


def test_trial(tmp_path):
    """A trial is evaluated, however good it is, and changes neither registry nor ledger, then or later."""
    running = serving(tmp_path, **WEAK)
    result = running.retrain(params={"max_iter": 30})
    assert (verdict(result), outcome(result)) == ("blessed", None)
    again = running.retrain("registered_model")
    assert again.success
    assert outcome(again) is None
    assert actions(running) == [("promoted", 1)]
    assert versions() == [1]
    document = running.declaration.reports / "evaluations" / result.run_id / "evaluation.json"
    assert json.loads(document.read_text())["trial"] is True
    said = [entry.user_message for entry in running.instance.all_logs(result.run_id)]
    [told] = [text for text in said if text.startswith("The verdict (a trial) is blessed (better). ")]
    assert told.endswith(f"Its page: {document.parent / 'index.html'}")
    assert any(f"with the job loans_promote and the attempt {result.run_id}." in text for text in said)


def test_registered_model_alone(tmp_path):
    """Alone, registered_model acts on the newest evaluation whose champion still is the champion."""
    running = loans(tmp_path)
    assert sentence(running.retrain("registered_model")) == (
        "Pipeline 'loans' has no evaluation to act on. Materialize evaluation_report first."
    )
    judged = running.retrain("candidate_model", "evaluation_report")
    assert versions() == []
    assert actions(running) == []
    result = running.retrain("registered_model")
    assert outcome(result) == "promoted"
    assert running.declaration.ledger.entries()[0].evidence["attempt"] == judged.run_id


def test_registered_model_alone_after_a_change_of_champion(tmp_path):
    """An evaluation against a champion that has gone promotes nothing, and fails with one sentence."""
    running = loans(tmp_path, **WEAK)
    first = running.retrain("candidate_model")
    running.retrain("evaluation_report")
    stronger = declared_anew(running)
    judged = stronger.retrain("candidate_model", "evaluation_report")
    forced = running.intervene("promote", attempt=first.run_id, actor="ada", reason="For a test.")
    assert forced.success, sentence(forced)
    result = running.retrain("registered_model")
    assert not result.success
    assert sentence(result) == (
        f"The evaluation {judged.run_id} compared the candidate with no champion, but the champion now is "
        "version 1. Run the job loans_retrain to compare with it."
    )
    assert actions(running) == [("forced", 1)]
    assert versions() == [1]


def test_acting_twice(tmp_path):
    """An evaluation is acted on once: asked again, registered_model changes nothing and says nothing new."""
    running = serving(tmp_path)
    before = running.declaration.lake.version("ledger")
    result = running.retrain("registered_model")
    assert result.success
    assert outcome(result) is None
    assert running.declaration.lake.version("ledger") == before
    assert versions() == [1]


@pytest.mark.parametrize("changes", [{}, NO_GAIN], ids=["promotion", "confirmation"])
def test_crash_between_ledger_and_record(tmp_path, monkeypatch, changes):
    """A run that dies after the ledger's entry is brought to its end by the next, which enters nothing twice."""
    running = declared_anew(serving(tmp_path, 2) if changes else loans(tmp_path), **changes)
    expected = "confirmed" if changes else "promoted"

    def die(*_):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(register, "record_attempt", die)
        died = running.retrain()
    assert not died.success
    assert outcome(died) is None
    entered = actions(running)
    assert entered[-1] == (expected, 1)
    stages = [item.stage for item in attempts(running.declaration.lake) if item.attempt == died.run_id]
    assert stages == ["trained", "evaluated"]

    mended = running.retrain("registered_model")
    assert mended.success, sentence(mended)
    assert outcome(mended) == expected
    assert actions(running) == entered
    assert versions() == [1]
    assert aliases() == {"champion": 1}
    record = attempts(running.declaration.lake, "registered")[-1]
    assert (record.attempt, record.payload["outcome"]) == (died.run_id, expected)
    assert outcome(running.retrain("registered_model")) is None


def test_alias_moved_by_hand(tmp_path):
    """The next retrain puts an alias back that a hand has moved, and a check says so; the next finds all well."""
    running = loans(tmp_path)
    result = running.retrain()
    assert checks(result)["alias_follows_ledger"].passed
    client().delete_registered_model_alias("loans", "champion")
    told = running.retrain("registered_model")
    assert told.success, sentence(told)
    assert outcome(told) is None
    check = checks(told)["alias_follows_ledger"]
    assert (check.passed, check.severity.name) == (False, "WARN")
    assert check.metadata["sentence"].value.startswith(
        "The alias champion of loans was missing, but by the ledger version 1 is the champion; the alias names it"
    )
    assert aliases() == {"champion": 1}
    assert checks(running.retrain("registered_model"))["alias_follows_ledger"].passed


def test_champion_that_cannot_be_read(tmp_path):
    """A champion whose file is gone stays; the check is an ERROR, and the promote job is the way out."""
    running = serving(tmp_path)
    entry = running.declaration.ledger.entries()[0]
    home = tmp_path / "home"
    (home / entry.evidence["model_path"] / "model.skops").unlink()
    with pytest.raises(AssertionError, match="Version 1 of loans cannot be loaded"):
        next_days(running, 1)
    result = running.retrain()
    assert result.success
    found = materialized(result)["evaluation_report"]
    assert (found["verdict"], found["reason"]) == ("inconclusive", "champion_unscorable")
    assert found["sentence"].startswith(
        "The champion could not be scored, so it stays: Version 1 of loans cannot be loaded. The model file "
    )
    assert "loans_promote" in found["sentence"]
    check = checks(result)["champion_can_be_scored"]
    assert (check.passed, check.severity.name) == (False, "ERROR")
    assert outcome(result) is None
    assert actions(running) == [("promoted", 1)]
    forced = running.intervene(
        "promote", attempt=result.run_id, actor="ada", reason="The champion's file is gone."
    )
    assert forced.success, sentence(forced)
    assert actions(running) == [("promoted", 1), ("forced", 2)]
    assert aliases() == {"champion": 2}
    tags = client().get_model_version("loans", "2").tags
    assert tags["retrain_assets/verdict"] == "forced, inconclusive: champion_unscorable"
    assert tags["retrain_assets/dagster_run_id"] == result.run_id
    assert tags["retrain_assets/train_end"] == "2026-01-22T00:00:00+00:00"
    keys = next_days(running, 1)
    scored = running.declaration.lake.rows("predictions", keys).select("model_version").collect()
    assert set(scored["model_version"]) == {2}
