"""How many of the rows that are old enough have a label."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import kept_labels
from retrain_assets.spec import format_duration

LEAST_SHARE = 0.5
"""Where a missing label has no value, labels of fewer rows than this share are told: the keys may not fit."""


@dataclass(frozen=True)
class JoinedLabels:
    """The newest rows that count, and how many of them have a label.

    Parameters
    ----------
    mature
        Rows that became old enough within the last holdout's length.
    labelled
        Those of them with a label that was known at the data clock.
    enough
        Whether so many labels are no reason for doubt.
    sentence
        The same in words, and how many labels are of no row.
    """

    mature: int
    labelled: int
    enough: bool
    sentence: str


def joined_labels(declaration: Declaration) -> JoinedLabels:
    """Look how many of the newest mature rows have a label as of the end of the newest partition.

    Parameters
    ----------
    declaration
        The pipeline, with ``label.source``.
    """
    lake, spec = declaration.lake, declaration.spec
    if declaration.newest_partition() is None:
        return JoinedLabels(0, 0, enough=True, sentence="No rows have been taken in yet.")
    clock, time = declaration.data_clock(), pl.col(spec.source.timestamp)
    holdout = spec.evaluation.holdout
    end = clock - spec.label.maturity
    rows = lake.scan("training_data")
    labels, key = kept_labels(declaration), pl.col(str(spec.source.key)).alias("key")
    mature = rows.filter(time <= end, time < clock, time > end - holdout).select(key).unique()
    known = labels.filter(pl.col("known_at") <= clock).sort("known_at", "delivery")
    known = known.unique("key", keep="last", maintain_order=True).filter(pl.col("value").is_not_null())
    strange = labels.join(rows.select(key), on="key", how="anti").select(pl.col("key").n_unique())
    counts = [mature.select(pl.len()), mature.join(known, on="key", how="semi").select(pl.len()), strange]
    total, labelled, strangers = (found.item() for found in pl.collect_all(counts))
    least = 0 if spec.label.missing_after is not None else LEAST_SHARE * total
    enough = total == 0 or (labelled > 0 and labelled >= least)
    said = (
        f"Of the {total:,} rows that reached the age of {format_duration(spec.label.maturity)} in the "
        f"{format_duration(holdout)} before {clock:%Y-%m-%d %H:%M} UTC, {labelled:,} have a label"
        f"{f' ({labelled / total:.1%})' if total else ''}."
    )
    if not enough:
        said += " Look whether label.source.key names the rows as source.key does, and at label.delay."
    if strangers:
        said += f" The labels of {strangers:,} keys are of no row that was taken in."
    return JoinedLabels(total, labelled, enough, said)
