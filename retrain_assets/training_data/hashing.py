"""Identities of rows and of contents, the same over releases of the libraries, machines and row orders.

Polars' own row hashes change between its releases. Numbers are mixed by the finaliser of SplitMix64 (Steele,
Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), texts by pandas' SipHash with
its fixed key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.datatypes import DataTypeClass

Hashes = npt.NDArray[np.uint64]

_ROWS_AT_ONCE = 250_000
_LINES_AT_ONCE = 50_000
_FEW_VALUES = 0.2
_NULL = np.uint64(0x9E3779B97F4A7C15)
_IMPORTING = Lock()


def row_hashes(columns: Iterable[pl.Series], height: int) -> Hashes:
    """Hash each row's values, whatever the order of the columns.

    Parameters
    ----------
    columns
        The columns that count, each of ``height`` rows; one at a time is looked at, so they need not be in
        memory together.
    height
        Number of rows.

    Returns
    -------
    numpy.ndarray
        One unsigned 64-bit number a row. Null, NaN and the empty text differ; 0.0 and -0.0 do not.
    """
    total = np.zeros(height, dtype=np.uint64)
    for values in columns:
        seed = name_seed(values.name)
        for start in range(0, height, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            total[part] += mix(_value_hashes(values[part]) + seed)
    return mix(total)


def name_seed(name: str) -> np.uint64:
    """Hash a name."""
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def mix(values: Hashes) -> Hashes:
    """Scatter the bits of 64-bit numbers (the finaliser of SplitMix64)."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _value_hashes(values: pl.Series) -> Hashes:
    dtype = values.dtype
    missing = values.is_null().to_numpy() if values.null_count() else None
    if dtype == pl.Null:
        return np.full(len(values), _NULL, dtype=np.uint64)
    if dtype.is_float():
        numbers = values.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0  # -0.0 + 0.0 is 0.0
        numbers = np.where(np.isnan(numbers), np.nan, numbers)  # one bit pattern for every NaN
        hashes = mix(numbers.view(np.uint64))
    elif dtype.is_integer() or dtype.is_temporal() or dtype == pl.Boolean:
        if isinstance(dtype, pl.Datetime):
            values = values.dt.cast_time_unit("us")
        numbers = values.to_physical().cast(pl.Int64, wrap_numerical=True).fill_null(0).to_numpy()
        hashes = mix(numbers.view(np.uint64))
    else:
        hashes = _text_hashes(as_texts(values).fill_null(""))
    if missing is not None:
        hashes[missing] = _NULL
    return hashes


def as_texts(values: pl.Series) -> pl.Series:
    """Write a column's values as text, of whatever type they are: bytes by their digits, lists and structs as JSON."""
    if values.dtype == pl.Binary:
        return values.bin.encode("hex")
    if not values.dtype.is_nested():
        return values.cast(pl.String)
    if _holds_bytes(values.dtype):
        # Polars' JSON knows no bytes, and panics over them.
        return pl.Series(values.name, [None if value is None else repr(value) for value in values.to_list()])
    return values.to_frame("value").select(pl.struct("value").struct.json_encode()).to_series()


def _holds_bytes(dtype: pl.DataType | DataTypeClass) -> bool:
    match dtype:
        case pl.Struct():
            return any(_holds_bytes(field.dtype) for field in dtype.fields)
        case pl.List() | pl.Array():
            return _holds_bytes(dtype.inner)
        case pl.Map():
            return _holds_bytes(dtype.key) or _holds_bytes(dtype.value)
        case _:
            return dtype == pl.Binary


def line_hashes(texts: pl.DataFrame) -> Hashes:
    """Hash the rows of a table of texts, by columns in their order.

    Rows of a CSV file are compared so, by what stands there: a type that was inferred from other rows changes
    nothing.

    Parameters
    ----------
    texts
        ``String`` columns.
    """
    header = name_seed("\x1f".join(texts.columns))
    line = pl.concat_str(pl.all().fill_null("\x00"), separator="\x1f")
    parts = texts.iter_slices(_LINES_AT_ONCE)
    hashes = [_siphash(part.select(line).to_series()) for part in parts if texts.height]
    return np.concatenate([np.empty(0, dtype=np.uint64), *hashes]) + header


def _text_hashes(texts: pl.Series) -> Hashes:
    distinct = texts.unique()
    if len(distinct) < _FEW_VALUES * len(texts):
        codes = texts.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.UInt32)
        hashes: Hashes = _siphash(distinct)[codes.to_numpy()]
        return hashes
    return _siphash(texts)


def _siphash(texts: pl.Series) -> Hashes:
    # pandas takes 0.7 s to import, and many a look at the source needs no hash of a text. Its parts import each
    # other in a circle, on which two threads that come to it at once, as sensors do, find themselves deadlocked.
    with _IMPORTING:
        from pandas.util import hash_array

    objects = np.empty(len(texts), dtype=object)
    objects[:] = texts.to_list()
    hashes: Hashes = hash_array(objects, categorize=False)
    return hashes


def row_ids(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Identify each row by some columns, and by its place among the rows that are equal in them.

    Parameters
    ----------
    frame
        The rows of one partition.
    columns
        The key, or all columns that do not change once a row is known.

    Returns
    -------
    pl.Series
        ``row_id`` (Int64), unique up to collisions of 64 bits.
    """
    hashes = row_hashes((frame.get_column(name) for name in columns), frame.height)
    place = ordinals(hashes)
    hashes = np.where(place == 0, hashes, mix(hashes + place))
    return pl.Series("row_id", hashes.view(np.int64))


def ordinals(values: Hashes) -> Hashes:
    """Count, for each value, how often it occurred before."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.ones(len(values), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
    place = np.empty(len(values), dtype=np.uint64)
    place[order] = (np.arange(len(values)) - starts).astype(np.uint64)
    return place


def content_hash(frame: pl.DataFrame, columns: Sequence[str]) -> str:
    """Digest of the rows' values in some columns, whatever the order of rows and columns.

    Parameters
    ----------
    frame
        The rows.
    columns
        The columns that count.
    """
    hashes = row_hashes((frame.get_column(name) for name in columns), frame.height)
    total = int(mix(hashes).sum(dtype=np.uint64))
    return digest([*sorted(columns), str(frame.height), str(total)])


def digest(parts: Iterable[str]) -> str:
    """Digest of texts, in their order (32 hexadecimal digits)."""
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
