"""Rows put aside: written whole, with the rule they broke, and let in again once the rule is mended."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from polars.datatypes import DataTypeClass

from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.spec import ExpectationSpec
from retrain_assets.training_data.expectations.results import OWN_COLUMNS
from retrain_assets.training_data.expectations.row_rules import row_rules
from retrain_assets.training_data.expectations.vocabulary import known_names


def quarantine_rows(
    rows: pl.DataFrame, lines: pl.DataFrame, run_id: str, files: Sequence[str], at: datetime
) -> pl.DataFrame:
    """Make the quarantine table's entries of offending lines.

    Parameters
    ----------
    rows
        Rows with ``partition_key`` and ``row_id``, the offending ones among them.
    lines
        One line per row and broken rule: row_id, rule, column, value.
    run_id
        The run that put them aside.
    files
        The files that were read; none for a database or a function.
    at
        The wall clock.

    Returns
    -------
    polars.DataFrame
        In the schema of the lake's ``quarantine``.
    """
    schema = SCHEMAS["quarantine"]
    if lines.is_empty():
        return pl.DataFrame(schema=schema)
    offending = rows.join(lines.select("row_id").unique(), on="row_id", how="semi", maintain_order="left")
    whole = offending.select(
        "partition_key",
        pl.col("row_id").cast(pl.Int64),
        pl.Series("row", _encoded(offending), dtype=pl.String),
    )
    entries = lines.join(whole, on="row_id", how="inner", maintain_order="left").with_columns(
        file=pl.lit(_named(files), dtype=pl.String),
        run_id=pl.lit(run_id),
        quarantined_at=pl.lit(at),
        released_at=pl.lit(None),
    )
    return entries.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def release(
    quarantined: pl.DataFrame, expectations: Sequence[ExpectationSpec], schema: Mapping[str, pl.DataType]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judge quarantined rows by the present declaration.

    A row is let in when it keeps every critical row rule of the present declaration, and was put aside for no
    other reason than an expectation. Rules that compare rows (uniqueness) look at the quarantined rows of the same
    partition.

    Parameters
    ----------
    quarantined
        Entries of the lake's ``quarantine``.
    expectations
        The present declaration.
    schema
        Columns of the lake's ``training_data``.

    Returns
    -------
    released : polars.DataFrame
        Whole rows in ``schema``.
    waiting : polars.DataFrame
        The entries whose rows stay; entries released before are in neither.

    Raises
    ------
    SpecError
        When an expectation cannot be held against the type of its column.
    """
    entries = quarantined.filter(pl.col("released_at").is_null())
    identity = ["partition_key", "row_id"]
    rows = _decoded(entries.unique(identity, keep="first", maintain_order=True), schema)
    rules = row_rules(
        [expectation for expectation in expectations if expectation.severity == "critical"],
        {name: dtype for name, dtype in schema.items() if name not in OWN_COLUMNS},
    )
    broken = entries.filter(~_is_expectation(pl.col("rule"))).select(identity)
    judged = [
        partition.filter(~pl.all_horizontal(pl.lit(True), *(rule.passes for rule in rules))).select(identity)
        for partition in rows.partition_by("partition_key")
    ]
    staying = pl.concat([broken, *judged]).unique()
    released = rows.join(staying, on=identity, how="anti", maintain_order="left")
    waiting = entries.join(released.select(identity), on=identity, how="anti", maintain_order="left")
    return released, waiting


def _is_expectation(rule: pl.Expr) -> pl.Expr:
    return rule.str.split("(").list.first().is_in(sorted(known_names()))


def _named(files: Sequence[str]) -> str | None:
    if len(files) > 3:
        return f"{files[0]} and {len(files) - 1} more"
    return ", ".join(files) or None


def _encoded(rows: pl.DataFrame) -> list[str]:
    """Write each row as JSON: times in ISO 8601, binary as base64, what is not finite by its name."""
    names = [name for name in rows.columns if name not in OWN_COLUMNS]
    columns = [map(_plain, rows[name].to_list()) for name in names]
    if not names:
        return ["{}"] * rows.height
    return [
        json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False, allow_nan=False)
        for values in zip(*columns, strict=True)
    ]


def _plain(value: Any) -> Any:
    plain = value
    match value:
        case float():
            plain = value if math.isfinite(value) else str(value)
        case date():
            plain = value.isoformat()
        case bytes():
            plain = base64.b64encode(value).decode()
        case list():
            plain = [_plain(item) for item in value]
        case dict():
            plain = {key: _plain(item) for key, item in value.items()}
        case Decimal():
            plain = str(value)
    return plain


def _decoded(entries: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Read rows back; a column that the row lacks is null, one that the table lacks is dropped."""
    read = [json.loads(row) for row in entries["row"].to_list()]
    return pl.DataFrame(
        [
            entries[name].cast(dtype)
            if name in OWN_COLUMNS
            else pl.Series(name, [_typed(row.get(name), dtype) for row in read], dtype=dtype)
            for name, dtype in schema.items()
        ]
    )


def _typed(value: Any, dtype: pl.DataType | DataTypeClass) -> Any:
    if value is None:
        return None
    typed = value
    match dtype:
        case pl.Datetime():
            typed = datetime.fromisoformat(value)
        case pl.Date():
            typed = date.fromisoformat(value)
        case pl.Decimal():
            typed = Decimal(value)
        case pl.Binary():
            typed = base64.b64decode(value)
        case pl.List():
            typed = [_typed(item, dtype.inner) for item in value]
        case pl.Struct():
            typed = {field.name: _typed(value.get(field.name), field.dtype) for field in dtype.fields}
        case _ if dtype.is_float():
            typed = float(value)
    return typed
