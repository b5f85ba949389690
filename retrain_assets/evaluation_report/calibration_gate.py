"""The gate of calibration: whether a candidate's probabilities are worse calibrated than the champion's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Comparison, Task, compare
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.amounts import amount
from retrain_assets.evaluation_report.calibration_error import CALIBRATION, calibration_terms
from retrain_assets.evaluation_report.comparisons import Case
from retrain_assets.evaluation_report.judged_rows import rows_problem
from retrain_assets.evaluation_report.slices import Scored
from retrain_assets.evaluation_report.verdict_evidence import MINIMUM_EFFECTIVE_BLOCKS
from retrain_assets.spec.training import MINIMUM_BLOCKS


@dataclass(frozen=True)
class CalibrationTest:
    """Two models' calibration, compared on the same rows.

    Parameters
    ----------
    sentence
        What was found, in words.
    candidate, champion
        Root mean square errors of their probabilities, 0 where chance hides them; None where nothing was tested.
    improvement, lower, upper
        How much smaller the candidate's squared error is, with its (1 - alpha) interval.
    worse
        Whether the candidate is significantly worse calibrated: the interval lies below 0.
    fails
        Whether a declared gate keeps it from being promoted: it is worse, and its error is above what is allowed.
    """

    sentence: str
    candidate: float | None = None
    champion: float | None = None
    improvement: float | None = None
    lower: float | None = None
    upper: float | None = None
    worse: bool = False
    fails: bool = False


def compare_calibration(case: Case, scored: Scored, task: Task) -> CalibrationTest:
    """Test whether a candidate is worse calibrated than the champion.

    The difference of the squared errors has an interval like that of any metric: of models that are calibrated
    alike it lies below 0 with a probability of ``alpha / 2`` at the most. A declared gate asks for an error above
    what is allowed as well, since on very many rows the slightest difference is significant. The gate only ever
    takes a blessing away, as that of the slices does, and is paid for as little.

    Parameters
    ----------
    case
        The comparison: what is declared, and how models are compared.
    scored
        The rows, with both models' probabilities.
    task
        What the estimator does.

    Raises
    ------
    TrainingError
        When a gate is declared and the model gives no probabilities.
    """
    declared = case.spec.promotion.calibration
    if task == "regression":
        if declared is not None:
            raise TrainingError(
                "promotion.calibration: the gate is one of probabilities, and training.estimator does regression. "
                "Remove it."
            )
        return CalibrationTest("Calibration is tested where there are probabilities.")
    if scored.champion is None:
        return CalibrationTest("There is no champion's calibration to compare with.")
    if case.blocks.count < MINIMUM_BLOCKS or rows_problem(scored.y, task):
        return CalibrationTest(
            f"Too few rows, or fewer than {MINIMUM_BLOCKS} blocks, to test calibration on."
        )
    found = _compared(case, scored, scored.champion)
    if (found.effective_blocks or 0.0) < MINIMUM_EFFECTIVE_BLOCKS:
        return CalibrationTest("Calibration is not tested on blocks of so unequal size.")
    candidate, champion = (math.sqrt(max(square, 0.0)) for square in (found.candidate, found.reference))
    worse = found.upper < 0
    allowed = None if declared is None else declared.max_error
    return CalibrationTest(
        _sentence(found, candidate, champion, allowed, classes=scored.candidate.ndim == 2),
        candidate,
        champion,
        found.improvement,
        found.lower,
        found.upper,
        worse,
        worse and allowed is not None and candidate > allowed,
    )


def _compared(case: Case, scored: Scored, champion: FloatArray) -> Comparison:
    counted = np.ones(scored.y.size, dtype=bool) if scored.weight is None else scored.weight > 0
    rows = scored[np.flatnonzero(counted)]
    ours, theirs = (
        calibration_terms(rows.y, scores[counted], rows.blocks, rows.weight)
        for scores in (scored.candidate, champion)
    )
    test = case.test
    return compare(CALIBRATION, rows.y, ours, theirs, rows.blocks, rows.weight, test.alpha, test.past)


def _sentence(
    found: Comparison, candidate: float, champion: float, allowed: float | None, *, classes: bool
) -> str:
    verb = "significantly worse" if found.upper < 0 else "not shown to be worse"
    over = "classes, and tenths of the rows by each one's probability" if classes else "tenths of the rows"
    limit = "" if allowed is None else f", where {allowed:g} is allowed"
    return (
        f"The candidate's probabilities are {verb} calibrated than the champion's: they are off by {amount(candidate)}, "
        f"the champion's by {amount(champion)} (root mean square over {over}; {100 * (1 - found.alpha):g} % "
        f"interval of the improvement of the square: {amount(found.lower)} to {amount(found.upper)}){limit}."
    )
