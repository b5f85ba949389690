"""Intervals of figures by group, and of the greatest difference between groups, from blocks of dependent rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.metric import mean_of
from retrain_assets.comparison.standard_errors import block_contributions
from retrain_assets.comparison.unequal_blocks import block_shares

ALPHA = 0.05
FEWEST_BLOCKS = 2

Limits = tuple[float, float]


@dataclass(frozen=True)
class Intervals:
    """Bounds of one figure, of each group and of the greatest difference; None where rows lie in one block."""

    groups: Sequence[Limits | None]
    difference: Limits | None


@dataclass(frozen=True)
class GroupFigure:
    """A weighted mean over the rows of a group, and what its error is made of.

    Parameters
    ----------
    value
        The mean.
    contributions
        What each block adds to its error, shape (blocks,); 0 of blocks without rows of the group.
    degrees
        Degrees of freedom of Student's t: one less than effective blocks; 0 where rows lie in one block.
    rows
        Number of rows of like weight that weigh as much (Kish).
    share
        Whether it is the share of something, between 0 and 1.
    """

    value: float
    contributions: FloatArray
    degrees: float
    rows: float
    share: bool

    @cached_property
    def error(self) -> float:
        """Standard error of the mean, with allowance for unequal blocks (CR2)."""
        return float(np.sqrt(self.contributions @ self.contributions))

    def limits(self, alpha: float = ALPHA) -> Limits | None:
        """Bounds of the (1 - alpha) interval; None where the rows lie in fewer than two blocks.

        Of a mean by Student's t; of a share the exact binomial interval of as many independent rows as are worth the
        group's, which stays between 0 and 1 and tells something of a share of 0. Where all rows of the group are
        alike, nothing tells how much a block's rows depend on one another, and they count as independent.

        References
        ----------
        Korn, Graubard (1998), "Confidence intervals for proportions with small expected number of positive counts
        estimated from survey data", Survey Methodology 24, 193-201.
        """
        if self.degrees == 0:
            return None
        return self._share_limits(alpha) if self.share else self._mean_limits(alpha)

    def _mean_limits(self, alpha: float) -> Limits:
        half = _quantile(self.degrees, alpha) * self.error
        return self.value - half, self.value + half

    def _share_limits(self, alpha: float) -> Limits:
        from scipy.special import betaincinv

        spread, error = self.value * (1 - self.value), self.error
        independent = self.rows if error == 0 or spread <= 0 else min(self.rows, spread / error**2)
        few = _quantile(max(self.rows - 1, 1.0), alpha) / _quantile(self.degrees, alpha)
        count = max(independent * min(few, 1.0) ** 2, 1.0)
        hits = self.value * count
        lower = float(betaincinv(hits, count - hits + 1, alpha / 2)) if hits > 0 else 0.0
        upper = float(betaincinv(hits + 1, count - hits, 1 - alpha / 2)) if hits < count else 1.0
        return lower, upper


def group_figure(
    values: FloatArray, blocks: NDArray[np.int64], count: int, weight: FloatArray | None, *, share: bool
) -> GroupFigure:
    """Measure the mean of some rows and what its error is made of.

    Parameters
    ----------
    values
        Shape (n,).
    blocks
        Block of every row, shape (n,), integers from 0.
    count
        Number of blocks that there are.
    weight
        Sample weights, shape (n,), not all of them 0.
    share
        Whether the mean is a share: values are 0 or 1.
    """
    if weight is not None:
        counted = weight > 0
        values, blocks, weight = values[counted], blocks[counted], weight[counted]
    value, influence = mean_of(values, weight)
    rows = float(values.size if weight is None else weight.sum() ** 2 / (weight @ weight))
    held = np.bincount(blocks, minlength=count) > 0
    contributions = np.zeros(count)
    if np.count_nonzero(held) < FEWEST_BLOCKS:
        return GroupFigure(value, contributions, 0.0, rows, share)
    shares = block_shares(blocks, weight)
    contributions[held] = shares.adjusted(block_contributions(influence, blocks))
    return GroupFigure(value, contributions, shares.degrees, rows, share)


def greatest_difference(groups: Sequence[GroupFigure], alpha: float = ALPHA) -> Limits | None:
    """Bounds of the greatest difference between any two of some groups, of which two or more are given.

    The differences of all pairs have intervals that hold at once (Bonferroni), so that the greatest one lies between
    the greatest lower and the greatest upper bound, whichever pair it is of. Each pair's interval is put together of
    its groups' own, with the correlation of their blocks: for means it is the t-interval of the difference.

    Returns
    -------
    lower, upper : float
        The first is 0 where no two groups differ significantly; None where a group's rows lie in one block.

    References
    ----------
    Zou, Donner (2008), "Construction of confidence limits about effect measures: a general approach", Statistics in
    Medicine 27, 1693-1702: limits of a difference from those of its parts; with correlation, Zou (2007), "Toward
    using confidence intervals to compare correlations", Psychological Methods 12, 399-413.
    Dunn (1961), "Multiple comparisons among means", Journal of the American Statistical Association 56, 52-64.
    """
    pairs = len(groups) * (len(groups) - 1) // 2
    own = [group.limits(alpha / pairs) for group in groups]
    limits = [found for found in own if found is not None]
    if len(limits) < len(groups):
        return None
    found = [
        _difference(groups[one], limits[one], groups[other], limits[other])
        for one, other in permutations(range(len(groups)), 2)
    ]
    return max(0.0, *(lower for lower, _ in found)), max(upper for _, upper in found)


def _difference(one: GroupFigure, own: Limits, other: GroupFigure, others: Limits) -> Limits:
    difference = one.value - other.value
    errors = one.error * other.error
    correlation = float(one.contributions @ other.contributions) / errors if errors > 0 else 0.0
    down = _together(one.value - own[0], others[1] - other.value, correlation)
    up = _together(own[1] - one.value, other.value - others[0], correlation)
    return difference - down, difference + up


def _together(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))


def _quantile(degrees: float, alpha: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 1 - alpha / 2))
