"""Declared derivations: new columns, each from its own row alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.features.function import Function, load_function
from retrain_assets.spec import PipelineSpec

Step = tuple[str, str | Function]
"""A derived column and its Polars SQL expression, or ``("function", the function)``."""


def steps(derivations: Mapping[str, str]) -> list[Step]:
    """Resolve declared derivations, in their order; a declared function is imported."""
    return [(name, load_function(text) if name == "function" else text) for name, text in derivations.items()]


def with_derived(rows: pl.DataFrame, names: Iterable[str | None], spec: PipelineSpec) -> pl.DataFrame:
    """Add those columns to raw rows that something besides the model names, a slice or a block, and rows do not have.

    Parameters
    ----------
    rows
        Raw rows.
    names
        The columns; what is neither a column of the rows nor derived stays lacking.
    spec
        The declaration.

    Raises
    ------
    SpecError
        As :func:`derive`.
    """
    lacking = [name for name in dict.fromkeys(names) if name is not None and name not in rows.columns]
    if not lacking or not spec.features.derive:
        return rows
    derived = derive(visible(rows, spec), spec.features.derive)
    return rows.with_columns(derived[name] for name in lacking if name in derived.columns)


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


def visible(frame: pl.DataFrame, spec: PipelineSpec) -> pl.DataFrame:
    """Take what is known of raw rows when they are scored: all but their label."""
    return frame.drop(spec.label.column, *filter(None, [spec.label.known_at]), strict=False)


def _by_sql(frame: pl.DataFrame, name: str, text: str) -> pl.DataFrame:
    try:
        return frame.with_columns(pl.sql_expr(text).alias(name))
    except pl.exceptions.PolarsError as error:
        if any(frame.schema.get(used) == pl.Null for used in pl.sql_expr(text).meta.root_names()):
            # A column that has had no value yet has no type that an expression could be made for.
            return frame.with_columns(pl.lit(None).alias(name))
        raise SpecError(
            f"features.derive.{name}: {text!r} cannot be applied to the rows ({first_line(error)}). "
            "Mend the expression; TRY_CAST gives null where a value does not fit."
        ) from error


def _by_function(frame: pl.DataFrame, function: Function) -> pl.DataFrame:
    result = function(frame)
    place = f"features.derive.function: {function.__module__}:{function.__name__}"
    if not isinstance(result, pl.DataFrame) or result.height != frame.height:
        got = f"{result.height} rows" if isinstance(result, pl.DataFrame) else type(result).__name__
        raise SpecError(
            f"{place} was given {frame.height} rows and returned {got}. "
            "It must return a Polars frame with the same rows in the same order."
        )
    return frame.with_columns(result.select(pl.exclude(frame.columns)))


def first_line(error: Exception) -> str:
    """First line of an error's message, without its full stop."""
    return str(error).strip().partition("\n")[0].rstrip(".")
