"""How many rows a retrain would have: counted once for a state of the rows, as a sensor asks twice a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import LABELS, labelled_rows
from retrain_assets.labels import labelled
from retrain_assets.windows import TimeColumns, Windows, mature_rows, resolve_windows, training_rows


@dataclass(frozen=True)
class Counts:
    """Rows of the lake that a decision looks at.

    Parameters
    ----------
    trainable
        Labelled rows of the training window.
    start
        The first of them; None where there are none.
    fresh
        Labelled rows that were not mature yet at the newest attempt.
    """

    trainable: int
    start: datetime | None
    fresh: int


_COUNTED: dict[str, tuple[object, Counts]] = {}
"""By address of a table in this process: what was asked of it last, and the answer."""


def count_rows(declaration: Declaration, now: datetime, seen: datetime | None) -> Counts:
    """Count the rows that can be trained on, and those that are new.

    Parameters
    ----------
    declaration
        The pipeline.
    now
        The data clock.
    seen
        ``as_of`` of the newest attempt; None where there was none.
    """
    spec, lake, columns = declaration.spec, declaration.lake, declaration.time_columns
    rows = labelled_rows(declaration, "training_data")
    usable = labelled(spec, rows.collect_schema())
    windows = resolve_windows(now, spec.label.maturity, spec.evaluation.holdout, spec.training.window)
    tables = ["training_data"] if spec.label.source is None else ["training_data", LABELS]
    handles = [lake.snapshot(table) for table in tables]
    state = [handle and (handle.metadata().id, handle.version()) for handle in handles]
    asked = (state, windows, columns, str(usable), seen)
    known = _COUNTED.get(lake.uri("training_data"))
    if known is None or known[0] != asked:
        known = (asked, _count(rows, usable, windows, columns, seen))
        _COUNTED[lake.uri("training_data")] = known
    return known[1]


def _count(
    rows: pl.LazyFrame, usable: pl.Expr, windows: Windows, columns: TimeColumns, seen: datetime | None
) -> Counts:
    time = pl.col(columns.timestamp)
    trainable = training_rows(rows, windows, columns).filter(usable)
    fresh = mature_rows(rows, windows.as_of, columns).filter(usable)
    if seen is not None:
        fresh = fresh.filter(time > seen - columns.delay)
    counted, new = pl.collect_all(
        [trainable.select(pl.len().alias("rows"), time.min().alias("start")), fresh.select(pl.len())]
    )
    return Counts(counted["rows"].item(), counted["start"].item(), new.item())
