"""The contest of policies: each kind tuned on the first two thirds of history, judged on the last one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from retrain_assets.cadence_report.arbiter import Arbiter
from retrain_assets.cadence_report.declared_block import can_be_declared
from retrain_assets.cadence_report.entries import OR_AGE, TODAY, Entries, Entry
from retrain_assets.cadence_report.replay import Path, Replayer, cost_between
from retrain_assets.spec import PipelineSpec

TUNED_SHARE = 2 / 3
KINDS = ("drift", "performance", "cost", "estimated", "page-hinkley", "adwin", "forecast")
"""Kinds of policies that may be left out; never, the schedules and today's declaration always take part."""


@dataclass(frozen=True)
class Result:
    """An entry on a window, replayed."""

    entry: Entry
    path: Path


@dataclass
class Contest:
    """Replays all policies on all windows once, and compares them at a price.

    Parameters
    ----------
    replayer
        The matrix, and what is known when.
    spec
        The declaration.
    ticks
        When the declared schedule was due, in order.
    worth
        Loss that a fresh model spares over the naive constant, a row.
    kinds
        Those of ``KINDS`` that take part, whether as a trigger that can be declared or as a rule of the literature.
    """

    replayer: Replayer
    spec: PipelineSpec
    ticks: Sequence[datetime]
    worth: float
    kinds: Sequence[str] = KINDS
    _free: list[Result] = field(default_factory=list)
    _by_price: dict[float, list[Result]] = field(default_factory=dict)

    @property
    def begin(self) -> int:
        """The first block that counts."""
        return self.replayer.first

    @property
    def split(self) -> int:
        """The first block of the last third, which tuning does not see."""
        return self.begin + round((self.end - self.begin) * TUNED_SHARE)

    @property
    def end(self) -> int:
        """One more than the last block."""
        return len(self.replayer.matrix.blocks)

    def today(self) -> Path:
        """What the declaration would have done."""
        arbiter = Arbiter(self.spec, self.replayer.matrix, self.ticks)
        declared = self.replayer.matrix.declared
        compared = [w for w in self.replayer.windows if can_be_declared(self.replayer.matrix.windows[w])]
        window = declared if declared in compared else compared[0]
        return self.replayer.replay(arbiter.policy(TODAY, TODAY), window)

    def results(self, price: float) -> list[Result]:
        """Replay everything; what does not depend on the price is replayed once."""
        if not self._free:
            self._free = self._replayed(self._entries.free())
        if price not in self._by_price:
            self._by_price[price] = self._replayed(self._entries.priced(price))
        return [*self._free, *self._by_price[price]]

    def tuned(self, price: float) -> list[Result]:
        """Give the best of each kind on the first two thirds; of equals the one with the fewest attempts."""
        return self.best_of_each(self.results(price), price)

    def best_of_each(self, results: Sequence[Result], price: float) -> list[Result]:
        """Give the best of each kind among some results, the cheapest kind first."""
        best: dict[str, Result] = {}
        for result in results:
            family = result.entry.policy.family
            if family not in best or self._rank(result, price) < self._rank(best[family], price):
                best[family] = result
        return sorted(best.values(), key=lambda result: self._rank(result, price))

    def cost(self, path: Path, price: float, *, checked: bool) -> float:
        """Cost a row on the last third, or on the first two."""
        bounds = (self.split, self.end) if checked else (self.begin, self.split)
        return cost_between(self.replayer.matrix, path, price, *bounds)

    @cached_property
    def _entries(self) -> Entries:
        return Entries(self.replayer, self.spec, self.ticks, self.worth, self.split - self.begin)

    def _rank(self, result: Result, price: float) -> tuple[float, int]:
        cost = self.cost(result.path, price, checked=False)
        return cost, sum(attempt.block < self.split for attempt in result.path.attempts)

    def _replayed(self, entries: Iterator[Entry]) -> list[Result]:
        return [
            Result(entry, self.replayer.replay(entry.policy, window))
            for entry in entries
            if self._takes_part(entry.policy.family)
            for window in self.replayer.windows
        ]

    def _takes_part(self, family: str) -> bool:
        kind = family.removesuffix(OR_AGE).removeprefix("declared ").removesuffix("-aware").lower()
        return kind in self.kinds or kind not in KINDS
