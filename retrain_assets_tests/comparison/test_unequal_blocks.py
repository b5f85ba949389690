"""Blocks of unequal size: effective blocks, unbiased errors, and how often equal models are promoted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from retrain_assets.comparison import METRICS, compare
from retrain_assets.comparison.standard_errors import cluster_robust_error
from retrain_assets.comparison.unequal_blocks import BlockShares, block_shares

MAE = METRICS["mean_absolute_error"]


def test_effective_blocks():
    """Equal blocks count fully; one with 60 % of the rows makes seven days worth 2.6 of them."""
    assert block_shares(np.repeat(np.arange(7), 50)).effective == pytest.approx(7)
    assert BlockShares(np.array([0.6, *[0.4 / 6] * 6])).effective == pytest.approx(2.586, abs=0.001)


def test_shares_go_by_weight():
    """Where rows have weights a block counts by their sum, and blocks without rows by nothing."""
    blocks, weight = np.array([0, 0, 3, 3]), np.array([1.0, 2.0, 0.5, 0.5])
    assert block_shares(blocks).shares.tolist() == [0.5, 0.5]
    assert block_shares(blocks, weight).shares.tolist() == [0.75, 0.25]


def test_equal_blocks_have_the_cluster_robust_error():
    """With blocks of one size nothing is adjusted."""
    contributions = np.random.default_rng(1).normal(size=9)
    shares = BlockShares(np.full(9, 1 / 9))
    assert shares.error(contributions) == pytest.approx(cluster_robust_error(contributions))
    assert (shares.inflation, shares.degrees) == (pytest.approx(1), pytest.approx(8))


@pytest.mark.parametrize("large", [0.3, 0.6])
def test_the_squared_error_is_unbiased(large):
    """Where block means vary alike, the mean of the squared error is the variance of the mean; CR1's is less."""
    shares = BlockShares(np.array([large, *[(1 - large) / 6] * 6]))
    means = np.random.default_rng(2).normal(size=(20_000, 7))
    mean = means @ shares.shares
    contributions = shares.shares * (means - mean[:, None])
    adjusted = np.mean([shares.error(row) ** 2 for row in contributions])
    plain = np.mean([cluster_robust_error(row) ** 2 for row in contributions])
    assert adjusted == pytest.approx(mean.var(), rel=0.03)
    assert plain * shares.inflation**2 == pytest.approx(mean.var(), rel=0.03)
    assert plain < 0.9 * adjusted


def promoted(sizes: list[int], repetitions: int, seed: int = 3) -> tuple[float, float]:
    """Share of equal models that are promoted: by the comparison, and by CR1 with blocks minus one degrees."""
    rng = np.random.default_rng(seed)
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    level = np.full(blocks.size, 50.0)
    ours = theirs = 0
    for _ in range(repetitions):
        gain = rng.normal(size=len(sizes))[blocks] + rng.normal(size=blocks.size)
        found = compare(MAE, np.zeros(blocks.size), level - gain, level, blocks)
        ours += found.lower > 0
        sums = np.bincount(blocks, weights=gain - gain.mean()) / blocks.size
        theirs += gain.mean() > stdtrit(len(sizes) - 1, 0.975) * cluster_robust_error(sums)
    return ours / repetitions, theirs / repetitions


@pytest.mark.parametrize(
    "sizes",
    [[20] * 7, [80, *[20] * 6], [50, 50, *[10] * 12], [300, *[5] * 120]],
    ids=["equal days", "a day of 40 %", "two of fourteen days", "rows without an entity"],
)
def test_equal_models_on_unequal_blocks(sizes):
    """Blocks of unequal size promote equal models hardly more often than the nominal 2.5 %."""
    rate, _ = promoted(sizes, 2_000)
    assert rate <= 0.035 + 2 * np.sqrt(0.025 * 0.975 / 2_000)


def test_unequal_blocks_unadjusted():
    """Degrees of freedom by the number of blocks alone promote one of ten equal models, and the comparison none."""
    rate, unadjusted = promoted([180, *[20] * 6], 1_000)
    assert unadjusted > 0.07
    assert rate <= 0.025
