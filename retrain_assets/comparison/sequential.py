"""Looking at the same mean again and again: bounds whose error rate holds over all looks together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from retrain_assets.comparison.block_series import BlockSeries, Spread, spread_of
from retrain_assets.comparison.mixtures import (
    Sides,
    sequence_critical,
    sequence_log_evidence,
    t_critical,
    t_log_evidence,
)

SequentialTest = Literal["t_mixture", "confidence_sequence"]

SEQUENCE_BLOCKS = 14
SEQUENCE_EFFECTIVE_BLOCKS = 10
"""A confidence sequence rests on a central limit theorem, which a few dominating days would not give."""
LARGEST_LOG = 700.0


@dataclass(frozen=True)
class AlwaysValid:
    """What one look at a series says, valid whatever the looks before and after it showed.

    Parameters
    ----------
    estimate
        The weighted mean of the blocks.
    lower, upper
        Bounds of the true mean at this look. With one side, each alone is ever wrong with probability alpha;
        with two, either. Infinite where the blocks allow none.
    e_value
        Evidence against the null (``mean <= null``; with two sides ``mean == null``); 20 is five times as
        much as 4.
    p_value
        Always-valid: 1 / e_value, at most 1. At most alpha if and only if a bound excludes the null.
    test
        ``t_mixture``, or ``confidence_sequence``.
    blocks
        Number of blocks at this look.
    first_look
        Number of blocks at the first look of the sequence.
    effective_blocks
        Number of equal blocks that would weigh as much.
    inflation
        Long-run variance of the blocks over their variance, by which the error was widened (as its square).
    alpha, sides, null
        As asked for.
    """

    estimate: float
    lower: float
    upper: float
    e_value: float
    p_value: float
    test: SequentialTest
    blocks: int
    first_look: int
    effective_blocks: float
    inflation: float
    alpha: float
    sides: Sides
    null: float


def always_valid(
    series: BlockSeries,
    *,
    alpha: float,
    null: float = 0.0,
    first_look: int | None = None,
    sides: Sides = 1,
    least_error: float = 0.0,
) -> AlwaysValid:
    """Look at the mean of a series that may be looked at again.

    A sequence of looks keeps the test that it began with, chosen by the blocks at its first look: choosing
    anew at each look would add the two tests' error rates.

    - From seven blocks on, the mixture of t-tests. Exact for independent normal blocks of equal size.
    - From 14 blocks on that weigh as much as ten equal ones, an asymptotic confidence sequence, which is about
      a tenth narrower there.

    The error that both use is widened for the blocks' correlation with their neighbours (see
    `variance_inflation`), and blocks of unequal size are a ratio of two sums (see `spread_of`).

    Parameters
    ----------
    series
        All blocks up to this look, those of the earlier looks included.
    alpha
        Probability of a false finding over all looks together: one-sided for each bound, or of both bounds.
    null
        The mean that evidence is gathered against: 0, a tolerance, or minus a margin.
    first_look
        Number of blocks at the first look of the sequence; None where this is the first one.
    sides
        One side gives evidence for a mean above the null; two for one that differs from it.
    least_error
        Standard error of the mean that the blocks of time may hide: entities that come again every day shift all
        days alike.
    """
    begun = series.blocks if first_look is None else min(first_look, series.blocks)
    enough = begun >= SEQUENCE_BLOCKS and series.effective_blocks(begun) >= SEQUENCE_EFFECTIVE_BLOCKS
    test: SequentialTest = "confidence_sequence" if enough else "t_mixture"
    spread = spread_of(series).at_least(least_error)
    statistic = _statistic(series.mean - null, spread, sides)
    if enough:
        critical = sequence_critical(series.blocks, alpha, sides)
        log_evidence = sequence_log_evidence(statistic, series.blocks, alpha, sides)
    else:
        critical = t_critical(series.blocks, alpha, sides)
        log_evidence = t_log_evidence(statistic, series.blocks, sides)
    below, above = spread.bounds(critical)
    return AlwaysValid(
        estimate=series.mean,
        lower=series.mean + below,
        upper=series.mean + above,
        e_value=math.exp(min(log_evidence, LARGEST_LOG)),
        p_value=math.exp(-max(log_evidence, 0.0)),
        test=test,
        blocks=series.blocks,
        first_look=begun,
        effective_blocks=series.effective_blocks(series.blocks),
        inflation=spread.inflation,
        alpha=alpha,
        sides=sides,
        null=null,
    )


def _statistic(gain: float, spread: Spread, sides: Sides) -> float:
    """The gain over the null in standard errors, no more than what the whole null allows.

    Where blocks differ much in size, a null of a mean far below 0 is harder to rule out than one of 0. One
    side's null holds all of them, so the least of the statistics counts, and p-value and bound agree.
    """
    if gain == 0:
        return 0.0
    error = spread.error(-gain)
    statistic = gain / error if error > 0 else math.copysign(math.inf, gain)
    cap = 1 / spread.weight_error if spread.weight_error > 0 else math.inf
    if sides == 2:
        return min(abs(statistic), cap)
    return min(statistic, cap)
