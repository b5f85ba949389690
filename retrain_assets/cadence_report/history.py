"""The history that is replayed: all rows with their features, cut into blocks, in a form that other processes read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.cadence_report.blocks import Cut, choose_cut, cut_history
from retrain_assets.cadence_report.days import BLOCK, KNOWN, Days, with_days
from retrain_assets.cadence_report.matrix import Block
from retrain_assets.cadence_report.raw_rows import RAW, with_raw
from retrain_assets.comparison import Criterion, Metric, deciding_criterion, declared_metrics
from retrain_assets.comparison.metrics import Task
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.features.columns import FeatureColumns
from retrain_assets.features.refresh import refresh_features
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.labels import labelled, target
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import TimeColumns, mature_rows

ROW_HASH = "retrain_hash"


@dataclass(frozen=True)
class Ground:
    """What every cell is computed from besides the rows; it goes to other processes with each of them.

    Parameters
    ----------
    spec
        The declaration.
    columns
        The features and the raw columns that they are made of.
    time_columns
        The time columns.
    task
        What the estimator does.
    criterion
        What decides: the first metric, or money.
    measure
        What importances are measured by: the first metric.
    blocks
        The blocks.
    days
        The days of the rows that judge.
    trusted_modules
        Modules whose types a model's file may hold.
    identity
        Differs from that of other rows, and of the same rows in other blocks.
    """

    spec: PipelineSpec
    columns: FeatureColumns
    time_columns: TimeColumns
    task: Task
    criterion: Criterion
    measure: Metric
    blocks: tuple[Block, ...]
    days: Days
    trusted_modules: tuple[str, ...]
    identity: str

    def known_at_service(self, rows: pl.DataFrame, block: int) -> pl.Series:
        """Tell which rows' labels were known at the first block in which a model of a block can serve."""
        earliest = self.blocks[block].start + self.spec.evaluation.holdout + self.time_columns.delay
        serves = sum(later.start < earliest for later in self.blocks)
        return rows[KNOWN] <= serves


@dataclass(frozen=True)
class History:
    """All rows of history.

    Parameters
    ----------
    ground
        What they mean.
    rows
        The table of features with labels, in the order in which a candidate is fitted: a row for each label that
        was ever known. ``BLOCK`` and ``DAY`` tell which rows judge, and are null in others; ``ROW_HASH`` identifies
        what is learnt from a row.
    cut
        Where the blocks were cut.
    """

    ground: Ground
    rows: pl.DataFrame
    cut: Cut

    def packed(self) -> NDArray[np.uint8]:
        """The rows as bytes in an array, which processes of one machine share instead of copying it."""
        buffer = io.BytesIO()
        self.rows.write_ipc(buffer)
        return np.frombuffer(buffer.getbuffer(), dtype=np.uint8)


def load_history(declaration: Declaration, blocks: int, previous: Cut | None) -> History:
    """Read all rows that were taken in, and cut them into blocks.

    Parameters
    ----------
    declaration
        The pipeline.
    blocks
        About how many blocks.
    previous
        Where the last report cut.

    Raises
    ------
    TrainingError
        When there is too little history to cut, or the metric does not fit the estimator.
    """
    from retrain_assets.candidate_model.estimator import declared_task, resolve_estimator

    spec, columns = declaration.spec, declaration.time_columns
    made = refresh_features(declaration)
    clock = declaration.data_clock()
    rows = labelled_rows(declaration, "features").collect()
    rows = rows.sort("partition_key", "row_id", *filter(None, [columns.label_known_at]))
    keys = _mature_keys(declaration, rows, clock)
    cut = choose_cut(keys, blocks, previous)
    bounds = [
        (declaration.partitions.bounds(part[0])[0], declaration.partitions.bounds(part[-1])[1])
        for part in cut_history(keys, cut)
    ]
    task: Task = declared_task(spec, resolve_estimator(spec))
    criterion = deciding_criterion(spec, task)
    rows = with_raw(declaration, rows, criterion)
    rows = _marked(rows, bounds, clock, spec, columns)
    rows, days = with_days(rows, bounds, spec, columns, whole_blocks=not criterion.metric.is_mean)
    raw = [name for name in rows.columns if name.startswith(RAW)]
    learnt = [*made.columns.numeric, *made.columns.categorical, *_label_columns(spec), *raw]
    rows = rows.with_columns(rows.select(*learnt, spec.source.timestamp).hash_rows().alias(ROW_HASH))
    counts = dict(rows.drop_nulls(BLOCK).group_by(BLOCK).len().iter_rows())
    ground = Ground(
        spec=spec,
        columns=made.columns,
        time_columns=columns,
        task=task,
        criterion=criterion,
        measure=declared_metrics(spec.evaluation.metrics, task)[0],
        blocks=tuple(Block(i, *bound, counts.get(i, 0)) for i, bound in enumerate(bounds)),
        days=days,
        trusted_modules=declaration.trusted_modules(),
        identity=digest_hashes(rows.hash_rows()),
    )
    # A label that no model can predict is told before anything is computed.
    target(rows.head(1), spec, task)
    return History(ground, rows, cut)


def digest_rows(rows: pl.DataFrame) -> str:
    """Identify a set of rows by their ``ROW_HASH``: their number, and the sum of the hashes modulo 2**64."""
    return digest_hashes(rows[ROW_HASH])


def digest_hashes(hashed: pl.Series) -> str:
    """Identify a set of hashes, whatever their order."""
    hashes = hashed.to_numpy()
    return f"{hashes.size}:{int(hashes.sum(dtype=np.uint64)):016x}"


def _label_columns(spec: PipelineSpec) -> list[str]:
    return [spec.label.column, *filter(None, [spec.weight])]


def _mature_keys(declaration: Declaration, rows: pl.DataFrame, clock: datetime) -> list[str]:
    """Keys of all partitions, with rows or without, up to the last one whose labels are all mature."""
    partitions, delay = declaration.partitions, declaration.spec.label.maturity
    oldest = rows["partition_key"].min()
    keys = (
        partitions.keys_between(partitions.bounds(str(oldest))[0], clock - delay)
        if oldest is not None
        else []
    )
    while keys and partitions.bounds(keys[-1])[1] > clock - delay:
        keys.pop()
    if len(keys) < 2:
        raise TrainingError(
            f"The history of {declaration.name!r} has fewer than two partitions with mature labels: one to train on, "
            "and one to judge on. Take more partitions in first."
        )
    return keys


def _marked(
    rows: pl.DataFrame,
    bounds: list[tuple[datetime, datetime]],
    clock: datetime,
    spec: PipelineSpec,
    columns: TimeColumns,
) -> pl.DataFrame:
    """Mark the rows that judge by their block: those with a label, and a weight, that is mature at the end."""
    indexed = rows.with_row_index("retrain_row")
    mature = mature_rows(indexed.lazy(), clock, columns).filter(labelled(spec, rows.schema)).collect()
    times = mature[spec.source.timestamp]
    block = pl.lit(None, pl.Int32)
    for number, (start, end) in enumerate(bounds):
        block = pl.when((pl.col("time") >= start) & (pl.col("time") < end)).then(number).otherwise(block)
    found = pl.DataFrame({"retrain_row": mature["retrain_row"], "time": times}).select(
        "retrain_row", block.cast(pl.Int32).alias(BLOCK)
    )
    return indexed.join(found, on="retrain_row", how="left", maintain_order="left").drop("retrain_row")
