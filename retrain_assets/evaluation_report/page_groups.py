"""What the page of an evaluation shows of groups of rows: slices, and fairness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from retrain_assets.evaluation_report.slices import told_apart
from retrain_assets.pages import evaluation_charts as charts
from retrain_assets.pages.text import decimals_for, fixed


def slice_rows(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give a row a slice, with its interval as a picture on an axis that all share; None without slices."""
    slices = document["slices"]
    if not slices:
        return None
    scale = charts.slice_scale(slices)
    decimals = decimals_for([part[key] for part in slices for key in ("candidate", "champion")], 4)
    gain = decimals_for([part["improvement"] for part in slices])
    rows = [
        part
        | {
            "chart": charts.slice_chart(part, scale),
            "css": charts.outcome_class(part["lower"], part["upper"]),
        }
        | {name: fixed(part[name], decimals) for name in ("candidate", "champion")}
        | {"value": told_apart(part["value"])}
        | {"improvement": fixed(part["improvement"], gain, signed=True)}
        for part in slices
    ]
    return {
        "rows": rows,
        "axis": charts.slice_axis(scale),
        "compared": any(part["improvement"] is not None for part in slices),
    }


def fairness_rows(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row a group and one of the differences, with both models' figures and intervals."""
    models = [model for model in ("candidate", "champion") if model in entry["differences"]]
    titles = [name.replace("_", " ") for name in entry["figures"]]
    differences = {"group": "greatest difference", "rows": None, "intervals": entry["difference_intervals"]}
    lines = [*entry["groups"], entry["differences"] | differences]
    cells = [(model, name) for name in entry["figures"] for model in models]
    decimals = decimals_for([line[model][name] for line in lines for model, name in cells])
    rows = [
        {
            "group": told_apart(line["group"]),
            "rows": line["rows"],
            "figures": [
                {
                    "value": fixed(line[model][name], decimals),
                    "interval": _bounds(line["intervals"][model][name], decimals),
                }
                for model, name in cells
            ],
        }
        for line in lines
    ]
    return {"column": entry["column"], "models": models, "titles": titles, "rows": rows}


def _bounds(interval: Sequence[float] | None, decimals: int) -> str | None:
    return None if interval is None else " to ".join(fixed(bound, decimals) for bound in interval)
