"""The same rows give the same model, however they came into the lake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from retrain_assets.attempts import newest_attempt
from retrain_assets.champion.loading import load_model
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_days
from retrain_assets_tests.running import YOUNG, Running, sentence

pytestmark = YOUNG


def scores_after(folder: Path, ranges: list[slice]) -> np.ndarray:
    """Take the same days in by different ranges, train, and score a day."""
    # Early stopping draws the rows that it watches by their place, so that the order of rows decides.
    params = {"max_iter": 60, "early_stopping": True, "n_iter_no_change": 2}
    pipeline = Running(declare(folder, training__params=params, training__window={"type": "expanding"}))
    keys = write_days(folder, 20)
    for part in ranges:
        pipeline.ingest(keys[part], "training_data", "features")
    result = pipeline.retrain("candidate_model")
    assert result.success, sentence(result)
    record = newest_attempt(pipeline.declaration.lake, "trained").payload
    model = load_model(record["model_path"], pipeline.declaration.trusted_modules())
    return np.asarray(model.predict(loans_of(FIRST_DAY + timedelta(days=30))))


def test_the_order_of_ingestion_changes_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were taken in the other way round are fitted in the same order."""
    found = []
    for name, ranges in (("one", [slice(0, 20)]), ("other", [slice(12, 20), slice(0, 12)])):
        (tmp_path / name).mkdir()
        monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / name / "home"))
        found.append(scores_after(tmp_path / name, ranges))
    assert found[0].std() > 0
    np.testing.assert_array_equal(*found)
