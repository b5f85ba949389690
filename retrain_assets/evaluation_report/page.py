"""The page of an evaluation: the verdict for everybody first, then what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from retrain_assets.evaluation_report.page_groups import fairness_rows, slice_rows
from retrain_assets.evaluation_report.verdict_evidence import LOOKED_AT_AGAIN
from retrain_assets.pages import evaluation_charts as charts
from retrain_assets.pages.charts import both_widths
from retrain_assets.pages.layout import render
from retrain_assets.pages.text import brief, decimals_for, fixed, in_local_time, instant, metric_title, number
from retrain_assets.pages.timeline import Piece, windows_chart

CONSEQUENCES = {
    "blessed": "The candidate becomes the champion.",
    "rejected": "The champion stays.",
    "inconclusive": "The champion stays for now.",
}
CONSEQUENCES_WITHOUT_CHAMPION = {
    "blessed": "The candidate becomes the first champion.",
    "rejected": "There is still no champion.",
    "inconclusive": "There is no champion for now.",
}
FEATURES_SHOWN = 20
PLOT_SIDE = 430.0


def evaluation_page(document: Mapping[str, Any]) -> str:
    """Draw an evaluation document as one self-contained HTML page.

    Parameters
    ----------
    document
        The evaluation, as written to ``evaluation.json``.

    Returns
    -------
    str
        HTML with everything inline; every value of the document is escaped.
    """
    document = in_local_time(document, document["timezone"])
    verdict = document["verdict"]
    lead, _, rest = verdict["sentence"].partition(": ")
    pieces = _pieces(document)
    trial = bool(document.get("trial"))
    return render(
        "evaluation.html.j2",
        {
            "document": document,
            "lead": lead,
            "rest": rest,
            "trial": trial,
            "looked_at_again": verdict["reason"] in LOOKED_AT_AGAIN and not trial,
            "consequence": _consequence(document, lead),
            "gain": _headline(document),
            "risk": _risk(document["look"]),
            "value": document.get("value"),
            "importance_metric": document.get("importance_metric") or document,
            "pieces": pieces,
            "windows_chart": both_widths(partial(windows_chart, pieces)) if pieces else None,
            "metrics": [_metric_row(entry) for entry in document["comparisons"]],
            "gains": _gain_rows(document),
            "calibration": _calibration(document),
            "slices": slice_rows(document),
            "fairness": [fairness_rows(entry) for entry in document.get("fairness", ())],
            "importances": _importances(document),
        },
    )


def _consequence(document: Mapping[str, Any], lead: str) -> str:
    """Say what becomes of the candidate, where the sentence below does not say it."""
    if document.get("trial"):
        return (
            f"A trial: not promoted by itself; a person can promote it with {document['pipeline']}_promote."
        )
    if document.get("approval"):
        return str(document["approval"])
    known = document["versions"]["champion"] is not None
    consequences, stays = (CONSEQUENCES, "stays") if known else (CONSEQUENCES_WITHOUT_CHAMPION, "no champion")
    verdict = document["verdict"]["verdict"]
    return "" if verdict != "blessed" and stays in lead else consequences[verdict]


def _headline(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the comparison that decides, as figures and a picture; None where nothing could be compared."""
    if not document["comparisons"]:
        return None
    entry = document["comparisons"][0]
    # Where the baseline decided, the sentence above the figures is about it too.
    below = document["verdict"]["reason"] == "below_baseline"
    by_champion = entry["vs_champion"] is not None and not below
    gain = entry["vs_champion"] if by_champion else entry["vs_baseline"]
    if gain is None or gain["improvement"] is None:
        return None
    version = document["versions"]["champion"]
    against = f"the champion, version {version}" if by_champion else "the naive baseline"
    worth = None if below else document.get("min_gain")
    level = _level(gain["alpha"])
    label = (
        f"Improvement in {metric_title(entry['metric'])} over {against}: "
        f"{number(gain['improvement'], signed=True)} {entry['unit']}, "
        f"{level} interval {number(gain['lower'])} to {number(gain['upper'])}."
    )
    return dict(gain) | {
        "metric": entry["metric"],
        "unit": entry["unit"],
        "against": against,
        "level": level,
        "css": charts.outcome_class(gain["lower"], gain["upper"]),
        "chart": both_widths(partial(charts.interval_chart, gain, worth, label), 540),
    }


def _risk(look: Mapping[str, Any] | None) -> str | None:
    """Say how likely this look promotes by mistake, and how often all looks of a year do, in a short line."""
    if look is None:
        return None
    used, budget = number(look["used"]), look["budget"]
    if not look["alpha"]:
        return f"None: the {brief(budget)} mistaken promotions that a year allows are used up by other looks"
    limit = "" if budget is None else f", {brief(budget)} allowed"
    return (
        f"{100 * look['alpha']:.3g} % at this look (number {look['number']}); all looks of a year: {used} such "
        f"mistakes expected at most{limit}"
    )


def _level(alpha: float) -> str:
    return f"{100 * (1 - alpha):.4g} %"


def _pieces(document: Mapping[str, Any]) -> list[Piece]:
    """List the windows in the order of time; those of no length are left out."""
    windows, rows = document["windows"], document["rows"]
    moments = {
        name: instant(windows[name]) if windows[name] else None
        for name in ("train_start", "train_end", "split", "holdout_end", "as_of")
    }
    stretches = (
        ("Training", "The rows that the candidate was fitted on.", "train", "train_start", "train_end"),
        ("Gap", "One label delay: these labels were not known at the split.", "gap", "train_end", "split"),
        ("Holdout", "The rows that judge; no model was fitted on them.", "holdout", "split", "holdout_end"),
        ("Maturing", "One label delay: these labels are not all known yet.", "gap", "holdout_end", "as_of"),
    )
    counts = {"train": rows.get("train"), "holdout": rows.get("holdout")}
    pieces = []
    for name, meaning, css, first, last in stretches:
        start, end = moments[first], moments[last]
        if end is not None and (start is None or start < end):
            pieces.append(Piece(name, meaning, css, start, end, counts.get(css)))
    return pieces


def _metric_row(entry: Mapping[str, Any]) -> dict[str, Any]:
    models = ("candidate", "champion", "baseline")
    decimals = decimals_for([entry[model] for model in models], 4)
    return {"metric": entry["metric"], "greater": entry["greater_is_better"], "unit": entry["unit"]} | {
        model: fixed(entry[model], decimals) for model in models
    }


def _gain_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give one row a metric and opponent; figures with two significant digits of their standard error."""
    rows = []
    for entry in document["comparisons"]:
        for key, against in (("vs_champion", "champion"), ("vs_baseline", "baseline")):
            gain = entry[key]
            if gain is None:
                continue
            decimals = decimals_for([gain["standard_error"] or gain["improvement"]], 2)
            rows.append(
                gain
                | {
                    name: fixed(gain[name], decimals, signed=True)
                    for name in ("improvement", "lower", "upper")
                }
                | {name: fixed(gain[name], decimals) for name in ("standard_error", "smallest_detectable")}
                | {"metric": entry["metric"], "against": against, "level": _level(gain["alpha"])}
                | {"css": charts.outcome_class(gain["lower"], gain["upper"])}
            )
    return rows


def _calibration(document: Mapping[str, Any]) -> dict[str, Any] | None:
    models = [model for model in document["calibration"] if model["bins"]]
    if not models:
        return None
    decimals = decimals_for(
        [part[key] for m in models for part in m["bins"] for key in ("mean_score", "mean_label")]
    )
    drawn = [model for model in models if model.get("class") is None]
    chart = both_widths(partial(charts.calibration_chart, drawn), PLOT_SIDE)
    test = document.get("calibration_test") or {"sentence": None}
    return {"models": models, "decimals": decimals, "chart": chart, "sentence": test["sentence"]}


def _importances(document: Mapping[str, Any]) -> dict[str, Any] | None:
    entries = document["importances"]
    if not entries:
        return None
    scale = charts.importance_scale(entries)
    decimals = decimals_for([entry[key] for entry in entries for key in ("candidate", "champion")])
    rows = []
    for entry in entries:
        both = entry["candidate"] is not None and entry["champion"] is not None
        change = entry["candidate"] - entry["champion"] if both else None
        rows.append(
            {"feature": entry["feature"], "chart": charts.importance_chart(entry, scale)}
            | {name: fixed(entry[name], decimals) for name in ("candidate", "champion")}
            | {"change": fixed(change, decimals, signed=True)}
        )
    return {
        "shown": rows[:FEATURES_SHOWN],
        "more": rows[FEATURES_SHOWN:],
        "compared": any(entry["champion"] is not None for entry in entries),
    }
