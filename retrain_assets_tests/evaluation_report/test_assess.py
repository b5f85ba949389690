"""Judging the newest candidate, through the real retrain job: which rows, which models, which data."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss

from retrain_assets.attempts import attempts
from retrain_assets.champion.loading import load_model
from retrain_assets_tests.pipelines import loans_of, write_day, write_days
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import (
    YOUNG,
    Running,
    checks,
    declared_anew,
    loans,
    materialized,
    sentence,
    serving,
)

pytestmark = YOUNG

WEAK = {"training__params": {"max_iter": 1}}


def document(running: Running, attempt: str) -> dict[str, Any]:
    """Read the JSON twin of an evaluation's page."""
    folder = running.declaration.reports / "evaluations" / attempt
    assert (folder / "index.html").is_file()
    read: dict[str, Any] = json.loads((folder / "evaluation.json").read_text())
    return read


def model_path(running: Running, attempt: str) -> Path:
    """Where the files of an attempt's model are."""
    (trained,) = (item for item in attempts(running.declaration.lake, "trained") if item.attempt == attempt)
    return Path(trained.payload["model_path"])


def test_nothing_to_evaluate(tmp_path):
    """Before anything was trained the run fails, and says what to do first."""
    running = loans(tmp_path, days=1)
    assert sentence(running.retrain("evaluation_report")) == (
        "Pipeline 'loans' has no candidate to evaluate. Materialize candidate_model first."
    )


def test_figures(tmp_path):
    """Candidate, champion and baseline are scored on the same raw rows of the holdout, as one computes by hand."""
    running = loans(tmp_path, **WEAK)
    first = running.retrain()
    running = declared_anew(running)
    keys = write_days(tmp_path, 3, date(2026, 1, 30))
    take_in(running.declaration, keys)
    result = running.retrain()
    found = document(running, result.run_id)
    # As of 2026-02-02, with a delay of a day and a holdout of seven.
    assert keys[-1] == "2026-02-01"
    raw = pl.concat([loans_of(date(2026, 1, 25)), *(loans_of(date(2026, 1, day)) for day in range(26, 32))])
    assert found["rows"] == {"train": 14 * 120, "holdout": raw.height, "blocks": 7, "left_out": 0}
    y = raw["repaid"].to_numpy()
    compared = found["comparisons"][0]
    for role, attempt in (("candidate", result.run_id), ("champion", first.run_id)):
        scores = load_model(str(model_path(running, attempt)), []).predict(raw)
        assert compared[role] == pytest.approx(log_loss(y, scores), rel=1e-5), role
    trained = pl.concat([loans_of(date(2026, 1, day)) for day in range(10, 24)])["repaid"].to_numpy()
    assert compared["baseline"] == pytest.approx(log_loss(y, np.full(len(y), trained.mean())), rel=1e-5)
    shown = materialized(result)["evaluation_report"]
    assert shown["candidate_log_loss"] == compared["candidate"]
    assert shown["improvement_log_loss_lower"] == compared["vs_champion"]["lower"]
    assert shown["sentence"] == found["verdict"]["sentence"]
    assert (found["versions"]["champion"], found["versions"]["dagster_run_id"]) == (1, result.run_id)


def test_evaluation_alone(tmp_path):
    """Alone, the evaluation judges the newest candidate, and registers and changes nothing."""
    running = loans(tmp_path)
    running.retrain("candidate_model")
    newest = running.retrain("candidate_model")
    result = running.retrain("evaluation_report")
    assert result.success
    assert document(running, newest.run_id)["verdict"]["verdict"] == "blessed"
    assert [item.attempt for item in attempts(running.declaration.lake, "evaluated")] == [newest.run_id]
    assert attempts(running.declaration.lake, "registered") == []
    assert running.declaration.ledger.entries() == []


def test_slices_and_blocks_may_be_derived(tmp_path):
    """A slice or a block that names a derived column is made of the rows that judge, as features are."""
    derived = {"decade": "CAST(FLOOR(age / 10) AS INTEGER)"}
    running = loans(
        tmp_path, features__derive=derived, evaluation__slices=["decade"], evaluation__block="decade"
    )
    result = running.retrain()
    assert result.success, sentence(result)
    found = document(running, result.run_id)
    assert found["rows"]["blocks"] == 7
    assert {part["column"] for part in found["slices"]} == {"decade"}
    assert {part["value"] for part in found["slices"]} <= set("1234567")


def test_a_trial_announces_no_look(tmp_path):
    """Where it is not clear whether a trial is better, its report names no next look."""
    running = serving(tmp_path, promotion__min_gain=0)
    trial = document(running, running.retrain(params={"l2_regularization": 1.0}).run_id)["verdict"]
    assert trial["reason"] == "gain_unclear"
    assert trial["next_look"] is None


def test_findings_are_warnings(tmp_path):
    """A rejected candidate fails checks of severity WARN, and no run."""
    running = serving(tmp_path, 2)
    result = declared_anew(running, **WEAK).retrain()
    assert result.success
    assert materialized(result)["evaluation_report"]["reason"] == "worse"
    found = {name: (check.passed, check.severity.name) for name, check in checks(result).items()}
    assert found == {
        "training_window_is_sound": (True, "WARN"),
        "candidate_is_better": (False, "WARN"),
        "candidate_beats_baseline": (True, "WARN"),
        "no_slice_is_worse": (False, "WARN"),
        "calibration_holds": (False, "WARN"),
        "explanation_holds": (True, "WARN"),
        "champion_can_be_scored": (True, "ERROR"),
        "alias_follows_ledger": (True, "WARN"),
    }


def test_data_of_the_training(tmp_path):
    """What is delivered after the training does not change its evaluation: it reads the data versions of then."""
    running = loans(tmp_path)
    expected = document(running, running.retrain("candidate_model", "evaluation_report").run_id)
    trained = running.retrain("candidate_model")
    day = date(2026, 1, 25)
    write_day(tmp_path, day, loans_of(day, rows=300, flipped=True))
    take_in(running.declaration, [day.isoformat()])
    assert running.retrain("evaluation_report").success
    found = document(running, trained.run_id)
    for part in ("comparisons", "rows", "verdict", "slices", "calibration"):
        assert found[part] == expected[part], part
    late = running.retrain("candidate_model", "evaluation_report")
    assert document(running, late.run_id)["rows"]["holdout"] == expected["rows"]["holdout"] + 180


def test_unlabelled_rows(tmp_path):
    """Rows whose label is missing judge nothing, and are none that were left out as seen."""
    running = loans(tmp_path)
    day = date(2026, 1, 25)
    rows = loans_of(day).with_columns(repaid=pl.when(pl.int_range(pl.len()) >= 50).then("repaid"))
    write_day(tmp_path, day, rows)
    take_in(running.declaration, [day.isoformat()])
    result = running.retrain()
    assert document(running, result.run_id)["rows"] | {"train": None} == {
        "train": None,
        "holdout": 7 * 120 - 50,
        "blocks": 7,
        "left_out": 0,
    }


def test_earlier_as_of(tmp_path):
    """Against a champion of later, only the rows that it was not trained on judge, and they are too few."""
    running = loans(tmp_path, days=32)
    assert running.retrain().success
    # The champion was trained on the fourteen days to 2026-01-28, the holdout is the seven to 2026-01-27.
    result = running.retrain(as_of="2026-01-28T00:00:00Z")
    assert result.success
    found = document(running, result.run_id)
    assert found["rows"]["left_out"] == 7 * 120
    assert found["rows"]["holdout"] == 0
    assert (found["verdict"]["verdict"], found["verdict"]["reason"]) == ("inconclusive", "too_few_rows")
    assert (
        "the champion was trained on 840 further ones, which cannot judge it" in found["verdict"]["sentence"]
    )
    assert running.declaration.ledger.standing().version == 1
    assert len(running.declaration.ledger.entries()) == 1


@pytest.mark.parametrize("damage", ["missing", "truncated", "no archive"])
def test_champion_unreadable(tmp_path, damage):
    """Whatever became of the champion's file, the verdict is inconclusive, the check an ERROR, the champion stays."""
    running = serving(tmp_path)
    [first] = running.declaration.ledger.entries()
    file = tmp_path / "home" / first.evidence["model_path"] / "model.skops"
    whole = file.read_bytes()
    match damage:
        case "missing":
            file.unlink()
        case "truncated":
            file.write_bytes(whole[: len(whole) // 2])
        case "no archive":
            file.write_text("a model")
    result = running.retrain()
    assert result.success
    found = materialized(result)
    check = checks(result)["champion_can_be_scored"]
    assert found["evaluation_report"]["reason"] == "champion_unscorable"
    assert (check.passed, check.severity.name) == (False, "ERROR")
    assert "registered_model" not in found
    assert [entry.version for entry in running.declaration.ledger.entries()] == [1]
