"""Declared derivations: new columns, each from its own row alone, and the columns that a model sees."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.spec.pipeline import RESERVED_COLUMNS

Step = tuple[str, str | Callable[[pl.DataFrame], pl.DataFrame]]
"""A derived column and its Polars SQL expression, or ``("function", the function)``."""

_WALL_CLOCK = re.compile(r"\b(CURRENT_(DATE|TIME|TIMESTAMP)|NOW\s*\()", re.IGNORECASE)


@dataclass(frozen=True)
class FeatureColumns:
    """The columns that a model sees, and the raw columns that they are made of.

    Parameters
    ----------
    numeric
        Features taken as numbers.
    categorical
        Features taken as categories.
    inputs
        Raw columns, with their types, that the features are made of: what a row to score must bring.
    kept
        Raw columns, with their types, that the table of features carries beside them (time, label,
        weight, slices).
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    inputs: Mapping[str, pl.DataType]
    kept: Mapping[str, pl.DataType]


def steps(derivations: Mapping[str, str]) -> list[Step]:
    """Resolve declared derivations, in their order; a declared function is imported."""
    return [(name, _function(text) if name == "function" else text) for name, text in derivations.items()]


def derive(frame: pl.DataFrame, derivations: Mapping[str, str] | Sequence[Step]) -> pl.DataFrame:
    """Add the derived columns to raw rows.

    A later derivation may use the column of an earlier one. NaN counts as no value, as it does everywhere.

    Parameters
    ----------
    frame
        Raw rows.
    derivations
        As declared, or resolved by :func:`steps`.

    Returns
    -------
    polars.DataFrame
        The same rows in the same order, with the derived columns added.

    Raises
    ------
    SpecError
        When an expression cannot be applied, or a function changes the number of rows.
    """
    resolved = steps(derivations) if isinstance(derivations, Mapping) else derivations
    if resolved:
        frame = frame.with_columns(pl.selectors.float().fill_nan(None))
    for name, step in resolved:
        frame = _by_sql(frame, name, step) if isinstance(step, str) else _by_function(frame, step)
    return frame


def check_derivations(spec: PipelineSpec, columns: Iterable[str] | None) -> list[str]:
    """Say what is wrong with the declared derivations.

    Parameters
    ----------
    spec
        The declaration.
    columns
        The source's columns; None while they are unknown, and then names are not checked. A mapping to their
        Polars types also shows whether the expressions fit the types.

    Returns
    -------
    list of str
        A sentence a fault.
    """
    known = None if columns is None else set(columns)
    faults: list[str] = []
    for name, text in spec.features.derive.items():
        if name == "function":
            faults += _function_faults(text)
            known = None
            continue
        if known is not None and name in known:
            faults.append(
                f"features.derive.{name}: the source already has a column {name!r}. Choose another name."
            )
            continue
        faults += [f"features.derive.{name}: {fault}" for fault in _expression_faults(text, known, spec)]
        if known is not None:
            known.add(name)
    if not faults and isinstance(columns, Mapping):
        try:
            derive(_visible(pl.DataFrame(schema=columns), spec), spec.features.derive)
        except SpecError as error:
            faults.append(str(error))
    return faults


def feature_columns(spec: PipelineSpec, schema: Mapping[str, pl.DataType]) -> FeatureColumns:
    """Resolve which columns the model sees.

    Undeclared, the numeric and boolean columns are numbers and the text columns are categories. Never
    features are the timestamp, the label, the key, the weight, the columns that say when something became
    known, and what is excluded. A derived column is a feature by its type, unless it is excluded.

    Parameters
    ----------
    spec
        The declaration.
    schema
        The raw columns and their types.

    Raises
    ------
    SpecError
        When a declared column does not exist or cannot be what it is declared to be, or a derivation is
        wrong.
    """
    raw = {name: dtype for name, dtype in schema.items() if name not in RESERVED_COLUMNS}
    faults = check_derivations(spec, raw)
    if faults:
        raise SpecError("\n".join(faults))
    visible = _visible(pl.DataFrame(schema=raw), spec)
    derived = derive(visible, spec.features.derive).schema
    numeric, categorical = _chosen(spec, derived, [name for name in derived if name not in visible.columns])
    kept = _never(spec) | dict.fromkeys(spec.evaluation.slices)
    return FeatureColumns(
        numeric=numeric,
        categorical=categorical,
        inputs=_inputs(spec, visible.schema, {*numeric, *categorical}),
        kept={name: raw[name] for name in kept if name in raw and name not in {*numeric, *categorical}},
    )


def _visible(frame: pl.DataFrame, spec: PipelineSpec) -> pl.DataFrame:
    """Take what is known of a row when it is scored: all but its label."""
    return frame.drop(spec.label.column, *filter(None, [spec.label.known_at]), strict=False)


def _chosen(
    spec: PipelineSpec, schema: Mapping[str, pl.DataType], derived: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    features = spec.features
    never = {*_never(spec), spec.source.key, *features.exclude}
    declared = {"numeric": features.numeric, "categorical": features.categorical}
    for field, names in declared.items():
        for name in names or ():
            _check_feature(field, name, schema)
    listed = {*(features.numeric or ()), *(features.categorical or ())}
    chosen: dict[str, tuple[str, ...]] = {}
    for field, names in declared.items():
        fits = _is_number if field == "numeric" else _is_text
        defaults = derived if names is not None else list(schema)
        extra = [n for n in defaults if n not in listed and n not in never and fits(schema[n])]
        chosen[field] = (*(names or ()), *extra)
    return chosen["numeric"], chosen["categorical"]


def _check_feature(field: str, name: str, schema: Mapping[str, pl.DataType]) -> None:
    if name not in schema:
        raise SpecError(f"features.{field}: the source has no column {name!r}. {suggest(name, schema)}")
    if field == "numeric" and not (_is_number(schema[name]) or schema[name] in (pl.String, pl.Null)):
        raise SpecError(
            f"features.numeric: the column {name!r} is of type {schema[name]}, which is no number. "
            "Derive a number from it under features.derive."
        )


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _never(spec: PipelineSpec) -> dict[str, None]:
    """Columns about a row's time, label and weight; never features."""
    source, label = spec.source, spec.label
    names = (source.timestamp, label.column, label.known_at, source.known_at, spec.weight)
    return {name: None for name in names if name is not None}


def _inputs(
    spec: PipelineSpec, visible: Mapping[str, pl.DataType], features: set[str]
) -> dict[str, pl.DataType]:
    if "function" in spec.features.derive:
        return dict(visible)
    used = set(features)
    for text in spec.features.derive.values():
        used |= set(pl.sql_expr(text).meta.root_names())
    return {name: dtype for name, dtype in visible.items() if name in used}


def _by_sql(frame: pl.DataFrame, name: str, text: str) -> pl.DataFrame:
    try:
        return frame.with_columns(pl.sql_expr(text).alias(name))
    except pl.exceptions.PolarsError as error:
        raise SpecError(
            f"features.derive.{name}: {text!r} cannot be applied to the rows ({_first_line(error)}). "
            "Mend the expression; TRY_CAST gives null where a value does not fit."
        ) from error


def _by_function(frame: pl.DataFrame, function: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    result = function(frame)
    place = f"features.derive.function: {function.__module__}:{function.__name__}"
    if not isinstance(result, pl.DataFrame) or result.height != frame.height:
        got = f"{result.height} rows" if isinstance(result, pl.DataFrame) else type(result).__name__
        raise SpecError(
            f"{place} was given {frame.height} rows and returned {got}. "
            "It must return a Polars frame with the same rows in the same order."
        )
    return frame.with_columns(result.select(pl.exclude(frame.columns)))


def _function(reference: str) -> Callable[[pl.DataFrame], pl.DataFrame]:
    module, _, name = reference.partition(":")
    function: Callable[[pl.DataFrame], pl.DataFrame] = getattr(importlib.import_module(module), name)
    return function


def _function_faults(reference: str) -> list[str]:
    from retrain_assets.references import check_name

    module, _, name = reference.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"features.derive.function: {fault}"]


def _expression_faults(text: str, known: set[str] | None, spec: PipelineSpec) -> list[str]:
    try:
        expression = pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        return [f"{text!r} is no Polars SQL expression ({_first_line(error)}). Mend it."]
    faults = []
    hidden = {spec.label.column, spec.label.known_at}
    for name in dict.fromkeys(expression.meta.root_names()):
        if name in hidden:
            faults.append(f"{text!r} uses {name!r}, which is not known yet when a row is scored. Remove it.")
        elif known is not None and name not in known:
            faults.append(f"{text!r} uses {name!r}, which the source lacks. {suggest(name, known - hidden)}")
    if _WALL_CLOCK.search(text):
        faults.append(
            f"{text!r} reads the wall clock, so a row's value would change with time. Use its timestamp."
        )
    if not all(_is_row_wise(part) for part in _parts(expression)):
        faults.append(
            f"{text!r} needs other rows than its own. A derivation is made from its own row alone; "
            "compute such a figure in the source."
        )
    return faults


def _parts(expression: pl.Expr) -> Iterator[pl.Expr]:
    yield expression
    for part in expression.meta.pop():
        yield from _parts(part)


def _is_row_wise(part: pl.Expr) -> bool:
    """Whether the outermost operation of an expression gives each row its value from that row alone."""
    meta = part.meta
    try:
        return meta.is_literal() or (
            meta.is_row_separable() and (meta.is_length_preserving() or meta.is_scalar())
        )
    except pl.exceptions.ColumnNotFoundError:
        # Polars resolves SQL's own operators (such as division) against a schema before it can answer, and
        # those are row-wise.
        return True


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
