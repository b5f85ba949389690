"""Texts that are numbers to a reader: with a decimal comma, or but for a word that stands for no value."""

from __future__ import annotations

import re

import polars as pl

NUMBER = re.compile(r"^\s*[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?\s*$")
MISSING = frozenset(
    {"NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "None", "none", "-", "--", "?", "#N/A", "k.A."}
)
"""Words that stand for no value among numbers."""

_COMMA_NUMBER = re.compile(r"^\s*[-+]?\d+(,\d+)?\s*$")
_LOOKED_AT = 1000


def decimal_comma(column: pl.Series) -> str | None:
    """Give a column's first number with a decimal comma, where all of its first texts are numbers by that mark.

    Parameters
    ----------
    column
        Texts; one of another type holds no such number.

    Returns
    -------
    str or None
        None where there is no comma, or another text than a number or a word for a missing one.
    """
    if column.dtype != pl.String:
        return None
    texts = [text for text in column.drop_nulls().head(_LOOKED_AT) if text.strip() not in MISSING]
    if not all(_COMMA_NUMBER.match(text) for text in texts):
        return None
    return next((text for text in texts if "," in text), None)
