"""The drift of one partition against what its champion was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.candidate_model.model_inputs import MOST_ROWS, model_inputs, sample_of
from retrain_assets.monitoring_report.domain_classifier import Apart, tell_apart
from retrain_assets.monitoring_report.drift import DriftReport, drift
from retrain_assets.monitoring_report.seasons import excuse_seasons
from retrain_assets.monitoring_report.watched import Batch, Champion
from retrain_assets.spec import PipelineSpec

LEAST_IMPORTANCE = 0.01


def watch_drift(spec: PipelineSpec, champion: Champion, batch: Batch) -> DriftReport:
    """Compare a partition's rows with those of the training: each feature, the score, and all features together.

    What has moved by more than the declared index is compared with its seasons too. Features of less than a
    hundredth of the importance are left out of the joint comparison: a model that hardly uses them is not hurt.
    """
    shifts = drift(champion.profile, batch.features, batch.scores)
    threshold = spec.retrain_when.drift
    if threshold is not None:
        shifts = excuse_seasons(shifts, champion.profile, batch.features, batch.seasons, threshold.psi)
    if champion.reference is None or not shifts.features:
        return shifts
    names = [*champion.profile["numeric"], *champion.profile["categorical"]]
    return replace(shifts, apart=_apart(champion.reference, champion, names, batch.features.lazy().collect()))


def _apart(
    reference: FloatArray, champion: Champion, names: Sequence[str], features: pl.DataFrame
) -> Apart | None:
    importances = [max(champion.importances.get(name, 0.0), 0.0) for name in names]
    used = [item >= LEAST_IMPORTANCE * sum(importances) for item in importances]
    today = model_inputs(champion.profile, features[sample_of(features.height, MOST_ROWS // 2)])
    return tell_apart(reference[:, used], today[:, used])
