from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from retrain_assets.pages import text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00412, "0.00412"),
        (-0.0412, "\N{MINUS SIGN}0.0412"),
        (1234.5, "1,234"),
        (0, "0"),
        (None, "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}"),
        (float("inf"), "\N{EN DASH}"),
    ],
)
def test_number(value: float | None, expected: str) -> None:
    """A number has three significant digits and a real minus; what is no number is a dash."""
    assert text.number(value) == expected


def test_signs() -> None:
    """A gain carries its sign, and a value that rounds to zero carries none."""
    assert [text.fixed(v, 2, signed=True) for v in (0.5, -0.5, 0.001, -0.001)] == [
        "+0.50",
        "\N{MINUS SIGN}0.50",
        "0.00",
        "0.00",
    ]


def test_a_column_has_one_precision() -> None:
    """The greatest value of a column decides how many decimals all its values have."""
    assert text.decimals_for([0.1, None, 0.0042]) == 3
    assert text.decimals_for([]) == 0


def test_declared_numbers_lose_their_zeros() -> None:
    """A declared number is written without zeros at its end."""
    assert [text.brief(v) for v in (0.0191, 0.02, 3.0, 200.0)] == ["0.0191", "0.02", "3", "200"]


@pytest.mark.parametrize(("value", "expected"), [(1e-9, "< 0.001"), (0.0123, "0.012"), (0.5, "0.50")])
def test_p_values(value: float, expected: str) -> None:
    """Small p-values have two significant digits, and the smallest only a bound."""
    assert text.p_value(value) == expected


def test_moments() -> None:
    """A moment shows its time of day in its own zone, and only where it is not midnight."""
    assert text.day("2026-01-05T00:00:00+00:00") == "5 Jan 2026"
    assert text.day("2026-01-05T07:30:00+01:00") == "5 Jan 2026, 07:30"
    assert text.day("2026-01-05") == "5 Jan 2026"
    assert text.day(None) == "\N{EN DASH}"


def test_a_document_in_local_time() -> None:
    """Moments of a document get the offset of the zone, dates and other texts stay as they are."""
    document = {
        "as_of": "2026-06-30T23:00:00+00:00",
        "key": "2026-06-01",
        "parts": [{"name": "a", "rows": 3}],
    }
    local = text.in_local_time(document, "Europe/Lisbon")
    assert local == document | {"as_of": "2026-07-01T00:00:00+01:00"}
    assert text.day(local["as_of"]) == "1 Jul 2026"


def test_durations() -> None:
    """Durations are written in words, one of a unit without a plural."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    assert [text.duration(v) for v in ("1d", "7d", "36h", "90m")] == [
        "1 day",
        "7 days",
        "36 hours",
        "90 minutes",
    ]
    assert text.length(start, start + timedelta(days=1)) == "1 day"
    assert text.length(start, start + timedelta(hours=36)) == "1.5 days"
    assert text.length(start, start + timedelta(minutes=30)) == "30 minutes"
