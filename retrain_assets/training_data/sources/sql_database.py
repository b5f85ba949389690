"""A database that speaks in sentences, and never tells its password."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from uuid import UUID

import polars as pl
import sqlalchemy as sa

from retrain_assets.errors import SourceError, SpecError
from retrain_assets.training_data.column_types import exact

_ROWS_AT_ONCE = 50_000
_SECRET_OPTIONS = ("password", "passwd", "pwd", "token", "secret", "key")


class Database:
    """A database behind an SQLAlchemy address, connected to only while it is asked something.

    Parameters
    ----------
    url
        The address.
    timezone
        Time zone of naive times; PostgreSQL compares times in it.
    base
        The folder that the relative path of an SQLite file starts at.

    Raises
    ------
    SpecError
        When the address has no valid form.
    """

    def __init__(self, url: str, timezone: str, base: Path) -> None:
        self._timezone = timezone
        self._reached = False
        try:
            self._url = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise SpecError(
                "source.url: this is no SQLAlchemy address. Write one such as "
                "postgresql+psycopg://user:password@host/database or sqlite:///file.db."
            ) from None
        if self._url.drivername in ("postgresql", "postgres"):
            self._url = self._url.set(drivername="postgresql+psycopg")
        self._file: Path | None = None
        if self.kind == "sqlite" and self._url.database not in (None, "", ":memory:"):
            self._file = base.resolve() / str(self._url.database)
            self._url = self._url.set(database=str(self._file))

    @property
    def address(self) -> str:
        """The address with every secret masked."""
        options = {name: "***" if _is_secret(name) else value for name, value in self._url.query.items()}
        return self._url.set(query=options).render_as_string(hide_password=True)

    @property
    def kind(self) -> str:
        """SQLAlchemy's name of the database system."""
        return self._url.get_backend_name()

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Open a connection for one errand.

        Raises
        ------
        SourceError
            When the database cannot be reached or refuses a statement.
        """
        if self._file is not None and not self._file.exists():
            # SQLite would make an empty database of it.
            raise SourceError(f"{self.address}: there is no such file. Mend source.url.")
        engine: sa.Engine | None = None
        self._reached = False
        try:
            engine = sa.create_engine(self._url, poolclass=sa.NullPool, hide_parameters=True)
            with engine.connect() as connection:
                self._reached = True
                if self.kind == "postgresql":
                    connection.execute(
                        sa.text("SELECT set_config('TimeZone', :zone, false)"), {"zone": self._timezone}
                    )
                yield connection
        except ImportError as error:
            raise SourceError(
                f"{self.address}: the driver {error.name or self._url.drivername!r} is not installed. "
                "Install it."
            ) from None
        except sa.exc.NoSuchModuleError:
            raise SourceError(
                f"{self.address}: the database system {self._url.drivername!r} is not known to SQLAlchemy. "
                "Mend source.url, or install its dialect."
            ) from None
        except sa.exc.SQLAlchemyError as error:
            raise SourceError(f"{self.address}: {self._reason(error)}") from None
        finally:
            if engine is not None:
                engine.dispose()

    def _reason(self, error: sa.exc.SQLAlchemyError) -> str:
        cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
        reason = next(
            (line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__
        )
        for secret in self._secrets():
            reason = reason.replace(secret, "***")
        if self._reached:
            remedy = "Check source.table, source.query and the column names"
            return f"the database refuses the statement: {reason}. {remedy}."
        return f"the database cannot be reached: {reason}. Check source.url, its user and its password."

    def _secrets(self) -> list[str]:
        values = [str(self._url.password)] if self._url.password else []
        for name, value in self._url.query.items():
            if _is_secret(name):
                values += [value] if isinstance(value, str) else list(value)
        forms = {form for value in values for form in (value, quote(value, safe=""), quote_plus(value))}
        return sorted((form for form in forms if form), key=len, reverse=True)


def _is_secret(option: str) -> bool:
    return any(word in option.lower() for word in _SECRET_OPTIONS)


def read_frame(
    connection: sa.Connection, statement: sa.Select[Any], values: Mapping[str, Any]
) -> pl.DataFrame:
    """Read a statement's rows, some at a time.

    Parameters
    ----------
    connection
        An open connection.
    statement
        What to read.
    values
        Bound parameters.

    Returns
    -------
    pl.DataFrame
        A column without values has the type ``Null``; decimals become ``Float64``, or whole numbers where that would
        round them; JSON and UUID become text.
    """
    result = connection.execution_options(stream_results=True).execute(statement, values)
    names = list(result.keys())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SourceError(
            f"source.query: the column {twice[0]!r} occurs twice. Give one of them another name."
        )
    frames, decimals = [], set()
    for rows in result.partitions(_ROWS_AT_ONCE):
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        decimals |= {name for name, values in columns.items() if isinstance(_first(values), Decimal)}
        frames.append(pl.DataFrame([_series(name, values) for name, values in columns.items()]))
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.Null()))
    frame = frames[0] if len(frames) == 1 else pl.concat(frames, how="vertical_relaxed")
    return frame.with_columns(_numbers(frame.get_column(name)) for name in sorted(decimals))


def _first(values: Sequence[Any]) -> Any:
    return next((value for value in values if value is not None), None)


def _numbers(decimals: pl.Series) -> pl.Series:
    """Numbers of decimals in digits, of which whole ones that ``Float64`` would round stay whole, as keys are."""
    numbers = decimals.cast(pl.Float64, strict=False)
    if exact(numbers):
        return numbers
    whole = decimals.cast(pl.Int128, strict=False)
    return whole if whole.null_count() == decimals.null_count() else numbers


def _series(name: str, values: Sequence[Any]) -> pl.Series:
    first = _first(values)
    if isinstance(first, UUID | Decimal):
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    if isinstance(first, dict | list | tuple):
        return pl.Series(
            name, [None if value is None else json.dumps(value, default=str) for value in values]
        )
    if isinstance(first, datetime) and first.tzinfo is not None:
        # Drivers give every value its own offset; the moments are what counts.
        return pl.Series(name, values, dtype=pl.Datetime("us", "UTC"))
    return pl.Series(name, values, strict=False)
