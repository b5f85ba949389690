"""Intervals of figures by group: held against exact ones, and against how often they are right in simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binomtest, t

from retrain_assets.comparison import standard_error
from retrain_assets.evaluation_report.group_intervals import greatest_difference, group_figure

BLOCKS, DRAWS = 14, 400
FEWEST = 0.95 - 2 * np.sqrt(0.95 * 0.05 / DRAWS)
"""Of intervals of 95 % so many are right at the least, but for two standard errors of the simulation."""


def of_rows(values, weight=None):
    """A share of rows that are blocks of their own."""
    return group_figure(np.asarray(values, float), np.arange(len(values)), len(values), weight, share=True)


@pytest.mark.parametrize(("hits", "rows"), [(30, 200), (3, 200), (0, 60), (60, 60)])
def test_of_independent_rows_the_interval_is_the_exact_binomial_one(hits, rows):
    """Where each row is a block of its own, Clopper and Pearson's interval comes out, of a share of 0 or 1 as well."""
    lower, upper = of_rows(np.arange(rows) < hits).limits()
    exact = binomtest(hits, rows).proportion_ci(method="exact")
    assert (lower, upper) == pytest.approx((exact.low, exact.high), rel=0.02)


def test_a_group_in_one_block_has_no_interval():
    """Without two blocks nothing tells how they vary: neither the group nor its difference from others has bounds."""
    alone = group_figure(np.ones(40), np.zeros(40, dtype=int), 3, None, share=True)
    assert alone.value == 1
    assert alone.limits() is None
    assert greatest_difference([alone, of_rows([0, 1, 1])]) is None


def test_of_means_the_difference_has_its_t_interval():
    """Two groups of the same days have the interval of the difference of their means, with what the days share."""
    rng = np.random.default_rng(2)
    blocks = np.repeat(np.arange(BLOCKS), 20)
    values, weight = rng.normal(size=BLOCKS)[blocks] + rng.normal(size=blocks.size), rng.uniform(1, 2, 20)
    weight = np.tile(weight, BLOCKS)
    first = np.tile(np.arange(20) < 10, BLOCKS)
    groups = [
        group_figure(values[own], blocks[own], BLOCKS, weight[own], share=False) for own in (first, ~first)
    ]
    influence = np.zeros(blocks.size)
    for group, own, sign in zip(groups, (first, ~first), (1, -1), strict=True):
        parts = weight[own] * (values[own] - group.value)
        influence[own] = sign * blocks.size * parts / weight[own].sum()
    half = t.ppf(0.975, BLOCKS - 1) * standard_error(influence, blocks)[0]
    difference = abs(groups[0].value - groups[1].value)
    lower, upper = greatest_difference(groups)
    assert (lower, upper) == pytest.approx((max(0, difference - half), difference + half))


def test_rows_of_weight_zero_do_not_count():
    """A group's bounds are those of its rows that weigh something."""
    rng = np.random.default_rng(3)
    values, blocks = rng.integers(0, 2, 200).astype(float), np.arange(200) % 10
    weight = np.where(np.arange(200) < 150, 2.0, 0.0)
    whole = group_figure(values, blocks, 10, weight, share=True)
    part = group_figure(values[:150], blocks[:150], 10, None, share=True)
    assert whole.limits() == pytest.approx(part.limits())


def drawn(rng, chances, rows=60, spread=0.5):
    """Decisions of groups whose share varies from day to day, together; a list of shares a group, and the true ones."""
    days = rng.normal(size=BLOCKS) * spread
    logits = np.log(chances / (1 - chances))
    blocks = np.repeat(np.arange(BLOCKS), rows)
    by_day = 1 / (1 + np.exp(-(logits[:, None] + days)))
    return [
        group_figure(
            (rng.uniform(size=blocks.size) < day[blocks]).astype(float), blocks, BLOCKS, None, share=True
        )
        for day in by_day
    ]


def truth(chances, spread=0.5):
    """The shares over all days that there could be."""
    days = np.random.default_rng(0).normal(size=100_000) * spread
    return np.array(
        [(1 / (1 + np.exp(-(np.log(chance / (1 - chance)) + days)))).mean() for chance in chances]
    )


@pytest.mark.parametrize(("chance", "independent"), [(0.3, 0.75), (0.02, 0.95)])
def test_the_interval_of_a_share_is_right_as_often_as_it_says(chance, independent):
    """Of shares that vary from day to day 95 % lie in their interval, and fewer in one of independent rows."""
    rng = np.random.default_rng(4)
    [expected] = truth(np.array([chance]))
    right = naive = 0
    for _ in range(DRAWS):
        [figure] = drawn(rng, np.array([chance]))
        lower, upper = figure.limits()
        right += lower <= expected <= upper
        hits, rows = round(figure.value * 60 * BLOCKS), 60 * BLOCKS
        low, high = beta.ppf([0.025, 0.975], [hits, hits + 1], [rows - hits + 1, rows - hits])
        naive += low <= expected <= high
    assert right / DRAWS >= FEWEST
    assert naive / DRAWS < independent


@pytest.mark.parametrize(
    "chances", [(0.3, 0.3), (0.3, 0.2), (0.02, 0.02), (0.3, 0.3, 0.3, 0.3), (0.1, 0.2, 0.3, 0.4)]
)
def test_the_interval_of_the_greatest_difference_is_right_as_often_as_it_says(chances):
    """Of two groups and of four, alike and not, the true greatest difference lies in its interval in 95 %."""
    rng = np.random.default_rng(5)
    chances = np.array(chances)
    expected = np.ptp(truth(chances))
    right = told = 0
    for _ in range(DRAWS):
        lower, upper = greatest_difference(drawn(rng, chances))
        right += lower <= expected <= upper
        told += lower > 0
    assert right / DRAWS >= FEWEST
    assert told / DRAWS > 0.9 if expected > 0.05 else told / DRAWS <= 1 - FEWEST
