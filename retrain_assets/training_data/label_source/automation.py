"""What the source sensor does about labels that come from elsewhere, when no row is new."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import dagster as dg

from retrain_assets.asset import INGEST_TAG, PIPELINE_TAG
from retrain_assets.automation import FAILED, STATE_TAG, back_off, digest_of
from retrain_assets.declaration import Declaration
from retrain_assets.errors import RetrainError


@dataclass(frozen=True)
class Cursor:
    """The sensor's cursor: the caches of both sources.

    Parameters
    ----------
    rows, labels
        What each source wrote; None before.
    """

    rows: str | None = None
    labels: str | None = None

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Read what :meth:`write` wrote; anything else is an empty cache."""
        try:
            found = json.loads(text) if text else {}
        except ValueError:
            found = {}
        known = isinstance(found, dict) and set(found) == {"rows", "labels"}
        return cls(found["rows"], found["labels"]) if known else cls()

    def write(self) -> str:
        """Write both caches down."""
        return json.dumps({"rows": self.rows, "labels": self.labels})


@dataclass(frozen=True)
class LabelsSeen:
    """What a look at the source of labels came to.

    Parameters
    ----------
    request
        The run to ask for; None where there is nothing to take in, or it has to wait.
    said
        Why it has to wait, as a sentence.
    cursor
        The source's cache.
    """

    request: dg.RunRequest | None
    said: str | None
    cursor: str | None


def look_for_labels(declaration: Declaration, instance: dg.DagsterInstance, cursor: str | None) -> LabelsSeen:
    """Ask for a run where labels are new or changed: one of the newest partition, so that its report is made again.

    Parameters
    ----------
    declaration
        The pipeline.
    instance
        Where its runs are.
    cursor
        What the last look returned.
    """
    from retrain_assets.training_data.label_source.feed import LabelFeed, pending_labels

    feed = LabelFeed.of(declaration)
    if feed is None:
        return LabelsSeen(None, None, None)
    try:
        found = pending_labels(feed, datetime.now(UTC), cursor)
    except RetrainError as error:
        return LabelsSeen(None, feed.told(str(error)), cursor)
    newest = declaration.newest_partition()
    if not found.fingerprints:
        return LabelsSeen(None, None, found.cursor)
    if newest is None:
        return LabelsSeen(None, "Labels are there, and wait for the first rows.", found.cursor)
    state = digest_of(found.fingerprints)
    # What a run that succeeded has left is what it could not read.
    wait = back_off(instance, declaration, state, [*FAILED, dg.DagsterRunStatus.SUCCESS])
    if wait is not None:
        return LabelsSeen(None, wait, found.cursor)
    tags = {PIPELINE_TAG: declaration.name, INGEST_TAG: declaration.name, STATE_TAG: state}
    return LabelsSeen(dg.RunRequest(partition_key=newest, tags=tags), None, found.cursor)
