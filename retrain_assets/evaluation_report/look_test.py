"""The test that a look at a candidate goes by: for one look, or always-valid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Comparison, Metric, compare
from retrain_assets.comparison.block_improvements import block_improvements
from retrain_assets.comparison.block_series import FEWEST_BLOCKS
from retrain_assets.comparison.estimator_choice import LEAST_PAST_DAYS
from retrain_assets.comparison.looks import looked_at_again, widened
from retrain_assets.evaluation_report.error_budget import ErrorBudget, PlannedLook
from retrain_assets.evaluation_report.slices import Scored


@dataclass(frozen=True)
class LookTest:
    """How two models are compared at a look.

    Parameters
    ----------
    alpha
        Two-sided error rate.
    later
        Whether the test is always-valid, because the pair has been looked at before.
    begun_with
        Blocks of time at the first of the later looks; None where this is it.
    widens
        Whether the interval of a first look allows for the correlation of neighbouring blocks that they show,
        where no past tells it: a budget of false promotions is kept under it, which a test for independent
        blocks does not do (``benchmarks/yearly_budget.py``).
    past
        Daily loss differences before the holdout, from which the correlation of days is known; None without any.
    in_time
        Whether the declared blocks are blocks of time.
    """

    alpha: float
    later: bool = False
    begun_with: int | None = None
    widens: bool = False
    past: FloatArray | None = None
    in_time: bool = True

    def compare(
        self, metric: Metric, scored: Scored, reference: FloatArray, days: NDArray[np.int64]
    ) -> Comparison:
        """Compare the candidate with a reference.

        Parameters
        ----------
        metric
            What is compared.
        scored
            The rows: labels, the candidate's scores, blocks and weights.
        reference
            The other model's scores.
        days
            Block of time of every row, shape (n,), numbered in the order of time.

        Raises
        ------
        TrainingError
            When the metric is undefined on these rows, or when they lie in fewer than seven blocks of time and
            the look is a later one.
        """
        found = compare(
            metric,
            scored.y,
            scored.candidate,
            reference,
            scored.blocks,
            scored.weight,
            self.alpha,
            self.past,
        )
        if not self.later and (not self.widens or np.unique(days).size < FEWEST_BLOCKS):
            return found
        series = block_improvements(
            metric,
            y=scored.y,
            candidate=scored.candidate,
            reference=reference,
            blocks=days,
            weight=scored.weight,
        )
        if not self.later:
            return widened(found, series)
        return looked_at_again(found, series, self.begun_with, in_time=self.in_time)


def look_test(
    planned: PlannedLook, budget: ErrorBudget, past: FloatArray | None, *, in_time: bool
) -> LookTest:
    """Choose the test of a look.

    Parameters
    ----------
    planned
        The look. One that nothing is left for decides nothing, and is shown at the alpha of others.
    budget
        What is declared.
    past
        Daily loss differences before the holdout.
    in_time
        Whether the declared blocks are blocks of time; entities and single rows have no order.
    """
    return LookTest(
        alpha=2 * (planned.alpha or budget.alpha),
        later=planned.kind == "later",
        begun_with=planned.begun_with,
        widens=budget.per_year is not None and in_time,
        past=past if in_time else None,
        in_time=in_time,
    )


def method_sentence(found: Comparison) -> str:
    """Say how the interval of a comparison was found, and why so."""
    past = (
        f"over {found.past_days} past days the loss differences of neighbouring days correlate by "
        f"{found.correlation:.2f}"
        if found.correlation is not None
        else f"{found.past_days} past days are known, and {LEAST_PAST_DAYS} are needed to know their correlation"
    )
    summed = "Blocks count as independent" if found.inflation == 1 else "Sums over blocks decided"
    text = {
        "cluster_robust": f"{summed}: {past}",
        "equal_weighted_cosine": f"Equal-weighted cosines decided, because days are alike: {past}",
        "poisson_bootstrap": "A Poisson bootstrap over blocks decided, because the metric has no influence values",
        "t_mixture": "A mixture of t-tests decided, which holds over all looks at this pair together",
        "confidence_sequence": "A confidence sequence decided, which holds over all looks at this pair together",
    }[found.estimator]
    if found.inflation > 1:
        text += (
            f". Its variance was multiplied by {found.inflation:.2g}, for neighbouring blocks that are alike"
        )
    return f"{text}."
