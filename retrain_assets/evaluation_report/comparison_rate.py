"""How many candidates a year a declaration can bring to a comparison at most."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np

from retrain_assets.spec import PipelineSpec

YEAR_DAYS = 365
MOST_PARTITIONS = {"daily": 366, "weekly": 53, "monthly": 13}
"""Partitions that can end within 365 days."""
_NAMES = {
    name: str(number)
    for names in ("jan feb mar apr may jun jul aug sep oct nov dec", "mon tue wed thu fri sat sun")
    for number, name in enumerate(names.split(), 1)
}
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def comparisons_per_year(spec: PipelineSpec) -> int:
    """Count the comparisons that any 365 days of a declaration can hold, those that a person asks for aside.

    The least of what holds retrains back: ``limits.runs`` in ``limits.per``, ``limits.cooldown``, one attempt
    a partition (a second one would have nothing new to learn), and, where nothing but the schedule asks for
    retrains, its ticks.

    Parameters
    ----------
    spec
        The declaration.
    """
    year = timedelta(days=YEAR_DAYS)
    limits = spec.limits
    bounds = [limits.runs * math.ceil(year / limits.per), MOST_PARTITIONS[spec.source.partition]]
    if limits.cooldown:
        bounds.append(math.ceil(year / limits.cooldown))
    ticks = _ticks_that_alone_ask(spec)
    if ticks is not None:
        bounds.append(ticks)
    return max(min(bounds), 1)


def ticks_per_year(cron: str) -> int | None:
    """Count the most ticks of a schedule in any 365 days; None where the expression is no plain cron.

    Parameters
    ----------
    cron
        Five fields of numbers, names, lists, ranges and steps, or a macro such as ``@weekly``. Where both day
        of the month and day of the week are restricted, either makes a day.
    """
    fields = _MACROS.get(cron.strip().lower(), cron).lower().split()
    if len(fields) != 5:
        return None
    minutes, hours, month_days, months, week_days = (
        _chosen(field, low, high)
        for field, (low, high) in zip(fields, ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7)), strict=True)
    )
    if not (minutes and hours and month_days and months and week_days):
        return None
    either = fields[2] != "*" and fields[4] != "*"
    # Four years hold every alignment of weekdays and months that matters, a leap day included.
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(4 * YEAR_DAYS + 1)]
    ticking = np.array(
        [
            day.month in months
            and (any if either else all)(
                (day.day in month_days, bool({day.isoweekday(), day.isoweekday() % 7} & week_days))
            )
            for day in days
        ],
        dtype=np.int64,
    )
    running = np.concatenate(([0], np.cumsum(ticking)))
    return len(minutes) * len(hours) * int((running[YEAR_DAYS:] - running[:-YEAR_DAYS]).max())


def _ticks_that_alone_ask(spec: PipelineSpec) -> int | None:
    when = spec.retrain_when
    others = (
        when.new_rows,
        when.performance,
        when.business,
        when.drift,
        when.cost,
        when.max_age,
        when.code_changes,
    )
    if when.schedule is None or any(others):
        return None
    return ticks_per_year(when.schedule)


def _chosen(field: str, low: int, high: int) -> set[int]:
    """The numbers that a field names; none where it is not understood."""
    chosen: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        first, last = _NAMES.get(first, first), _NAMES.get(last, last)
        if first == "*":
            first, last = str(low), str(high)
        elif step and not last:
            last = str(high)
        numbers = (first, last or first, step or "1")
        if not all(number.isdigit() for number in numbers) or numbers[2] == "0":
            return set()
        begin, end, every = (int(number) for number in numbers)
        if not low <= begin <= end <= high:
            return set()
        chosen.update(range(begin, end + 1, every))
    return chosen
