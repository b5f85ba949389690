"""The contest of policies: each kind tuned on the first two thirds of history, judged on the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from retrain_assets.cadence_report import policies
from retrain_assets.cadence_report.arbiter import Arbiter, watches
from retrain_assets.cadence_report.declared_block import can_be_declared, every
from retrain_assets.cadence_report.policies import Policy
from retrain_assets.cadence_report.replay import Path, Replayer, cost_between
from retrain_assets.comparison.criterion import VALUE
from retrain_assets.retraining_decision.policy import policy_of
from retrain_assets.retraining_decision.reasons import learning_step
from retrain_assets.spec import PipelineSpec, RetrainWhenSpec, format_duration

TUNED_SHARE = 2 / 3
DAY = timedelta(days=1)
TODAY = "today's declaration"
KINDS = ("drift", "performance", "cost", "estimated", "page-hinkley", "adwin", "forecast")
"""Kinds of policies that may be left out; never, the schedules and today's declaration always take part."""
OR_AGE = " or age"
AGES = (2, 3, 4, 6, 8, 12)
"""Greatest ages, in blocks, that are tried together with a trigger."""
DRIFT_SHARES = (0.1, 0.2, 0.3, 0.5)
DROP_SHARES = (0.02, 0.1)
"""Falls of quality, as shares of what a fresh model spares over the naive constant."""
COST_THRESHOLDS = (0.1, 0.5, 1.0, 2.0)
"""How many times the cost of a retrain the lost quality must have cost."""


@dataclass(frozen=True)
class Entry:
    """A policy that takes part.

    Parameters
    ----------
    policy
        The policy.
    when
        What ``retrain_when`` would have to say; None where it cannot say it.
    """

    policy: Policy
    when: Mapping[str, Any] | None = None


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
    _falls: dict[tuple[bytes, int, int, float], datetime | None] = field(default_factory=dict)
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
            self._free = self._replayed(self._entries())
        if price not in self._by_price:
            self._by_price[price] = self._replayed(self._priced(price))
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

    def _entries(self) -> Iterator[Entry]:
        pause = self.replayer.clock.lag
        yield Entry(policies.never(), {})
        longest = self.split - self.begin
        for period in _periods(longest):
            # Of a schedule that is due more often than it may lead to a retrain, a replay would promise too much.
            if period == longest or self._length(period) >= self._unheld:
                when = every(self._typical * period, self._age(period))
                yield Entry(policies.periodic(period), when)
        metric, unit = self.replayer.matrix.metric, self.replayer.matrix.unit
        for share in DRIFT_SHARES:
            moved = f"drift of {policies.percent(share)} of the importance"
            drift = {"importance": share} | self._psi()
            yield from self._declared("declared drift", moved, {"drift": drift}, share)
            yield Entry(policies.drift_share(share, pause))
        for part in DROP_SHARES:
            drop = float(f"{part * self.worth:.2g}")
            if drop > 0 and metric != VALUE:
                when = {"performance": {"metric": metric, "drop": drop} | self._over()}
                fallen = f"drop of {drop:.2g} {unit}"
                yield from self._declared("declared performance", fallen, when, drop)
            if drop > 0:
                yield Entry(policies.performance_drop(drop, pause))
                yield Entry(policies.estimated_drop(drop, pause))
        for deviations in (5, 10, 20):
            yield Entry(policies.page_hinkley_alarm(deviations))
        for delta in (0.002, 0.05):
            yield Entry(policies.adwin_alarm(delta))
        arbiter = Arbiter(self.spec, self.replayer.matrix, self.ticks)
        yield Entry(arbiter.policy(TODAY, "today's triggers"))

    def _psi(self) -> dict[str, float]:
        """The declared index of a feature that has moved, by which the matrix holds what drifted."""
        drift = self.spec.retrain_when.drift
        return {} if drift is None or "psi" not in drift.model_fields_set else {"psi": drift.psi}

    def _over(self) -> dict[str, str]:
        """The declared span that a fall of quality is measured over."""
        watched = watches(self.spec.retrain_when.performance, self.replayer.matrix)
        declared = watched is not None and "over" in watched.model_fields_set
        return {"over": format_duration(watched.over)} if watched is not None and declared else {}

    @property
    def _unheld(self) -> timedelta:
        """The shortest time between two ticks of which a decision holds neither back, whatever the window."""
        blocks, limits = self.replayer.matrix.blocks, self.spec.limits
        windows = [self.replayer.matrix.windows[number].length for number in self.replayer.windows]
        history = blocks[-1].end - blocks[0].start
        longest = max(length if isinstance(length, timedelta) else history for length in windows)
        step = learning_step(policy_of(self.spec), 1, longest)
        return max(step, limits.cooldown, limits.per / limits.runs)

    def _priced(self, price: float) -> Iterator[Entry]:
        for factor in (0.5, 1.0, 2.0):
            yield Entry(policies.cost_aware(price, factor))
        for confidence in (0.5, 0.8, 0.95):
            yield Entry(policies.forecast_gain(price, confidence))
        for threshold in COST_THRESHOLDS if price > 0 else ():
            lost, when = f"lost quality worth {policies.retrains(threshold)}", self._costs(price, threshold)
            yield from self._declared("declared cost", lost, {"cost": when}, threshold)

    def _costs(self, price: float, threshold: float) -> dict[str, float]:
        """Write a price as ``retrain_when.cost`` says it, in the declared money where there is one."""
        declared = self.spec.retrain_when.cost
        unit = 1.0 if declared is None else declared.per_metric_unit_and_row
        costs = {"per_retrain": float(f"{price * unit:.3g}"), "per_metric_unit_and_row": unit}
        return costs if threshold == 1 else costs | {"threshold": threshold}

    def _declared(self, family: str, words: str, when: dict[str, Any], parameter: float) -> Iterator[Entry]:
        """What changed declarations come to, decided by the arbiter itself: a trigger alone, and with an age."""
        name = f"trigger: {words}"
        yield self._decided(family, name, when, parameter)
        for blocks in (age for age in AGES if age < self.split - self.begin):
            age = format_duration(self._age(blocks))
            yield self._decided(
                f"{family}{OR_AGE}", f"{name}{OR_AGE} {age}", when | {"max_age": age}, parameter
            )

    def _decided(self, family: str, name: str, when: dict[str, Any], parameter: float) -> Entry:
        spec = self.spec.model_copy(update={"retrain_when": RetrainWhenSpec.model_validate(when)})
        arbiter = Arbiter(spec, self.replayer.matrix, falls=self._falls)
        return Entry(arbiter.policy(family, name, parameter), when)

    @property
    def _typical(self) -> timedelta:
        lengths = [(block.end - block.start).total_seconds() for block in self.replayer.matrix.blocks[1:]]
        return timedelta(seconds=float(np.median(lengths)))

    def _age(self, period: int) -> timedelta:
        """An age that is reached whenever so many blocks have passed; whole days where no partition ends in between."""
        length = self._length(period)
        days = length // DAY * DAY
        return days if length - days < min(days, policy_of(self.spec).partition) else length

    def _length(self, period: int) -> timedelta:
        """The shortest time that so many blocks take."""
        blocks = self.replayer.matrix.blocks[1:]
        last = min(period, len(blocks)) - 1
        return min(late.end - early.start for early, late in zip(blocks, blocks[last:], strict=False))


def _periods(most: int) -> list[int]:
    """Periods in blocks: all short ones, longer ones further apart, up to the whole of what tuning sees."""
    steps = [*range(1, 9), *range(10, 21, 2), *range(24, 200, 4)]
    return [period for period in steps if period < most] + [most]
