"""The source of labels that come from elsewhere: which of its partitions are new or have changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.spec import LabelSourceSpec, PipelineSpec, load_spec
from retrain_assets.spec.source import NOT_READING
from retrain_assets.training_data.pending import PARTITIONS_A_TICK, TRIED_AGAIN_AFTER, tells_no_change
from retrain_assets.training_data.sources.source import Source, open_source
from retrain_assets.windows import Partitions

_OWN = {"source.timestamp": "known_at", "label.column": "column"}
_FIELDS = re.compile(
    r"\b(?<!label\.)(source|label)\.(timestamp|column|key|path|url|table|query|function|updated_at|start|read|partition)\b"
)


@dataclass(frozen=True)
class LabelFeed:
    """The declared source of labels, read as any source of rows is: a label's time is when it became known.

    Parameters
    ----------
    declaration
        The pipeline, with ``label.source``.
    declared
        That block.
    """

    declaration: Declaration
    declared: LabelSourceSpec

    @classmethod
    def of(cls, declaration: Declaration) -> LabelFeed | None:
        """The feed of a pipeline; None where its labels come with the rows."""
        declared = declaration.spec.label.source
        return None if declared is None else cls(declaration, declared)

    @property
    def key(self) -> str:
        """Column that names the row which a label is of."""
        return self.declared.key or str(self.declaration.spec.source.key)

    @property
    def column(self) -> str:
        """Column of the label's value."""
        return self.declared.column or self.declaration.spec.label.column

    @property
    def partitions(self) -> Partitions:
        """The periods by which labels are taken in."""
        return Partitions(self.declared.partition, self.declaration.spec.timezone)

    @cached_property
    def spec(self) -> PipelineSpec:
        """The feed as the declaration of a source of rows."""
        address = self.declared.model_dump(exclude={"key", "column", "known_at"}, exclude_unset=True)
        spec = self.declaration.spec
        given = {"missing_after": spec.label.missing_after, "missing_value": spec.label.missing_value}
        missing = {} if spec.label.missing_after is None else given
        attributes = {
            "name": spec.name,
            "timezone": spec.timezone,
            "source": address | {"key": self.key, "timestamp": self.declared.known_at},
            "label": {"column": self.column, "delay": spec.label.delay} | missing,
        }
        return load_spec(attributes, "label.source")

    def told(self, sentence: str) -> str:
        """Name the fields of ``label.source`` in a sentence about the source of rows that it is read as."""
        return _FIELDS.sub(lambda found: f"label.source.{_OWN.get(found[0], found[2])}", sentence)

    def rules(self) -> str:
        """Identity of all that decides what a delivery says; when it is read, and a password, are none of it."""
        declared = self.declared.model_dump(mode="json", exclude=NOT_READING)
        timezone = self.declaration.spec.timezone
        return hashlib.sha256(json.dumps([declared, timezone], sort_keys=True).encode()).hexdigest()[:16]

    def types(self) -> dict[str, pl.DataType]:
        """Types of the columns: of the key that of the rows' key, of the value that of the labels taken in before."""
        rows = self.declaration.lake.schema("training_data") or {}
        labels = self.declaration.lake.schema("labels") or {}
        key = rows.get(str(self.declaration.spec.source.key), pl.Null())
        return {
            self.key: key,
            self.column: labels.get("value", pl.Null()),
            self.declared.known_at: pl.Datetime("us", "UTC"),
        }

    def has_labels(self) -> bool:
        """Whether labels were taken in that were read from the declared columns."""
        labels = self.declaration.lake.scan("labels").filter(pl.col("read_as") == self.declared.read_as)
        return not labels.head(1).collect().is_empty()

    def source(self) -> Source:
        """Open the source; nothing is read yet."""
        return open_source(self.spec, self.declaration.file.parent, self.types())


@dataclass(frozen=True)
class PendingLabels:
    """Labels that the feed holds and the lake does not.

    Parameters
    ----------
    fingerprints
        Fingerprint of each partition to take in, oldest first, at most ``PARTITIONS_A_TICK``.
    cursor
        A cache of the source's; losing it costs time only.
    """

    fingerprints: Mapping[str, str]
    cursor: str


def pending_labels(feed: LabelFeed, now: datetime, cursor: str | None = None) -> PendingLabels:
    """Compare the feed with what was taken in, by the fingerprints of its complete partitions.

    Parameters
    ----------
    feed
        The source of labels.
    now
        The wall clock: only a partition whose period is over is complete.
    cursor
        What the last look returned.

    Raises
    ------
    SourceError
        When the source cannot be reached or read.
    """
    source, partitions = feed.source(), feed.partitions
    start = partitions.key_of_day(feed.declared.start or feed.declaration.first_day())
    keys = partitions.complete(partitions.bounds(start)[0], now.astimezone(UTC), feed.declared.complete_after)
    known = _recorded(feed, now)
    found = source.fingerprints(partitions, keys, known, cursor)
    new = sorted(key for key, value in found.by_key.items() if known.get(key) != value)
    return PendingLabels({key: found.by_key[key] for key in new[:PARTITIONS_A_TICK]}, found.cursor)


def _recorded(feed: LabelFeed, now: datetime) -> dict[str, str]:
    """Fingerprint of each partition as it was last read by the present declaration.

    What could not be read is read again after a while where the source cannot tell that it was mended.
    """
    read = feed.declaration.lake.scan("label_deliveries").filter(
        pl.col("fingerprint") != "", pl.col("declaration") == feed.rules()
    )
    if tells_no_change(feed.spec):
        read = read.filter(pl.col("problem").is_null() | (pl.col("read_at") > now - TRIED_AGAIN_AFTER))
    return dict(read.select("partition_key", "fingerprint").collect().iter_rows())
