"""Fairness: how decisions, and their errors, differ between groups of a sensitive column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Task, decidable
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.fairness_figures import Mean, decided, figures_of, means
from retrain_assets.evaluation_report.group_intervals import (
    Intervals,
    Limits,
    greatest_difference,
    group_figure,
)
from retrain_assets.evaluation_report.judged_rows import rows_problem
from retrain_assets.evaluation_report.slices import Scored, commonest_values
from retrain_assets.spec import PipelineSpec, ValueSpec

ByModel = Mapping[str, Mapping[str, Intervals]]


def fairness(
    spec: PipelineSpec, rows: pl.DataFrame, scored: Scored, task: Task
) -> tuple[list[dict[str, Any]], list[str]]:
    """Measure both models by group of each sensitive column, with fairlearn.

    Of decisions between two classes: the share of each group that is decided for (demographic parity asks for
    equal ones), and that share among its positives and among its negatives (equalised odds). Of several
    classes: the share that is decided wrongly. Of numbers: the mean absolute error and the mean error. They are
    told and decide nothing: which of them ought to be equal depends on what the decisions do to people, and they
    cannot all be.

    Parameters
    ----------
    spec
        The declaration: ``evaluation.sensitive``, and ``promotion.value``, by which is decided between two classes;
        without it, or where no row has its amounts, above a probability of one half. Rows without an amount that
        decides are left out.
    rows
        Raw rows of the holdout, with the columns.
    scored
        Labels, scores and weights of the same rows.
    task
        What the estimator does.

    Returns
    -------
    entries : list of dict
        One for each column, ready for the document: ``column``, ``figures`` (their names), ``groups`` (each with
        ``group``, ``rows``, the figures of ``candidate`` and ``champion``, and ``intervals``), ``differences`` (of
        each model, the greatest less the smallest figure) and ``difference_intervals``. Groups are the twelve
        commonest values. Intervals are by model and figure: lower and upper bound, 95 %, of the group by itself, or
        of the greatest difference whichever groups it is between; None where rows lie in one block.
    notes : list of str
        A sentence for each group with too few rows to measure, for a column that is left out, and for rows without
        an amount.

    Raises
    ------
    TrainingError
        When a column does not exist.

    References
    ----------
    Hardt, Price, Srebro (2016), "Equality of opportunity in supervised learning", NeurIPS 29.
    Kleinberg, Mullainathan, Raghavan (2017), "Inherent trade-offs in the fair determination of risk scores",
    ITCS: that the figures cannot all be equal.
    """
    if not spec.evaluation.sensitive:
        return [], []
    entries: list[dict[str, Any]] = []
    value, rows, scored, notes = _decidable(spec, rows, scored, task)
    for column in spec.evaluation.sensitive:
        if column not in rows.columns:
            raise TrainingError(
                f"evaluation.sensitive: {column!r} is no column of the source. Remove it or mend it."
            )
        groups, problems = _groups(column, rows, scored, task)
        notes += problems
        if len(groups) < 2:
            notes.append(f"Fairness by {column} is not shown: fewer than two of its values have rows enough.")
            continue
        try:
            entries.append(_entry(value, column, groups, rows, scored, task))
        except TrainingError as error:
            notes.append(f"Fairness by {column} is not shown. {error}")
    return entries, notes


def _decidable(
    spec: PipelineSpec, rows: pl.DataFrame, scored: Scored, task: Task
) -> tuple[ValueSpec | None, pl.DataFrame, Scored, list[str]]:
    """What decides, the rows that it decides on, and a sentence where these are not all by what is declared."""
    value = spec.promotion.value
    known = decidable(value, rows)
    if task != "classification" or value is None or known.all():
        return value, rows, scored, []
    columns = " and ".join(map(repr, value.columns))
    if not known.any():
        note = (
            f"Fairness is that of decisions above a probability of one half, because no row holds the amounts of "
            f"promotion.value ({columns})."
        )
        return None, rows, scored, [note]
    note = (
        f"Fairness is measured on {np.count_nonzero(known):,} of {rows.height:,} rows: the others hold no amount of "
        f"promotion.value ({columns}), so that nothing follows from their scores."
    )
    return value, rows.filter(pl.Series(known)), scored[np.flatnonzero(known)], [note]


def _groups(
    column: str, rows: pl.DataFrame, scored: Scored, task: Task
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Rows of each value that has enough of them, and a sentence on each that has not."""
    groups, notes = {}, []
    for value, chosen in commonest_values(rows[column]):
        if rows_problem(scored.y[chosen], task) is None:
            groups[value] = chosen
        else:
            notes.append(
                f"The group {column} = {value} is not measured for fairness: too few rows of one label."
            )
    return groups, notes


def _entry(
    value: ValueSpec | None,
    column: str,
    parts: Mapping[str, NDArray[np.int64]],
    rows: pl.DataFrame,
    scored: Scored,
    task: Task,
) -> dict[str, Any]:
    """The figures of both models on the rows of some groups."""
    from fairlearn.metrics import MetricFrame

    chosen = np.concatenate(list(parts.values()))
    names = np.repeat(list(parts), [part.size for part in parts.values()])
    rows, scored = rows[chosen], scored[chosen]
    figures = figures_of(task)
    frames: dict[str, MetricFrame] = {}
    intervals: dict[str, dict[str, Intervals]] = {}
    for model, score in (("candidate", scored.candidate), ("champion", scored.champion)):
        if score is not None:
            acts = decided(value, rows, score, task)
            cells = _cells(names, scored.y, acts, scored.weight, task)
            frames[model] = MetricFrame(
                metrics=dict(figures),
                y_true=cells["y"].to_numpy(),
                y_pred=cells["decided"].to_numpy(),
                sensitive_features=cells["group"].to_numpy(),
                sample_params={name: {"sample_weight": cells["weight"].to_numpy()} for name in figures},
            )
            intervals[model] = {
                name: _interval(mean, names, list(parts), scored)
                for name, mean in means(task, scored.y, acts).items()
            }
    groups = [
        {"group": group, "rows": int(part.size)}
        | {model: frame.by_group.loc[group].astype(float).to_dict() for model, frame in frames.items()}
        | {"intervals": _of_group(intervals, place)}
        for place, (group, part) in enumerate(parts.items())
    ]
    return {
        "column": column,
        "figures": list(figures),
        "groups": groups,
        "differences": {model: frame.difference().astype(float).to_dict() for model, frame in frames.items()},
        "difference_intervals": _of_differences(intervals),
    }


def _cells(
    names: NDArray[np.str_], y: FloatArray, acts: FloatArray, weight: FloatArray | None, task: Task
) -> pl.DataFrame:
    """Few rows that have the figures of many, of which fairlearn measures a million in half a minute.

    Rows of one label and one decision count as one row of their summed weight. Of numbers, the errors of one sign
    count as their mean, which leaves the mean error and the mean absolute error as they are.
    """
    rows = pl.DataFrame(
        {"group": names, "y": y, "decided": acts, "weight": 1.0 if weight is None else weight}
    )
    weighed = pl.col("weight").sum()
    if task != "regression":
        return rows.group_by("group", "y", "decided", maintain_order=True).agg(weighed)
    error = pl.col("decided") - pl.col("y")
    return (
        rows.filter(pl.col("weight") > 0)
        .group_by("group", over=error > 0, maintain_order=True)
        .agg(weighed, y=pl.lit(0.0), decided=(error * pl.col("weight")).sum() / weighed)
    )


def _of_group(intervals: ByModel, place: int) -> dict[str, dict[str, Limits | None]]:
    return {
        model: {name: found.groups[place] for name, found in figures.items()}
        for model, figures in intervals.items()
    }


def _of_differences(intervals: ByModel) -> dict[str, dict[str, Limits | None]]:
    return {
        model: {name: found.difference for name, found in figures.items()}
        for model, figures in intervals.items()
    }


def _interval(mean: Mean, names: NDArray[np.str_], groups: Sequence[str], scored: Scored) -> Intervals:
    """Intervals of one figure: of each group, in the groups' order, and of their greatest difference."""
    values, counted, share = mean
    count = int(scored.blocks.max()) + 1
    found = []
    for group in groups:
        own = counted & (names == group)
        weight = None if scored.weight is None else scored.weight[own]
        found.append(group_figure(values[own], scored.blocks[own], count, weight, share=share))
    return Intervals([figure.limits() for figure in found], greatest_difference(found))
