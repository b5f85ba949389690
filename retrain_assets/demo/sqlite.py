"""SQLite as fast as what it keeps may be lost with the machine."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def write_without_waiting() -> None:
    """Let SQLite leave the moment of writing to the system: the demo commits some twenty thousand times.

    What a power failure could cost is the demo's own history, which the next demo writes anew.
    """
    event.listen(Engine, "connect", _relax)


def _relax(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
