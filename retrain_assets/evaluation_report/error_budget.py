"""The budget of false promotions: what a look at a candidate costs, and what is left of the year's budget.

A look at two equally good models promotes falsely with probability alpha at most. The sum of the alphas spent
in a year bounds the expected number of false promotions in that year, whatever the looks have to do with each
other, since expectations add up under any dependence (an alpha follows from how many looks came before it, not
from how clear their results were). So a declared number of false promotions a year is a budget of alphas. The
first look at a candidate costs its alpha; all later looks at the same candidate against the same champion
together cost one alpha more, because they go by an always-valid test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from retrain_assets.evaluation_report.comparison_rate import comparisons_per_year
from retrain_assets.spec import PipelineSpec

Kind = Literal["first", "later"]

YEAR = timedelta(days=365)
LARGEST_ALPHA = 0.25
"""One-sided; a two-sided alpha that is declared lies below twice this."""
SLIVER = 0.01
"""A rest below this share of a whole alpha counts as nothing: a test at such an alpha finds nothing."""


@dataclass(frozen=True)
class ErrorBudget:
    """What may be spent.

    Parameters
    ----------
    per_year
        Expected number of false promotions that is allowed in any 365 days of the data clock; None for a
        declared alpha, which nothing limits.
    alpha
        One-sided error rate of a look as long as the budget suffices.
    """

    per_year: float | None
    alpha: float


@dataclass(frozen=True)
class Look:
    """A look on record.

    Parameters
    ----------
    pair
        What was compared (:func:`pair_name`).
    kind
        ``first``, or one of the ``later`` ones.
    at
        The moment of knowledge that it was taken with.
    alpha
        One-sided error rate of its test.
    cost
        What it added to what was spent: alpha, or 0 where it was paid for already.
    begun_with
        Blocks of time at the first look, or at the first of the later ones.
    """

    pair: str
    kind: Kind
    at: datetime
    alpha: float
    cost: float
    begun_with: int


@dataclass(frozen=True)
class PlannedLook:
    """A look about to be taken, and what it costs.

    Parameters
    ----------
    pair
        What is compared.
    kind
        ``first``: a test for one look. ``later``: an always-valid one.
    number
        Which look at this pair it is, from 1.
    at
        The moment of knowledge.
    alpha
        One-sided error rate of the test; 0 where nothing is left of the budget, and no look may be taken.
    cost
        What this look adds to what was spent: alpha, or 0 where it was paid for already.
    used
        Spent in the 365 days up to this look, its own cost included.
    budget
        What may be spent in 365 days; None without a limit.
    begun_with
        Blocks of time at the first look of this kind (``first_look`` of
        :func:`~retrain_assets.comparison.sequential.always_valid`); None where this is it.
    returns
        Where nothing is left: when enough for a look has left the trailing year; None if that is never.
    """

    pair: str
    kind: Kind
    number: int
    at: datetime
    alpha: float
    cost: float
    used: float
    budget: float | None
    begun_with: int | None = None
    returns: datetime | None = None

    @property
    def spent(self) -> bool:
        """Whether nothing is left to take this look with."""
        return self.alpha == 0


def error_budget_of(spec: PipelineSpec) -> ErrorBudget:
    """Resolve what a declaration allows.

    ``promotion.false_promotions_per_year`` is shared out evenly among all alphas that a year can ask for: two
    for each comparison that the declaration can lead to at most, of the first look and of the later ones. So
    it is never spent before the year is over, unless people start more retrains. Sharing it out among first
    looks alone would leave months in which nothing can be promoted. A declared alpha is two-sided, and half
    of it is each look's.

    Parameters
    ----------
    spec
        The declaration.
    """
    promotion = spec.promotion
    if promotion.false_promotions_per_year is None:
        return ErrorBudget(None, promotion.alpha / 2)
    charges = 2 * comparisons_per_year(spec)
    return ErrorBudget(
        promotion.false_promotions_per_year,
        min(promotion.false_promotions_per_year / charges, LARGEST_ALPHA),
    )


def pair_name(attempt: str, champion: int | None) -> str:
    """Name a comparison: an attempt's candidate against a version, or against the baseline."""
    return f"{attempt} against " + ("the baseline" if champion is None else f"version {champion}")


def plan_look(budget: ErrorBudget, looks: Sequence[Look], pair: str, at: datetime) -> PlannedLook:
    """Decide at which alpha to look at a pair now.

    A whole alpha where the budget leaves it, else what is left; less than a hundredth of one counts as
    nothing. A look that was taken already, with the same moment of knowledge, is the same look and costs
    nothing again. Later looks keep the alpha that the first of them paid.

    Parameters
    ----------
    budget
        What may be spent.
    looks
        Those on record, of all pairs, in any order.
    pair
        What is to be compared.
    at
        The moment of knowledge of the look.
    """
    own = [look for look in looks if look.pair == pair]
    number = len({look.at for look in own if look.at != at}) + 1
    used = spent_in_year(looks, at)
    same = [look for look in own if look.at == at]
    paid = next(iter(same or [look for look in own if look.kind == "later"]), None)
    if paid is not None:
        return PlannedLook(
            pair, paid.kind, number, at, paid.alpha, 0.0, used, budget.per_year, paid.begun_with
        )
    kind: Kind = "later" if own else "first"
    cost = budget.alpha
    if budget.per_year is not None:
        least = SLIVER * budget.alpha
        if budget.per_year - used <= least:
            returns = _returns(budget.per_year, least, looks, at)
            return PlannedLook(pair, kind, number, at, 0.0, 0.0, used, budget.per_year, returns=returns)
        cost = min(cost, budget.per_year - used)
    return PlannedLook(pair, kind, number, at, cost, cost, used + cost, budget.per_year)


def spent_in_year(looks: Sequence[Look], at: datetime) -> float:
    """Sum of what looks in the 365 days up to a moment cost (and, should there be any, after it).

    Parameters
    ----------
    looks
        Those on record, in any order.
    at
        The moment.
    """
    return math.fsum(look.cost for look in looks if look.at > at - YEAR)


def _returns(per_year: float, least: float, looks: Sequence[Look], at: datetime) -> datetime | None:
    """The first moment at which so much has left the trailing year that a look can be paid."""
    for moment in sorted(look.at + YEAR for look in looks):
        if moment > at and per_year - spent_in_year(looks, moment) > least:
            return moment
    return None
