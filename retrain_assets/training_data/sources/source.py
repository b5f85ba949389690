"""What a source is: whatever can say which partitions changed, and deliver their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints
from retrain_assets.windows import Partitions


class Source(Protocol):
    """Where labelled rows come from."""

    @property
    def address(self) -> str:
        """Where it is, for messages; never with a password."""

    def columns(self) -> dict[str, pl.DataType] | None:
        """Tell names and types of the columns; None where that cannot be known cheaply.

        A column without any value yet has the type ``Null``.

        Raises
        ------
        PartitionError
            When none of the newest files can be read.
        SourceError
            When the source cannot be reached.
        """

    def head(self, columns: Sequence[str]) -> pl.DataFrame | None:
        """Read a thousand rows at most, of a few columns, typed as all will be; None where that is not cheap."""

    def nothing(self) -> str | None:
        """Say in a sentence that no file is there yet; None where one is, or where rows come from elsewhere."""

    def earliest(self) -> datetime | None:
        """Find a moment (UTC) in the earliest partition that has rows; None for an empty source."""

    def latest(self) -> datetime | None:
        """Find a moment (UTC) in the latest partition that has rows; None for an empty source."""

    def fingerprints(
        self,
        partitions: Partitions,
        keys: Sequence[str],
        known: Mapping[str, str],
        cursor: str | None,
    ) -> Fingerprints:
        """Fingerprint each of the partitions that has content.

        Parameters
        ----------
        partitions
            The periods.
        keys
            The complete partitions that may exist now.
        known
            Fingerprint of each partition when it was last read.
        cursor
            What the last look returned.

        Raises
        ------
        SourceError
            When the source cannot be reached or read.
        """

    def read(self, partitions: Partitions, keys: Sequence[str]) -> Iterator[Delivery]:
        """Deliver partitions, oldest first; one that cannot be read is delivered with its problem.

        Raises
        ------
        SourceError
            When the source cannot be reached.
        """


def open_source(spec: PipelineSpec, base: Path, schema: Mapping[str, pl.DataType] | None = None) -> Source:
    """Open the declared source; nothing is read yet.

    Parameters
    ----------
    spec
        The declaration.
    base
        The folder that relative paths start at.
    schema
        Types of the columns that were taken in before. CSV has no types of its own: a column that was text
        stays text, even where one file holds nothing but digits.

    Raises
    ------
    SpecError
        When the declared address has no valid form.
    """
    if spec.source.path is not None:
        from retrain_assets.training_data.sources.file_access import FileAccess
        from retrain_assets.training_data.sources.partition_files import PartitionFiles
        from retrain_assets.training_data.sources.whole_files import WholeFiles

        access = FileAccess(spec, base, schema or {})
        return PartitionFiles(spec, access) if access.pattern.partitioned else WholeFiles(spec, access)
    if spec.source.url is not None:
        from retrain_assets.training_data.sources.sql_source import SqlSource

        return SqlSource(spec, base)
    from retrain_assets.training_data.sources.python_function import FunctionSource

    return FunctionSource(spec)
