"""A source that is a table or a query of a database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.sources.delivery import Delivery, Fingerprints
from retrain_assets.training_data.sources.emptiness import check_earliest
from retrain_assets.training_data.sources.sql_database import Database
from retrain_assets.training_data.sources.sql_relation import Content, Relation
from retrain_assets.windows import Partitions


class SqlSource:
    """A table, or a query with ``:start`` and ``:end``.

    With ``updated_at`` a changed row is found by the time at which it was written. A deleted row leaves no
    such trace: it is noticed when another row of its partition is written. So is a row that was committed
    late, with a time of writing before the newest one on record. Without ``updated_at`` each partition is
    read once.

    Parameters
    ----------
    spec
        The declaration.
    base
        The folder that the relative path of an SQLite file starts at.

    Raises
    ------
    SpecError
        When the address has no valid form.
    """

    def __init__(self, spec: PipelineSpec, base: Path) -> None:
        self._database = Database(str(spec.source.url), spec.timezone, base)
        self._relation = Relation(spec, self._database)
        self._table = spec.source.table
        self._updates = spec.source.updated_at is not None
        self._start = spec.source.start

    @property
    def address(self) -> str:
        """Database and table, every secret masked."""
        return f"{self._database.address}, {f'table {self._table}' if self._table else 'query'}"

    def columns(self) -> dict[str, pl.DataType] | None:
        """Read names and types, by the first thousand rows."""
        with self._database.connect() as connection:
            return dict(self._relation.head(connection, 1000).schema)

    def head(self, columns: Sequence[str]) -> pl.DataFrame | None:
        """Read a thousand rows of a table; a query may cost too much to be asked for them."""
        if self._table is None:
            return None
        with self._database.connect() as connection:
            return self._relation.head(connection, 1000).select(columns)

    def nothing(self) -> str | None:
        """None: a database has no files."""
        return None

    def earliest(self) -> datetime | None:
        """Find the earliest timestamp, UTC."""
        with self._database.connect() as connection:
            return self._earliest(connection)

    def latest(self) -> datetime | None:
        """Find the latest timestamp, UTC."""
        with self._database.connect() as connection:
            return self._relation.extremes(connection)[1]

    def fingerprints(
        self, partitions: Partitions, keys: Sequence[str], known: Mapping[str, str], cursor: str | None
    ) -> Fingerprints:
        """Tell the rows and the newest write of each partition that is new or was written to."""
        keys = sorted(keys)
        by_key = {key: known[key] for key in keys if key in known}
        with self._database.connect() as connection:
            touched, state = self._touched(connection, partitions, keys, known, cursor)
            look = sorted({key for key in keys if key not in known} | touched)
            contents = self._relation.contents(connection, partitions, look)
            older = self._older(connection, partitions, keys)
            contents |= self._relation.contents(connection, partitions, older)
        for key in [*older, *look]:
            by_key.pop(key, None)
            if key in contents:
                by_key[key] = contents[key].write()
        # As long as a change is not taken in, every look has to find it again.
        settled = all(by_key.get(key) == known[key] for key in touched)
        return Fingerprints(by_key, state if settled else "")

    def _earliest(self, connection: sa.Connection) -> datetime | None:
        found = self._relation.extremes(connection)[0]
        check_earliest(found, self._start, self.address)
        return found

    def _older(self, connection: sa.Connection, partitions: Partitions, keys: Sequence[str]) -> list[str]:
        """Tell the earliest partition, where it lies before all that were asked for and no start is declared."""
        if self._start is not None or not keys:
            return []
        earliest = self._earliest(connection)
        key = keys[0] if earliest is None else partitions.key_of(earliest)
        return [key] if key < keys[0] else []

    def read(self, partitions: Partitions, keys: Sequence[str]) -> Iterator[Delivery]:
        """Deliver each partition by one statement."""
        for key in sorted(keys):
            with self._database.connect() as connection:
                before = self._relation.contents(connection, partitions, [key])
                frame = self._relation.rows(connection, *partitions.bounds(key))
                after = self._relation.contents(connection, partitions, [key])
            content = after.get(key, Content(0))
            if before == after and frame.height == content.rows:
                yield Delivery(key, frame, (self.address,), content.write())
            else:
                problem = (
                    f"Partition {key}: {self.address} changed while it was read; it is read again at the "
                    "next "
                    "tick."
                )
                yield Delivery(key, None, (self.address,), "", problem)

    def _touched(
        self,
        connection: sa.Connection,
        partitions: Partitions,
        keys: Sequence[str],
        known: Mapping[str, str],
        cursor: str | None,
    ) -> tuple[set[str], str]:
        """Known partitions with rows written since the newest write on record, that moment included."""
        contents = [content for text in known.values() if (content := Content.read(text)) is not None]
        newest = max(
            (content for content in contents if content.updated is not None),
            key=lambda content: content.order,
            default=None,
        )
        if not self._updates or newest is None or not keys:
            return set(), ""
        bounds = partitions.bounds(keys[0])[0], partitions.bounds(keys[-1])[1]
        written = self._relation.written(connection, newest.updated, *bounds)
        # Rows of a bulk load share their moment of writing: without new ones they need no second look.
        state = json.dumps([Content(written.rows, newest.updated).write(), written.write()])
        if state == cursor:
            return set(), state
        moments = self._relation.times_written(connection, newest.updated, *bounds).to_frame("time")
        touched = moments.select(partitions.key_expr("time")).to_series().unique()
        return set(touched) & set(keys) & set(known), state
