"""What an evaluation is asked: an attempt to judge at a moment, on the rows that judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from retrain_assets.attempts import Attempt
from retrain_assets.declaration import Declaration
from retrain_assets.features.derive import with_derived
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.labels import target
from retrain_assets.windows import Windows, holdout_rows


@dataclass(frozen=True)
class Question:
    """An attempt to judge, with what is known at a moment.

    Parameters
    ----------
    trained
        The record of its training.
    windows
        The split, and where the rows that judge end.
    data
        Version of each table that is read, by name.
    """

    trained: Attempt
    windows: Windows
    data: Mapping[str, int]

    @property
    def as_of(self) -> datetime:
        """The moment of knowledge."""
        return self.windows.as_of


@dataclass(frozen=True)
class Holdout:
    """The rows that judge.

    Parameters
    ----------
    rows
        Raw rows with a label, oldest first, and derived columns that slices or blocks name.
    labels
        Shape (rows,): their labels as numbers.
    left_out
        Rows that do not judge because the champion was trained on them.
    """

    rows: pl.DataFrame
    labels: np.ndarray
    left_out: int


def ask(declaration: Declaration, trained: Attempt, again_at: datetime | None) -> Question:
    """Ask for the holdout of the training and the data that it read; or, at a later look, for all rows since the split.

    Parameters
    ----------
    declaration
        The pipeline.
    trained
        The record of the training.
    again_at
        Moment of a later look; None, or one that is not later than the training's, for the first.
    """
    split, train_end, holdout_end = (
        datetime.fromisoformat(trained.payload["windows"][name])
        for name in ("split", "train_end", "holdout_end")
    )
    windows = Windows(trained.as_of, split, None, train_end, holdout_end)
    if again_at is None or again_at <= trained.as_of:
        return Question(trained, windows, trained.payload["data"])
    later = replace(windows, as_of=again_at, holdout_end=again_at - declaration.spec.label.maturity)
    newest = {
        table: declaration.lake.version(table) for table in trained.payload["data"] if table != "features"
    }
    return Question(trained, later, trained.payload["data"] | newest)


def read_holdout(
    declaration: Declaration, question: Question, seen: tuple[datetime, datetime] | None
) -> Holdout:
    """Read the rows that judge.

    Parameters
    ----------
    declaration
        The pipeline.
    question
        What is asked.
    seen
        First and last moment of the rows that the champion was trained on; None without one.
    """
    columns, task = declaration.time_columns, question.trained.payload["task"]
    table = labelled_rows(declaration, "training_data", question.data)
    rows = holdout_rows(table, question.windows, columns).collect()
    labels = target(rows, declaration.spec, task)
    labelled = rows.filter(pl.Series(~np.isnan(labels)))
    unseen = labelled
    if seen is not None:
        unseen = labelled.filter(~pl.col(columns.timestamp).is_between(*seen))
    unseen = unseen.sort(columns.timestamp, "partition_key", "row_id")
    spec = declaration.spec
    unseen = with_derived(unseen, [*spec.evaluation.slices, spec.evaluation.block_column], spec)
    return Holdout(
        unseen,
        target(unseen, declaration.spec, task),
        labelled.height - unseen.height,
    )
