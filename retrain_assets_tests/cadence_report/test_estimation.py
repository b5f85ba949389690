"""Losses that are estimated without the labels of a block, where it has no rows to estimate them of."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.report import build_report
from retrain_assets.declaration import Declaration
from retrain_assets_tests.cadence_report.pasts import finished, ingest_days, taken_in
from retrain_assets_tests.pipelines import FIRST_DAY, loans_of, write_day

NUMBERS = {
    "label": {"column": "amount", "delay": "1d"},
    "features": {"numeric": ["age", "repaid"], "categorical": ["region"]},
    "training__estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
    "evaluation": {"holdout": "7d", "metrics": ["mean_absolute_error"]},
}


def with_block(
    folder: Path, first: int, after: int, column: str, value: float | None, **changes
) -> Declaration:
    """Have loans taken in, of which those of some days have one value in a column."""
    declaration = taken_in(folder, **changes)
    days = [FIRST_DAY + number * timedelta(days=1) for number in range(first, after)]
    for day in days:
        frame = loans_of(day)
        write_day(folder, day, frame.with_columns(pl.lit(value, frame.schema[column]).alias(column)))
    ingest_days(declaration, [day.isoformat() for day in days])
    return declaration


def check_block_is_unknown(matrix: Matrix, block: int) -> None:
    """Losses of a block and their estimates are unknown, and those of the others are not."""
    for figures in (matrix.loss, matrix.estimated):
        assert np.isnan(figures[:, :, block]).all()
        assert np.delete(np.isfinite(figures[1, 1]), block).tolist() == [False] + [True] * 6


@pytest.mark.parametrize(("changes", "label"), [({}, "repaid"), (NUMBERS, "amount")])
@pytest.mark.parametrize(("first", "after", "block"), [(19, 24, 4), (33, 40, 7)])
def test_a_block_without_labels_costs_its_own_figures_alone(tmp_path, changes, label, first, after, block):
    """Where no row of a block has a label, its losses and their estimates are unknown, and the report is made."""
    declaration = with_block(tmp_path, first, after, label, None, **changes)
    matrix = finished(declaration)
    assert matrix.blocks[block].rows == 0
    check_block_is_unknown(matrix, block)
    json.dumps(build_report(matrix, declaration, []).document, allow_nan=False)


def test_a_block_without_weight_costs_its_own_figures_alone(tmp_path):
    """Where all rows of a block have a weight of 0, none of them judges, and nothing is estimated of it either."""
    changes = NUMBERS | {"features": {"numeric": ["repaid"], "categorical": ["region"]}, "weight": "age"}
    matrix = finished(with_block(tmp_path, 19, 24, "age", 0, **changes))
    assert matrix.blocks[4].rows == 0
    check_block_is_unknown(matrix, 4)
