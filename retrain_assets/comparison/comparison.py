"""What a paired comparison of two models found."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.comparison.estimator_choice import Estimator
from retrain_assets.comparison.sequential import SequentialTest
from retrain_assets.comparison.standard_errors import StudentError


@dataclass(frozen=True)
class Comparison:
    """How much better a candidate is than a reference, and how sure that is.

    Parameters
    ----------
    metric
        Name of the metric.
    candidate, reference
        The metric's values.
    improvement
        The gain of the candidate in the metric's unit; positive when it is better, whatever the direction.
    lower, upper
        Bounds of the (1 - alpha) interval of the improvement.
    p_value
        Two-sided, of no difference: the greatest that one of ``errors`` gives.
    standard_error
        Of the improvement, allowing for dependence within blocks; of several the one of the widest interval.
    smallest_detectable
        The gain that rows like these would have shown with 80 % power (Bloom 1995).
    effective_rows
        Number of independent rows that would carry as much evidence; above ``rows`` where rows of a block
        balance each other out. None where the metric has no influence values.
    blocks, rows
        How many there are; rows of weight 0 do not count.
    alpha
        Two-sided error rate.
    estimator
        How the standard error was estimated; or the always-valid test that gave the interval.
    degrees
        Degrees of freedom of the Student's t that the interval comes from; None for an always-valid test.
        Where cosines decide and their interval is narrower than that of block sums, those of block sums.
    correlation
        Lag-1 correlation of the daily loss difference; None where too few past days are known.
    past_days
        The past days that the correlation rests on.
    effective_blocks
        Number of equal blocks that would tell as much as these, which differ in size.
    inflation
        Long-run variance of the blocks over their variance, for which the interval was widened: by the
        correlation of past days, or of the blocks themselves.
    errors
        The errors that must all allow a finding, at whatever level: two where cosines decide (see
        :func:`~retrain_assets.comparison.standard_errors.correlated_errors`), none for an always-valid test.
    """

    metric: str
    candidate: float
    reference: float
    improvement: float
    lower: float
    upper: float
    p_value: float
    standard_error: float
    smallest_detectable: float
    effective_rows: float | None
    blocks: int
    rows: int
    alpha: float
    estimator: Estimator | SequentialTest = "cluster_robust"
    degrees: float | None = None
    correlation: float | None = None
    past_days: int = 0
    effective_blocks: float | None = None
    inflation: float = 1.0
    errors: tuple[StudentError, ...] = ()

    def p_value_of_loss(self, margin: float) -> float:
        """One-sided p-value of a loss of no more than ``margin``, at one look.

        Parameters
        ----------
        margin
            The loss that is allowed, in the metric's unit, 0 or more.

        Raises
        ------
        ValueError
            When the interval is that of an always-valid test, which has no error at one look.
        """
        if not self.errors:
            raise ValueError(
                f"The interval of {self.metric} holds over all looks, so that one look has no p-value."
            )
        return lower_tail(self.errors, self.improvement + margin)


def lower_tail(errors: tuple[StudentError, ...], difference: float) -> float:
    """Give the greatest of the errors' probabilities of a difference as low as this, where the true one is 0."""
    return max(error.lower_tail(difference) for error in errors)
