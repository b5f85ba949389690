"""Retraining policies: each says, by what is known at the start of a block, whether to train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrain_assets.cadence_report.detectors import adwin, page_hinkley
from retrain_assets.cadence_report.forecast import gain_per_block
from retrain_assets.cadence_report.seen import Seen, weighted_mean

CONSTANT = "constant"


@dataclass(frozen=True)
class Policy:
    """A retraining policy.

    Parameters
    ----------
    family
        What kind it is, such as ``periodic``: the best of each kind is compared.
    name
        The kind with its parameters, in words.
    asks
        Whether it trains, by what is known.
    parameter
        The number that is tuned; None where there is none.
    """

    family: str
    name: str
    asks: Callable[[Seen], bool]
    parameter: float | None = None


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:g} %"


def retrains(factor: float) -> str:
    """A multiple of what a retrain costs, in words."""
    return "a retrain" if factor == 1 else f"{factor:g} retrains"


def constant() -> Policy:
    """Let no model serve."""
    return Policy(CONSTANT, "the naive constant", lambda _: False)


def never() -> Policy:
    """Keep the first model."""
    return Policy("never", "never", lambda _: False)


def periodic(period: int) -> Policy:
    """Train whenever so many blocks have passed since the last attempt."""
    name = "every block" if period == 1 else f"every {period} blocks"
    return Policy("periodic", name, lambda seen: seen.block - seen.last >= period, period)


def drift_share(share: float, pause: int) -> Policy:
    """Train when features that carry this share of the importance had moved in the newest block."""

    def asks(seen: Seen) -> bool:
        return bool(_rested(seen, pause) and seen.drift.size and seen.drift[-1] >= share)

    return Policy("drift", f"rule: drift of {percent(share)} of the importance", asks, share)


def performance_drop(drop: float, pause: int) -> Policy:
    """Train when the loss since the last attempt lies above that of the holdout by more than ``drop``."""

    def asks(seen: Seen) -> bool:
        fresh = seen.fresh & seen.served
        recent = weighted_mean(seen.losses[fresh], seen.rows[fresh])
        return bool(_rested(seen, pause) and recent - seen.level > drop)

    return Policy("performance", f"rule: loss {drop:.2g} above that of the holdout", asks, drop)


def estimated_drop(drop: float, pause: int) -> Policy:
    """Train when the newest block's estimated loss lies above that of the model's first block by more than ``drop``.

    The first block after the training is what the estimator was fitted on: its estimate is the realised loss there.
    """

    def asks(seen: Seen) -> bool:
        if not _rested(seen, pause) or seen.estimated.size < 2:
            return False
        return bool(seen.estimated[-1] - seen.estimated[0] > drop)

    return Policy("estimated", f"rule: estimated loss {drop:.2g} above that of the holdout", asks, drop)


def page_hinkley_alarm(deviations: float) -> Policy:
    """Train when Page-Hinkley tells a rise of the daily loss by so many standard deviations in sum."""

    def asks(seen: Seen) -> bool:
        values, scale = _standardised(seen)
        return scale > 0 and page_hinkley(values, 0.5, deviations) is not None

    return Policy("Page-Hinkley", f"rule: Page-Hinkley at {deviations:g} deviations", asks, deviations)


def adwin_alarm(delta: float) -> Policy:
    """Train when ADWIN tells a rise of the daily loss."""

    def asks(seen: Seen) -> bool:
        fresh = _fresh(seen)
        return adwin(seen.losses[fresh], delta) is not None

    return Policy("ADWIN", f"rule: ADWIN with delta {delta:g}", asks, delta)


def cost_aware(price: float, factor: float) -> Policy:
    """Train when the quality lost since the last attempt has cost ``factor`` times what a retrain does.

    Parameters
    ----------
    price
        Cost of a retrain in units of the loss times rows.
    factor
        Multiple of it.

    References
    ----------
    Mahadevan, Mathioudakis (2023), "Cost-effective retraining of machine learning models", arXiv 2310.04216: the
    cumulative threshold.
    """

    def asks(seen: Seen) -> bool:
        fresh = seen.fresh & seen.served & np.isfinite(seen.losses)
        lost = float(np.sum((seen.losses[fresh] - seen.level) * seen.rows[fresh]))
        return lost > factor * price

    return Policy("cost-aware", f"rule: lost quality worth {retrains(factor)}", asks, factor)


def forecast_gain(price: float, confidence: float) -> Policy:
    """Train when the forecast gain, over as long as the candidate is newer, surely exceeds a retrain's cost."""

    def asks(seen: Seen) -> bool:
        newer = seen.candidate - seen.champion
        gain = gain_per_block(seen.curve, confidence)
        if gain is None or newer <= 0 or seen.block == seen.last:
            return False
        return gain * newer * newer * seen.block_rows > price

    return Policy("forecast", f"rule: forecast gain, {percent(confidence)} sure", asks, confidence)


def _rested(seen: Seen, pause: int) -> bool:
    return seen.block - seen.last >= pause


def _fresh(seen: Seen) -> np.ndarray:
    """Days since the last attempt, and those before service, that the former are measured against."""
    found: np.ndarray = (seen.fresh | ~seen.served) & np.isfinite(seen.losses)
    return found


def _standardised(seen: Seen) -> tuple[np.ndarray, float]:
    """Daily losses since the last attempt in standard deviations of the days before service."""
    before = seen.losses[~seen.served & np.isfinite(seen.losses)]
    scale = float(before.std(ddof=1)) if before.size > 1 else 0.0
    chosen = seen.losses[_fresh(seen)]
    return (chosen - seen.level) / (scale or 1.0), scale
