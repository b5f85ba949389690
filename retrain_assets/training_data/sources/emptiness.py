"""What a look at a source tells instead of its partitions: that nothing is there, or that a time cannot be."""

from __future__ import annotations

from datetime import date, datetime

from retrain_assets.errors import SourceError

_PLAUSIBLE_FROM = 1970


def no_file(address: str) -> str:
    """Say that no file of the declared path is there."""
    return f"There is no file of the form {address} yet. Deliver it, or mend source.path."


def check_earliest(earliest: datetime | None, start: date | None, address: str) -> None:
    """Refuse rows from before 1970 where no start is declared: one mistyped year is a thousand years of days.

    Parameters
    ----------
    earliest
        The earliest timestamp; None without rows.
    start
        The declared ``source.start``.
    address
        Where the rows lie, for messages.

    Raises
    ------
    SourceError
        When there is such a row.
    """
    if earliest is not None and start is None and earliest.year < _PLAUSIBLE_FROM:
        raise SourceError(
            f"{address}: the earliest timestamp is of {earliest.date()}, and source.start is not declared. Mend "
            "the timestamp, or declare as source.start the first day to take in."
        )
