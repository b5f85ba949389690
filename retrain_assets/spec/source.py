"""The ``source`` block: where rows come from, and when they are known."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from retrain_assets.spec.base import Duration, PositiveDuration, Spec

SEPARATORS = (",", ";", "\t", "|")
"""Column separators of CSV files that are looked for."""


class ReadSpec(Spec):
    """How files are read."""

    separator: str = ","
    """Column separator of CSV files: one character."""
    decimal: Literal[".", ","] = "."
    """Decimal mark of CSV files."""
    encoding: str = "utf-8"
    """Encoding of CSV files."""
    timestamp_format: str | None = None
    """strftime format of the timestamp column, where it is text in no ISO form."""
    null_values: list[str] = Field(default_factory=list)
    """Texts that mean "no value" in CSV files, besides the empty text."""
    storage_options: dict[str, str] = Field(default_factory=dict)
    """Options of the object store (credentials, region, endpoint)."""

    @field_validator("separator")
    @classmethod
    def _one_byte(cls, value: str) -> str:
        if len(value.encode()) != 1 or value in '"\r\n':
            raise ValueError(f"{value!r} is no separator: write one character, such as ; or | or a tab")
        return value


NOT_READING: dict[str, Any] = {
    "start": True,
    "complete_after": True,
    "expected_every": True,
    "url": True,
    "read": {"storage_options"},
}
"""Fields of a source that decide when it is read, or that may hold a password: none of what is read."""


class AddressSpec(Spec):
    """Where a table is read: exactly one of ``path``, ``url`` and ``function``, and by which periods."""

    path: str | None = None
    """Parquet or CSV: one file, a glob, or a path with ``{partition:...}``; local or an object store's address."""
    url: str | None = None
    """SQLAlchemy address of a database."""
    table: str | None = None
    """The table to read, with ``url``."""
    query: str | None = None
    """A query with ``:start`` and ``:end``, with ``url``."""
    updated_at: str | None = None
    """With ``url``: the column that tells when a row was last written; changed rows are found by it."""
    function: str | None = None
    """``module:function`` that takes (start, end) and returns a Polars frame."""
    start: date | None = None
    """First day to take in; default: the earliest row."""
    partition: Literal["daily", "weekly", "monthly"] = "daily"
    """The period that is taken in as one."""
    complete_after: Duration = Field(default="0h", validate_default=True)
    """A partition is ready this long after its end."""
    read: ReadSpec = Field(default_factory=ReadSpec)

    @model_validator(mode="after")
    def _exactly_one_address(self) -> Self:
        given = [name for name in ("path", "url", "function") if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            raise ValueError(f"declare exactly one of path, url and function; the file declares {found}")
        for name in () if self.url else ("table", "query", "updated_at"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} belongs to url, which the file does not declare; remove it")
        if self.url and bool(self.table) == bool(self.query):
            raise ValueError("with url, declare exactly one of table and query")
        if self.query and not {":start", ":end"} <= set(_words(self.query)):
            raise ValueError("query must use :start and :end, so that a partition reads only its own rows")
        return self

    @field_validator("function")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        return check_reference(value)


class SourceSpec(AddressSpec):
    """Where the rows come from."""

    timestamp: str
    """Event time of a row."""
    key: str | None = None
    """Column that identifies a row; exact duplicates are then dropped, and counted."""
    expected_every: PositiveDuration | None = None
    """The source counts as late when nothing new came for this long; default: two partitions."""
    late_rows: Literal["own_partition", "quarantine"] = "own_partition"
    """What becomes of a row found in another partition's file."""
    known_at: str | None = None
    """Column: when the row itself became known, if later than its timestamp."""

    @property
    def has_versions(self) -> bool:
        """Whether a row may come again, corrected, with its key and a later ``known_at``."""
        return self.key is not None and self.known_at is not None


def _words(query: str) -> list[str]:
    for mark in "(),;":
        query = query.replace(mark, " ")
    return query.replace("=", " ").replace("<", " ").replace(">", " ").split()


def check_reference(value: str | None) -> str | None:
    """Check that a value has the form ``module:function``.

    Raises
    ------
    ValueError
        When it has another form.
    """
    if value is not None:
        module, mark, name = value.partition(":")
        if not (mark and name.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise ValueError(f"{value!r} is no module:function reference, such as my_package.my_module:load")
    return value
