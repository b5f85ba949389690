"""Timestamps of any form."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from retrain_assets.errors import PartitionError
from retrain_assets.training_data.sources.timestamps import UTC_TIME, to_utc

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def utc(
    *values: object, timezone: str = "UTC", text_format: str | None = None, strict: bool = True
) -> list[object]:
    """Convert values."""
    found = to_utc(pl.Series("at", values), timezone, "days.csv", text_format=text_format, strict=strict)
    assert found.dtype == UTC_TIME
    assert found.name == "at"
    return found.to_list()


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T12:00:00Z",
        "2026-01-05 12:00:00",
        " 2026-01-05 12:00 ",
        "2026-01-05T13:00:00+01:00",
        "2026-01-05 07:30:00.000-0430",
        "2026-01-05T13:00:00.000000+01",
    ],
)
def test_iso_text_is_read(text: str) -> None:
    """Every common ISO form is the same moment."""
    assert utc(text, None) == [NOON, None]


def test_naive_times_are_local() -> None:
    """Naive texts, datetimes and dates count in the declared time zone."""
    for value in ("2026-07-05 14:00:00", datetime(2026, 7, 5, 14)):
        assert utc(value, timezone="Europe/Berlin") == [datetime(2026, 7, 5, 12, tzinfo=UTC)]
    for value in ("2026-01-05", date(2026, 1, 5)):
        assert utc(value, timezone="Europe/Berlin") == [datetime(2026, 1, 4, 23, tzinfo=UTC)]


def test_the_hours_of_the_clock_change() -> None:
    """The hour that occurs twice is its first, and the hour left out counts from before the gap."""
    assert utc(datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 2, 30), timezone="Europe/Berlin") == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
    ]


def test_offsets_of_one_zone_are_one_zone() -> None:
    """Summer and winter offsets of the declared zone go together."""
    assert utc("2026-01-05T13:00:00+01:00", "2026-07-05T14:00:00+02:00", timezone="Europe/Berlin") == [
        NOON,
        datetime(2026, 7, 5, 12, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("texts", "how"),
    [
        (("2026-01-05T12:00:00Z", "2026-01-05T12:00:00+05:00"), "offsets from UTC: +05:00, Z"),
        (
            ("2026-01-05T12:00:00Z", "2026-01-05T12:00:00"),
            "some values have an offset from UTC and some have none",
        ),
    ],
)
def test_mixed_time_zones_are_a_sentence(texts: tuple[str, str], how: str) -> None:
    """Times that cannot all be meant in one zone are refused."""
    with pytest.raises(PartitionError) as caught:
        utc(*texts)
    assert str(caught.value) == (
        f"days.csv: the column 'at' mixes time zones ({how}). Write all its values in UTC, such as "
        "2026-01-05T13:30:00Z, or declare the timezone that all of them belong to."
    )


def test_a_declared_form_is_used() -> None:
    """Text in no ISO form is read as declared, with an offset too."""
    assert utc("05/01/26 12h00", text_format="%d/%m/%y %Hh%M") == [NOON]
    assert utc("05.01.2026", text_format="%d.%m.%Y") == [datetime(2026, 1, 5, tzinfo=UTC)]
    assert utc("05/01/2026 13:00 +0100", text_format="%d/%m/%Y %H:%M %z") == [NOON]


def test_a_form_that_cannot_be_used_is_a_sentence() -> None:
    """A form that names half a time says what is wrong with it."""
    with pytest.raises(PartitionError) as caught:
        utc("05/01/26 12h", text_format="%d/%m/%y %Hh")
    assert str(caught.value) == (
        "days.csv: source.read.timestamp_format: '%d/%m/%y %Hh' cannot be used: Please either specify both "
        "hour and minute, or neither."
    )


def test_unreadable_text_is_a_sentence() -> None:
    """Text that is no time is named with its row; it is null where that was asked for."""
    with pytest.raises(PartitionError) as caught:
        utc("2026-01-05", "soon", "2026-02-30")
    assert str(caught.value) == (
        "days.csv: 2 of 3 values of the column 'at' cannot be read as timestamps, the first is 'soon' in "
        "row 2 of them. "
        "Declare their form in source.read.timestamp_format, or list such a text in source.read.null_values."
    )
    assert utc("2026-01-05", "soon", strict=False)[1] is None


def test_numbers_are_no_timestamps() -> None:
    """A number has no declared meaning as a time."""
    with pytest.raises(PartitionError, match="holds Int64 values, which are no timestamps"):
        utc(1767571200)


def test_a_column_without_values_is_without_times() -> None:
    """All nulls stay all nulls."""
    assert utc(None, None) == [None, None]
