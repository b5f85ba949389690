"""How the losses of two models differed on past days: what says whether days are alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from retrain_assets.arrays import FloatArray
from retrain_assets.attempts import attempt_of_version
from retrain_assets.champion.standing import first_champion
from retrain_assets.comparison import Criterion
from retrain_assets.comparison.estimator_choice import LEAST_PAST_DAYS
from retrain_assets.declaration import Declaration
from retrain_assets.errors import TrainingError
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.labels import target
from retrain_assets.scores import SCORE, score_schema, scores_of
from retrain_assets.windows import mature_rows

DAYS = 2 * LEAST_PAST_DAYS
"""So many days before the holdout are looked at."""
LEAST_DAYS_OF_A_VERSION = 7
"""The level of fewer days would follow them."""
DAY = timedelta(days=1)
_IDENTITY = ["partition_key", "row_id"]
_FIRST = "retrain_first_score"
_DAY = "retrain_day"


def past_loss_differences(
    declaration: Declaration, criterion: Criterion, task: str, *, split: datetime, as_of: datetime
) -> FloatArray | None:
    """Read the daily loss differences of two models that scored the days before a holdout.

    The models are the serving champion and the first champion, where both scored on at least 56 days, else
    the serving champion and the constant that is the baseline of its training. Each serving champion makes
    another pair, with a level of its own, and a step from one level to the next says nothing about whether the
    days of one pair are alike: so each version that served has a row of its own.

    Parameters
    ----------
    declaration
        The pipeline.
    criterion
        What decides; its influence values are the losses.
    task
        What the estimator does.
    split
        Start of the holdout.
    as_of
        The moment of knowledge.

    Returns
    -------
    ndarray of shape (versions, 112) or None
        Days oldest first, up to the split, NaN where another version served and on days without rows. A version
        that served for less than seven days has no row, and a day belongs to the version that scored most of
        it. None where the metric has no influence values or is undefined on these days, or where no version
        scored seven.
    """
    rows = _scored_rows(declaration, criterion.columns, split, as_of)
    if rows is None:
        return None
    rows = rows.filter(pl.Series(~np.isnan(target(rows, declaration.spec, task))))
    both = rows.filter(pl.col(_FIRST).is_not_null())
    by_first = both[_DAY].n_unique() >= LEAST_PAST_DAYS
    chosen = both if by_first else _with_baseline(declaration, rows)
    if chosen.is_empty():
        return None
    y = target(chosen, declaration.spec, task)
    try:
        ours, theirs = (
            criterion.metric.measure(y, criterion.of(chosen, y, scores_of(chosen[score])))[1]
            for score in ("score", _FIRST)
        )
    except TrainingError:
        return None
    if ours is None or theirs is None:
        return None
    return _by_version(chosen.with_columns(difference=ours - theirs))


def _by_version(rows: pl.DataFrame) -> FloatArray | None:
    """Daily means, shape (versions, 112), of the versions that served on seven days or more; None without any."""
    served = (
        rows.group_by(_DAY, "model_version")
        .agg(pl.col("difference").mean(), pl.len().alias("rows"))
        .sort("rows", "model_version", descending=True)
        .unique(_DAY, keep="first", maintain_order=True)
        .filter(pl.len().over("model_version") >= LEAST_DAYS_OF_A_VERSION)
    )
    if served.is_empty():
        return None
    versions, row = np.unique(served["model_version"].to_numpy(), return_inverse=True)
    series = np.full((versions.size, DAYS), np.nan)
    series[row, served[_DAY].to_numpy()] = served["difference"].to_numpy()
    return series


def _scored_rows(
    declaration: Declaration, columns: Sequence[str] | None, split: datetime, as_of: datetime
) -> pl.DataFrame | None:
    """Label-mature rows of the days before the split, with the serving champion's score and the first one's.

    Some columns of theirs, or all.
    """
    lake, time = declaration.lake, declaration.spec.source.timestamp
    if not lake.exists("predictions") or "score" not in (lake.schema("predictions") or {}):
        return None
    first = first_champion(declaration.ledger.entries())
    begin = split - DAYS * DAY
    rows = (
        mature_rows(labelled_rows(declaration, "training_data"), as_of, declaration.time_columns)
        .filter(pl.col(time) >= begin, pl.col(time) < split)
        .select(
            pl.all() if columns is None else pl.col(*{*_IDENTITY, declaration.spec.label.column, *columns}),
            (pl.col(time) - begin).dt.total_days().alias(_DAY),
        )
        .join(lake.scan("predictions").select(*_IDENTITY, "model_version", "score"), on=_IDENTITY)
    )
    if lake.exists("shadow_predictions"):
        shadow = lake.scan("shadow_predictions").filter(pl.col("model_version") == first)
        rows = rows.join(shadow.select(*_IDENTITY, pl.col("score").alias(_FIRST)), on=_IDENTITY, how="left")
    else:
        rows = rows.with_columns(pl.lit(None, score_schema(declaration.spec)[SCORE]).alias(_FIRST))
    return rows.sort(_DAY, *_IDENTITY).collect()


def _with_baseline(declaration: Declaration, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the baseline of the training of the version that scored them, where that is on record."""
    entries = declaration.ledger.entries()
    baselines: dict[int, float | list[float]] = {}
    for version in rows["model_version"].unique().sort():
        trained = attempt_of_version(declaration.lake, entries, version)
        if trained is not None:
            baselines[version] = trained.payload["baseline"]
    known = rows.filter(pl.col("model_version").is_in(list(baselines)))
    kind = score_schema(declaration.spec)[SCORE]
    table = pl.DataFrame(
        {"model_version": list(baselines), _FIRST: list(baselines.values())},
        schema={"model_version": pl.Int64, _FIRST: kind},
    )
    return known.drop(_FIRST).join(table, on="model_version", how="left", maintain_order="left")
