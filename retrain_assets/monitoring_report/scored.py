"""The label-mature rows of some partitions with the scores that they were given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.champion.standing import first_champion
from retrain_assets.comparison import Metric
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.labels import target
from retrain_assets.lake import Lake
from retrain_assets.monitoring_report.business import business_columns
from retrain_assets.scores import is_scored, score_schema, scores_of
from retrain_assets.windows import TimeColumns, mature_rows

_SCORED = {"partition_key": pl.String(), "row_id": pl.Int64(), "model_version": pl.Int64()}
_IDENTITY = ["partition_key", "row_id"]
_NEVER = "retrain_never_retrained"


@dataclass(frozen=True)
class ScoredRows:
    """Label-mature rows of some partitions.

    Parameters
    ----------
    rows
        ``partition_key``, the columns that the business metrics use and those of the scores, sorted by partition and
        row.
    label
        Labels, shape (n,): 0 or 1, or codes of classes, in classification, numbers in regression.
    scores
        ``score``, the champion's, and ``never_retrained``, that of the first champion: shape (n,), or
        (n, k) for k classes, NaN where it gave none.
    spans
        By partition key, where its rows are.
    versions
        By partition key, the versions that scored it, rows with immature labels included.
    settled
        Whether the label of every row is known that the partitions hold, as far as the declaration tells.
    weight
        Sample weights, shape (n,); None where all rows weigh alike.
    """

    rows: pl.DataFrame
    label: FloatArray
    scores: Mapping[str, FloatArray]
    spans: Mapping[str, slice]
    versions: Mapping[str, list[int]]
    settled: bool
    weight: FloatArray | None = None

    @classmethod
    def read(cls, declaration: Declaration, task: str, keys: Sequence[str]) -> Self:
        """Read them from the lake, and of the source's columns only those that are needed."""
        lake, clock = declaration.lake, declaration.data_clock()
        within = pl.col("partition_key").is_in(list(keys))
        delivered = labelled_rows(declaration, "training_data").filter(within)
        wanted = business_columns(declaration.spec)
        weight = declaration.spec.weight
        own = filter(None, (declaration.spec.label.column, weight))
        columns = dict.fromkeys((*_IDENTITY, *own, *wanted))
        first = first_champion(declaration.ledger.entries())
        kinds = score_schema(declaration.spec)
        given, shadow = (
            _scores(lake, table, within, _SCORED | kinds) for table in ("predictions", "shadow_predictions")
        )
        never = pl.concat([given, shadow]).filter(pl.col("model_version") == pl.lit(first, dtype=pl.Int64))
        never = never.unique(_IDENTITY)
        rows = (
            mature_rows(delivered, clock, declaration.time_columns)
            .select(*columns)
            .join(given.lazy().select(*_IDENTITY, *kinds), on=_IDENTITY, how="left")
            .join(never.lazy().select(*_IDENTITY, pl.col("score").alias(_NEVER)), on=_IDENTITY, how="left")
            .sort(*_IDENTITY)
            .collect()
        )
        label = target(rows, declaration.spec, task)
        labelled = ~np.isnan(label)
        rows, label = rows.filter(labelled), label[labelled]
        return cls(
            rows=rows.select("partition_key", *wanted, *kinds),
            label=label,
            scores={"score": scores_of(rows["score"]), "never_retrained": scores_of(rows[_NEVER])},
            spans=_spans(rows["partition_key"]),
            versions=dict(
                given.group_by("partition_key").agg(pl.col("model_version").unique().sort()).iter_rows()
            ),
            settled=_settled(delivered, clock, declaration.time_columns),
            weight=None
            if weight is None
            else rows[weight].cast(pl.Float64).fill_nan(None).fill_null(0.0).to_numpy(),
        )

    def value(self, metric: Metric, score: str, keys: Sequence[str]) -> float | None:
        """Evaluate a metric over some neighbouring partitions.

        Parameters
        ----------
        metric
            The metric.
        score
            Which of ``scores``.
        keys
            The partitions, oldest first.

        Returns
        -------
        float or None
            None where it is not defined, such as AUC on rows of one class.
        """
        chosen = self._scored(score, keys)
        return None if chosen.size == 0 else self._measured(metric, self.scores[score][chosen], chosen)

    def constant(self, metric: Metric, keys: Sequence[str]) -> float | None:
        """Evaluate the constant that is right on average on the rows that the champion scored.

        It knows the partitions' own level, so that it falls and rises with it: a loss that falls because clicks have
        become rare is no better model. Parameters and result are those of :meth:`value`.
        """
        chosen = self._scored("score", keys)
        if chosen.size == 0:
            return None
        label, scores = self.label[chosen], self.scores["score"][chosen]
        weight = None if self.weight is None else self.weight[chosen]
        if weight is not None and not weight.sum() > 0:
            return None
        if scores.ndim == 2:
            counts = np.bincount(label.astype(np.int64), weights=weight, minlength=scores.shape[1])
            return self._measured(metric, np.tile(counts / counts.sum(), (chosen.size, 1)), chosen)
        return self._measured(metric, np.full(chosen.size, np.average(label, weights=weight)), chosen)

    def _scored(self, score: str, keys: Sequence[str]) -> NDArray[np.int64]:
        """Positions of the rows of neighbouring partitions that have a score."""
        spans = [self.spans[key] for key in keys if key in self.spans]
        if not spans:
            return np.empty(0, dtype=np.int64)
        start, stop = spans[0].start, spans[-1].stop
        found: NDArray[np.int64] = start + np.flatnonzero(is_scored(self.scores[score][start:stop]))
        return found

    def _measured(self, metric: Metric, scores: FloatArray, chosen: NDArray[np.int64]) -> float | None:
        weight = None if self.weight is None else self.weight[chosen]
        try:
            value, _ = metric.measure(self.label[chosen], scores, weight)
        except TrainingError:
            return None
        return float(value) if np.isfinite(value) else None


def _scores(lake: Lake, table: str, within: pl.Expr, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    if not lake.exists(table):
        return pl.DataFrame(schema=schema)
    return lake.scan(table).filter(within).select(list(schema)).collect()


def _settled(delivered: pl.LazyFrame, clock: datetime, columns: TimeColumns) -> bool:
    """Whether time alone changes nothing any more: all labels are mature, and known as far as they have a time."""
    if columns.replaced_at is not None:
        return False  # a row may be corrected by one of another partition, whenever that is delivered
    latest = delivered.select(
        pl.col(columns.timestamp).max() + columns.delay,
        **{name: pl.col(name).max() for name in columns.knowledge},
    )
    return all(moment is None or moment <= clock for moment in latest.collect().row(0))


def _spans(keys: pl.Series) -> dict[str, slice]:
    """Where each key's rows are, in a sorted column."""
    counts = keys.rle().struct.unnest()
    ends = counts["len"].cum_sum().to_list()
    starts = [0, *ends][:-1]
    return {key: slice(start, end) for key, start, end in zip(counts["value"], starts, ends, strict=True)}
