"""Taking labels in: every delivered label is kept, so that what was known at a moment can be read for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.labelled_rows import kept_labels
from retrain_assets.lake_tables import SCHEMAS
from retrain_assets.training_data.conform import conform
from retrain_assets.training_data.ingest import ROWS_A_COMMIT
from retrain_assets.training_data.label_source.feed import LabelFeed, pending_labels
from retrain_assets.training_data.sources.delivery import Delivery


@dataclass(frozen=True)
class LabelsTaken:
    """What became of one delivered partition of labels.

    Parameters
    ----------
    key
        The partition.
    new
        Labels, and withdrawals of labels, that were not on record.
    unusable
        Rows without a key or a time, or without a value of a row that had no label before; they are left out.
    problem
        Why the delivery cannot be read, as a sentence.
    withdrawn
        How many of ``new`` take a label back.
    """

    key: str
    new: int
    unusable: int
    problem: str | None
    withdrawn: int = 0


def take_labels(declaration: Declaration, run_id: str) -> list[LabelsTaken]:
    """Take in what the source of labels holds and the lake does not, oldest first.

    Nothing is replaced or removed: a label that is delivered again otherwise is one more row, which readers as of its
    ``known_at`` and later take; without a value it takes the label back. One that a delivery lacks which had it
    before stays.

    Parameters
    ----------
    declaration
        The pipeline.
    run_id
        The run to name beside the labels.

    Returns
    -------
    list of LabelsTaken
        Empty where labels come with the rows, while no rows are in, and where nothing is new. A source that cannot
        be reached is one entry with the problem: rows do not wait for their labels.
    """
    feed = LabelFeed.of(declaration)
    if feed is None or declaration.lake.schema("training_data") is None:
        return []
    taken: list[LabelsTaken] = []
    waiting: list[_Delivered] = []
    try:
        found = pending_labels(feed, datetime.now(UTC))
        deliveries = (
            feed.source().read(feed.partitions, list(found.fingerprints)) if found.fingerprints else ()
        )
        for number, delivery in enumerate(deliveries, _next_number(feed)):
            before = [item.labels for item in waiting if item.labels.height]
            waiting.append(_delivered(feed, delivery, before, number, run_id))
            if sum(item.labels.height for item in waiting) >= ROWS_A_COMMIT:
                taken += _commit(feed, waiting)
                waiting = []
    except SourceError as error:
        # A source that fails half-way has delivered good partitions before.
        return [*taken, *_commit(feed, waiting), LabelsTaken("", 0, 0, feed.told(str(error)))]
    return [*taken, *_commit(feed, waiting)]


@dataclass(frozen=True)
class _Delivered:
    """Labels of one partition that are not on record, and its row of the table ``label_deliveries``."""

    labels: pl.DataFrame
    record: dict[str, Any]


def _delivered(
    feed: LabelFeed, delivery: Delivery, before: Sequence[pl.DataFrame], number: int, run_id: str
) -> _Delivered:
    now, problem = datetime.now(UTC), delivery.problem
    labels, unusable = pl.DataFrame(schema=SCHEMAS["labels"]), 0
    if delivery.frame is not None:
        try:
            file = ", ".join(delivery.files) or delivery.key
            usable, unusable = _usable(feed, delivery.frame, before, file)
        except PartitionError as error:
            problem = str(error)
        else:
            labels = _unrecorded(feed, usable, delivery.key).select(
                pl.lit(delivery.key).alias("partition_key"),
                *("key", "value", "known_at"),
                pl.lit(feed.declared.read_as).alias("read_as"),
                pl.lit(number, pl.Int64).alias("delivery"),
                pl.lit(now, SCHEMAS["labels"]["seen_at"]).alias("seen_at"),
                pl.lit(run_id).alias("run_id"),
            )
    return _Delivered(
        labels,
        {
            "partition_key": delivery.key,
            "fingerprint": delivery.fingerprint
            if problem is None
            else delivery.whole or delivery.fingerprint,
            "declaration": feed.rules(),
            "new": labels.height,
            "unusable": unusable,
            "problem": None if problem is None else feed.told(problem),
            "delivery": number,
            "run_id": run_id,
            "read_at": now,
        },
    )


def _commit(feed: LabelFeed, delivered: Sequence[_Delivered]) -> list[LabelsTaken]:
    lake, fresh = feed.declaration.lake, [item.labels for item in delivered if item.labels.height]
    if fresh:
        # First, as labels that a run which died here has left are not new to the next one.
        _reopen_later(feed, min(item.record["partition_key"] for item in delivered if item.labels.height))
        lake.append("labels", pl.concat(fresh))
    # Last, so that a crash before this line makes the partition be read again, which adds nothing twice.
    records = pl.DataFrame([item.record for item in delivered], schema=SCHEMAS["label_deliveries"])
    lake.replace_partitions("label_deliveries", records, records["partition_key"].to_list())
    return [
        LabelsTaken(
            item.record["partition_key"],
            item.record["new"],
            item.record["unusable"],
            item.record["problem"],
            item.labels["value"].null_count(),
        )
        for item in delivered
    ]


def _reopen_later(feed: LabelFeed, key: str) -> None:
    """Let partitions be read again in which a value was missing, of a label that has come after it: it was withdrawn."""
    lake = feed.declaration.lake
    later = (pl.col("partition_key") > key) & (pl.col("unusable") > 0)
    again = lake.scan("label_deliveries").filter(later).with_columns(fingerprint=pl.lit("")).collect()
    lake.replace_partitions("label_deliveries", again, again["partition_key"].to_list())


def _next_number(feed: LabelFeed) -> int:
    """Deliveries are ordered by number, as a clock may be put back."""
    numbers = [
        feed.declaration.lake.scan(table).select(pl.col("delivery").max()).collect().item()
        for table in ("labels", "label_deliveries")
    ]
    return 1 + max((number for number in numbers if number is not None), default=0)


def _usable(
    feed: LabelFeed, frame: pl.DataFrame, before: Sequence[pl.DataFrame], file: str
) -> tuple[pl.DataFrame, int]:
    """Labels and withdrawals of a delivery, and the number of its rows that are none.

    Of several labels that became known of a row at one moment the last in the delivery counts.
    """
    columns = {"key": feed.key, "value": feed.column, "known_at": feed.declared.known_at}
    # Whatever else the file holds is nobody's business, but names what a missing column may be called.
    whole = set(columns.values()) <= set(frame.columns)
    own = conform(frame.select(columns.values()) if whole else frame, feed.types(), feed.spec, file)
    named = own.select(pl.col(name).alias(role) for role, name in columns.items())
    named = named.with_columns(pl.selectors.float().fill_nan(None)).drop_nulls(["key", "known_at"])
    labels = _without_idle_nulls(feed, named, before)
    unusable = own.height - labels.height
    return labels.unique(["key", "known_at"], keep="last", maintain_order=True), unusable


def _without_idle_nulls(feed: LabelFeed, named: pl.DataFrame, before: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Leave out what has no value and takes no label back, as none of its row was known by then.

    A label may be on record, in an earlier delivery that is not yet, or in the same one.
    """
    empty = named.filter(pl.col("value").is_null())
    if empty.is_empty():
        return named
    of = ["key", "known_at"]
    labels = [
        kept_labels(feed.declaration).filter(pl.col("value").is_not_null()).select(of),
        *(part.lazy().filter(pl.col("value").is_not_null()).select(of) for part in [*before, named]),
    ]
    first = (
        pl.concat(labels, how="vertical_relaxed")
        .join(empty.lazy().select("key"), on="key", how="semi")
        .group_by("key")
        .agg(pl.col("known_at").min().alias("first"))
        .collect()
    )
    joined = named.join(first, on="key", how="left", maintain_order="left")
    takes_back = pl.col("first").is_not_null() & (pl.col("first") <= pl.col("known_at"))
    return joined.filter(pl.col("value").is_not_null() | takes_back).drop("first")


def _unrecorded(feed: LabelFeed, labels: pl.DataFrame, key: str) -> pl.DataFrame:
    """Labels that differ from the one that readers take of the same row and moment."""
    same = ["key", "known_at"]
    recorded = (
        kept_labels(feed.declaration)
        .filter(pl.col("partition_key") == key)
        .sort("delivery")
        .unique(same, keep="last", maintain_order=True)
        .select(*same, pl.col("value").alias("recorded"), pl.lit(value=True).alias("known"))
        .collect()
    )
    joined = labels.join(recorded, on=same, how="left", maintain_order="left")
    differs = pl.col("known").is_null() | pl.col("recorded").ne_missing(pl.col("value"))
    return joined.filter(differs).drop("recorded", "known")
