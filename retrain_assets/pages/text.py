"""Numbers, dates and durations as a reader wants them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from retrain_assets.comparison import METRICS

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """Write a number with so many significant digits, never fewer than its integer part has.

    Parameters
    ----------
    value
        None and values that are not finite give a dash.
    digits
        Significant digits.
    signed
        Write a plus sign before positive numbers.
    """
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    return fixed(value, max(digits - 1 - math.floor(math.log10(abs(value))), 0), signed=signed)


def brief(value: float) -> str:
    """Write a declared number: three significant digits at most, no zeros at the end."""
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(value: float | None, decimals: int, *, signed: bool = False) -> str:
    """Write a number with so many decimals, thousands apart; None gives a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return MINUS + text if value < 0 else "+" + text if signed else text


def decimals_for(values: Sequence[float | None], digits: int = 3) -> int:
    """Count the decimals that show the greatest value with so many significant digits, for a whole column."""
    greatest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    return 0 if greatest == 0 else max(digits - 1 - math.floor(math.log10(greatest)), 0)


def count(value: int | None) -> str:
    """Write a count with its thousands apart; None gives a dash."""
    return DASH if value is None else f"{value:,}"


def p_value(value: float | None) -> str:
    """Write a p-value, with two significant digits where it is small."""
    if value is None:
        return DASH
    return "< 0.001" if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def instant(text: str) -> datetime:
    """Read an ISO moment or date; one without a zone is UTC."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def in_local_time(document: Any, timezone: str) -> Any:
    """Write every moment of a document with the offset of a time zone, whose clock the page then shows.

    Parameters
    ----------
    document
        A document, or a part of one.
    timezone
        IANA name of the zone.

    Returns
    -------
    object
        The same, with moments in local time.
    """
    if isinstance(document, dict):
        return {key: in_local_time(part, timezone) for key, part in document.items()}
    if isinstance(document, list):
        return [in_local_time(part, timezone) for part in document]
    if isinstance(document, str) and _MOMENT.fullmatch(document):
        return instant(document).astimezone(ZoneInfo(timezone)).isoformat()
    return document


def day(when: str | datetime | None, *, year: bool = True, clock: bool = True) -> str:
    """Write a moment as ``12 Jan 2026``, with the time of day in its own zone only where it is not midnight.

    Parameters
    ----------
    when
        None gives a dash.
    year
        Whether the year is written.
    clock
        Whether the time of day may be written.
    """
    if not when:
        return DASH
    when = instant(when) if isinstance(when, str) else when
    text = f"{when.day} {when:%b}" + (f" {when.year}" if year else "")
    return text if not clock or when.hour == when.minute == 0 else f"{text}, {when:%H:%M}"


def duration(text: str | None) -> str:
    """Write a declared duration such as ``7d`` as ``7 days``."""
    if not text:
        return DASH
    unit = {"m": "minute", "h": "hour", "d": "day", "w": "week"}.get(text[-1])
    if unit is None:
        return text
    return f"{text[:-1]} {unit}" + ("" if text[:-1] == "1" else "s")


def length(start: datetime, end: datetime) -> str:
    """Write the time between two moments in days, or in hours or minutes where it is short."""
    minutes = (end - start).total_seconds() / 60
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= size:
            text = f"{minutes / size:,.1f}".removesuffix(".0")
            return f"{text} {unit}" + ("" if text == "1" else "s")
    return f"{minutes:.0f} minutes"


def metric_title(name: str) -> str:
    """Write a metric's name in words."""
    return METRICS[name].title if name in METRICS else name.replace("_", " ")


def upper_first(text: str) -> str:
    """Begin a phrase with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]
