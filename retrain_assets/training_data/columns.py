"""Columns that a declaration names, compared with those that the source has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from retrain_assets.labelled_rows import missing_value_fault
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.spec.value import OUTCOMES


def check_columns(spec: PipelineSpec, columns: Mapping[str, pl.DataType], file: str) -> list[str]:
    """Say which declared columns the source lacks, and which have a type that cannot be used.

    Parameters
    ----------
    spec
        The declaration.
    columns
        Names and types of the source's columns; a column without values has the type ``Null``.
    file
        The ``defs.yaml``, or the file that was read, for messages.

    Returns
    -------
    list of str
        One sentence a fault, none if all is well.
    """
    found = [
        f"{file}: {field}: there is no column {name!r} in the source. {suggest(name, known)}"
        for field, name, known in _named(spec, columns)
        if name not in known
    ]
    if spec.label.source is not None and spec.label.column in columns:
        found.append(
            f"{file}: label.column: the source has a column {spec.label.column!r} too, and the labels come from "
            "label.source. Name the label otherwise, and its column there in label.source.column."
        )
    missing = (
        "If a word such as NA stands for a missing number, name it in source.read.null_values. "
        if spec.source.path and not spec.source.path.endswith((".parquet", ".pq"))
        else ""
    )
    label = spec.label
    if label.missing_value is not None and label.column in columns:
        fault = missing_value_fault(label.missing_value, columns[label.column], label.column)
        found += [] if fault is None else [f"{file}: {fault}"]
    for name in spec.features.numeric or ():
        dtype = columns.get(name)
        if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
            found.append(
                f"{file}: features.numeric: the column {name!r} holds text ({dtype}). {missing}List it in "
                "features.categorical, or derive a number from it."
            )
    return found


def used_columns(spec: PipelineSpec) -> set[str]:
    """Names of the columns that the declaration makes use of, derived ones among them.

    What a declared function uses of the rows that it is given cannot be known.
    """
    names = {name for field, name, _ in _named(spec, {}) if field != "features.exclude"}
    names |= {*(spec.features.numeric or ()), *(spec.features.categorical or ())}
    texts = [text for name, text in spec.features.derive.items() if name != "function"]
    for text in (*texts, *(metric.sql for metric in spec.retrain_when.business)):
        names |= set(pl.sql_expr(text).meta.root_names())
    return names


def _named(spec: PipelineSpec, columns: Mapping[str, pl.DataType]) -> Iterator[tuple[str, str, set[str]]]:
    """Each declared field with the column that it names and the columns that it may name."""
    own = set(columns)
    derived = own | (set(spec.features.derive) - {"function"})
    single = {
        "source.timestamp": spec.source.timestamp,
        "source.key": spec.source.key,
        "source.known_at": spec.source.known_at,
        "source.updated_at": spec.source.updated_at,
        "label.column": spec.label.column if spec.label.source is None else None,
        "label.known_at": spec.label.known_at,
        "weight": spec.weight,
        **_amounts(spec),
    }
    for field, name in single.items():
        if name is not None:
            yield field, name, own
    for name in spec.evaluation.sensitive:
        yield "evaluation.sensitive", name, own
    if "function" not in spec.features.derive:
        for field, names in (
            ("features.numeric", spec.features.numeric),
            ("features.categorical", spec.features.categorical),
            ("features.exclude", spec.features.exclude),
            ("evaluation.slices", spec.evaluation.slices),
        ):
            for name in names or ():
                yield field, name, derived
        if spec.evaluation.block != "row" and spec.evaluation.block_duration is None:
            yield "evaluation.block", spec.evaluation.block, derived
    for place, expectation in enumerate(spec.expectations):
        for argument, value in expectation.arguments.items():
            if argument in ("column", "column_A", "column_B"):
                yield f"expectations[{place}].{argument}", str(value), own
            elif argument in ("column_list", "column_set") and expectation.type not in _TABLE_EXPECTATIONS:
                for name in value or ():
                    yield f"expectations[{place}].{argument}", str(name), own


def _amounts(spec: PipelineSpec) -> dict[str, str]:
    """Columns of amounts of money, by the outcome that is worth them."""
    amounts = {name: getattr(spec.promotion.value, name, None) for name in OUTCOMES}
    return {f"promotion.value.{name}": column for name, column in amounts.items() if isinstance(column, str)}


# These say themselves which columns a table should have.
_TABLE_EXPECTATIONS = frozenset(
    {"expect_table_columns_to_match_set", "expect_table_columns_to_match_ordered_list"}
)
