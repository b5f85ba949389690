"""A delivery gets the columns and types of what was taken in before, and UTC times, or is refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from retrain_assets.candidate_model.estimator import likely_task
from retrain_assets.errors import PartitionError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.pipeline import RESERVED_COLUMNS
from retrain_assets.training_data.column_types import exact, storable
from retrain_assets.training_data.columns import check_columns, text_label, used_columns
from retrain_assets.training_data.sources.timestamps import to_utc


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
    patterns = [name for name in frame.columns if _is_pattern(name)]
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
    if not faults and spec.label.column in frame.columns and likely_task(spec) == "regression":
        text = text_label(spec, frame.get_column(spec.label.column))
        faults = [] if text is None else [f"{file}: {text}"]
    if faults:
        raise PartitionError(" ".join(faults))
    times = dict.fromkeys((spec.source.timestamp, spec.source.known_at, spec.label.known_at))
    frame = frame.with_columns(
        _moments(frame.get_column(name), spec, file) for name in times if name is not None
    )
    if schema is None:
        _check_case(frame.columns, file)
        return frame
    before = {name: dtype for name, dtype in schema.items() if name not in RESERVED_COLUMNS}
    missing = [name for name in before if name not in frame.columns]
    if missing:
        raise PartitionError(
            f"{file}: the column {missing[0]!r} is missing, which the partitions before had. Deliver it; it "
            "may be without values."
        )
    gained = sorted(used_columns(spec).intersection(frame.columns).difference(before))
    _check_case([*before, *gained], file)
    return frame.select(
        *(_cast(frame.get_column(name), dtype, file) for name, dtype in before.items()),
        *map(frame.get_column, gained),
    )


def _is_pattern(name: str) -> bool:
    """Whether Polars takes a column's name for a pattern of names."""
    return name == "*" or (name.startswith("^") and name.endswith("$"))


def _check_case(names: Iterable[str], file: str) -> None:
    """Refuse two columns that Delta tables take for one."""
    seen = {name: name for name in ("partition_key", "row_id")}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise PartitionError(
                f"{file}: the columns {other!r} and {name!r} differ in upper and lower case alone, and a table has one "
                "column of a name. Rename one of them in the source."
            )


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
    rounded = dtype.is_integer() and column.dtype.is_float() and not exact(column)
    convertible = _kind(column.dtype) == _kind(dtype) and not rounded
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
