"""The page of a model's life: what serves now and how well, then every week, decision and champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup

from retrain_assets.monitoring_report.first_screen import made_by, newest_candidate, waiting_for
from retrain_assets.monitoring_report.quality_now import gain_over_first, period_name, quality_now
from retrain_assets.pages import life_charts as charts
from retrain_assets.pages.charts import both_widths
from retrain_assets.pages.decision_marks import marks_of
from retrain_assets.pages.layout import render
from retrain_assets.pages.life_charts import Point, Span
from retrain_assets.pages.text import day, decimals_for, fixed, in_local_time, instant, metric_title, number


def life_page(document: Mapping[str, Any]) -> str:
    """Draw a model's life as one self-contained HTML page.

    Parameters
    ----------
    document
        The life, as written to ``life.json``.

    Returns
    -------
    str
        HTML with everything inline; every value of the document is escaped.
    """
    document = in_local_time(document, document["timezone"])
    weeks = document["weeks"]
    span = charts.span_of(document["partitions"], weeks)
    decisions = _newest_first(document["decisions"])
    rows = _week_rows(document)
    eventful = max((place for place, row in enumerate(rows, 1) if row["eventful"]), default=len(rows))
    return render(
        "life.html.j2",
        {
            "document": document,
            "now": quality_now(document),
            "scored": any(part["versions"] for part in document["partitions"]),
            "made_by": made_by(document["champion"]),
            "newest": newest_candidate(document),
            "waiting": waiting_for(document, decisions),
            "quality_chart": _quality_chart(document, span),
            "business": _business(document, span),
            "quarantine_chart": _quarantine_chart(document, span),
            "totals": {
                "rows": sum(part["rows"] or 0 for part in document["partitions"]),
                "partitions": sum(bool(part["rows"]) for part in document["partitions"]),
                "quarantined": sum(part["quarantined"] or 0 for part in document["partitions"]),
                "withheld": sum(not part["accepted"] for part in document["partitions"]),
            },
            "weeks": rows[:eventful],
            "earlier": rows[eventful:],
            "secondary": _names(weeks, "secondary"),
            "measures": _names(weeks, "business"),
            "decisions": decisions,
            "evaluations": _newest_first(document["evaluations"]),
            "estimates": _estimates(document),
            "ledger": sorted(document["ledger"], key=lambda entry: int(entry["sequence"]), reverse=True),
        },
    )


def _newest_first(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Turn events round; those of one ``as_of``, of which there may be several, are listed as they happened."""
    return sorted(events, key=lambda event: instant(event["as_of"]))[::-1]


def _points(document: Mapping[str, Any], value: str, group: str | None = None) -> list[Point]:
    """List a value by week or month, or by partition where there are none."""
    return [
        Point(
            instant(period["start"]),
            instant(period["end"]),
            (period[group] if group else period).get(value),
        )
        for period in document["weeks"] or document["partitions"]
    ]


def _thresholds(document: Mapping[str, Any], name: str) -> list[float]:
    entries = [entry for entry in document["thresholds"] if entry["name"] == name]
    return [entry[side] for entry in entries for side in ("below", "above") if entry[side] is not None]


def _quality_chart(document: Mapping[str, Any], span: Span | None) -> Markup | None:
    never, realised = _points(document, "never_retrained"), _points(document, "realised")
    if span is None or not any(point.value is not None for point in realised):
        return None
    marks = marks_of(document)
    # A history from before the first model would squeeze what is to be seen into the right edge.
    known = [point.start for point in (*never, *realised) if point.value is not None]
    span = Span(max(span.start, min([*known, *(mark.when for mark in marks)])), span.end)
    title = metric_title(document["metric"])
    lines = [("second", f"{title}, never retrained", never), ("first", f"{title}, champion", realised)]
    if not document["greater_is_better"]:
        lines.insert(0, ("third", f"{title}, best constant", _points(document, "constant")))
    last = next(point for point in reversed(realised) if point.value is not None)
    draw = partial(
        charts.series_chart,
        span,
        lines,
        _thresholds(document, document["metric"]),
        charts.bands_of(document["partitions"]),
        marks,
        f"Realised {title} by {document['period']}, {day(span.start)} to {day(span.end)}; "
        f"the newest is {number(last.value, 4)}. The figures follow as a table.",
    )
    return both_widths(draw)


def _business(document: Mapping[str, Any], span: Span | None) -> list[dict[str, Any]]:
    """Draw a chart for every business metric that has a value."""
    charted = []
    for name in _names(document["weeks"] or document["partitions"], "business"):
        points = _points(document, name, "business")
        if span is None or not any(point.value is not None for point in points):
            continue
        thresholds = _thresholds(document, name)
        draw = partial(
            charts.series_chart,
            span,
            [("first", metric_title(name), points)],
            thresholds,
            charts.bands_of(document["partitions"]),
            (),
            f"{metric_title(name)} by {document['period']}; the figures follow as a table.",
        )
        charted.append({"name": name, "chart": both_widths(draw), "thresholds": thresholds})
    return charted


def _estimates(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the estimates, newest first, with figures written column by column with the same decimals."""
    rows = document.get("estimates", {}).get("rows", [])
    places = decimals_for([row[name] for row in rows for name in ("estimated", "realised")], 4)
    return [
        row
        | {name: fixed(row[name], places) for name in ("estimated", "lower", "upper", "realised")}
        | {"difference": fixed(row["difference"], places, signed=True)}
        | {"method": row["method"].replace("_", "-")}
        for row in rows
    ]


def _quarantine_chart(document: Mapping[str, Any], span: Span | None) -> Markup | None:
    if span is None or not any(
        part["quarantined"] or not part["accepted"] for part in document["partitions"]
    ):
        return None
    return both_widths(partial(charts.quarantine_chart, span, document["partitions"]))


def _names(periods: Sequence[Mapping[str, Any]], group: str) -> list[str]:
    """List the names that occur in a group of values, in the order of their first appearance."""
    return list(dict.fromkeys(name for period in periods for name in period[group]))


def _week_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the weeks or months, newest first, with figures written column by column with the same decimals."""
    weeks = document["weeks"]
    quality = decimals_for([week[key] for week in weeks for key in ("realised", "never_retrained")], 4)
    decimals = {
        (group, name): decimals_for([week[group].get(name) for week in weeks], 4)
        for group in ("secondary", "business")
        for name in _names(weeks, group)
    }
    rows = []
    for week in weeks:
        gain = gain_over_first(document, week)
        rows.append(
            week
            | {key: fixed(week[key], quality) for key in ("realised", "never_retrained")}
            | {"name": period_name(document, week).removeprefix("week of ")}
            | {"gain": fixed(gain, quality, signed=True)}
            | {"css": "" if not gain else "good" if gain > 0 else "bad"}
            | {"eventful": bool(week["decisions"]) or week["realised"] is not None}
            | {"values": [fixed(week[g].get(name), places) for (g, name), places in decimals.items()]}
        )
    return rows[::-1]
