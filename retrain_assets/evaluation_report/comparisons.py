"""Candidate against champion and baseline, by every declared metric, and by value where that is declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import (
    Blocks,
    Comparison,
    Criterion,
    Metric,
    Task,
    declared_metrics,
    value_criterion,
)
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.look_test import LookTest
from retrain_assets.evaluation_report.slices import Scored
from retrain_assets.spec import PipelineSpec


@dataclass(frozen=True)
class Contest:
    """The models as one criterion measures them.

    Parameters
    ----------
    metric
        The measure.
    scored
        The rows, with what the metric takes of both models: scores, or the money of each row.
    baseline
        The same of the naive model.
    """

    metric: Metric
    scored: Scored
    baseline: FloatArray


@dataclass(frozen=True)
class Case:
    """Everything that the parts of the document are computed from.

    Parameters
    ----------
    spec
        The declaration.
    deciding
        What decides.
    contests
        The models by each criterion that the rows allow, the deciding one first.
    rows
        How many rows judge.
    blocks
        The declared blocks that they lie in.
    days
        Their block of time, shape (rows,): the declared one, or the day where entities or rows are declared.
    test
        What the comparisons go by.
    """

    spec: PipelineSpec
    deciding: Metric
    contests: tuple[Contest, ...]
    rows: int
    blocks: Blocks
    days: NDArray[np.int64]
    test: LookTest


def criteria_of(spec: PipelineSpec, task: Task) -> tuple[Criterion, ...]:
    """Give all that models are compared by: the declared metrics and value; the first decides.

    Raises
    ------
    TrainingError
        When one of them is none of models of this task.
    """
    metrics = tuple(Criterion(metric) for metric in declared_metrics(spec.evaluation.metrics, task))
    if spec.promotion.value is None:
        return metrics
    value = value_criterion(spec.promotion.value, task)
    return (value, *metrics) if spec.promotion.decide_by == "value" else (*metrics, value)


def contests_of(
    criteria: Sequence[Criterion], rows: pl.DataFrame, scored: Scored, baseline: FloatArray
) -> tuple[tuple[Contest, ...], dict[str, str]]:
    """Give each criterion what it takes.

    Parameters
    ----------
    criteria
        All that models are compared by.
    rows
        Raw rows, n of them.
    scored
        The same rows with both models' scores.
    baseline
        The naive model's scores.

    Returns
    -------
    contests : tuple of Contest
    unknown : dict
        A sentence by the name of each criterion whose money is not known of these rows.
    """
    contests, unknown = [], {}
    for criterion in criteria:
        try:
            contests.append(_contest(criterion, rows, scored, baseline))
        except TrainingError as error:
            unknown[criterion.metric.name] = str(error)
    return tuple(contests), unknown


def _contest(criterion: Criterion, rows: pl.DataFrame, scored: Scored, baseline: FloatArray) -> Contest:
    taken = partial(criterion.of, rows, scored.y)
    champion = None if scored.champion is None else taken(scored.champion)
    measured = replace(scored, candidate=taken(scored.candidate), champion=champion)
    return Contest(criterion.metric, measured, taken(baseline))


def comparisons_of(case: Case) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Compare by every criterion that the rows define.

    Returns
    -------
    tuple of dict
        The comparison by each metric's name; and a sentence by the name of each metric that the rows do not
        define.
    """
    entries, undefined = {}, {}
    for contest in case.contests:
        try:
            entries[contest.metric.name] = _compare_models(case, contest)
        except TrainingError as error:
            undefined[contest.metric.name] = str(error)
    return entries, undefined


def _compare_models(case: Case, contest: Contest) -> dict[str, Any]:
    metric, scored = contest.metric, contest.scored
    values = {
        name: None if scores is None else metric.measure(scored.y, scores, scored.weight)[0]
        for name, scores in (
            ("candidate", scored.candidate),
            ("champion", scored.champion),
            ("baseline", contest.baseline),
        )
    }
    return {
        "metric": metric.name,
        "unit": metric.unit,
        "greater_is_better": metric.greater_is_better,
        **values,
        "vs_champion": _compare(case, contest, scored.champion),
        "vs_baseline": _compare(case, contest, contest.baseline),
    }


def _compare(case: Case, contest: Contest, reference: FloatArray | None) -> Comparison | None:
    if reference is None or case.blocks.count < 2:
        return None
    return case.test.compare(contest.metric, contest.scored, reference, case.days)


def entry_of(comparison: dict[str, Any]) -> dict[str, Any]:
    """Make a comparison ready for the document: leave out of a comparison what its surroundings say already."""
    known = {"metric", "candidate", "reference", "rows"}
    short = {
        name: None if value is None else {k: v for k, v in asdict(value).items() if k not in known}
        for name, value in comparison.items()
        if name in ("vs_champion", "vs_baseline")
    }
    return comparison | short
