"""Columns and declared arguments in the one form that Polars and great_expectations judge alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any, Literal

import polars as pl

Kind = Literal["number", "flag", "text", "time", "empty", "other"]

_INT64 = range(-(2**63), 2**63)


class UnfitError(ValueError):
    """An expectation that no column of this type can be held against; the message is a clause."""


def kind_of(dtype: pl.DataType) -> Kind:
    """Say what a column holds, as far as expectations tell types apart."""
    match dtype:
        case pl.Boolean():
            return "flag"
        case pl.String() | pl.Categorical() | pl.Enum():
            return "text"
        case pl.Date() | pl.Datetime():
            return "time"
        case pl.Null():
            return "empty"
        case _:
            return "number" if dtype.is_numeric() else "other"


def comparable(name: str, dtype: pl.DataType) -> pl.Expr:
    """Read a column in the form in which it is judged.

    Missing is null or NaN, because great_expectations' pandas engine knows no difference between the two. A
    time without a zone is taken as UTC, a date as its first moment, a decimal as a float.

    Parameters
    ----------
    name
        The column.
    dtype
        Its type; those that expectations cannot compare stay as they are.
    """
    column = pl.col(name)
    if dtype.is_temporal():
        return _instant(column, dtype)
    if dtype.is_float() or dtype.is_decimal():
        return column.cast(pl.Float64).fill_nan(None)
    if dtype.is_integer():
        return column.cast(pl.Int128 if dtype in (pl.UInt64, pl.Int128) else pl.Int64)
    return column.cast(pl.String) if kind_of(dtype) in ("text", "empty") else column


def _instant(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.Datetime():
            zoned = (
                column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")
            )
            return zoned.dt.cast_time_unit("us")
        case pl.Date():
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        case _:
            return column


def moment(value: object) -> datetime:
    """Read a declared date or time; without a zone it is taken as UTC.

    Raises
    ------
    UnfitError
        When it is none.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise UnfitError(f"{value!r} is no date; write one such as 2026-01-05") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise UnfitError(f"{value!r} is no date; write one such as 2026-01-05")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def bound(value: object, kind: Kind) -> float | datetime | None:
    """Read a declared bound in the form of the column that it limits.

    Raises
    ------
    UnfitError
        When a column of that kind has no such bounds.
    """
    if value is None:
        return None
    if kind == "time":
        return moment(value)
    if kind == "text":
        raise UnfitError(
            "the column holds text, which has no bounds; convert it, or use a regular expression"
        )
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise UnfitError(f"the column holds numbers, and {value!r} is none") from None


def members(values: Iterable[object], dtype: pl.DataType) -> pl.Series:
    """Read a declared set in the form of the column, leaving out what such a column can never hold.

    Raises
    ------
    UnfitError
        When a member for a column of times is no date.
    """
    given = [value for value in values if value is not None]
    match kind_of(dtype):
        case "time":
            return pl.Series([moment(value) for value in given], dtype=pl.Datetime("us", "UTC"))
        case "text":
            return pl.Series([value for value in given if isinstance(value, str)], dtype=pl.String)
        case "flag":
            return pl.Series(
                sorted({bool(v) for v in given if _is_number(v) and v in (0, 1)}), dtype=pl.Boolean
            )
    numbers: list[Any] = [value for value in given if _is_number(value)]
    if not dtype.is_integer():
        return pl.Series([float(value) for value in numbers], dtype=pl.Float64).drop_nans()
    whole = [int(value) for value in numbers if isinstance(value, int) or value.is_integer()]
    if dtype in (pl.UInt64, pl.Int128):
        return pl.Series([value for value in whole if abs(value) < 2**100], dtype=pl.Int128)
    return pl.Series([value for value in whole if value in _INT64], dtype=pl.Int64)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
