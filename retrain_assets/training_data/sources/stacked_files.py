"""Rows of several files under each other."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from retrain_assets.errors import PartitionError
from retrain_assets.training_data.column_types import exact
from retrain_assets.training_data.sources.file_stores import StoredFile


def stack(frames: Sequence[pl.DataFrame], files: Sequence[StoredFile]) -> pl.DataFrame:
    """Put the rows of several files under each other; a column that one lacks is null there.

    Raises
    ------
    PartitionError
        When two files hold one column in types that do not go together, or rounded numbers beside long whole ones.
    """
    types: dict[str, tuple[pl.DataType, str]] = {}
    for frame, file in zip(frames, files, strict=True):
        for name, dtype in frame.schema.items():
            before, where = types.setdefault(name, (dtype, file.address))
            if dtype != before and not _related(dtype, before):
                raise PartitionError(
                    f"{file.address}: the column {name!r} is {dtype} here and {before} in {where}. "
                    "Write both alike."
                )
            if before == pl.Null:
                types[name] = (dtype, file.address)
    return frames[0] if len(frames) == 1 else pl.concat(_unrounded(frames, files), how="diagonal_relaxed")


def _unrounded(frames: Sequence[pl.DataFrame], files: Sequence[StoredFile]) -> list[pl.DataFrame]:
    """Keep whole numbers whole that floats would round, as keys are, where another file has floats in their column.

    A file has floats where a number is missing, by what many programs write. Fractions are measured: among them numbers
    may be rounded.
    """
    floats = {name for frame in frames for name, dtype in frame.schema.items() if dtype.is_float()}
    for name in floats:
        columns = [frame[name] for frame in frames if name in frame.columns]
        measured = any(not (_known(column) % 1 == 0).all() for column in columns if column.dtype.is_float())
        if measured or all(exact(column.cast(pl.Float64)) for column in columns if column.dtype.is_integer()):
            continue
        frames = [_as_whole(frame, name, file) for frame, file in zip(frames, files, strict=True)]
    return list(frames)


def _as_whole(frame: pl.DataFrame, name: str, file: StoredFile) -> pl.DataFrame:
    if name not in frame.columns or not frame.schema[name].is_float():
        return frame
    if not exact(frame[name]):
        raise PartitionError(
            f"{file.address}: the column {name!r} holds floats here, which round numbers as long as these, and whole "
            "numbers in other files. Write whole numbers here, too."
        )
    return frame.with_columns(_known(frame[name]).cast(pl.Int64))


def _known(numbers: pl.Series) -> pl.Series:
    return numbers.fill_nan(None)


def _related(one: pl.DataType, other: pl.DataType) -> bool:
    if pl.Null in (one, other):
        return True
    numbers = [dtype.is_numeric() or dtype == pl.Boolean for dtype in (one, other)]
    texts = [isinstance(dtype, pl.String | pl.Categorical | pl.Enum) for dtype in (one, other)]
    times = [isinstance(dtype, pl.Datetime) for dtype in (one, other)]
    zones = {dtype.time_zone for dtype in (one, other) if isinstance(dtype, pl.Datetime)}
    return all(numbers) or all(texts) or (all(times) and len(zones) == 1)
