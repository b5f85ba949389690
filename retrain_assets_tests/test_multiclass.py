"""A label of three classes through the real jobs: trained, judged, registered, served, watched, retrained."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import mlflow
import numpy as np
import polars as pl
import pytest

from retrain_assets.attempts import newest_attempt
from retrain_assets.candidate_model.train import Request, train_candidate
from retrain_assets.champion.tracking import client
from retrain_assets.comparison import deciding_criterion
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError
from retrain_assets.evaluation_report.past_days import past_loss_differences
from retrain_assets.predictions.scoring import score_partitions
from retrain_assets_tests.parcels import CLASSES, FIRST_DAY, ROWS_A_DAY, declare_parcels, write_parcels
from retrain_assets_tests.running import YOUNG, Running, sentence

pytestmark = YOUNG

PLAIN = 3
TURNED = 4


def retrained(running: Running) -> None:
    """Train and judge a candidate, which must succeed."""
    result = running.retrain()
    assert result.success, sentence(result)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory):
    """A champion of two weeks, one like them, three of another world, a champion that learnt it, and one more."""
    folder = tmp_path_factory.mktemp("parcels")
    home = folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(home))
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        running = Running(declare_parcels(folder))
        plain = write_parcels(folder, PLAIN)
        turned = write_parcels(folder, TURNED, FIRST_DAY + timedelta(weeks=PLAIN), turned=True)
        running.ingest(plain[:-1])
        retrained(running)
        running.ingest([*plain[-1:], *turned[:-1]])
        retrained(running)
        running.ingest(turned[-1:])
    return running.declaration, home


@pytest.fixture
def parcels(played, monkeypatch: pytest.MonkeyPatch) -> Declaration:
    """The pipeline that has lived so, in its home."""
    declaration, home = played
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(home))
    return declaration


def evaluations(declaration: Declaration) -> list[dict[str, Any]]:
    """All evaluation documents, oldest first."""
    files = sorted(
        declaration.reports.glob("evaluations/*/evaluation.json"), key=lambda file: file.stat().st_mtime
    )
    return [json.loads(file.read_text()) for file in files]


def newest_page(declaration: Declaration) -> str:
    """The page of the newest evaluation."""
    newest = newest_attempt(declaration.lake, "evaluated")
    assert newest is not None
    return (declaration.reports / newest.payload["page"]).read_text()


def test_both_candidates_are_promoted(parcels):
    """The first model is better than the class shares, the second one, after the world turned, than the first."""
    first, second = evaluations(parcels)
    assert (first["verdict"]["verdict"], first["verdict"]["reason"]) == ("blessed", "first_champion")
    assert (second["verdict"]["verdict"], second["verdict"]["reason"]) == ("blessed", "better")
    assert parcels.ledger.standing().version == 2
    assert [item["metric"] for item in second["comparisons"]] == ["log_loss", "accuracy", "f1_macro"]


def test_baseline_is_the_shares_of_the_classes(parcels):
    """The record of the training holds the classes, and as the naive model their shares."""
    trained = newest_attempt(parcels.lake, "trained")
    assert trained.payload["classes"] == CLASSES
    assert len(trained.payload["baseline"]) == len(CLASSES)
    assert sum(trained.payload["baseline"]) == pytest.approx(1)


def test_pyfunc_gives_what_is_in_predictions(parcels):
    """The registered champion gives for raw rows exactly the probabilities of the table, in the declared order."""
    lake = parcels.lake
    given = (
        lake.scan("predictions")
        .filter(pl.col("model_version") == 2)
        .sort("partition_key", "row_id")
        .collect()
    )
    raw = lake.scan("training_data").join(given.lazy(), on=["partition_key", "row_id"], how="semi")
    raw = raw.sort("partition_key", "row_id").collect()
    assert given.height == 7 * ROWS_A_DAY
    client()
    served = mlflow.pyfunc.load_model("models:/parcels@champion")
    scores = served.predict(raw.to_pandas())
    np.testing.assert_array_equal(scores, np.array(given["score"].to_list()))
    assert scores.shape == (given.height, len(CLASSES))
    named = [CLASSES[code] for code in scores.argmax(axis=1)]
    assert given["predicted"].to_list() == named
    right = np.mean([name == label for name, label in zip(named, raw["outcome"], strict=True)])
    assert right > 0.6


def test_harm_is_seen(parcels):
    """The report alarms that performance fell; the estimate, which sees no change of meaning, says that it did not."""
    lake = parcels.lake
    rows = lake.scan("monitoring").sort("as_of").collect()
    reports = [json.loads(payload) for payload in rows["payload"]]
    last = [report for report in reports if report["version"] == 1][-1]
    performance = next(item for item in last["findings"] if item["reason"] == "performance")
    assert performance["crossed"]
    assert last["realised"]["log_loss"]["value"] > last["reference"]["log_loss"]["value"] + 0.1
    assert last["score_drift"] is not None
    assert last["business"]["called_lost"]["value"] == pytest.approx(0.2, abs=0.2)
    estimated = last["estimated"]["log_loss"]["confidence_based"]
    assert (
        estimated["lower"] < estimated["value"] < estimated["upper"] < last["realised"]["log_loss"]["value"]
    )


def test_pages_tell_the_same(parcels):
    """The pages exist; calibration is shown of the predicted class and of each class, slices and importances are."""
    document = evaluations(parcels)[-1]
    shown = {(item["model"], item["class"]) for item in document["calibration"]}
    assert shown == {(model, name) for model in ("candidate", "champion") for name in (None, *CLASSES)}
    assert {part["value"] for part in document["slices"]} == {"ant", "bee"}
    assert {item["feature"] for item in document["importances"]} == {"weight", "distance", "carrier"}
    page = newest_page(parcels)
    assert "class on time" in page
    life = json.loads((parcels.reports / "life.json").read_text())
    weeks = [
        week for week in life["weeks"] if week["realised"] is not None and week["never_retrained"] is not None
    ]
    assert weeks[-1]["realised"] < weeks[-1]["never_retrained"]


def test_other_classes_are_another_pipeline(parcels):
    """A champion's scores are in the order of its classes: with others declared nothing is trained or scored."""
    changed = declare_parcels(parcels.file.parent, classes=["late", "on time", "lost"])
    said = (
        "label.classes: version 2 of parcels was trained on on time, late, lost, and the declaration lists late, on "
        "time, lost. The scores in the lake are in the first order: put it back, or declare the other classes under "
        "another name."
    )
    with pytest.raises(ChampionError) as caught:
        score_partitions(changed, [str(changed.newest_partition())])
    assert str(caught.value) == said
    with pytest.raises(ChampionError) as caught:
        train_candidate(changed, Request("again", None, {}, (), (), {}))
    assert str(caught.value) == said
    with pytest.raises(ChampionError, match="and the declaration lists no classes"):
        score_partitions(
            declare_parcels(parcels.file.parent, classes=None), [str(parcels.newest_partition())]
        )


def test_a_new_champion_is_watched(parcels):
    """The second champion is compared with the first one on rows that both have scored."""
    rows = parcels.lake.scan("monitoring").sort("as_of").tail(1).collect()
    watch = json.loads(rows["payload"].item())["watch"]
    assert (watch["version"], watch["predecessor"], watch["crossed"]) == (2, 1, False)
    assert watch["numbers"]["rows"] > 0


def test_past_days_are_read(parcels):
    """The loss differences of past days are known: of the champion and the class shares of its training."""
    spec, newest = parcels.spec, newest_attempt(parcels.lake, "trained")
    assert newest is not None
    split = datetime.fromisoformat(newest.payload["windows"]["split"])
    past = past_loss_differences(
        parcels, deciding_criterion(spec, "multiclass"), "multiclass", split=split, as_of=newest.as_of
    )
    assert past is not None
    assert np.isfinite(past).sum() >= 7
