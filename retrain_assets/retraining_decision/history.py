"""The attempts so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Outcome = Literal["blessed", "rejected", "inconclusive", "failed"]


@dataclass(frozen=True)
class PastAttempt:
    """A retraining attempt that has ended.

    Parameters
    ----------
    as_of
        The moment of knowledge that it was made with.
    train_end
        Where its training rows ended (:func:`train_end_at` of ``as_of``).
    outcome
        The verdict, or ``failed``.
    consumed
        By code of a reason, the identity of the evidence that it was made for.
    code_version
        Hash of the code that it was made with; empty where it failed before that was known.
    next_look
        Date from which another attempt is worth it, where an inconclusive candidate is not looked at again.
    trains
        Whether it trained: a failed run that was only to look again, or to register, did not.
    """

    as_of: datetime
    train_end: datetime
    outcome: Outcome
    consumed: Mapping[str, str] = field(default_factory=dict)
    code_version: str = ""
    next_look: datetime | None = None
    trains: bool = True


@dataclass(frozen=True)
class History:
    """The attempts so far, oldest first. Trials, which nobody would promote, are left out."""

    attempts: tuple[PastAttempt, ...] = ()

    @property
    def completed(self) -> tuple[PastAttempt, ...]:
        """Attempts that came to a verdict: a failed one has learned nothing and consumes nothing."""
        return tuple(item for item in self.attempts if item.outcome != "failed")

    def consumers(self, code: str, identity: str) -> tuple[PastAttempt, ...]:
        """Completed attempts that were made for a piece of evidence, oldest first."""
        return tuple(item for item in self.completed if item.consumed.get(code) == identity)
