"""What a champion's reports estimate, and how the estimates of earlier partitions turned out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from retrain_assets.candidate_model.model_inputs import model_inputs, sample_of
from retrain_assets.champion.loading import Model
from retrain_assets.declaration import Declaration
from retrain_assets.monitoring_report.estimates import Accuracies, Estimation
from retrain_assets.monitoring_report.estimators import Labelled, ScoredInputs
from retrain_assets.monitoring_report.performance import measure_value
from retrain_assets.monitoring_report.reconciliation import empty_record, reconcile, withdrawn
from retrain_assets.monitoring_report.rows import TICK, LabelledRows
from retrain_assets.monitoring_report.watched import Champion
from retrain_assets.scores import is_scored

MOST_LABELLED = 100_000


@dataclass
class Estimates:
    """The estimates of one champion, for the partitions of one run.

    Parameters
    ----------
    declaration
        The pipeline.
    champion
        The model that is watched.
    model
        What makes its features of raw rows.
    rows
        Rows since the promotion that it scored.
    """

    declaration: Declaration
    champion: Champion
    model: Model
    rows: LabelledRows
    _estimation: Estimation | None = None
    _made: dict[str, Any] = field(default_factory=dict)

    def report(
        self, key: str, today: ScoredInputs | None, previous: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Estimate a partition's performance, and hold earlier estimates against the labels that came in.

        Parameters
        ----------
        key
            The partition.
        today
            Its rows with the champion's scores; None where there are none.
        previous
            The report of the partition before.

        Returns
        -------
        dict
            JSON-able: ``estimated``, by metric and method ``value``, ``lower``, ``upper`` and ``withdrawn`` (a
            sentence, or None), empty while the reference is not complete; ``reconciled``, as
            :func:`retrain_assets.monitoring_report.reconciliation.reconcile` makes it, its ``partitions`` those
            whose labels came in with this one; ``accuracies`` of the estimators, measured once a champion.
        """
        own = self._own(previous)
        as_of = self.declaration.partitions.bounds(key)[1]
        estimation = self._settled(as_of, (own or {}).get("accuracies"))
        record = self._reconciled(as_of, own)
        estimated = {} if estimation is None or today is None else estimation.estimate(today)
        self._made[key] = estimated
        return {
            "estimated": withdrawn(record, estimated),
            "reconciled": record,
            "accuracies": None if estimation is None else estimation.accuracies,
        }

    def _own(self, previous: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """A report of this champion that has estimates."""
        if previous is None or "reconciled" not in previous:
            return None
        return previous if previous["promoted_at"] == self.champion.promoted_at.isoformat() else None

    def _settled(self, as_of: datetime, known: Accuracies | None) -> Estimation | None:
        settled = self.champion.promoted_at + self.declaration.spec.evaluation.holdout
        if self._estimation is None and settled < self._end(as_of):
            labelled = self._labelled(self.rows.between(self.champion.promoted_at, settled, as_of))
            if labelled is not None:
                self._estimation = Estimation(labelled, self.champion.metrics, known)
        return self._estimation

    def _end(self, as_of: datetime) -> datetime:
        return as_of - self.declaration.spec.label.maturity + TICK

    def _labelled(self, quiet: LabelledRows) -> Labelled | None:
        if quiet.y.size == 0:
            return None
        chosen = sample_of(quiet.y.size, MOST_LABELLED)
        frame = quiet.frame[chosen]
        identity = frame.select("partition_key", "row_id")
        keys = identity["partition_key"].unique().sort().to_list()
        raw = self.declaration.lake.rows("training_data", keys).join(
            identity.lazy(), on=identity.columns, how="semi"
        )
        features = self._features(raw.collect())
        ordered = identity.join(features, on=identity.columns, how="left", maintain_order="left")
        inputs = model_inputs(self.champion.profile, ordered)
        weights = quiet.weights
        scored = ScoredInputs(quiet.score[chosen], inputs, None if weights is None else weights[chosen])
        return Labelled(scored, quiet.y[chosen], quiet.days()[chosen])

    def _features(self, rows: pl.DataFrame) -> pl.DataFrame:
        return self.model.features(rows).with_columns(rows["partition_key"], rows["row_id"])

    def _reconciled(self, as_of: datetime, own: Mapping[str, Any] | None) -> dict[str, Any]:
        """What is known of the estimates, with those of partitions whose last label has come in since."""
        before = self.champion.promoted_at if own is None else self._end(datetime.fromisoformat(own["as_of"]))
        record = empty_record() if own is None else {**own["reconciled"], "partitions": []}
        bounds = self.declaration.partitions.bounds
        for key, estimated in self._earlier(before).items():
            start, end = bounds(key)
            if before < end <= self._end(as_of) and estimated:
                rows = self.rows.between(start, end, as_of)
                realised = {
                    metric.name: measure_value(metric, rows) if rows.y.size else None
                    for metric in self.champion.metrics
                }
                record = reconcile(record, key, estimated, realised)
        return record

    def _earlier(self, since: datetime) -> dict[str, Any]:
        """Estimates of the partitions that end later than a moment, oldest first, this run's included."""
        table = self.declaration.lake.scan("monitoring").filter(pl.col("as_of") > since).sort("as_of")
        payloads = map(json.loads, table.select("payload").collect()["payload"])
        stored = {
            item["partition_key"]: item["estimated"]
            for item in payloads
            if item["promoted_at"] == self.champion.promoted_at.isoformat() and "reconciled" in item
        }
        return dict(sorted({**stored, **self._made}.items()))


def scored_inputs(
    champion: Champion, raw: pl.DataFrame, features: pl.DataFrame, scores: np.ndarray, weight: str | None
) -> ScoredInputs | None:
    """Take a sample of a partition's rows, with their scores and features as numbers.

    Parameters
    ----------
    champion
        The model that is watched.
    raw, features
        The partition's rows, and the features made of them.
    scores
        The champion's scores of these rows, shape (n,), or (n, k); NaN where it gave none.
    weight
        Column of sample weights.

    Returns
    -------
    ScoredInputs or None
        None where no row has a score, or none has a weight, which may come as late as the labels.
    """
    known = np.flatnonzero(is_scored(scores))
    if known.size == 0:
        return None
    chosen = known[sample_of(known.size)]
    given = None if weight is None else raw[weight][chosen].cast(pl.Float64).fill_nan(None).fill_null(0.0)
    weights = None if given is None else given.to_numpy()
    if weights is not None and not weights.sum() > 0:
        return None
    return ScoredInputs(scores[chosen], model_inputs(champion.profile, features[chosen]), weights)
