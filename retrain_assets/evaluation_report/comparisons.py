"""Candidate against champion and baseline, by every declared metric."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrain_assets.comparison import Blocks, Comparison, Metric
from retrain_assets.comparison.metrics import FloatArray
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.look_test import LookTest
from retrain_assets.evaluation_report.slices import Scored
from retrain_assets.spec import PipelineSpec


@dataclass(frozen=True)
class Case:
    """Everything that the parts of the document are computed from.

    Parameters
    ----------
    spec
        The declaration.
    metrics
        Those to compare by; the first decides.
    rows
        How many rows judge.
    scored
        Their labels, scores, weights and blocks.
    baseline
        The naive model's score of each, shape (rows,).
    blocks
        The declared blocks that they lie in.
    days
        Their block of time, shape (rows,): the declared one, or the day where entities or rows are declared.
    test
        What the comparisons go by.
    """

    spec: PipelineSpec
    metrics: tuple[Metric, ...]
    rows: int
    scored: Scored
    baseline: FloatArray
    blocks: Blocks
    days: NDArray[np.int64]
    test: LookTest


def comparisons_of(case: Case) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Compare by every metric that the rows define.

    Returns
    -------
    tuple of dict
        The comparison by each metric's name; and a sentence by the name of each metric that the rows do not
        define.
    """
    entries, undefined = {}, {}
    for metric in case.metrics:
        try:
            entries[metric.name] = _compare_models(case, metric)
        except TrainingError as error:
            undefined[metric.name] = str(error)
    return entries, undefined


def _compare_models(case: Case, metric: Metric) -> dict[str, Any]:
    scored = case.scored
    values = {
        name: None if scores is None else metric.measure(scored.y, scores, scored.weight)[0]
        for name, scores in (
            ("candidate", scored.candidate),
            ("champion", scored.champion),
            ("baseline", case.baseline),
        )
    }
    return {
        "metric": metric.name,
        "unit": metric.unit,
        "greater_is_better": metric.greater_is_better,
        **values,
        "vs_champion": _compare(case, metric, scored.champion),
        "vs_baseline": _compare(case, metric, case.baseline),
    }


def _compare(case: Case, metric: Metric, reference: FloatArray | None) -> Comparison | None:
    if reference is None or case.blocks.count < 2:
        return None
    return case.test.compare(metric, case.scored, reference, case.days)


def entry_of(comparison: dict[str, Any]) -> dict[str, Any]:
    """Make a comparison ready for the document: leave out of a comparison what its surroundings say already."""
    known = {"metric", "candidate", "reference", "rows"}
    short = {
        name: None if value is None else {k: v for k, v in asdict(value).items() if k not in known}
        for name, value in comparison.items()
        if name in ("vs_champion", "vs_baseline")
    }
    return comparison | short
