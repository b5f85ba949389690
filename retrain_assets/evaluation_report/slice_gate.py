"""The gate of the slices: in which of them a candidate is worse, with allowance for their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from retrain_assets.comparison import Task
from retrain_assets.comparison.multiplicity import holm
from retrain_assets.evaluation_report.comparisons import Case
from retrain_assets.evaluation_report.slices import Slice, SliceTest, compare_slices
from retrain_assets.evaluation_report.verdict_evidence import MINIMUM_EFFECTIVE_BLOCKS
from retrain_assets.spec.training import MINIMUM_BLOCKS


def judged_slices(case: Case, rows: pl.DataFrame, task: Task) -> tuple[list[Slice], list[str]]:
    """Compare and judge the declared slices by what decides.

    Parameters
    ----------
    case
        The comparison; nothing is compared where the rows do not define what decides.
    rows
        The same rows, with the slices' columns.
    task
        What the estimator does.

    Returns
    -------
    slices : list of Slice
        As :func:`judge_slices` gives them.
    notes : list of str
        Sentences on those that could not be measured or judged.
    """
    contest = next((item for item in case.contests if item.metric is case.deciding), None)
    if contest is None:
        return [], []
    test = SliceTest(task, case.test.alpha, case.spec.promotion.margin or 0.0, case.test.past)
    slices, notes = compare_slices(rows, case.spec.evaluation.slices, contest.scored, contest.metric, test)
    slices = judge_slices(slices, test.alpha)
    return slices, [*notes, *unjudged_note(slices)]


def judge_slices(slices: Sequence[Slice], alpha: float) -> list[Slice]:
    """Find the slices in which the candidate is significantly worse than the champion.

    The one-sided tests of all slices that can be judged are corrected together by Holm's procedure. So a
    candidate that is no worse in any slice fails with probability ``alpha / 2`` at the most, the rate of
    either end of the decisive interval. The gate only ever takes a blessing away: it cannot raise the rate of
    false promotions, nor does it spend from their budget. That is also why it needs no always-valid test at
    later looks: it is asked at the one look that would promote.

    A slice in fewer than seven blocks, in blocks so unequal that they tell as much as fewer than four equal
    ones, or with too few rows, is left as it is: it is shown, and not judged.

    Parameters
    ----------
    slices
        The slices of all declared columns, with their one-sided p-values.
    alpha
        Two-sided error rate of the comparison.

    Returns
    -------
    list of Slice
        In the same order; those that can be judged with ``p_corrected`` and ``worse``.
    """
    judged = [i for i, part in enumerate(slices) if _can_be_judged(part)]
    corrected = holm(np.array([slices[i].p_value for i in judged], dtype=np.float64))
    found = list(slices)
    for i, p_corrected in zip(judged, corrected, strict=True):
        found[i] = replace(slices[i], p_corrected=float(p_corrected), worse=bool(p_corrected <= alpha / 2))
    return found


def unjudged_note(slices: Sequence[Slice]) -> list[str]:
    """Say which slices are compared and not judged; no sentence where there are none.

    Parameters
    ----------
    slices
        As :func:`judge_slices` gives them.
    """
    names = [part.name for part in slices if part.champion is not None and part.p_corrected is None]
    if not names:
        return []
    return [
        f"Slices that are shown and not judged, because their rows are too few or lie in fewer than "
        f"{MINIMUM_BLOCKS} blocks of like size: {', '.join(names)}."
    ]


def _can_be_judged(part: Slice) -> bool:
    return (
        part.p_value is not None
        and (part.blocks or 0) >= MINIMUM_BLOCKS
        and (part.effective_blocks or 0.0) >= MINIMUM_EFFECTIVE_BLOCKS
    )
