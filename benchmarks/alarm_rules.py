"""Rules that tell a model's harm, or take something else for it: what the benchmarks of triggers hold side by side."""

from __future__ import annotations

import importlib.util

import numpy as np

from retrain_assets.arrays import FloatArray

HAS_RIVER = importlib.util.find_spec("river") is not None
OURS, EVIDENTLY, ADWIN = "alarm of a fall", "drift share", "ADWIN"
RULES = (OURS, EVIDENTLY, *((ADWIN,) if HAS_RIVER else ()))
DRIFTED = 0.5
"""Evidently's default: half of the columns."""


def log_losses(y: FloatArray, score: FloatArray) -> FloatArray:
    """Log loss of every row."""
    likelihood: FloatArray = np.where(y == 1, score, 1 - score)
    losses: FloatArray = -np.log(likelihood.clip(1e-15))
    return losses


def drift_share(reference: FloatArray, current: FloatArray) -> float:
    """Share of the columns whose Wasserstein distance exceeds a tenth of the reference's standard deviation."""
    grid = np.linspace(0.005, 0.995, 100)
    distance = np.abs(np.quantile(current, grid, axis=0) - np.quantile(reference, grid, axis=0)).mean(axis=0)
    spread = reference.std(axis=0)
    return float((distance > 0.1 * np.where(spread > 0, spread, 1)).mean())


class Adwin:
    """River's ADWIN on losses; it tells whether they have risen."""

    def __init__(self) -> None:
        from river import drift  # type: ignore[import-not-found,unused-ignore]

        self._detector = drift.ADWIN()

    def rose(self, losses: FloatArray) -> bool:
        """Take losses in; whether a rise was found among them, above the level before all of them."""
        before, found = self._detector.estimation, False
        for loss in losses.tolist():
            self._detector.update(loss)
            found |= bool(self._detector.drift_detected and self._detector.estimation > before)
        return found
