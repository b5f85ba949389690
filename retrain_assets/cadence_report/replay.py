"""Replaying a policy: its path through the matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.clock import Clock
from retrain_assets.cadence_report.gate import judge
from retrain_assets.cadence_report.matrix import IntArray, Matrix
from retrain_assets.cadence_report.policies import Policy, constant
from retrain_assets.cadence_report.seen import Attempt, KnownDays, Verdict, known_curve, known_days, look
from retrain_assets.spec import PromotionSpec


@dataclass(frozen=True)
class Path:
    """What a policy would have done.

    Parameters
    ----------
    policy
        The policy.
    window
        Index of the window that it trains on.
    refit
        Whether a blessed candidate is trained again on all rows known at its promotion before it serves.
    first
        The first block that is counted.
    serving
        Shape (B,): block at whose start the model was trained that serves in each block; -1 while there is none.
    attempts
        Its attempts.
    losses
        Shape (B,): mean loss in each block, of the naive constant while no model serves; NaN before ``first``.
    seconds
        CPU seconds of its trainings, the first model's left out.
    """

    policy: Policy
    window: int
    refit: bool
    first: int
    serving: IntArray
    attempts: tuple[Attempt, ...]
    losses: FloatArray
    seconds: float

    @property
    def promotions(self) -> int:
        """Number of new champions after the first."""
        return sum(attempt.verdict == "blessed" for attempt in self.attempts)


@dataclass
class Replayer:
    """Replays policies on a matrix; comparisons are made once, whatever the number of policies.

    Parameters
    ----------
    matrix, clock
        The matrix, and what is known when.
    promotion
        The declared rule of promotion.
    """

    matrix: Matrix
    clock: Clock
    promotion: PromotionSpec
    _judged: dict[tuple[int, int, int | None, int], Verdict] = field(default_factory=dict)
    _curves: dict[tuple[int, int], FloatArray] = field(default_factory=dict)
    _days: dict[tuple[int, int, int], KnownDays] = field(default_factory=dict)

    @cached_property
    def windows(self) -> tuple[int, ...]:
        """Windows that have a model by the first third of history; those that come later are not compared."""
        latest = len(self.matrix.blocks) // 3
        return tuple(w for w, rows in enumerate(self.matrix.training_rows) if (rows[: latest + 1] > 0).any())

    @cached_property
    def first(self) -> int:
        """The first block that policies are compared on: every compared window has had a model judged by then."""
        trained = [int(np.argmax(self.matrix.training_rows[w] > 0)) for w in self.windows]
        return int(np.searchsorted(self.clock.candidate, max(trained, default=0)))

    def replay(self, policy: Policy, window: int, *, refit: bool = False) -> Path:
        """Follow a policy from the first model on: a decision at the start of every block, the gate at every attempt.

        All policies begin with the same model of their window: the first one that is proven better than the naive
        constant, looked for at the start of every block, as nothing else would have been promoted. Until then nothing
        serves, and the constant's loss counts. These looks are not counted as attempts.

        Parameters
        ----------
        policy
            The policy.
        window
            Index of its window.
        refit
            Whether what is blessed is trained again before it serves.
        """
        first, blocks = self.first, len(self.matrix.blocks)
        begin, champion = self.begin(window, refit=refit)
        since, seconds = begin, 0.0
        attempts: tuple[Attempt, ...] = ()
        serving = np.full(blocks, -1, dtype=np.int64)
        for block in range(begin, blocks):
            candidate = int(self.clock.candidate[block])
            if block > begin and candidate > champion and self.matrix.training_rows[window, candidate] > 0:
                days, curve = self._known(window, block, champion), self._curve(window, block)
                seen = look(self.matrix, self.clock, days, since, attempts, curve)
                if policy.asks(seen):
                    attempt = Attempt(block, candidate, self._judge(window, candidate, champion, block))
                    attempts = (*attempts, attempt)
                    seconds += float(self.matrix.fit_seconds[window, candidate])
                    if attempt.verdict == "blessed":
                        champion, since = self._promoted(window, candidate, block, refit), block
                        seconds += float(self.matrix.fit_seconds[window, champion]) if refit else 0.0
            serving[block] = champion
        losses = np.full(blocks, np.nan)
        losses[first:begin] = self.matrix.baseline[first:begin]
        losses[begin:] = self.matrix.loss[window, serving[begin:], np.arange(begin, blocks)]
        return Path(policy, window, refit, first, serving, attempts, losses, seconds)

    def constant(self) -> Path:
        """What it would come to if no model ever served: the naive constant's losses."""
        first, blocks = self.first, len(self.matrix.blocks)
        losses = np.where(np.arange(blocks) >= first, self.matrix.baseline, np.nan)
        return Path(constant(), 0, False, first, np.full(blocks, -1, dtype=np.int64), (), losses, 0.0)

    def begin(self, window: int, *, refit: bool = False) -> tuple[int, int]:
        """Give the block in which a window's first model takes up service, and the model; (B, -1) where none does."""
        for block in range(self.first, len(self.matrix.blocks)):
            candidate = int(self.clock.candidate[block])
            trained = self.matrix.training_rows[window, candidate] > 0
            if trained and self._judge(window, candidate, None, block) == "blessed":
                return block, self._promoted(window, candidate, block, refit)
        return len(self.matrix.blocks), -1

    def _promoted(self, window: int, candidate: int, block: int, refit: bool) -> int:
        """The model that serves when a candidate is promoted: itself, or the one with all rows known."""
        return block if refit and self.matrix.training_rows[window, block] > 0 else candidate

    def _judge(self, window: int, candidate: int, champion: int | None, block: int) -> Verdict:
        key = (window, candidate, champion, block)
        if key not in self._judged:
            days = (self.matrix.day_block >= candidate) & (self.matrix.day_known <= block)
            self._judged[key] = judge(self.matrix, window, candidate, champion, days, self.promotion)
        return self._judged[key]

    def _known(self, window: int, block: int, champion: int) -> KnownDays:
        key = (window, block, champion)
        if key not in self._days:
            self._days[key] = known_days(self.matrix, window, block, champion)
        return self._days[key]

    def _curve(self, window: int, block: int) -> FloatArray:
        if (window, block) not in self._curves:
            self._curves[window, block] = known_curve(self.matrix, self.clock, window, block)
        return self._curves[window, block]


def cost_between(matrix: Matrix, path: Path, price: float, begin: int, end: int) -> float:
    """Cost of a path a row, in units of the loss: mean loss, and its attempts.

    Parameters
    ----------
    matrix
        The matrix.
    path
        The path.
    price
        Cost of an attempt in units of the loss times rows.
    begin, end
        The blocks that are counted, from ``begin`` up to but without ``end``.
    """
    rows = np.array([block.rows for block in matrix.blocks], dtype=np.float64)[begin:end]
    losses = path.losses[begin:end]
    known = np.isfinite(losses)
    attempts = sum(begin <= attempt.block < end for attempt in path.attempts)
    return float((losses[known] @ rows[known] + price * attempts) / max(rows[known].sum(), 1.0))
