"""Partitions whose realised quality is known for the first time, or is another one than was told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from retrain_assets.lake import Lake
from retrain_assets.lake_tables import SCHEMAS

_TABLE = "told_quality"


@dataclass(frozen=True)
class Quality:
    """How well a partition's own rows were scored.

    Parameters
    ----------
    metric
        Name of the metric; None of a figure that was recorded without it.
    value
        The figure, in the metric's unit.
    """

    metric: str | None
    value: float

    def is_told_by(self, told: Quality) -> bool:
        """Whether another figure says the same; one without its metric is taken for one of the same metric."""
        # Rows are read in another order each time, which moves the last digits.
        same = math.isclose(told.value, self.value, rel_tol=1e-9, abs_tol=1e-12)
        return same and told.metric in (None, self.metric)


Realised = dict[str, Quality]


def told_before(lake: Lake) -> Realised:
    """Read the quality of each partition's own rows that was told last, by key.

    The life page tells it too, but others write that as well, before anything was told.
    """
    # A table that was written without metrics lacks their column.
    rows = pl.concat([pl.DataFrame(schema=SCHEMAS[_TABLE]), lake.read(_TABLE)], how="diagonal")
    return {
        key: Quality(metric, value)
        for key, metric, value in rows.select("partition_key", "metric", "quality").iter_rows()
    }


def record_told(lake: Lake, told: Realised) -> None:
    """Record what was told; a crash between the two tells it twice, and the other way round never."""
    rows = [
        {"partition_key": key, "metric": quality.metric, "quality": quality.value}
        for key, quality in told.items()
    ]
    lake.replace_partitions(_TABLE, pl.DataFrame(rows, schema=SCHEMAS[_TABLE]), list(told))


def realised_of(life: Mapping[str, Any]) -> Realised:
    """Quality of each partition's own rows in a model's life, by key; those without any are left out."""
    return {
        part["key"]: Quality(life["metric"], part["realised"])
        for part in life["partitions"]
        if part.get("realised") is not None
    }


def newly_realised(before: Realised, after: Realised) -> Realised:
    """Find what has become known or has changed.

    Parameters
    ----------
    before
        What was told.
    after
        What is known.
    """
    return {
        key: quality
        for key, quality in after.items()
        if key not in before or not quality.is_told_by(before[key])
    }


def why_told(before: Quality | None, after: Quality) -> str:
    """Say why a partition's quality is news, as a sentence.

    Parameters
    ----------
    before
        What was told of the partition last; None where nothing was.
    after
        What is known.
    """
    if before is None:
        return "Labels of this partition's own rows have come in since its report."
    if before.metric is None:
        return (
            "This figure is another one than was told, which was recorded without its metric: either that has "
            "changed, or labels were corrected or came later."
        )
    if before.metric != after.metric:
        return (
            f"The first declared metric is {after.metric}, and this partition was told in {before.metric}: that "
            "the figure is another one does not say that labels have changed."
        )
    return "This figure has changed since it was told: labels were corrected or came later."
