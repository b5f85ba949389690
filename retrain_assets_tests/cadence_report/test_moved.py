"""Drift in many blocks at once."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrain_assets.cadence_report.moved import moved_shares
from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.monitoring_report.drift import drift

RANDOM = np.random.default_rng(3)
PSI = 0.1


def draw(rows: int, amount: float, south: float, missing: float) -> pl.DataFrame:
    """Draw rows with gaps, ties, and a value that the training rows lack."""
    region = RANDOM.choice(["north", "south", "west", "new"], rows, p=[0.4, south, 0.6 - south, 0.0])
    gap = RANDOM.random(rows) < missing
    return pl.DataFrame(
        {
            "amount": RANDOM.normal(amount, 1, rows),
            "age": RANDOM.integers(18, 24, rows).astype(float),
            "region": np.where(RANDOM.random(rows) < 0.02, "new", region),
            "constant": np.full(rows, 2.5),
        }
    ).with_columns(
        pl.when(pl.Series(gap)).then(None).otherwise(pl.col("amount")).alias("amount"),
        pl.when(pl.Series(gap)).then(None).otherwise(pl.col("region")).alias("region"),
    )


@pytest.mark.parametrize("importances", [{"amount": 0.3, "region": 0.1, "age": -0.1}, {}])
def test_each_block_has_the_figure_that_monitoring_gives(importances):
    """The share that moved is that of the drift of each block's rows by itself."""
    names = (["amount", "age", "constant"], ["region"])
    profile = build_profile(draw(3_000, 0, 0.3, 0.05), *names, None)
    blocks = [
        draw(700, 0, 0.3, 0.05),
        draw(400, 0.8, 0.3, 0.05),
        draw(500, 0, 0.55, 0.05),
        draw(600, 0, 0.3, 0.4),
    ]
    block = np.repeat(np.arange(4), [part.height for part in blocks])
    found = moved_shares(profile, importances, pl.concat(blocks), block, PSI)
    expected = [drift(profile, part, None).moved_importance(PSI, importances) for part in blocks]
    assert found.tolist() == expected
    assert len(set(expected)) > 2


def test_no_rows_have_no_blocks():
    """Without rows there is nothing to measure."""
    profile = build_profile(draw(300, 0, 0.3, 0.05), ["amount"], ["region"], None)
    assert moved_shares(profile, {}, draw(0, 0, 0.3, 0), np.empty(0, dtype=np.int64), PSI).size == 0
