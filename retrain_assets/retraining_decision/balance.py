"""What the champion's lost quality has cost, against what a retrain costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

from retrain_assets.retraining_decision.evidence import Evidence
from retrain_assets.retraining_decision.history import History
from retrain_assets.retraining_decision.policy import Policy
from retrain_assets.retraining_decision.staleness import Staleness

FORESEEABLE = 1000
"""Periods over which the newest loss is thought to go on."""


@dataclass(frozen=True)
class Balance:
    """The cost of lost quality against that of a retrain.

    Parameters
    ----------
    lost
        What the lost quality has cost.
    per_retrain
        Declared cost of a retrain.
    threshold
        How many times that lost quality must have cost.
    tried
        Attempts so far for the staleness of this champion.
    identity
        What an attempt for it consumes: the staleness of this champion.
    since
        Local day from which on the loss is counted.
    """

    lost: Staleness
    per_retrain: float
    threshold: float
    tried: int
    identity: str
    since: date

    @property
    def price(self) -> float:
        """What the lost quality must have cost before the next retrain is worth it.

        It is the cost of a retrain, times the declared threshold. With a threshold of one, who waits until the loss
        has cost as much as its remedy never pays more than twice what the best choice in hindsight would have, and
        where quality is lost at a steady rate the retrains come at the best period (the square root rule of the
        economic order quantity). Each attempt that found no better model doubles it, because retraining does not
        seem to be the remedy.

        References
        ----------
        Karlin, Manasse, Rudolph, Sleator (1988), "Competitive snoopy caching", Algorithmica 3, 79-119.
        Harris (1913), "How many parts to make at once", Factory 10(2), 135-136, 152.
        """
        return float(self.per_retrain * self._factor)

    @property
    def _factor(self) -> float:
        return float(self.threshold * 2 ** min(self.tried, 16))

    @property
    def surplus(self) -> str:
        """Say why the retrain is worth it, and at what cost of a retrain it would not be."""
        return (
            f"Since {self.since} the champion's lost quality has cost {_money(self.lost.cost)}, of "
            f"which {_money(self.lost.per_partition)} in the newest period, and {self._asked}. A retrain that cost "
            f"{_money(self.lost.cost / self._factor)} or more would have waited."
        )

    @property
    def deficit(self) -> str:
        """Say what is missing until a retrain is worth it, and when the newest loss will have brought it."""
        text = (
            f"Lost quality that has cost more than {_money(self.price)}: since {self.since} it has "
            f"cost {_money(self.lost.cost)}, and {self._asked}"
        )
        rate, missing = self.lost.per_partition, max(self.price - self.lost.cost, 0.0)
        if missing >= rate * FORESEEABLE:
            return f"{text}."
        left = math.floor(missing / rate) + 1
        periods = "one period" if left == 1 else f"{left:,} periods"
        return f"{text}; at the {_money(rate)} of the newest period that is {periods} away."

    @property
    def _asked(self) -> str:
        text = f"a retrain costs {_money(self.per_retrain)}"
        count = "one attempt" if self.tried == 1 else f"{self.tried} attempts"
        why = (
            f"at a threshold of {self.threshold:g}" if self.threshold != 1 else "",
            f"after {count} without a better model" if self.tried else "",
        )
        return (
            f"{text} ({_money(self.price)} are asked for {' '.join(filter(None, why))})" if any(why) else text
        )


def weigh(evidence: Evidence, policy: Policy, history: History) -> Balance | None:
    """Weigh lost quality against a retrain; None without declared costs, or without a champion."""
    if policy.per_retrain is None or evidence.champion is None or evidence.staleness is None:
        return None
    identity = f"staleness of version {evidence.champion.version}"
    tried = len(history.consumers("staleness_cost", identity))
    since = policy.partitions.day_of(evidence.staleness.since)
    return Balance(evidence.staleness, policy.per_retrain, policy.cost_threshold, tried, identity, since)


def _money(amount: float) -> str:
    return f"{amount:,.2f}"
