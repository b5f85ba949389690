"""What is watched: a champion, and the rows of one partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Metric
from retrain_assets.monitoring_report.seasons import Seasons


@dataclass(frozen=True)
class Champion:
    """The model that is watched.

    Parameters
    ----------
    version
        Its version in the registry.
    promoted_at
        ``as_of`` of its promotion.
    profile
        Its reference profile.
    importances
        Importance of its features, by feature; empty where it is unknown, and then all count alike.
    metrics
        The metrics by which models are compared; the first decides.
    reference
        A sample of its training rows as numbers, shape (n, columns of the profile); None where none was kept.
    """

    version: int
    promoted_at: datetime
    profile: Mapping[str, Any]
    importances: Mapping[str, float]
    metrics: tuple[Metric, ...]
    reference: FloatArray | None = None


@dataclass(frozen=True)
class Batch:
    """One partition's rows.

    Parameters
    ----------
    key
        The partition.
    features
        The features of its rows.
    scores
        The champion's scores of its rows, shape (n,); None where it has none.
    seasons
        Gives the features of earlier rows of the same season.
    """

    key: str
    features: pl.DataFrame | pl.LazyFrame
    scores: FloatArray | None
    seasons: Seasons = tuple
