"""The evaluation: candidate, champion and a naive baseline on the same rows, as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Blocks, assign_blocks
from retrain_assets.comparison.criterion import VALUE
from retrain_assets.comparison.metrics import Task
from retrain_assets.evaluation_report.calibration import calibration
from retrain_assets.evaluation_report.calibration_gate import compare_calibration
from retrain_assets.evaluation_report.caveats import constant_caveats, with_caveats
from retrain_assets.evaluation_report.comparisons import (
    Case,
    comparisons_of,
    contests_of,
    criteria_of,
    entry_of,
)
from retrain_assets.evaluation_report.error_budget import PlannedLook, error_budget_of, plan_look
from retrain_assets.evaluation_report.explanation import Model, ScoreFunction, explain
from retrain_assets.evaluation_report.explanation_shift import explanation_shift
from retrain_assets.evaluation_report.fairness import fairness
from retrain_assets.evaluation_report.judged_rows import judged_rows, rows_problem
from retrain_assets.evaluation_report.look_record import look_payload, look_sentence
from retrain_assets.evaluation_report.look_test import look_test, method_sentence
from retrain_assets.evaluation_report.plain import plain
from retrain_assets.evaluation_report.scored_models import scored_models
from retrain_assets.evaluation_report.slice_gate import judged_slices
from retrain_assets.evaluation_report.slices import Slice
from retrain_assets.evaluation_report.value_gain import value_gain
from retrain_assets.evaluation_report.verdict import decide_verdict, minimum_gain
from retrain_assets.evaluation_report.verdict_evidence import NO_TEST, Evidence, Verdict
from retrain_assets.scores import constant_scores
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions


def evaluate(  # noqa: PLR0913 - the parts of one evaluation, all by name
    spec: PipelineSpec,
    *,
    task: Task,
    rows: pl.DataFrame,
    y: FloatArray,
    candidate: Model | ScoreFunction,
    champion: Model | ScoreFunction | None,
    champion_problem: str | None,
    baseline: float | Sequence[float],
    features: Sequence[str],
    split: datetime,
    as_of: datetime,
    left_out: int = 0,
    train_rows: int | None = None,
    look: PlannedLook | None = None,
    past: FloatArray | None = None,
    trial: bool = False,
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
        Their labels, shape (n,): 0 or 1, or codes of classes, in classification; NaN where missing.
    candidate, champion
        The models, or functions that take raw rows and return one score a row; no champion is None.
    champion_problem
        A sentence saying why there is a champion that cannot be read; None otherwise.
    baseline
        The naive model: the share of positives or of each class, or the mean label, among the training rows.
    features
        What the permutation importances are computed for.
    split, as_of
        Start of the holdout, and the moment of knowledge.
    left_out
        For the document: rows that were left out because the champion was trained on them.
    train_rows
        For the document: rows that the candidate was trained on.
    look
        Which look at this pair it is, and at which alpha; None for one that no record counts.
    past
        Daily loss differences before the holdout, oldest first; None without any.
    trial
        Whether it is a trial, at which nobody looks again.

    Returns
    -------
    dict
        Ready for JSON: task, metric, unit, as_of, verdict, look, method, rows, comparisons, value, calibration,
        calibration_test, slices, fairness, importances, importance_rows, importance_metric, explanation_shift
        and guards. A missing or infinite number is None. ``look`` is None where none was taken, because the rows
        allow no test or nobody counts it; ``value`` where none is declared or known.

    Raises
    ------
    TrainingError
        When the candidate cannot be scored, or a column that the declaration names is missing.
    SpecError
        When ``evaluation.block`` is shorter than a day.
    """
    criteria = criteria_of(spec, task)
    deciding = criteria[0].metric
    judged = judged_rows(spec, rows, np.asarray(y, dtype=np.float64))
    blocks, days = _blocks(spec, judged.rows, split, as_of)
    budget = error_budget_of(spec)
    planned = look or plan_look(budget, (), "", as_of)
    test = look_test(planned, budget, past, in_time=spec.evaluation.block_duration is not None)
    scored, models, champion_problem = scored_models(judged, blocks, candidate, champion, champion_problem)
    constant = constant_scores(baseline, judged.rows.height)
    contests, unknown = contests_of(criteria, judged.rows, scored, constant)
    case = Case(spec, deciding, contests, judged.rows.height, blocks, days.ids, test)
    comparisons, undefined = comparisons_of(case)
    undefined = unknown | undefined
    decisive = comparisons.get(deciding.name)
    problem = rows_problem(judged.y, task, left_out) or undefined.get(deciding.name)
    slices, notes = judged_slices(case, judged.rows, task)
    calibrated = compare_calibration(case, scored, task)
    by_group, group_notes = fairness(spec, judged.rows, scored, task)
    span = as_of - spec.label.maturity - split
    measure = next(criterion.metric for criterion in criteria if criterion.value is None)
    verdict = _verdict(
        case,
        decisive,
        [part for part in slices if part.worse],
        miscalibrated=calibrated.sentence if calibrated.fails else None,
        look=planned,
        champion_problem=champion_problem,
        rows_problem=problem,
        holdout=span,
        trial=trial,
    )
    caveats = constant_caveats(comparisons, [criterion.metric for criterion in criteria[1:]])
    verdict = with_caveats(verdict, caveats)
    explained = explain(
        models,
        judged.rows,
        judged.y,
        features if decisive else (),
        measure,
        judged.weight,
        spec.training.random_state,
    )
    scores = {"candidate": scored.candidate, "champion": scored.champion}
    counts = {"holdout": case.rows, "blocks": blocks.count, "left_out": left_out}
    document = {
        "as_of": as_of,
        "task": task,
        "verdict": asdict(verdict),
        "look": None if look is None else _look(look, verdict, days.count),
        "method": _method(decisive),
        "metric": deciding.name,
        "unit": deciding.unit,
        "min_gain": _min_gain(spec, decisive),
        "rows": {"train": train_rows, **counts},
        "comparisons": [entry_of(comparison) for comparison in comparisons.values()],
        "value": value_gain(spec, comparisons.get(VALUE), case.rows + left_out, span),
        "calibration": calibration(judged.y, scores, judged.weight, spec.label.class_names),
        "calibration_test": asdict(calibrated),
        "slices": [asdict(part) for part in slices],
        "fairness": by_group,
        "importances": explained.entries,
        "importance_rows": explained.rows,
        "importance_metric": {"metric": measure.name, "unit": measure.unit},
        "explanation_shift": asdict(explanation_shift(explained.entries)),
        "guards": [*caveats, *judged.notes, *undefined.values(), *notes, *group_notes, *explained.notes],
    }
    return {key: plain(part) for key, part in document.items()}


def _blocks(
    spec: PipelineSpec, rows: pl.DataFrame, split: datetime, as_of: datetime
) -> tuple[Blocks, Blocks]:
    """The declared blocks, and blocks of time: the same ones where the declared are of time, else days."""
    bounds = spec.source.timestamp, split, as_of - spec.label.maturity
    blocks = assign_blocks(rows, spec.evaluation.block, *bounds)
    in_time = spec.evaluation.block_duration is not None
    return blocks, blocks if in_time else assign_blocks(rows, "1d", *bounds)


def _verdict(  # noqa: PLR0913 - the parts of one verdict, all by name
    case: Case,
    decisive: Mapping[str, Any] | None,
    worse: Sequence[Slice],
    *,
    miscalibrated: str | None,
    look: PlannedLook,
    champion_problem: str | None,
    rows_problem: str | None,
    holdout: timedelta,
    trial: bool,
) -> Verdict:
    """Judge by the comparisons of what decides, if the rows define it."""
    evidence = Evidence(
        metric=case.deciding,
        rows=case.rows,
        blocks=case.blocks.count,
        noun=case.blocks.noun,
        as_of=look.at,
        holdout=holdout,
        partition=Partitions(case.spec.source.partition, case.spec.timezone).typical_length,
        vs_champion=decisive["vs_champion"] if decisive else None,
        vs_baseline=decisive["vs_baseline"] if decisive else None,
        worse_slices=tuple(sorted(worse, key=lambda part: part.p_corrected or 0.0)),
        miscalibrated=miscalibrated,
        champion_problem=champion_problem,
        rows_problem=rows_problem,
        budget_problem=look_sentence(look) if look.spent else None,
        budget_returns=look.returns,
        trial=trial,
        timezone=case.spec.timezone,
    )
    return decide_verdict(evidence, case.spec.promotion)


def _look(look: PlannedLook, verdict: Verdict, blocks: int) -> dict[str, Any] | None:
    """The look as recorded and shown; None where the rows allowed no test, so that nothing was spent."""
    if verdict.reason in NO_TEST:
        return None
    return look_payload(look, blocks) | {"sentence": look_sentence(look)}


def _method(decisive: Mapping[str, Any] | None) -> str | None:
    """How the interval that decides was found."""
    found = (decisive["vs_champion"] or decisive["vs_baseline"]) if decisive else None
    return None if found is None else method_sentence(found)


def _min_gain(spec: PipelineSpec, decisive: Mapping[str, Any] | None) -> float | None:
    if decisive is None:
        return None
    return minimum_gain(spec.promotion, decisive["vs_champion"], decisive["vs_baseline"])
