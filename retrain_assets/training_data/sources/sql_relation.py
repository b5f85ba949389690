"""The declared table or query: its rows between two moments, and what each partition of it holds."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import sqlalchemy as sa

from retrain_assets.errors import PartitionError, SourceError
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.sources.sql_database import Database, read_frame
from retrain_assets.training_data.sources.timestamps import to_utc
from retrain_assets.windows import Partitions

_KEYS_A_STATEMENT = 100
_EVER = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_OFFSET = re.compile(r"[T ]\d{2}:.*(Z|[+-]\d{2}(:?\d{2})?)$")


@dataclass(frozen=True)
class Content:
    """What a partition holds: its rows, and when the newest of them was written."""

    rows: int
    updated: Any = None

    def write(self) -> str:
        """Write it as a fingerprint."""
        updated = self.updated
        if isinstance(updated, datetime):
            moment = updated.astimezone(UTC) if updated.tzinfo else updated
            return json.dumps([self.rows, "time", moment.isoformat(timespec="microseconds")])
        if isinstance(updated, date):
            return json.dumps([self.rows, "date", updated.isoformat()])
        plain = updated is None or isinstance(updated, int | float | str)
        return json.dumps([self.rows, "value", updated if plain else str(updated)])

    @classmethod
    def read(cls, text: str) -> Content | None:
        """Read a fingerprint; None where it is none of a database."""
        try:
            rows, kind, updated = json.loads(text)
        except (ValueError, TypeError):
            return None
        if kind == "time":
            updated = datetime.fromisoformat(updated)
        elif kind == "date":
            updated = date.fromisoformat(updated)
        return cls(rows, updated)

    @property
    def order(self) -> tuple[str, Any]:
        """Sorts contents by the time of writing, whatever its type."""
        aware = isinstance(self.updated, datetime) and self.updated.tzinfo is not None
        return f"{type(self.updated).__name__} {aware}", self.updated


class Relation:
    """The declared table, or the declared query with ``:start`` and ``:end``.

    Parameters
    ----------
    spec
        The declaration.
    database
        Where it is.
    """

    def __init__(self, spec: PipelineSpec, database: Database) -> None:
        self._spec = spec
        self._database = database
        self._zone = ZoneInfo(spec.timezone)
        self._stored_in_utc: bool | None = None
        self._separator = " "
        self._time: sa.ColumnClause[Any] = sa.column(spec.source.timestamp)
        updated = spec.source.updated_at
        self._updated: sa.ColumnElement[Any] = sa.column(updated) if updated else sa.null()
        self._written_since = self._updated >= sa.bindparam("since")

    @property
    def _from(self) -> sa.TableClause | sa.TextClause:
        source = self._spec.source
        if source.query is not None:
            query = source.query.strip().rstrip(";")
            return sa.text(f"(\n{query}\n) AS source_rows")
        schema, _, name = str(source.table).rpartition(".")
        return sa.table(name, schema=schema or None)

    def head(self, connection: sa.Connection, rows: int) -> pl.DataFrame:
        """Read some rows."""
        statement: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(self._from).limit(rows)
        return read_frame(connection, statement, self._span(connection, *_EVER))

    def rows(self, connection: sa.Connection, start: datetime, end: datetime) -> pl.DataFrame:
        """Read the rows of ``[start, end)``."""
        low, high = self._moments(connection, start, end)
        statement: sa.Select[Any] = (
            sa.select(sa.literal_column("*"))
            .select_from(self._from)
            .where(self._time >= sa.bindparam("low"), self._time < sa.bindparam("high"))
        )
        return read_frame(
            connection, statement, {"low": low, "high": high} | self._span(connection, start, end)
        )

    def extremes(self, connection: sa.Connection) -> tuple[datetime | None, datetime | None]:
        """First and last timestamp, UTC."""
        statement = sa.select(
            sa.func.min(self._time).label("low"), sa.func.max(self._time).label("high")
        ).select_from(self._from)
        row = read_frame(connection, statement, self._span(connection, *_EVER))
        low, high = (self.utc(row.get_column(name)).item() for name in ("low", "high"))
        return low, high

    def written(self, connection: sa.Connection, since: object, start: datetime, end: datetime) -> Content:
        """Count the rows that were written at ``since``, a value of ``updated_at``, or later."""
        statement = (
            sa.select(sa.func.count(), sa.func.max(self._updated))
            .select_from(self._from)
            .where(self._written_since)
        )
        row = connection.execute(statement, {"since": since} | self._span(connection, start, end)).one()
        return Content(*row)

    def times_written(
        self, connection: sa.Connection, since: object, start: datetime, end: datetime
    ) -> pl.Series:
        """Timestamps (UTC) of the rows that were written at ``since`` or later."""
        statement = sa.select(self._time).select_from(self._from).where(self._written_since).distinct()
        values = {"since": since} | self._span(connection, start, end)
        return self.utc(read_frame(connection, statement, values).to_series()).drop_nulls()

    def contents(
        self, connection: sa.Connection, partitions: Partitions, keys: Sequence[str]
    ) -> dict[str, Content]:
        """Count what each partition that has rows holds."""
        found: dict[str, Content] = {}
        for first in range(0, len(keys), _KEYS_A_STATEMENT):
            some = list(keys[first : first + _KEYS_A_STATEMENT])
            found |= self._contents(connection, partitions, some)
        return found

    def _contents(
        self, connection: sa.Connection, partitions: Partitions, keys: list[str]
    ) -> dict[str, Content]:
        bounds = [partitions.bounds(key) for key in keys]
        start, end = bounds[0][0], bounds[-1][1]
        values: dict[str, Any] = dict(self._span(connection, start, end))
        cases: list[tuple[sa.ColumnElement[bool], sa.ColumnElement[Any]]] = []
        for place, (low, high) in enumerate(bounds):
            values[f"low_{place}"], values[f"high_{place}"] = self._moments(connection, low, high)
            inside = sa.and_(
                self._time >= sa.bindparam(f"low_{place}"), self._time < sa.bindparam(f"high_{place}")
            )
            cases.append((inside, sa.literal_column(str(place))))
        values["low"], values["high"] = self._moments(connection, start, end)
        rows = (
            sa.select(sa.case(*cases).label("place"), self._updated.label("updated"))
            .select_from(self._from)
            .where(self._time >= sa.bindparam("low"), self._time < sa.bindparam("high"))
            .subquery()
        )
        chosen = rows.c.place
        statement = (
            sa.select(chosen, sa.func.count(), sa.func.max(rows.c.updated))
            .where(chosen.is_not(None))
            .group_by(chosen)
        )
        result = connection.execute(statement, values)
        return {keys[place]: Content(count, newest) for place, count, newest in result}

    def utc(self, times: pl.Series) -> pl.Series:
        """Moments in UTC of values of the timestamp column."""
        try:
            return to_utc(times, self._spec.timezone, self._database.address, strict=False)
        except PartitionError as error:
            raise SourceError(str(error)) from None

    def _span(self, connection: sa.Connection, start: datetime, end: datetime) -> dict[str, Any]:
        """Values of a query's ``:start`` and ``:end``."""
        if self._spec.source.query is None:
            return {}
        low, high = self._moments(connection, start, end)
        return {"start": low, "end": high}

    def _moments(self, connection: sa.Connection, *moments: datetime) -> list[Any]:
        """Moments as the database compares them with the timestamp column."""
        if self._database.kind == "postgresql":
            return list(moments)  # the session's time zone makes naive columns comparable
        local = [moment.astimezone(self._zone).replace(tzinfo=None) for moment in moments]
        if self._database.kind != "sqlite":
            return list(local)
        if self._stored_in_utc is None:
            self._look_at_text(connection)
        if self._stored_in_utc:
            local = [moment.astimezone(UTC).replace(tzinfo=None) for moment in moments]
        # A bare date sorts before every text of its day, however that writes the time.
        midnight = datetime.min.time()
        return [
            moment.date().isoformat()
            if moment.time() == midnight
            else moment.isoformat(self._separator, timespec="seconds")
            for moment in local
        ]

    def _look_at_text(self, connection: sa.Connection) -> None:
        """Find out how SQLite, which has no type for times, stores them here."""
        statement = sa.select(self._time).select_from(self._from).where(self._time.is_not(None)).limit(1)
        span = {} if self._spec.source.query is None else {"start": "0000", "end": "9999-12-31"}
        value = connection.execute(statement, span).scalar()
        name = self._spec.source.timestamp
        if value is not None and not isinstance(value, str):
            raise SourceError(
                f"{self._database.address}: the column {name!r} holds {value!r}, which is no timestamp. "
                "Write a query that gives it as text, such as datetime(column, 'unixepoch')."
            )
        offset = _OFFSET.search(value or "")
        if offset and offset.group(1).strip("+-0:Z"):
            raise SourceError(
                f"{self._database.address}: the column {name!r} holds {value!r}, and SQLite compares times "
                "as text. Store them in UTC, or without an offset in the declared timezone."
            )
        self._stored_in_utc = offset is not None
        self._separator = value[10] if value and len(value) > 10 else " "
