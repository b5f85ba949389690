"""Rows joined with their labels: which label of a row is known at which moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.errors import SpecError
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import LABEL_KNOWN_AT, LABEL_REPLACED_AT, ROW_REPLACED_AT

LABELS = "labels"
_UTC_TIME = pl.Datetime("us", "UTC")


def labelled_rows(
    declaration: Declaration, table: str, versions: Mapping[str, int | None] | None = None
) -> pl.LazyFrame:
    """Read the rows of a table with their labels, as every reader of labels does.

    Parameters
    ----------
    declaration
        The pipeline.
    table
        ``training_data`` or ``features``.
    versions
        Version of each table; default: the newest. With those that are on record of an attempt, the rows are the
        ones that it read, whatever was delivered since.

    Returns
    -------
    polars.LazyFrame
        As :func:`with_labels` gives them: what was known at a moment is left by the functions of
        :mod:`retrain_assets.windows`, which take the moment.
    """
    chosen, lake = versions or {}, declaration.lake
    if not lake.exists(table):
        return lake.scan(table)
    rows = with_versions(lake.scan(table, chosen.get(table)), declaration.spec)
    elsewhere = declaration.spec.label.source is not None
    labels = kept_labels(declaration, chosen.get(LABELS)) if elsewhere else None
    return with_labels(rows, labels, declaration.spec)


def kept_labels(declaration: Declaration, version: int | None = None) -> pl.LazyFrame:
    """Read the labels that were taken in from elsewhere, by the columns that are declared.

    Parameters
    ----------
    declaration
        The pipeline, with ``label.source``.
    version
        Version of the table ``labels``; default: the newest.
    """
    source = declaration.spec.label.source
    read_as = None if source is None else source.read_as
    labels = declaration.lake.scan(LABELS, version).filter(pl.col("read_as") == read_as)
    # Before the first label its key has no type.
    dtype = (declaration.lake.schema("training_data") or {}).get(str(declaration.spec.source.key), pl.Null())
    return labels.with_columns(pl.col("key").cast(dtype))


def with_versions(rows: pl.LazyFrame, spec: PipelineSpec) -> pl.LazyFrame:
    """Say of each version of a row when the next one became known; where a row has one version only, change nothing.

    Parameters
    ----------
    rows
        Rows with the key and the column that says when each became known.
    spec
        The declaration.
    """
    if not spec.source.has_versions:
        return rows
    known = pl.col(str(spec.source.known_at))
    replaced = known.shift(-1).over(str(spec.source.key), order_by=known)
    return rows.with_columns(replaced.alias(ROW_REPLACED_AT))


def with_labels(rows: pl.LazyFrame, labels: pl.LazyFrame | None, spec: PipelineSpec) -> pl.LazyFrame:
    """Give rows every label that they ever had, each with the span of time in which it was the one to know.

    Parameters
    ----------
    rows
        Rows with the timestamp and their label or, where labels are given, their key.
    labels
        Rows of the table ``labels``; None where the label is a column of the rows.
    spec
        The declaration.

    Returns
    -------
    polars.LazyFrame
        The rows as they are, where the label is their own and a missing one has no value. Else a row for each
        label that a row ever had, with the label, when it became known and when another took its place, or it was
        withdrawn: at any moment one at most. A missing label's value is known from the age of ``label.missing_after``
        on, until a label comes, and again while one is withdrawn.

    Raises
    ------
    SpecError
        When ``label.missing_value`` is no value of the label's type.
    """
    if not spec.label.has_versions:
        return rows
    spans = _own(rows, spec) if labels is None else _joined(rows, labels, spec)
    came = spans.filter(pl.col(spec.label.column).is_not_null())
    if spec.label.missing_after is None:
        return came
    # Relaxed, as labels of which none has come yet have no type.
    return pl.concat([came, _missing(rows, spans, spec)], how="vertical_relaxed")


def _joined(rows: pl.LazyFrame, labels: pl.LazyFrame, spec: PipelineSpec) -> pl.LazyFrame:
    """Each label with the moment at which the next one of its row became known; of two at once the later delivery.

    One that was withdrawn is followed by a label without value.
    """
    key = str(spec.source.key)
    same = pl.col("key") == pl.col("key").shift(-1)
    spans = labels.sort("key", "known_at", "delivery").select(
        pl.col("key").cast(rows.collect_schema()[key]).alias(key),
        pl.col("value").alias(spec.label.column),
        pl.col("known_at").alias(LABEL_KNOWN_AT),
        pl.when(same).then(pl.col("known_at").shift(-1)).alias(LABEL_REPLACED_AT),
    )
    return rows.join(spans, on=key)


def _own(rows: pl.LazyFrame, spec: PipelineSpec) -> pl.LazyFrame:
    """Rows that have a label of their own, which is known at the row's time unless a column says otherwise."""
    label = pl.col(spec.label.column)
    is_float = rows.collect_schema()[spec.label.column].is_float()
    known = pl.col(spec.label.known_at or spec.source.timestamp)
    return rows.filter(
        label.is_not_null() & label.is_not_nan() if is_float else label.is_not_null(), known.is_not_null()
    ).with_columns(known.alias(LABEL_KNOWN_AT), pl.lit(None, _UTC_TIME).alias(LABEL_REPLACED_AT))


def _missing(rows: pl.LazyFrame, spans: pl.LazyFrame, spec: PipelineSpec) -> pl.LazyFrame:
    """Rows whose label did not come in time, or was withdrawn, with the value of a missing one until the next came."""
    columns = spans.collect_schema()
    identity = ["partition_key", "row_id"]
    first = spans.group_by(identity).agg(pl.col(LABEL_KNOWN_AT).min().alias(LABEL_REPLACED_AT))
    before = rows.join(first, on=identity, how="left").with_columns(
        pl.lit(None, _UTC_TIME).alias(LABEL_KNOWN_AT)
    )
    withdrawn = spans.filter(pl.col(spec.label.column).is_null())
    wanted = [name for name in columns if name != spec.label.column]
    without = pl.concat([before.select(wanted), withdrawn.select(wanted)])
    due = pl.col(spec.source.timestamp) + spec.label.missing_after
    value = _missing_value(spec.label.missing_value, columns[spec.label.column], spec.label.column)
    return (
        without.with_columns(
            value.alias(spec.label.column), pl.max_horizontal(LABEL_KNOWN_AT, due).alias(LABEL_KNOWN_AT)
        )
        .filter(pl.col(LABEL_REPLACED_AT).is_null() | (pl.col(LABEL_REPLACED_AT) > pl.col(LABEL_KNOWN_AT)))
        .select(list(columns))
    )


def _missing_value(value: Any, dtype: pl.DataType, column: str) -> pl.Expr:
    """The declared value, in the type of the labels."""
    fault = missing_value_fault(value, dtype, column)
    if fault is not None:
        raise SpecError(fault)
    return pl.lit(value) if dtype == pl.Null else pl.lit(pl.Series([value]).cast(dtype)[0], dtype)


def missing_value_fault(value: Any, dtype: pl.DataType, column: str) -> str | None:
    """Say that a missing label's declared value is none of the labels' type; None where it is.

    Parameters
    ----------
    value
        The declared value.
    dtype
        Type of the labels; ``Null`` before the first one.
    column
        Their column.
    """
    found = pl.Series([value])
    numbers = [kind.is_numeric() or kind == pl.Boolean for kind in (found.dtype, dtype)]
    same = numbers[0] == numbers[1]
    if dtype == pl.Null or (
        same and found.cast(dtype, strict=False).cast(found.dtype, strict=False)[0] == value
    ):
        return None
    return (
        f"label.missing_value: {value!r} is no value of the labels in {column!r}, which are of type {dtype}. "
        "Declare one that is."
    )
