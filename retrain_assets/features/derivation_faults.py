"""What is wrong with declared derivations: told in sentences before any row is derived."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.features.derive import derive, first_line, visible
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest

_WALL_CLOCK = re.compile(r"\b(CURRENT_(DATE|TIME|TIMESTAMP)|NOW\s*\()", re.IGNORECASE)


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
        # Delta tables do not tell upper from lower case.
        same = [column for column in known or () if column.lower() == name.lower()]
        if same:
            faults.append(
                f"features.derive.{name}: the source already has a column {same[0]!r}. Choose another name."
            )
            continue
        faults += [f"features.derive.{name}: {fault}" for fault in _expression_faults(text, known, spec)]
        if known is not None:
            known.add(name)
    if not faults and isinstance(columns, Mapping):
        # A function is not called here, and what stands behind it may use what it makes.
        before = dict(takewhile(lambda item: item[0] != "function", spec.features.derive.items()))
        try:
            derive(visible(pl.DataFrame(schema=columns), spec), before)
        except SpecError as error:
            faults.append(str(error))
    return faults


def _function_faults(reference: str) -> list[str]:
    module, _, name = reference.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"features.derive.function: {fault}"]


def _expression_faults(text: str, known: set[str] | None, spec: PipelineSpec) -> list[str]:
    try:
        expression = pl.sql_expr(text)
    except pl.exceptions.PolarsError as error:
        return [f"{text!r} is no Polars SQL expression ({first_line(error)}). Mend it."]
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
