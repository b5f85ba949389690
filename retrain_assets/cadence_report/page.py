"""The page: what is recommended and how sure it is, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from retrain_assets.cadence_report import charts
from retrain_assets.pages.charts import both_widths
from retrain_assets.pages.layout import render
from retrain_assets.pages.text import in_local_time


def cadence_page(document: Mapping[str, Any]) -> str:
    """Draw the report as one self-contained HTML page.

    Parameters
    ----------
    document
        The report, as written to ``cadence.json``.

    Returns
    -------
    str
        HTML with everything inline; every value of the document is escaped.
    """
    document = in_local_time(dict(document), document["timezone"])
    history = document["history"]
    return render(
        "cadence.html.j2",
        {
            "document": document,
            "lifetime": lifetime_words(document["lifetime"]) if document["lifetime"] else None,
            "today": next(row for row in document["policies"] if row["role"] == "today"),
            "age_chart": both_widths(partial(charts.age_chart, document["age"], document["unit"]))
            if document["age"]
            else None,
            "frontier_chart": both_widths(partial(charts.frontier_chart, document["frontier"])),
            "time_line_chart": both_widths(
                partial(
                    charts.time_line_chart,
                    document["time_line"],
                    history["counted_from"],
                    history["checked_from"],
                    history["end"],
                )
            ),
        },
    )


def lifetime_words(found: Mapping[str, Any]) -> str:
    """Say after how many days the quality falls below the level."""
    if found["days"] is None:
        return (
            f"Not within this history: in {found['watched']:,.0f} days of service it never happened, so that it takes "
            f"more than {found['lower']:,.0f} days with 95 % confidence."
        )
    often = "once" if found["falls"] == 1 else f"{found['falls']} times"
    return (
        f"After {found['days']:,.0f} days on average (90 % interval {found['lower']:,.0f} to {found['upper']:,.0f} "
        f"days): it did {often} in {found['watched']:,.0f} days of service."
    )
