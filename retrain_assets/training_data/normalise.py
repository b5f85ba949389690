"""A delivery becomes rows of the lake: UTC times, known types, identities; the rest is put aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from retrain_assets.errors import PartitionError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.pipeline import RESERVED_COLUMNS
from retrain_assets.training_data.column_types import storable
from retrain_assets.training_data.columns import check_columns, used_columns
from retrain_assets.training_data.hashing import ordinals, row_hashes, row_ids
from retrain_assets.training_data.sources.timestamps import to_utc
from retrain_assets.windows import Partitions

TIMESTAMP_MISSING = "timestamp_missing"
KEY_MISSING = "key_missing"
ROW_OF_ANOTHER_PARTITION = "row_of_another_partition"
DUPLICATE_KEY = "duplicate_key"

LINES: dict[str, pl.DataType] = {
    "row_id": pl.Int64(),
    "rule": pl.String(),
    "column": pl.String(),
    "value": pl.String(),
}
"""Why rows are put aside: one line a row and rule."""


@dataclass(frozen=True)
class PutAside:
    """Rows that cannot be kept.

    Parameters
    ----------
    rows
        The rows, with the columns of the accepted ones.
    lines
        One line a row and rule, with the columns of ``LINES``.
    """

    rows: pl.DataFrame
    lines: pl.DataFrame


@dataclass(frozen=True)
class Normalised:
    """One partition's rows, ready to be judged.

    Parameters
    ----------
    accepted
        Rows to go on with, ``partition_key`` and ``row_id`` first.
    quarantined
        Rows that break a rule of the table itself.
    duplicates
        Exact duplicates that were dropped.
    """

    accepted: pl.DataFrame
    quarantined: PutAside
    duplicates: int


def conform(
    frame: pl.DataFrame, schema: Mapping[str, pl.DataType] | None, spec: PipelineSpec, file: str
) -> pl.DataFrame:
    """Give a delivery the columns and types of what was taken in before.

    A column that was not there before is taken in once the declaration makes use of it, and stays out until then:
    no model is to get a feature that nobody named. Types change only where no value changes with them; a column
    without any value before has no type yet, and takes the delivered one.

    Parameters
    ----------
    frame
        The rows as delivered.
    schema
        Types of the lake's table, ``Null`` where a column had no value; None before anything was taken in.
    spec
        The declaration.
    file
        Where the rows came from, for messages.

    Raises
    ------
    PartitionError
        When a column is missing, is reserved, has a name or a type that cannot be, or another type than before.
    """
    patterns = [name for name in frame.columns if is_pattern(name)]
    if patterns:
        raise PartitionError(
            f"{file}: {patterns[0]!r} is no name of a column here, as it stands for several columns. Rename it "
            "in the source."
        )
    taken = sorted(RESERVED_COLUMNS & set(frame.columns))
    if taken:
        raise PartitionError(
            f"{file}: {taken[0]!r} is a column of retrain_assets itself. Rename it in the source."
        )
    frame = frame.with_columns(_plain(column, spec, file) for column in frame.get_columns())
    faults = check_columns(spec, frame.schema, file, frame)
    if faults:
        raise PartitionError(" ".join(faults))
    times = dict.fromkeys((spec.source.timestamp, spec.source.known_at, spec.label.known_at))
    frame = frame.with_columns(
        _moments(frame.get_column(name), spec, file) for name in times if name is not None
    )
    if schema is None:
        return frame
    before = {name: dtype for name, dtype in schema.items() if name not in RESERVED_COLUMNS}
    missing = [name for name in before if name not in frame.columns]
    if missing:
        raise PartitionError(
            f"{file}: the column {missing[0]!r} is missing, which the partitions before had. Deliver it; it "
            "may be without values."
        )
    gained = sorted(used_columns(spec).intersection(frame.columns).difference(before))
    return frame.select(
        *(_cast(frame.get_column(name), dtype, file) for name, dtype in before.items()),
        *map(frame.get_column, gained),
    )


def normalise(frame: pl.DataFrame, spec: PipelineSpec, partitions: Partitions, key: str) -> Normalised:
    """Identify the rows of one partition, and put aside those that cannot be kept.

    Parameters
    ----------
    frame
        Rows that :func:`conform` returned.
    spec
        The declaration.
    partitions
        The periods.
    key
        The partition that was delivered.

    Returns
    -------
    Normalised
        With a declared key, exact duplicates are dropped and counted; of the rows that share a key the first
        is kept and the others are put aside. Where ``source.known_at`` is declared too, rows of one key that became
        known at different moments are versions of a row, and all are kept.
    """
    delivered = frame.height
    declared = spec.source.key
    if declared is not None:
        hashes = row_hashes(frame.get_columns(), frame.height)
        frame = frame.filter(ordinals(hashes) == 0)
        identity = [declared, *filter(None, [spec.source.known_at])]
    else:
        late = {spec.label.column, spec.label.known_at, spec.source.known_at}
        identity = [name for name in frame.columns if name not in late]
    frame = frame.select(
        pl.lit(key).alias("partition_key"),
        row_ids(frame, identity),
        *(pl.col(name) for name in frame.columns),
    )
    lines = _lines(frame, spec, partitions, key)
    bad = frame.get_column("row_id").is_in(lines.get_column("row_id").implode())
    return Normalised(frame.filter(~bad), PutAside(frame.filter(bad), lines), delivered - frame.height)


def _lines(frame: pl.DataFrame, spec: PipelineSpec, partitions: Partitions, key: str) -> pl.DataFrame:
    timestamp = spec.source.timestamp
    time = frame.get_column(timestamp)
    start, end = partitions.bounds(key)
    broken = [(TIMESTAMP_MISSING, timestamp, time.is_null())]
    if spec.source.late_rows == "quarantine":
        broken.append(
            (ROW_OF_ANOTHER_PARTITION, timestamp, ((time < start) | (time >= end)).fill_null(False))
        )
    declared = spec.source.key
    if declared is not None:
        keys = frame.get_column(declared)
        missing = keys.is_null()
        versions = [keys, *(frame.get_column(name) for name in filter(None, [spec.source.known_at]))]
        again = pl.Series(ordinals(row_hashes(versions, len(keys))) > 0)
        broken += [(KEY_MISSING, declared, missing), (DUPLICATE_KEY, declared, again & ~missing)]
    parts = [
        pl.DataFrame(
            {
                "row_id": chosen.get_column("row_id"),
                "rule": pl.repeat(rule, chosen.height, dtype=pl.String, eager=True),
                "column": pl.repeat(column, chosen.height, dtype=pl.String, eager=True),
                "value": chosen.get_column(column).cast(pl.String),
            },
            schema=LINES,
        )
        for rule, column, mask in broken
        if (chosen := frame.filter(mask)).height
    ]
    return pl.concat([pl.DataFrame(schema=LINES), *parts])


def is_pattern(name: str) -> bool:
    """Whether Polars takes a column's name for a pattern of names."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))


def _plain(column: pl.Series, spec: PipelineSpec, file: str) -> pl.Series:
    """Give a column a type that Delta tables have; one without values the type of what it is declared to be."""
    if column.dtype != pl.Null:
        return storable(column, file)
    if column.name in (spec.features.numeric or ()):
        return column.cast(pl.Float64)
    return column.cast(pl.String) if column.name in (spec.features.categorical or ()) else column


def _moments(column: pl.Series, spec: PipelineSpec, file: str) -> pl.Series:
    """Moments of a time column; the declared form is the timestamp's, and another column's if it has it."""
    form = spec.source.read.timestamp_format
    try:
        return to_utc(column, spec.timezone, file, text_format=form)
    except PartitionError:
        if form is None or column.name == spec.source.timestamp:
            raise
        return to_utc(column, spec.timezone, file)


def _cast(column: pl.Series, dtype: pl.DataType, file: str) -> pl.Series:
    if dtype in (column.dtype, pl.Null):
        return column
    if column.null_count() == len(column):
        return pl.repeat(None, len(column), dtype=dtype, eager=True).rename(column.name)
    convertible = _kind(column.dtype) == _kind(dtype)
    cast = column.cast(dtype, strict=False) if convertible else column
    if not convertible or not _same(column, cast):
        example = _example(column, cast) if convertible else column.drop_nulls()[0]
        raise PartitionError(
            f"{file}: the column {column.name!r} is {column.dtype} here (such as {example!r}) and {dtype} in "
            f"the partitions before. Deliver it as {dtype} again."
        )
    return cast


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_numeric() or dtype == pl.Boolean:
        return "number"
    if isinstance(dtype, pl.Datetime):
        return f"time {dtype.time_zone is None}"
    return str(dtype)


def _differs(column: pl.Series, cast: pl.Series) -> pl.Series:
    back = cast.cast(column.dtype, strict=False)
    return (back.ne_missing(column)).fill_null(True)


def _same(column: pl.Series, cast: pl.Series) -> bool:
    return not _differs(column, cast).any()


def _example(column: pl.Series, cast: pl.Series) -> object:
    return column.filter(_differs(column, cast))[0]
