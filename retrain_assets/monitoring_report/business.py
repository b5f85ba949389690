"""Business metrics: a declared aggregate over label-mature rows, with an interval by days."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.monitoring_report.performance import Crossing, Level, make_level
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.scores import score_schema
from retrain_assets.spec import BusinessTrigger, PipelineSpec
from retrain_assets.spec.base import suggest

_DAY = "retrain_assets_day"
_VALUE = "retrain_assets_value"


def check_business(spec: PipelineSpec, columns: Iterable[str] | None) -> list[str]:
    """Say what is wrong with the declared business metrics.

    Parameters
    ----------
    spec
        The declaration.
    columns
        The source's columns; None while they are unknown, and then names are not checked. A mapping to their
        Polars types also shows whether each metric is an aggregate that gives a number.

    Returns
    -------
    list of str
        A sentence a fault.
    """
    known = None if columns is None else {*columns, *score_schema(spec)}
    types = columns if isinstance(columns, Mapping) else None
    faults = []
    names = set()
    for number, trigger in enumerate(spec.retrain_when.business):
        if trigger.name in names:
            faults.append(
                f"retrain_when.business[{number}].name: {trigger.name!r} is declared twice. Rename one."
            )
        names.add(trigger.name)
        fault = _fault(trigger, known, None if types is None else {**types, **score_schema(spec)})
        if fault is not None:
            faults.append(f"retrain_when.business[{number}].sql: {fault}")
    return faults


def business_columns(spec: PipelineSpec) -> list[str]:
    """Columns of the source that the declared business metrics use."""
    roots = {name for item in spec.retrain_when.business for name in pl.sql_expr(item.sql).meta.root_names()}
    return sorted(roots - {*score_schema(spec)})


def measure_business(trigger: BusinessTrigger, rows: LabelledRows) -> Level | None:
    """Evaluate a business metric over a span, with a standard error by leaving out each day in turn.

    The delete-one-day jackknife needs only the aggregate itself, so that it holds for averages, for ratios of
    sums and for other smooth aggregates; for the average of days with equally many rows it is the CR1 error.
    A sum or a count grows with the rows of its span: its interval is too narrow by about a G-th, G days.

    Parameters
    ----------
    trigger
        The declared metric.
    rows
        The span's rows.

    Returns
    -------
    Level or None
        None where the aggregate has no value.

    Raises
    ------
    SpecError
        When the aggregate cannot be applied to the rows.

    References
    ----------
    Cameron, Miller (2015), "A practitioner's guide to cluster-robust inference", Journal of Human Resources
    50, 317-372, section VI.B.
    """
    frame, expression = _clean(rows.frame), _expression(trigger)
    value = _evaluate(trigger, frame.select(expression))[0]
    if value is None:
        return None
    days, codes = np.unique(rows.days(), return_inverse=True)
    marked = frame.with_columns(pl.Series(_DAY, codes))
    others = [marked.lazy().filter(pl.col(_DAY) != day).select(expression) for day in range(days.size)]
    left_out = [_evaluate(trigger, table)[0] for table in pl.collect_all(others)]
    whole = [item for item in left_out if item is not None]
    error = None
    if len(whole) == days.size > 1:
        deviations = np.asarray(whole) - np.mean(whole)
        error = math.sqrt((days.size - 1) / days.size * float(deviations @ deviations))
    return make_level(value, error, frame.height, int(days.size))


def business_values(trigger: BusinessTrigger, frame: pl.DataFrame, key: pl.Expr) -> dict[str, float | None]:
    """Evaluate a business metric for every partition.

    Parameters
    ----------
    trigger
        The declared metric.
    frame
        The source's columns and those of the scores.
    key
        The partition of a row, such as :meth:`retrain_assets.windows.Partitions.key_expr` gives.

    Returns
    -------
    dict
        By partition key, oldest first.

    Raises
    ------
    SpecError
        When the aggregate cannot be applied to the rows.
    """
    marked = _clean(frame).with_columns(key.alias(_DAY))
    try:
        table = marked.group_by(_DAY).agg(_expression(trigger)).sort(_DAY)
    except pl.exceptions.PolarsError as error:
        raise _failure(trigger, error) from error
    return dict(zip(table[_DAY].to_list(), _evaluate(trigger, table), strict=True))


def check_bounds(trigger: BusinessTrigger, level: Level | None) -> Crossing | None:
    """Compare a level with the declared range; None where there is no interval yet."""
    if level is None or level.lower is None or level.upper is None:
        return None
    if trigger.below is not None and (trigger.above is None or level.value < trigger.above):
        return Crossing(level.upper < trigger.below, level.value, level.upper, trigger.below)
    if trigger.above is None:
        return None
    return Crossing(level.lower > trigger.above, level.value, level.lower, trigger.above)


def _expression(trigger: BusinessTrigger) -> pl.Expr:
    try:
        return pl.sql_expr(trigger.sql).alias(_VALUE)
    except pl.exceptions.PolarsError as error:
        raise _failure(trigger, error) from error


def _evaluate(trigger: BusinessTrigger, table: pl.DataFrame) -> Sequence[float | None]:
    try:
        values = table[_VALUE].cast(pl.Float64)
    except pl.exceptions.PolarsError as error:
        raise _failure(trigger, error) from error
    return [value if value is not None and math.isfinite(value) else None for value in values.to_list()]


def _clean(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().fill_nan(None))


def _fault(
    trigger: BusinessTrigger, known: set[str] | None, types: Mapping[str, pl.DataType] | None
) -> str | None:
    try:
        expression = pl.sql_expr(trigger.sql).alias(_VALUE)
    except pl.exceptions.PolarsError as error:
        return f"{trigger.sql!r} is no Polars SQL aggregate ({_first_line(error)}). Mend it."
    for name in expression.meta.root_names():
        if known is not None and name not in known:
            return f"{trigger.sql!r} uses {name!r}, which the source lacks. {suggest(name, known)}"
    return None if types is None else _type_fault(trigger, expression, types)


def _type_fault(
    trigger: BusinessTrigger, expression: pl.Expr, types: Mapping[str, pl.DataType]
) -> str | None:
    empty = pl.DataFrame(schema={**types, _DAY: pl.Int64()})
    try:
        found = empty.group_by(_DAY).agg(expression).schema[_VALUE]
    except pl.exceptions.PolarsError as error:
        return f"{trigger.sql!r} cannot be applied to the source's columns ({_first_line(error)}). Mend it."
    if found.is_numeric() or found == pl.Boolean:
        return None
    if isinstance(found, pl.List):
        return f"{trigger.sql!r} gives a value a row. Write an aggregate, such as AVG({trigger.sql})."
    return f"{trigger.sql!r} gives a value of type {found}, which is no number. Mend it."


def _failure(trigger: BusinessTrigger, error: Exception) -> SpecError:
    return SpecError(
        f"retrain_when.business: {trigger.name}: {trigger.sql!r} cannot be applied to the rows "
        f"({_first_line(error)}). Mend it."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
