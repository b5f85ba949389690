"""What a verdict rests on, and when it cannot be given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from retrain_assets.comparison import Comparison, Metric
from retrain_assets.evaluation_report.slices import Slice
from retrain_assets.spec.training import MINIMUM_BLOCKS

LONGEST_WAIT = timedelta(days=90)
MINIMUM_EFFECTIVE_BLOCKS = 4.0
"""Blocks of unequal size that weigh as few equal ones as this: below it the interval hardly promises anything."""

Outcome = Literal["blessed", "rejected", "inconclusive"]
Reason = Literal[
    "better",
    "first_champion",
    "not_worse",
    "worse",
    "no_gain",
    "slice_worse",
    "calibration_worse",
    "below_baseline",
    "gain_unclear",
    "too_few_rows",
    "too_few_blocks",
    "champion_unscorable",
    "error_budget_spent",
]
NO_TEST: frozenset[Reason] = frozenset({"too_few_rows", "too_few_blocks", "champion_unscorable"})
"""Reasons of verdicts that no comparison was needed for, so that none has cost anything."""
LOOKED_AT_AGAIN: frozenset[Reason] = frozenset({"gain_unclear", "error_budget_spent"})
"""Reasons of inconclusive verdicts that more rows, or a new year's budget, can settle for the same candidate."""


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on.

    Parameters
    ----------
    metric
        The metric that decides.
    rows, blocks, noun
        Rows of the holdout, the blocks that they lie in, and what a block is, in the plural ("days").
    as_of
        The moment of knowledge, UTC.
    holdout
        Length of the holdout.
    partition
        Length of a partition: new rows arrive in such steps.
    vs_champion
        Candidate against champion; None when there is no champion, or when no comparison was possible.
    vs_baseline
        Candidate against the naive baseline; None when no comparison was possible.
    worse_slices
        Slices in which the candidate is significantly worse than the champion, the surest first.
    miscalibrated
        A sentence: how much worse calibrated the candidate is, where that keeps it from being promoted.
    champion_problem
        A sentence: why the champion could not be scored.
    rows_problem
        A sentence: why the rows are too few.
    budget_problem
        A sentence: why no comparison may decide, since the year's budget of false promotions is spent.
    budget_returns
        When enough of it returns; None if never.
    trial
        Whether it is a trial, at which nobody looks again.
    timezone
        Time zone whose days are told.
    """

    metric: Metric
    rows: int
    blocks: int
    noun: str
    as_of: datetime
    holdout: timedelta
    partition: timedelta
    vs_champion: Comparison | None = None
    vs_baseline: Comparison | None = None
    worse_slices: tuple[Slice, ...] = ()
    miscalibrated: str | None = None
    champion_problem: str | None = None
    rows_problem: str | None = None
    budget_problem: str | None = None
    budget_returns: datetime | None = None
    trial: bool = False
    timezone: str = "UTC"


@dataclass(frozen=True)
class Verdict:
    """What becomes of a candidate, why, in words, and when another look makes sense (inconclusive only)."""

    verdict: Outcome
    reason: Reason
    sentence: str
    next_look: datetime | None = None


def not_judged(evidence: Evidence) -> Verdict | None:
    """Say why no comparison can decide; None where one can.

    Parameters
    ----------
    evidence
        The comparisons and what they rest on.
    """
    if evidence.champion_problem is not None:
        text = f"The champion could not be scored, so it stays: {evidence.champion_problem.rstrip('.')}."
        return inconclusive("champion_unscorable", text, evidence, evidence.partition)
    if evidence.rows_problem is not None:
        text = f"The candidate cannot be judged yet: {evidence.rows_problem.rstrip('.')}."
        return inconclusive("too_few_rows", text, evidence, evidence.holdout)
    if evidence.blocks < MINIMUM_BLOCKS or evidence.vs_baseline is None:
        return too_few_blocks(evidence)
    effective = evidence.vs_baseline.effective_blocks
    if effective is not None and effective < MINIMUM_EFFECTIVE_BLOCKS:
        return _too_unequal_blocks(evidence, effective)
    if evidence.budget_problem is not None:
        return _budget_spent(evidence, evidence.budget_problem)
    return None


def inconclusive(reason: Reason, text: str, evidence: Evidence, wait: timedelta) -> Verdict:
    """Give an inconclusive verdict, to be looked at again one partition later at the least, 90 days at the most."""
    return _until_later(reason, text, evidence, min(wait, LONGEST_WAIT))


def _until_later(reason: Reason, text: str, evidence: Evidence, wait: timedelta) -> Verdict:
    next_look = None if evidence.trial else evidence.as_of + max(wait, evidence.partition)
    return Verdict("inconclusive", reason, text, next_look)


def too_few_blocks(evidence: Evidence) -> Verdict:
    """Say how many blocks are missing, and when they will be there."""
    found = "one block" if evidence.blocks == 1 else f"{evidence.blocks} {evidence.noun}"
    text = (
        f"The candidate cannot be judged yet: its {evidence.rows:,} rows lie in {found}, "
        f"and an honest interval needs at least {MINIMUM_BLOCKS}. "
        f"{_more_blocks(evidence.noun)}"
    )
    missing = MINIMUM_BLOCKS - evidence.blocks
    return inconclusive(
        "too_few_blocks", text, evidence, evidence.holdout / max(evidence.blocks, 1) * missing
    )


def _more_blocks(noun: str) -> str:
    """Say what to declare where the rows will never lie in more blocks."""
    if noun.startswith("values of"):
        return "If it always is so, lengthen evaluation.holdout."
    return (
        f"If rows always come so seldom, lengthen evaluation.holdout until {MINIMUM_BLOCKS} of its {noun} hold rows, "
        "or declare evaluation.block: row, or the column of an entity, if rows of one time do not depend on "
        "each other."
    )


def _too_unequal_blocks(evidence: Evidence, effective: float) -> Verdict:
    text = (
        f"The candidate cannot be judged yet: its {evidence.rows:,} rows lie in {evidence.blocks:,} {evidence.noun} "
        f"so unequal that they tell as much as {effective:.1f} equal ones, and an honest interval needs at least "
        f"{MINIMUM_EFFECTIVE_BLOCKS:g}. If it always is so, lengthen evaluation.holdout, or declare an "
        "evaluation.block of more even size."
    )
    return inconclusive("too_few_blocks", text, evidence, evidence.holdout)


def _budget_spent(evidence: Evidence, problem: str) -> Verdict:
    text = f"The candidate may not be judged yet: {problem}"
    wait = LONGEST_WAIT if evidence.budget_returns is None else evidence.budget_returns - evidence.as_of
    return _until_later("error_budget_spent", text, evidence, wait)
