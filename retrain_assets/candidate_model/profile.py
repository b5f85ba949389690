"""The reference profile: binned distributions, so that monitoring never rescans training data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

BINS = 10
"""Bins of a numeric column, about equally full; the usual number for the population stability index."""
VALUES = 50
"""Categories that are counted one by one; the rest count together."""
SCORE = "score"


def build_profile(
    features: pl.DataFrame,
    numeric: Iterable[str],
    categorical: Iterable[str],
    scores: NDArray[np.float64] | None,
) -> dict[str, Any]:
    """Describe the distributions that a model was trained on.

    A numeric column gets bins that hold about equally many rows, one bin a value where it has few, and two
    empty bins outside the range, so that a column which was constant can still be seen to move. Rows without
    a value (null or NaN) have a bin of their own; so have, for a categorical column, the values beyond the
    most frequent ones.

    Parameters
    ----------
    features
        The model's features, a row a training row.
    numeric, categorical
        Names of the columns.
    scores
        The model's scores of the same rows, shape (n,), or (n, k) for k classes; None where there are none.

    Returns
    -------
    dict
        JSON-able: ``rows``; ``numeric``: by column ``edges`` (bins are closed on the right) and ``counts``
        (one more than edges, then the rows without a value); ``categorical``: by column ``values`` and
        ``counts`` (of the values, of all others, of the rows without a value); ``score`` like a numeric
        column, of several classes without edges and with the rows for which each is the most probable; or None.
    """
    numeric, categorical = tuple(numeric), tuple(categorical)
    edges = {name: _edges(features[name]) for name in numeric}
    values = {name: _values(features[name]) for name in categorical}
    counts = count_bins(features, edges, values)
    return {
        "rows": features.height,
        "numeric": {name: {"edges": edges[name], "counts": counts[name]} for name in numeric},
        "categorical": {name: {"values": values[name], "counts": counts[name]} for name in categorical},
        "score": None if scores is None else _score_profile(scores),
    }


def count_bins(
    features: pl.DataFrame | pl.LazyFrame,
    edges: Mapping[str, list[float]],
    values: Mapping[str, list[str]],
) -> dict[str, list[int]]:
    """Count rows by bin, in one streamed pass.

    Numeric bins come from the number of rows at or below each edge: comparisons need no sorting, no copy of a
    column and no table of bins, so a million rows of many columns need hardly any memory.

    Parameters
    ----------
    features
        Rows.
    edges
        By numeric column, rising.
    values
        By categorical column, the values counted one by one.

    Returns
    -------
    dict
        By column, as in :func:`build_profile`.
    """
    rows = features.lazy().select(
        *(pl.col(name).cast(pl.Float64).fill_nan(None) for name in edges),
        *(pl.col(name).cast(pl.String) for name in values),
    )
    below = {name: [f"{i}.{j}" for j in range(len(edges[name]))] for i, name in enumerate(edges)}
    totals = (
        rows.select(
            pl.len().alias("rows"),
            *(pl.col(name).null_count().alias(f"{i}.null") for i, name in enumerate(edges)),
            *(
                (pl.col(name) <= edge).sum().alias(below[name][j])
                for name in edges
                for j, edge in enumerate(edges[name])
            ),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    counts: dict[str, list[int]] = {}
    for i, name in enumerate(edges):
        nulls = totals[f"{i}.null"]
        cumulated = [0, *(totals[key] for key in below[name]), totals["rows"] - nulls]
        counts[name] = [*np.diff(cumulated).tolist(), nulls]
    tables = pl.collect_all(
        [rows.group_by(pl.col(name).alias("value")).len("rows") for name in values], engine="streaming"
    )
    for (name, listed), table in zip(values.items(), tables, strict=True):
        found: dict[str | None, int] = dict(table.iter_rows())
        nulls = found.pop(None, 0)
        own = [found.get(value, 0) for value in listed]
        counts[name] = [*own, sum(found.values()) - sum(own), nulls]
    return counts


def count_scores(scores: NDArray[np.float64], edges: list[float]) -> list[int]:
    """Count scores by bin, as :func:`count_bins` counts a numeric column; of several classes by the most probable."""
    if scores.ndim == 2:
        return [int(count) for count in np.bincount(scores.argmax(axis=1), minlength=scores.shape[1])]
    return count_bins(pl.DataFrame({SCORE: scores}), {SCORE: edges}, {})[SCORE]


def _score_profile(scores: NDArray[np.float64]) -> dict[str, Any]:
    edges = _edges(pl.Series(SCORE, scores)) if scores.ndim == 1 else []
    return {"edges": edges, "counts": count_scores(scores, edges)}


def _edges(column: pl.Series) -> list[float]:
    values = column.cast(pl.Float64)
    values = values.filter(values.is_finite())
    if values.is_empty():
        return []
    lowest, highest = float(values.min()), float(values.max())  # type: ignore[arg-type]
    distinct = values.unique()
    if distinct.len() <= BINS:
        inner = distinct.to_list()
    else:
        inner = np.quantile(values.to_numpy(), np.linspace(0, 1, BINS + 1)[1:-1], method="lower").tolist()
    return sorted({math.nextafter(lowest, -math.inf), *inner, highest})


def _values(column: pl.Series) -> list[str]:
    counts = column.cast(pl.String).drop_nulls().rename("value").value_counts(name="rows")
    ranked = counts.sort(["rows", "value"], descending=[True, False])
    values: list[str] = ranked["value"].head(VALUES).to_list()
    return values
