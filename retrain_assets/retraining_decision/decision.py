"""What a decision comes out as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Reason:
    """Why to train: a code, a sentence, and the identity of the evidence, which an attempt consumes."""

    code: str
    sentence: str
    identity: str


@dataclass(frozen=True)
class Hold:
    """What holds a retrain back, and until when on the data clock (None: it cannot be said beforehand)."""

    code: str
    sentence: str
    until: datetime | None


@dataclass(frozen=True)
class Decision:
    """Whether to train, and why.

    Parameters
    ----------
    act
        Train now.
    reasons
        Those that it acts for, which the attempt consumes; where it does not act, all that stand.
    held_back_by
        What holds it back; empty when it acts, or when nothing asks for a retrain.
    earliest
        End of the partition with which it would act if nothing happened but that time and data moved on;
        None where that depends on more than time. The next sixty ticks of the schedule are foreseen.
    would_change
        What would change its mind.
    sentence
        All this in words.
    resumes
        The attempt that is to be looked at again, or whose verdict is to be acted on, instead of training another
        candidate; None else.
    foreseen
        When it would act, when the schedule is due next, and from which tick on that leads to a retrain, in words;
        empty where it acts, and where nothing can be said.
    """

    act: bool
    reasons: tuple[Reason, ...]
    held_back_by: tuple[Hold, ...]
    earliest: datetime | None
    would_change: str
    sentence: str
    resumes: str | None = None
    foreseen: str = ""
