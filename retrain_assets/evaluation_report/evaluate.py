"""The evaluation: candidate, champion and a naive baseline on the same rows, as one document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.comparison import (
    METRICS,
    Blocks,
    Comparison,
    Metric,
    assign_blocks,
    compare,
    metric_names,
)
from retrain_assets.comparison.metrics import FloatArray, Task
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.calibration import calibration
from retrain_assets.evaluation_report.explanation import SCORING_ERRORS, Model, ScoreFunction, explain
from retrain_assets.evaluation_report.slices import Scored, compare_slices
from retrain_assets.evaluation_report.verdict import Evidence, Verdict, decide_verdict, minimum_gain
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

FEWEST_ROWS = 30
FEWEST_OF_A_CLASS = 10
DIGITS = 6


@dataclass(frozen=True)
class _Case:
    """Everything that the parts of the document are computed from."""

    spec: PipelineSpec
    metrics: tuple[Metric, ...]
    rows: int
    scored: Scored
    baseline: FloatArray
    blocks: Blocks


def evaluate(  # noqa: PLR0913 - the parts of one evaluation, all by name
    spec: PipelineSpec,
    *,
    task: Task,
    rows: pl.DataFrame,
    y: FloatArray,
    candidate: Model | ScoreFunction,
    champion: Model | ScoreFunction | None,
    champion_problem: str | None,
    baseline: float,
    features: Sequence[str],
    split: datetime,
    as_of: datetime,
    left_out: int = 0,
    train_rows: int | None = None,
) -> dict[str, Any]:
    """Judge a candidate on the rows of a holdout.

    Parameters
    ----------
    spec
        The declaration.
    task
        What the estimator does.
    rows
        Raw rows of the holdout that neither model was trained on, labels mature at ``as_of``.
    y
        Their labels, shape (n,): 0 or 1 in classification, NaN where missing.
    candidate, champion
        The models, or functions that take raw rows and return one score a row; no champion is None.
    champion_problem
        A sentence saying why there is a champion that cannot be read; None otherwise.
    baseline
        The naive model: the share of positives, or the mean label, among the training rows.
    features
        What the permutation importances are computed for.
    split, as_of
        Start of the holdout, and the moment of knowledge.
    left_out
        For the document: rows that were left out because the champion was trained on them.
    train_rows
        For the document: rows that the candidate was trained on.

    Returns
    -------
    dict
        Ready for JSON: task, metric, unit, as_of, verdict, rows, comparisons, calibration, slices,
        importances, importance_rows and guards. A missing or infinite number is None.

    Raises
    ------
    TrainingError
        When the candidate cannot be scored, or a column that the declaration names is missing.
    SpecError
        When ``evaluation.block`` is shorter than a day.
    """
    metrics = tuple(METRICS[name] for name in metric_names(spec.evaluation.metrics, task))
    rows, y, weight, gaps = _usable(spec, rows, np.asarray(y, dtype=np.float64))
    blocks = assign_blocks(
        rows, spec.evaluation.block, spec.source.timestamp, split, as_of - spec.label.delay
    )
    models = {"candidate": _as_model(candidate)}
    scores = models["candidate"].scores(rows)
    champion_scores = None
    if champion is not None and champion_problem is None:
        try:
            champion_scores = _as_model(champion).scores(rows)
            models["champion"] = _as_model(champion)
        except SCORING_ERRORS as error:
            champion_problem = f"{type(error).__name__}: {error}"
    scored = Scored(y, scores, champion_scores, blocks.ids, weight)
    case = _Case(spec, metrics, rows.height, scored, np.full(rows.height, baseline), blocks)
    comparisons, undefined = _comparisons(case)
    decisive = comparisons.get(metrics[0].name)
    rows_problem = _rows_problem(y, task) or undefined.get(metrics[0].name)
    verdict = _verdict(case, decisive, as_of, champion_problem, rows_problem)
    slices, notes = compare_slices(rows, spec.evaluation.slices, scored, metrics[0], spec.promotion.alpha)
    explained = features if decisive else ()
    explanation = explain(models, rows, y, explained, metrics[0], weight, spec.training.random_state)
    document = {
        "as_of": as_of,
        "task": task,
        "verdict": asdict(verdict),
        "metric": metrics[0].name,
        "unit": metrics[0].unit,
        "min_gain": None
        if decisive is None
        else minimum_gain(spec.promotion, decisive["vs_champion"], decisive["vs_baseline"]),
        "rows": {
            "train": train_rows,
            "holdout": rows.height,
            "blocks": blocks.count,
            "left_out": left_out,
        },
        "comparisons": [_entry(entry) for entry in comparisons.values()],
        "calibration": calibration(scored.y, {"candidate": scores, "champion": champion_scores}, weight),
        "slices": [asdict(part) for part in slices],
        "importances": explanation.entries,
        "importance_rows": explanation.rows,
        "guards": [*gaps, *undefined.values(), *notes, *explanation.notes],
    }
    return {key: _plain(part) for key, part in document.items()}


def _as_model(model: Model | ScoreFunction) -> Model:
    return model if isinstance(model, Model) else Model(model)


def _usable(
    spec: PipelineSpec, rows: pl.DataFrame, y: FloatArray
) -> tuple[pl.DataFrame, FloatArray, FloatArray | None, list[str]]:
    """Rows that have a label and a weight, their labels and weights, and a sentence on what was left out."""
    usable = ~np.isnan(y)
    weight = None
    if spec.weight is not None:
        if spec.weight not in rows.columns:
            raise TrainingError(f"weight: {spec.weight!r} is no column of the source. Mend the declaration.")
        weight = rows[spec.weight].cast(pl.Float64).to_numpy()
        usable &= ~np.isnan(weight)
    missing = y.size - int(np.count_nonzero(usable))
    if not missing:
        return rows, y, weight, []
    note = f"{missing:,} of {y.size:,} rows of the holdout have no label or no weight and were left out."
    return rows.filter(usable), y[usable], None if weight is None else weight[usable], [note]


def _rows_problem(y: FloatArray, task: Task) -> str | None:
    """Why the rows are too few for intervals that rest on a mean's near-normal distribution."""
    if y.size < FEWEST_ROWS:
        return f"the holdout has {y.size} rows with a known label, and at least {FEWEST_ROWS} are needed"
    if task == "classification":
        rarer = int(min(y.sum(), y.size - y.sum()))
        if rarer < FEWEST_OF_A_CLASS:
            return (
                f"only {rarer} of the holdout's {y.size:,} rows carry the rarer label, and at least "
                f"{FEWEST_OF_A_CLASS} are needed"
            )
    return None


def _comparisons(case: _Case) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Compare by every metric that the rows define; a sentence for each that they do not."""
    entries, undefined = {}, {}
    for metric in case.metrics:
        try:
            entries[metric.name] = _compare_models(case, metric)
        except TrainingError as error:
            undefined[metric.name] = str(error)
    return entries, undefined


def _compare_models(case: _Case, metric: Metric) -> dict[str, Any]:
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


def _compare(case: _Case, metric: Metric, reference: FloatArray | None) -> Comparison | None:
    if reference is None or case.blocks.count < 2:
        return None
    scored = case.scored
    return compare(
        metric,
        scored.y,
        scored.candidate,
        reference,
        scored.blocks,
        scored.weight,
        case.spec.promotion.alpha,
    )


def _verdict(
    case: _Case,
    decisive: Mapping[str, Any] | None,
    as_of: datetime,
    champion_problem: str | None,
    rows_problem: str | None,
) -> Verdict:
    """Judge by the comparisons of the first metric, if the rows define it."""
    evidence = Evidence(
        metric=case.metrics[0],
        rows=case.rows,
        blocks=case.blocks.count,
        noun=case.blocks.noun,
        as_of=as_of,
        holdout=case.spec.evaluation.holdout,
        partition=Partitions(case.spec.source.partition, case.spec.timezone).typical_length,
        vs_champion=decisive["vs_champion"] if decisive else None,
        vs_baseline=decisive["vs_baseline"] if decisive else None,
        champion_problem=champion_problem,
        rows_problem=rows_problem,
    )
    return decide_verdict(evidence, case.spec.promotion)


def _entry(comparison: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a comparison what its surroundings say already."""
    known = {"metric", "candidate", "reference", "rows"}
    short = {
        name: None if value is None else {k: v for k, v in asdict(value).items() if k not in known}
        for name, value in comparison.items()
        if name in ("vs_champion", "vs_baseline")
    }
    return comparison | short


def _plain(value: object) -> object:
    """Plain JSON values: numbers to six significant digits, those that are none or infinite as None."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
