"""Columns that a declaration names, compared with those that the source has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from retrain_assets.labelled_rows import missing_value_fault
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.spec.number_texts import NUMBER, decimal_comma
from retrain_assets.spec.source import SEPARATORS
from retrain_assets.spec.value import OUTCOMES

_TEXTS = pl.String | pl.Categorical | pl.Enum


def check_columns(
    spec: PipelineSpec, columns: Mapping[str, pl.DataType], file: str, rows: pl.DataFrame | None = None
) -> list[str]:
    """Say which declared columns the source lacks, and which have a type that cannot be used.

    Parameters
    ----------
    spec
        The declaration.
    columns
        Names and types of the source's columns; a column without values has the type ``Null``.
    file
        The ``defs.yaml``, or the file that was read, for messages.
    rows
        Rows with the numeric features that are texts; by them a decimal comma is recognised.

    Returns
    -------
    list of str
        One sentence a fault, none if all is well.
    """
    if (other := _other_separator(spec, columns)) is not None:
        return [f"{file}: {other}"]
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
    label = spec.label
    if label.missing_value is not None and label.column in columns:
        fault = missing_value_fault(label.missing_value, columns[label.column], label.column)
        found += [] if fault is None else [f"{file}: {fault}"]
    if spec.weight is not None and isinstance(columns.get(spec.weight), _TEXTS):
        found.append(
            f"{file}: weight: the column {spec.weight!r} holds text. {_null_values(spec)}Name a column that holds "
            "numbers otherwise."
        )
    return found + _texts_for_numbers(spec, columns, file, rows)


def _other_separator(spec: PipelineSpec, columns: Mapping[str, pl.DataType]) -> str | None:
    """Say that the header is one name by the declared separator, and several by another."""
    if not is_csv(spec) or len(columns) != 1:
        return None
    [name] = columns
    separator = next((mark for mark in SEPARATORS if spec.source.timestamp in name.split(mark)), None)
    if separator is None or separator == spec.source.read.separator:
        return None
    return (
        f"source.read.separator: by {spec.source.read.separator!r} the file has a single column, {name!r}. "
        f"Declare {separator!r} there."
    )


def numeric_texts(spec: PipelineSpec, columns: Mapping[str, pl.DataType]) -> list[str]:
    """Names of the numeric features whose columns hold texts."""
    return [name for name in spec.features.numeric or () if isinstance(columns.get(name), _TEXTS)]


def is_csv(spec: PipelineSpec) -> bool:
    """Whether the source is files that are not Parquet by their name."""
    return bool(spec.source.path) and not str(spec.source.path).endswith((".parquet", ".pq"))


def _texts_for_numbers(
    spec: PipelineSpec, columns: Mapping[str, pl.DataType], file: str, rows: pl.DataFrame | None
) -> list[str]:
    names = numeric_texts(spec, columns)
    commas: dict[str, str] = {}
    if is_csv(spec) and spec.source.read.decimal == "." and rows is not None:
        commas = {name: text for name in names if (text := decimal_comma(rows[name])) is not None}
    found = [
        f"{file}: features.numeric: the column {name!r} holds text ({columns[name]}). {_null_values(spec)}List it in "
        "features.categorical, or derive a number from it."
        for name in names
        if name not in commas
    ]
    if not commas:
        return found
    listed = " and ".join(map(repr, commas))
    told = f"the column {listed} holds" if len(commas) == 1 else f"the columns {listed} hold"
    return [
        f"{file}: source.read.decimal: {told} numbers with a decimal comma, such as "
        f'{next(iter(commas.values()))!r}. Declare decimal: "," there.',
        *found,
    ]


def text_label(spec: PipelineSpec, label: pl.Series) -> str | None:
    """Say that the label of a regression holds text, with the first one that is no number; None where it does not."""
    if not isinstance(label.dtype, _TEXTS) or label.null_count() == len(label):
        return None
    texts = label.drop_nulls().cast(pl.String).to_list()
    word = next((text for text in texts if not NUMBER.match(text)), None)
    example = f"such as {word!r}" if word else f"though of these rows none but numbers such as {texts[0]!r}"
    return (
        f"label.column: the column {label.name!r} holds text, {example}, and a regression needs a number. "
        f"{_null_values(spec)}Otherwise choose a classifier under training.estimator, or another label."
    )


def _null_values(spec: PipelineSpec) -> str:
    if not is_csv(spec):
        return ""
    return "If a word such as NA stands for a missing number, name it in source.read.null_values. "


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
