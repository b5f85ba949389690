"""Columns that should not be features: those that name a row, never change, or give the label away."""

from __future__ import annotations

import re

import polars as pl

# In fewer rows chance alone makes every column look odd.
ENOUGH = 100
_LEAK = 0.98
_PERFECT = 0.995
_BINS = 100
_FEW = 20
"""So few empty values, or others, may all be of one class by chance."""
_IDENTIFIER = re.compile(r"(^|_)(id|uuid|guid)$", re.IGNORECASE)


def suspicion(column: pl.Series, label: pl.Series, *, classification: bool) -> str | None:
    """Say why a column should not be a feature.

    Parameters
    ----------
    column
        The column of a sample.
    label
        The label of the same rows.
    classification
        Whether the label is one of two or several classes; it is a number otherwise.

    Returns
    -------
    str or None
        Half a sentence; None where nothing speaks against the column.
    """
    if column.dtype.is_float():
        column = column.fill_nan(None)
    present = column.drop_nulls()
    if not len(present):
        return "always empty"
    if present.n_unique() == 1 and not column.null_count():
        return "constant"
    if is_unique(column):
        return "unique in every row"
    return _leak(column, label, classification) or _name_like(column.name, present)


def is_unique(column: pl.Series) -> bool:
    """Whether a column names its row. Measurements differ in every row too: only texts and whole numbers do."""
    if len(column) <= ENOUGH or column.null_count() or column.n_unique() < len(column):
        return False
    if column.dtype.is_float():
        return bool((column % 1 == 0).all())
    return column.dtype.is_integer() or column.dtype == pl.String


def is_identifier(name: str) -> bool:
    """Whether a column is an identifier by its name."""
    return _IDENTIFIER.search(name) is not None


def _name_like(name: str, present: pl.Series) -> str | None:
    different = present.n_unique()
    if is_identifier(name) and different > ENOUGH:
        return f"an identifier by its name: {different:,} different values"
    if present.dtype == pl.String and different > max(ENOUGH, 0.5 * len(present)):
        return f"free text: {different:,} different values in {len(present):,} rows"
    return None


def _leak(column: pl.Series, label: pl.Series, classification: bool) -> str | None:
    """Say so when a column all but gives the label away."""
    pairs = pl.DataFrame({"x": column, "y": label}).drop_nulls("y")
    if pairs.height <= ENOUGH:
        return None
    return _leak_of_class(pairs) if classification else _leak_of_number(pairs)


def _leak_of_number(pairs: pl.DataFrame) -> str | None:
    if not pairs["x"].dtype.is_numeric():
        return None
    equal = int((pairs["x"] == pairs["y"]).sum()) / pairs.height
    if equal >= _LEAK:
        return f"equals the label in {100 * equal:.1f} % of the rows"
    correlation = pairs.drop_nulls().select(pl.corr("x", "y")).item()
    if correlation is not None and abs(correlation) >= _LEAK:
        return f"follows the label with a correlation of {correlation:.3f}"
    return None


def _leak_of_class(pairs: pl.DataFrame) -> str | None:
    """Compare how often the label is right by the column's value with how often it is right without."""
    base = _share_right(pairs.select(pl.lit(0).alias("x"), "y"))
    telling = base + 0.5 * (1 - base)
    x, y = pairs["x"], pairs["y"]
    if x.dtype == y.dtype or (x.dtype.is_numeric() and y.dtype.is_numeric()):
        equal = int((x == y).sum()) / pairs.height
        if equal >= max(_LEAK, telling):
            return f"equals the label in {100 * equal:.1f} % of the rows"
    by_emptiness = _leak_of_emptiness(pairs.select(pl.col("x").is_null(), "y"), telling)
    if by_emptiness is not None:
        return by_emptiness
    if x.n_unique() <= min(1000, 0.2 * pairs.height):
        share = _share_right(pairs)
        if share >= max(_LEAK, telling):
            return f"gives the label away in {100 * share:.1f} % of the rows"
    elif x.dtype.is_numeric() and y.n_unique() > 2:
        bins = (pl.col("x").rank("average") * _BINS / pl.len()).floor()
        share = _share_right(pairs.select(bins, "y"))
        if share >= max(_LEAK, telling):
            return f"gives the label away in {100 * share:.1f} % of the rows"
    elif x.dtype.is_numeric():
        area = _area(pairs.drop_nulls())
        if max(area, 1 - area) >= _PERFECT:
            return f"orders the rows by the label almost without fault (ROC AUC {max(area, 1 - area):.3f})"
    return None


def _leak_of_emptiness(pairs: pl.DataFrame, telling: float) -> str | None:
    """Say so when a value's being there or not follows the class: a column filled in afterwards does."""
    filled = _share_right(pairs)
    if filled >= max(_LEAK, telling):
        return f"gives the label away in {100 * filled:.1f} % of the rows by being empty or not"
    empty = int(pairs["x"].sum())
    if pairs["y"].n_unique() == 2 or min(empty, pairs.height - empty) < _FEW:
        return None
    # Empty for one of several classes alone it does not tell the others apart, but is told by the class.
    base = max(empty, pairs.height - empty) / pairs.height
    told = _share_right(pairs.select(x="y", y="x"))
    if told >= max(_LEAK, base + 0.5 * (1 - base)):
        return f"is empty or not by the label's class in {100 * told:.1f} % of the rows"
    return None


def _share_right(pairs: pl.DataFrame) -> float:
    """Share of rows whose label is the most frequent one for their value; an empty value is one too."""
    counts = pairs.group_by("x", "y").len("rows").group_by("x").agg(pl.col("rows").max())
    return int(counts["rows"].sum()) / pairs.height


def _area(pairs: pl.DataFrame) -> float:
    """ROC AUC of a number, by ranks."""
    positive = pairs["y"] == pairs["y"].max()
    ones = int(positive.sum())
    zeros = pairs.height - ones
    if not (ones and zeros):
        return 0.5
    ranks = float(pairs["x"].rank("average").filter(positive).sum())
    return (ranks - ones * (ones + 1) / 2) / (ones * zeros)
