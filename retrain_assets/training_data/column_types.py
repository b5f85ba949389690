"""Types of delivered columns, made such that Delta tables have them."""

from __future__ import annotations

import polars as pl
from polars.datatypes import DataTypeClass

from retrain_assets.errors import PartitionError

_LARGE = (pl.UInt64, pl.Int128, pl.UInt128)
_EXACT = 2**53
"""Whole numbers below this are exact as ``Float64``."""
_LIKE = {
    pl.Categorical: pl.String(),
    pl.Enum: pl.String(),
    pl.Time: pl.String(),
    pl.Decimal: pl.Float64(),
    pl.Float16: pl.Float32(),
    pl.UInt8: pl.Int64(),
    pl.UInt16: pl.Int64(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Int64(),
    pl.Int128: pl.Int64(),
    pl.UInt128: pl.Int64(),
    pl.Null: pl.String(),
}


def storable(column: pl.Series, file: str) -> pl.Series:
    """Give a column a type that Delta tables have.

    Categories and times of day become text, decimals ``Float64``; unsigned and very long whole numbers, and decimals
    that are whole (without places, or too long for ``Float64``), ``Int64``, or text where one is too long; durations
    whole microseconds, moments microseconds, in UTC where they have a zone; the same within lists, maps and structs,
    where decimals are always ``Float64``.

    Parameters
    ----------
    column
        The column as delivered, with a type other than ``Null``.
    file
        Where it came from, for messages.

    Raises
    ------
    PartitionError
        When there is no such type.
    """
    if isinstance(column.dtype, pl.BaseExtension):
        return storable(column.ext.storage(), file)
    if column.dtype in _LARGE or _is_whole(column):
        whole = column.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == column.null_count() else _digits(column)
    try:
        if column.dtype == pl.Duration:
            return column.dt.total_microseconds()
        return column.cast(_stored(column.dtype))
    except (pl.exceptions.PolarsError, TypeError):
        raise PartitionError(
            f"{file}: the column {column.name!r} is {column.dtype}, which a table cannot hold. Leave it out, or "
            "write it as text or as a number."
        ) from None


def exact(numbers: pl.Series) -> bool:
    """Whether whole numbers as large as these are exact as ``Float64``."""
    largest = numbers.abs().max()
    return not isinstance(largest, float) or largest < _EXACT


def _is_whole(column: pl.Series) -> bool:
    """Whether decimals are whole numbers; with places only where they are identifiers too long for ``Float64``."""
    dtype = column.dtype
    if not isinstance(dtype, pl.Decimal):
        return False
    if dtype.scale == 0:
        return True
    return not exact(column.cast(pl.Float64)) and bool((column % 1 == 0).all())


def _digits(column: pl.Series) -> pl.Series:
    """Whole numbers as text."""
    return column.cast(pl.String).str.replace(r"\.0+$", "")


def _stored(dtype: pl.DataType | DataTypeClass) -> pl.DataType | DataTypeClass:
    match dtype:
        case pl.Struct() if dtype.fields:
            return pl.Struct({field.name: _stored(field.dtype) for field in dtype.fields})
        # A duration within a list or struct would lose its unit.
        case pl.Object() | pl.Duration() | pl.Struct():
            raise TypeError(dtype)
        case pl.Datetime():
            return pl.Datetime("us", None if dtype.time_zone is None else "UTC")
        case pl.List() | pl.Array():
            return pl.List(_stored(dtype.inner))
        case pl.Map():
            return pl.Map(_stored(dtype.key), _stored(dtype.value))
        case _:
            return _LIKE.get(dtype.base_type(), dtype)
