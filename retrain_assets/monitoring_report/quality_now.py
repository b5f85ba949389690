"""How good the model is now, as the first screen of a life page tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retrain_assets.pages.text import day, decimals_for, fixed, instant


def gain_over_first(document: Mapping[str, Any], week: Mapping[str, Any]) -> float | None:
    """Compute how much better the champion did than the never-retrained model, positive when better."""
    if week["realised"] is None or week["never_retrained"] is None:
        return None
    difference = float(week["realised"] - week["never_retrained"])
    return difference if document["greater_is_better"] else -difference


def quality_now(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the newest week whose quality is known, beside the never-retrained model; None where none is."""
    known = [week for week in document["weeks"] if week["realised"] is not None]
    if not known:
        return None
    week = known[-1]
    decimals = decimals_for([week["realised"], week["never_retrained"]], 4)
    gain = gain_over_first(document, week)
    champion = document["champion"]
    another = champion is not None and week["version"] not in (None, champion["version"])
    return {
        "version": week["version"] if another else None,
        "name": period_name(document, week),
        "realised": fixed(week["realised"], decimals),
        "never_retrained": fixed(week["never_retrained"], decimals),
        "gain": gain,
        "difference": None if gain is None else fixed(abs(gain), decimals),
        "css": "" if not gain else "good" if gain > 0 else "bad",
        "outdone": _outdone(document, known),
    }


def _outdone(document: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> str | None:
    """Say that the newest weeks would have been served better by a constant; None where the newest would not."""
    sign = -1 if document["greater_is_better"] else 1
    weeks = 0
    for week in reversed(known):
        if week.get("constant") is None or sign * (week["realised"] - week["constant"]) <= 0:
            break
        weeks += 1
    if not weeks:
        return None
    constant = fixed(known[-1]["constant"], decimals_for([known[-1]["constant"]], 4))
    since = "" if weeks == 1 else f", and it was better in each of the newest {weeks} {document['period']}s"
    return f"The best constant of that {document['period']} would have had {constant}, better than the model{since}."


def period_name(document: Mapping[str, Any], week: Mapping[str, Any]) -> str:
    """Name a period by its month, or by the day that its week begins with."""
    start = instant(week["start"])
    return f"{start:%b %Y}" if document["period"] == "month" else f"week of {day(start)}"
