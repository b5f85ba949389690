"""A sample of a source, read through the source itself so that it is typed as its rows will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from retrain_assets.errors import PartitionError, SpecError
from retrain_assets.spec.number_texts import MISSING, NUMBER, decimal_comma
from retrain_assets.spec.pipeline import PipelineSpec, load_spec
from retrain_assets.spec.profile import Period, kind
from retrain_assets.spec.source import SEPARATORS
from retrain_assets.spec.text_form import code_columns, other_encoding

if TYPE_CHECKING:
    from retrain_assets.training_data.sources.file_access import FileAccess
    from retrain_assets.training_data.sources.source import Source

SAMPLE_ROWS = 200_000


@dataclass(frozen=True)
class Sample:
    """Rows of a source.

    Parameters
    ----------
    rows
        The rows, their timestamps in UTC.
    read
        What had to be declared under ``source.read`` to read them.
    missing
        Columns of numbers in which ``null_values`` stand for no value, those of a table of texts.
    spec
        The declaration that they were read by.
    """

    rows: pl.DataFrame
    read: Mapping[str, Any]
    spec: PipelineSpec
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sampler:
    """A source as far as it is declared yet.

    Parameters
    ----------
    source
        Fields of the ``source`` block, templates resolved.
    label
        Fields of the ``label`` block.
    folder
        The folder of the declaration, which relative paths start at.
    codes
        Columns of CSV files whose digits are codes and no numbers.
    """

    source: Mapping[str, Any]
    label: Mapping[str, Any]
    folder: Path
    codes: tuple[str, ...] = ()

    def sample(self, read: Mapping[str, Any]) -> Sample:
        """Read a sample, and find out how files are encoded, separate columns, write decimals and leave numbers out.

        Parameters
        ----------
        read
            What is known already of ``source.read``.

        Raises
        ------
        SpecError
            When there are no rows, or the timestamps cannot be read.
        SourceError, PartitionError
            When the source cannot be reached or read.
        """
        if "path" not in self.source:
            return self._typed(read)
        read = self._separated(self._decoded(read))
        own = (self.source["timestamp"], self.label["column"])
        codes = [name for name in code_columns(self._access(read)) if name not in own]
        return replace(self, codes=tuple(codes))._typed(read)

    def _typed(self, read: Mapping[str, Any]) -> Sample:
        """Read a sample, and again where texts turn out to be numbers."""
        spec, source = self._open(read)
        rows = _read(spec, source)
        words = {} if "null_values" in read else _missing_words(rows)
        if words:
            again = self._typed({**read, "null_values": sorted(set().union(*words.values()))})
            missing = tuple(name for name in words if again.rows[name].dtype.is_numeric())
            # Only CSV knows such words: of other files they are as much text as before.
            return replace(again, missing=missing) if missing else Sample(rows, read, spec)
        if "separator" in read and "decimal" not in read and any(map(decimal_comma, rows)):
            return self._typed({**read, "decimal": ","})
        return Sample(rows, read, spec)

    def _decoded(self, read: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is known, with the encoding where it is not UTF-8."""
        found = other_encoding(self._access(read))
        return read if found is None else {**read, "encoding": found}

    def _access(self, read: Mapping[str, Any]) -> FileAccess:
        from retrain_assets.training_data.sources.file_access import FileAccess

        return FileAccess(self._open(read)[0], self.folder, {})

    def _separated(self, read: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is known, with the separator by which there is the timestamp, or by which there are most columns."""
        problem: PartitionError | None = None
        most, chosen = 0, read
        for separator in SEPARATORS:
            other = read if separator == SEPARATORS[0] else {**read, "separator": separator}
            try:
                names = self._open(other)[1].columns() or {}
            except PartitionError as error:
                problem = problem or error
                continue
            if self.source["timestamp"] in names:
                return other
            if len(names) > most:
                most, chosen = len(names), other
        if problem is not None and not most:
            raise problem
        return chosen

    def columns(self) -> dict[str, bool]:
        """Names of the source's columns, and whether each looks like a time by its type or its first rows.

        Raises
        ------
        SpecError
            When there are no rows.
        SourceError, PartitionError
            When the source cannot be reached or read.
        """
        read = self._separated(self._decoded({})) if "path" in self.source else {}
        source = self._open(read)[1]
        rows = source.head(list(source.columns() or {}))
        if rows is None or not rows.width:
            raise SpecError(_no_rows(source))
        return {column.name: kind(column) == "time" for column in rows.get_columns()}

    def partition(self, wanted: Period, read: Mapping[str, Any]) -> Period:
        """The wanted period, or the next longer one that the path can name."""
        periods: tuple[Period, ...] = get_args(Period)
        start = periods.index(wanted)
        for period in (*periods[start:], *periods[:start][::-1]):
            try:
                self._opened(period, read)
            except SpecError:
                continue
            return period
        return wanted

    def _open(self, read: Mapping[str, Any]) -> tuple[PipelineSpec, Source]:
        """Open the source by weeks where its path allows it: days are many, months may be large."""
        problem: SpecError | None = None
        for period in ("weekly", "daily", "monthly"):
            try:
                return self._opened(period, read)
            except SpecError as error:
                problem = problem or error
        raise problem or SpecError("The source cannot be opened.")

    def _opened(self, period: str, read: Mapping[str, Any]) -> tuple[PipelineSpec, Source]:
        from retrain_assets.training_data.sources.source import open_source

        source = {**self.source, "partition": period, "read": read}
        features = {"categorical": list(self.codes)} if self.codes else {}
        attributes = {"name": "sample", "source": source, "label": self.label, "features": features}
        spec = load_spec(attributes, "dg scaffold")
        return spec, open_source(spec, self.folder)


def _read(spec: PipelineSpec, source: Source) -> pl.DataFrame:
    """Read partitions, newest first, until enough rows have a label; the newest may have none yet."""
    from retrain_assets.training_data.sources.timestamps import to_utc
    from retrain_assets.windows import Partitions

    timestamp, label = spec.source.timestamp, spec.label.column
    partitions = Partitions(spec.source.partition, spec.timezone)
    first, last = source.earliest(), source.latest()
    if first is None or last is None:
        raise SpecError(_nothing(source, timestamp))
    # A mistyped year may be the last of the calendar; what lies ahead is not taken in.
    last = min(last, max(first, datetime.now(UTC)))
    keys = partitions.keys_between(first, last + timedelta(microseconds=1))
    frames: list[pl.DataFrame] = []
    problems: list[str] = []
    labelled, many = 0, 1
    while keys and labelled < SAMPLE_ROWS:
        # Each look at a file of many partitions reads all of it: hence twice as many every time.
        keys, chosen = keys[:-many], keys[-many:]
        many *= 2
        for delivery in source.read(partitions, chosen):
            if delivery.frame is None:
                problems.append(str(delivery.problem))
                continue
            frames.append(delivery.frame)
            if label in delivery.frame.columns:
                labelled += delivery.frame[label].count()
    if not frames:
        raise SpecError(problems[0])
    rows = pl.concat(frames, how="diagonal_relaxed")
    if timestamp not in rows.columns:
        return rows
    form = spec.source.read.timestamp_format
    # A mistyped time is told when its period is taken in; here it must not hide all other rows.
    times = to_utc(rows[timestamp], spec.timezone, source.address, text_format=form, strict=False)
    return rows.with_columns(times)


def _nothing(source: Source, timestamp: str) -> str:
    from retrain_assets.training_data.sources.timestamps import unreadable

    head = source.head([timestamp]) if timestamp in (source.columns() or {}) else None
    if head is not None and head[timestamp].count():
        return (
            f"{source.address}: no value of the column {timestamp!r} can be read as a time; "
            f"{unreadable(head[timestamp])}. Give its form with --timestamp-format, or another column."
        )
    return _no_rows(source)


def _no_rows(source: Source) -> str:
    if source.nothing() is not None:
        return f"{source.address}: there is no such file. Check --path."
    return f"{source.address}: there are no rows to look at. Check the address."


def _missing_words(rows: pl.DataFrame) -> dict[str, set[str]]:
    """Words that stand for no value, by the column of texts that holds nothing else but numbers."""
    found = {}
    for column in rows.select(pl.selectors.string()).get_columns():
        texts = set(column.drop_nulls().unique())
        words = {text for text in texts if not NUMBER.match(text)}
        if words and words < texts and words <= MISSING:
            found[column.name] = words
    return found
