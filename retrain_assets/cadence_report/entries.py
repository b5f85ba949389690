"""Who takes part in a contest of policies: schedules, triggers that can be declared, and rules of the literature."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from retrain_assets.cadence_report import policies
from retrain_assets.cadence_report.arbiter import Arbiter, watches
from retrain_assets.cadence_report.declared_block import every
from retrain_assets.cadence_report.policies import Policy
from retrain_assets.cadence_report.replay import Replayer
from retrain_assets.comparison.criterion import VALUE
from retrain_assets.retraining_decision.policy import policy_of
from retrain_assets.retraining_decision.reasons import learning_step
from retrain_assets.spec import PipelineSpec, RetrainWhenSpec, format_duration

DAY = timedelta(days=1)
TODAY = "today's declaration"
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


@dataclass
class Entries:
    """The policies that take part, each a setting of its kind.

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
    longest
        Blocks that tuning sees, and the longest period of a schedule.
    """

    replayer: Replayer
    spec: PipelineSpec
    ticks: Sequence[datetime]
    worth: float
    longest: int
    _falls: dict[tuple[bytes, int, int, float], datetime | None] = field(default_factory=dict)

    def free(self) -> Iterator[Entry]:
        """Give those that do not depend on the price of a retrain."""
        pause = self.replayer.clock.lag
        yield Entry(policies.never(), {})
        for period in _periods(self.longest):
            # Of a schedule that is due more often than it may lead to a retrain, a replay would promise too much.
            if period == self.longest or self._length(period) >= self._unheld:
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

    def priced(self, price: float) -> Iterator[Entry]:
        """Give those that depend on it."""
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
        for blocks in (age for age in AGES if age < self.longest):
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
