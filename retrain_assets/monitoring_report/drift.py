"""Drift: how far today's distributions lie from those that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.candidate_model.profile import count_bins, count_scores
from retrain_assets.monitoring_report.domain_classifier import Apart

PSEUDO_COUNT = 0.5
"""Added to every bin (Jeffreys' prior), so that an empty bin does not make the index infinite."""
ONE_SIDED_95 = 1.6448536269514722


@dataclass(frozen=True)
class Shift:
    """How far one distribution has moved.

    Parameters
    ----------
    psi
        Population stability index, less what sampling alone is expected to give; zero or greater.
    lower
        One-sided 95 % lower bound of it; zero or greater.
    season
        The index against the same season of earlier times, where it was asked; a recurring season is no drift.
    """

    psi: float
    lower: float
    season: float | None = None

    def beyond(self, threshold: float) -> bool:
        """Whether it has certainly moved beyond a threshold, and further than its season does."""
        return self.lower > threshold and (self.season is None or self.season > threshold)


@dataclass(frozen=True)
class DriftReport:
    """How far features and score have moved.

    Parameters
    ----------
    rows
        Rows compared with the profile.
    features
        By feature.
    score
        Of the score; None where the profile or the rows have none.
    apart
        How well all features together tell the rows from those of the training; None where it was not asked.
    """

    rows: int
    features: Mapping[str, Shift]
    score: Shift | None
    apart: Apart | None = None

    def moved(self, psi: float) -> tuple[str, ...]:
        """Features that have certainly moved beyond a threshold, those that moved most first."""
        found = [name for name, shift in self.features.items() if shift.beyond(psi)]
        return tuple(sorted(found, key=lambda name: -self.features[name].psi))

    def moved_importance(self, psi: float, importances: Mapping[str, float]) -> float:
        """Share of the model's importance that moved features carry, from 0 to 1.

        Parameters
        ----------
        psi
            A feature has moved when the lower bound of its index lies above this.
        importances
            By feature, in any unit. Values below zero (permuting the feature did no harm) count as zero;
            where no feature of the profile has any, all count alike.
        """
        weights = {name: max(importances.get(name, 0.0), 0.0) for name in self.features}
        if not any(weights.values()):
            weights = dict.fromkeys(self.features, 1.0)
        moved = self.moved(psi)
        return sum(weights[name] for name in moved) / sum(weights.values()) if moved else 0.0


def drift(
    profile: Mapping[str, Any],
    features: pl.DataFrame | pl.LazyFrame,
    scores: NDArray[np.float64] | None,
) -> DriftReport:
    """Compare rows with a reference profile.

    Parameters
    ----------
    profile
        As made by :func:`retrain_assets.candidate_model.profile.build_profile`.
    features
        The rows' features; a column of the profile that they lack counts as empty.
    scores
        The model's scores of the rows, shape (n,).
    """
    rows = features.lazy()
    lacking = {*profile["numeric"], *profile["categorical"]} - set(rows.collect_schema())
    rows = rows.with_columns(pl.lit(None).alias(name) for name in sorted(lacking))
    reference = {**profile["numeric"], **profile["categorical"]}
    counts = count_bins(
        rows,
        {name: column["edges"] for name, column in profile["numeric"].items()},
        {name: column["values"] for name, column in profile["categorical"].items()},
    )
    score = None
    if profile["score"] is not None and scores is not None and scores.size:
        score = shift(profile["score"]["counts"], count_scores(scores, profile["score"]["edges"]))
    return DriftReport(
        rows=sum(next(iter(counts.values()))) if counts else 0,
        features={name: shift(reference[name]["counts"], counts[name]) for name in reference},
        score=score,
    )


def shift(reference: Sequence[int], current: Sequence[int]) -> Shift:
    """Compute the population stability index of two binned distributions, free of the number of rows.

    The index of two samples of one population is not zero: it is distributed as (1/n + 1/m) times a
    chi-square with one degree of freedom less than there are occupied bins. Its expectation is subtracted,
    so that the index means the same for a thousand rows and for a million. The lower bound is that of the
    delta method.

    Parameters
    ----------
    reference, current
        Rows by bin, the same bins.

    References
    ----------
    Yurdakul, Naranjo (2020), "Statistical properties of the population stability index", Journal of Risk
    Model Validation 14(4), 89-100.
    """
    old, new = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    occupied = (old + new) > 0
    old, new = old[occupied], new[occupied]
    m, n = old.sum(), new.sum()
    if m == 0 or n == 0:
        return Shift(0.0, 0.0)
    q = (old + PSEUDO_COUNT) / (m + PSEUDO_COUNT * old.size)
    p = (new + PSEUDO_COUNT) / (n + PSEUDO_COUNT * new.size)
    ratio = np.log(p / q)
    index = max(float(((p - q) * ratio).sum()) - (old.size - 1) * (1 / n + 1 / m), 0.0)
    by_current = _multinomial_variance(p, ratio + 1 - q / p) / n
    by_reference = _multinomial_variance(q, 1 - ratio - p / q) / m
    variance = by_current + by_reference
    return Shift(index, max(index - ONE_SIDED_95 * float(np.sqrt(variance)), 0.0))


def _multinomial_variance(share: NDArray[np.float64], gradient: NDArray[np.float64]) -> float:
    return max(float((share * gradient**2).sum() - (share * gradient).sum() ** 2), 0.0)
