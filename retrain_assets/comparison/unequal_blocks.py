"""Blocks that carry unequal parts of the rows, and how many equal blocks they are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray


@dataclass(frozen=True)
class BlockShares:
    """The part of the rows, or of their weight, that each block carries.

    Parameters
    ----------
    shares
        Shape (blocks,), in the order of the blocks' numbers; their sum is 1.
    """

    shares: FloatArray

    @property
    def effective(self) -> float:
        """Number of equal blocks that would tell as much: ``G / (1 + cv**2)`` of G blocks.

        References
        ----------
        Carter, Schnepel, Steigerwald (2017), "Asymptotic behavior of a t-test robust to cluster
        heterogeneity", Review of Economics and Statistics 99, 698-709.
        """
        return 1 / self._concentration

    @property
    def degrees(self) -> float:
        """Degrees of freedom of Student's t: one less than effective blocks, 1 at the least."""
        return max(self.effective - 1, 1.0)

    @property
    def inflation(self) -> float:
        """What a CR1 error is to be multiplied by so that its square is unbiased (:meth:`error`)."""
        count = self.shares.size
        seen = count / (count - 1) * float(self.shares**2 @ self._seen) / self._concentration
        return 1 / math.sqrt(seen)

    def error(self, contributions: FloatArray) -> float:
        """Standard error of the sum of independent contributions, whose square is unbiased for unequal blocks.

        A large block pulls the common mean towards its own, and shows less of its deviation than a small one.
        Each contribution is divided by the part of it that is seen when block means vary alike, which is
        the case of rows that depend much within a block. Blocks of one size give CR1 exactly.

        Parameters
        ----------
        contributions
            Sums of influence values over the number of all rows, shape (blocks,).

        References
        ----------
        Bell, McCaffrey (2002), "Bias reduction in standard errors for linear regression with multi-stage
        samples", Survey Methodology 28, 169-181: the adjustment CR2, applied to block means.
        """
        return float(np.sqrt(np.sum(self.adjusted(contributions) ** 2)))

    def adjusted(self, contributions: FloatArray) -> FloatArray:
        """Contributions, shape (blocks,), as large as they are where all of their deviation is seen (:meth:`error`)."""
        grown: FloatArray = contributions / np.sqrt(self._seen)
        return grown

    @property
    def _concentration(self) -> float:
        return float(self.shares @ self.shares)

    @property
    def _seen(self) -> FloatArray:
        """Variance of a block mean's deviation from the common mean, over its variance."""
        seen: FloatArray = 1 - 2 * self.shares + self._concentration
        return seen


def block_shares(blocks: NDArray[np.int64], weight: FloatArray | None = None) -> BlockShares:
    """Measure what part of the rows each block carries.

    Parameters
    ----------
    blocks
        Block of every row, shape (n,), integers from 0; those without rows are left out.
    weight
        Sample weights, shape (n,): shares of their sum instead of the number of rows.
    """
    rows = np.bincount(blocks)
    sizes = rows[rows > 0] if weight is None else np.bincount(blocks, weights=weight)[rows > 0]
    return BlockShares(sizes / sizes.sum())
