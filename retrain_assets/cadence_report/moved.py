"""Drift in many blocks at once: what monitoring finds in each, counted in one pass over all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.matrix import IntArray
from retrain_assets.monitoring_report.drift import DriftReport, shift


def moved_shares(
    profile: Mapping[str, Any],
    importances: Mapping[str, float],
    rows: pl.DataFrame,
    block: IntArray,
    psi: float,
) -> FloatArray:
    """Measure in each of several blocks the share of a model's importance whose features have moved.

    Parameters
    ----------
    profile
        Of the rows that the model was trained on, as :func:`retrain_assets.candidate_model.profile.build_profile`
        makes it.
    importances
        By feature; where no feature has any, all count alike.
    rows
        Rows of the table of features, n of them.
    block
        Block of each row, shape (n,), from 0 on.
    psi
        A feature has moved when the lower bound of its population stability index lies above this.

    Returns
    -------
    ndarray of shape (blocks,)
        The figures that :func:`retrain_assets.monitoring_report.drift.drift` gives for each block's rows.
    """
    blocks = int(block.max()) + 1 if block.size else 0
    reference = {**profile["numeric"], **profile["categorical"]}
    bins = {name: _bin_of_number(rows[name], column["edges"]) for name, column in profile["numeric"].items()}
    bins |= {
        name: _bin_of_text(rows[name], column["values"]) for name, column in profile["categorical"].items()
    }
    tables = {
        name: _tabulate(block, found, blocks, len(reference[name]["counts"])) for name, found in bins.items()
    }
    shares = np.zeros(blocks)
    for number in range(blocks):
        shifts = {name: shift(reference[name]["counts"], tables[name][number]) for name in reference}
        shares[number] = DriftReport(0, shifts, None).moved_importance(psi, importances)
    return shares


def _bin_of_number(column: pl.Series, edges: list[float]) -> IntArray:
    """Bins are closed on the right; rows without a value have one of their own behind them."""
    values = column.cast(pl.Float64).to_numpy()
    found = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
    return np.where(np.isnan(values), len(edges) + 1, found)


def _bin_of_text(column: pl.Series, values: list[str]) -> IntArray:
    """A bin a listed value, then one of all others, then one of rows without a value."""
    text = column.cast(pl.String)
    codes = {value: code for code, value in enumerate(values)}
    found = text.replace_strict(codes, default=len(values), return_dtype=pl.Int64).to_numpy()
    return np.where(text.is_null().to_numpy(), len(values) + 1, found)


def _tabulate(block: IntArray, found: IntArray, blocks: int, bins: int) -> IntArray:
    """Count rows by block and bin, shape (blocks, bins)."""
    return np.bincount(block * bins + found, minlength=blocks * bins).reshape(blocks, bins)
