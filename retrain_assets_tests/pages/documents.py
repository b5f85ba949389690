"""Documents as the software writes them: evaluations of every kind."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, tzinfo=UTC)
SLICES = (("mobile", 18231), ("desktop", 11902), ("tablet", 4021), ("tv", 966))
FEATURES = (
    "site",
    "device",
    "bid",
    "hour",
    "position",
    "user_age_days",
    "campaign",
    "weekday",
    "country",
    "size",
)


def gain(improvement: float, error: float, blocks: int = 7) -> dict[str, Any]:
    """Give a comparison with its interval."""
    half = 2.447 * error
    return {
        "improvement": improvement,
        "lower": improvement - half,
        "upper": improvement + half,
        "p_value": min(2 * math.exp(-((improvement / error) ** 2) / 2), 1.0),
        "standard_error": error,
        "smallest_detectable": 3.35 * error,
        "effective_rows": 21418.6,
        "blocks": blocks,
        "rows": 35120,
        "alpha": 0.05,
    }


def look(**changes: Any) -> dict[str, Any]:
    """Give a second look at a pair, of a year's budget of one false promotion."""
    facts = {"number": 2, "kind": "later", "alpha": 0.00962, "cost": 0.00962, "used": 0.327, "budget": 1.0}
    sentence = (
        "This is look 2 at this candidate. It cost 0.00962 of the year's budget of 1 false "
        "promotions; the last 365 days have used 0.327."
    )
    return facts | {"sentence": sentence} | changes


def classification(verdict: dict[str, Any], shift: float, error: float = 0.0008) -> dict[str, Any]:
    """Give an evaluation of a classifier that improves log loss by ``shift``."""
    as_of = START + timedelta(days=105)
    split = as_of - timedelta(days=8)
    return {
        "pipeline": "ad_clicks",
        "description": "Will a shown ad be clicked?",
        "timezone": "UTC",
        "attempt": "4f1f8e0a-6a53-4c3c-b2e4-6c3f0a4f9f11",
        "created_at": "2026-06-15T02:03:11+00:00",
        "as_of": as_of.isoformat(),
        "task": "classification",
        "reasons": [
            {
                "code": "business",
                "sentence": "click_through_rate over the last 7d is 0.0172 (95% below 0.0178), under its "
                "threshold of 0.0191 since 11 May 2026.",
            },
            {"code": "schedule", "sentence": "The schedule is due (0 2 * * 1)."},
        ],
        "verdict": verdict,
        "look": look(),
        "method": "Blocks count as independent: over 90 past days the loss differences of neighbouring days correlate "
        "by 0.06.",
        "metric": "log_loss",
        "unit": "nats per row",
        "windows": {
            "train_start": (split - timedelta(days=29)).isoformat(),
            "train_end": (split - timedelta(days=1)).isoformat(),
            "split": split.isoformat(),
            "holdout_end": (as_of - timedelta(days=1)).isoformat(),
            "as_of": as_of.isoformat(),
            "delay": "1d",
            "holdout": "7d",
        },
        "rows": {"train": 140412, "holdout": 35120, "blocks": 7, "left_out": 0},
        "comparisons": [
            {
                "metric": "log_loss",
                "unit": "nats per row",
                "greater_is_better": False,
                "candidate": 0.0842 - shift,
                "champion": 0.0842,
                "baseline": 0.0901,
                "vs_champion": gain(shift, error),
                "vs_baseline": gain(0.0059 + shift, 0.0009),
            },
            {
                "metric": "roc_auc",
                "unit": "points of AUC",
                "greater_is_better": True,
                "candidate": 0.6812 + 8 * shift,
                "champion": 0.6812,
                "baseline": 0.5,
                "vs_champion": gain(8 * shift, 9 * error),
                "vs_baseline": gain(0.1812 + 8 * shift, 0.011),
            },
            {
                "metric": "brier_score",
                "unit": "squared probability",
                "greater_is_better": False,
                "candidate": 0.01652 - shift / 20,
                "champion": 0.01652,
                "baseline": 0.01689,
                "vs_champion": gain(shift / 20, error / 18),
                "vs_baseline": gain(0.00037 + shift / 20, 0.00006),
            },
        ],
        "calibration": [
            {"model": "candidate", "class": None, "bins": [_bin(i, 1.0) for i in range(10)]},
            {"model": "champion", "class": None, "bins": [_bin(i, 1.45) for i in range(10)]},
        ],
        "slices": [
            {
                "column": "device",
                "value": value,
                "rows": rows,
                "candidate": 0.081 + i * 0.002 - shift,
                "champion": 0.081 + i * 0.002,
                "improvement": shift * (1 - i * 0.35),
                "lower": shift * (1 - i * 0.35) - 0.0017 * (1 + i),
                "upper": shift * (1 - i * 0.35) + 0.0017 * (1 + i),
                "blocks": 7,
                "effective_blocks": 6.8,
                "p_value": 0.21,
                "p_corrected": 0.84,
                "worse": False,
            }
            for i, (value, rows) in enumerate(SLICES)
        ],
        "importances": [
            {
                "feature": name,
                "candidate": 0.0041 * 0.62**i,
                "champion": None if name == "size" else 0.0038 * 0.6 ** abs(i - 1),
            }
            for i, name in enumerate(FEATURES)
        ],
        "importance_rows": 20000,
        "explanation_shift": {
            "distance": 0.31,
            "holds": False,
            "sentence": "31% of the reliance on features has moved: hour gained (20% to 51%, rank 3 to 1).",
        },
        "guards": ["The column 'campaign_tag' is null in every row of the training window and was left out."],
        "versions": {
            "candidate": None,
            "champion": 2,
            "dagster_run_id": "4f1f8e0a-6a53-4c3c-b2e4-6c3f0a4f9f11",
            "mlflow_run_id": "a3b1c0d2e4f5461788990a1b2c3d4e5f",
            "code_version": "9d1c03a7be",
            "data": {"training_data": 107, "features": 106},
            "libraries": {
                "scikit-learn": "1.9.1",
                "polars": "2.1.0",
                "mlflow": "3.17.2",
                "dagster": "1.13.27",
            },
        },
    }


def _bin(i: int, factor: float) -> dict[str, Any]:
    label = 0.003 + 0.0052 * i + 0.0004 * i * i
    return {"mean_score": label * factor + 0.0007 * math.sin(i), "mean_label": label, "rows": 3512}


def blessed() -> dict[str, Any]:
    """Give an evaluation that promotes."""
    sentence = (
        "The candidate is better than the champion: log loss improves by 0.00412 nats per row (95% interval "
        "of the improvement: 0.00216 to 0.00608; 35,120 rows, 7 days)."
    )
    verdict = {"verdict": "blessed", "reason": "better", "sentence": sentence, "next_look": None}
    return classification(verdict, 0.00412) | {"min_gain": 0.00059}


def rejected() -> dict[str, Any]:
    """Give an evaluation that rules a gain out."""
    sentence = (
        "The candidate is worse than the champion, which stays: log loss worsens by 0.0031 nats per row (95% "
        "interval of the improvement: -0.00506 to -0.00114; 35,120 rows, 7 days)."
    )
    return classification(
        {"verdict": "rejected", "reason": "worse", "sentence": sentence, "next_look": None}, -0.0031
    )


def inconclusive() -> dict[str, Any]:
    """Give an evaluation that cannot tell."""
    sentence = (
        "It is not clear yet whether the candidate is better than the champion, which stays for now: log "
        "loss improves by 0.000904 nats per row (95% interval of the improvement: "
        "-0.00105 to 0.00286; 35,120 "
        "rows, 7 days). A holdout of about 61 days would tell."
    )
    verdict = {
        "verdict": "inconclusive",
        "reason": "gain_unclear",
        "sentence": sentence,
        "next_look": "2026-08-08T00:00:00+00:00",
    }
    return classification(verdict, 0.000904) | {"min_gain": 0.00059}


def first_champion() -> dict[str, Any]:
    """Give the evaluation of a first model: there is no champion."""
    sentence = (
        "The first model is better than the naive baseline: log loss improves by 0.00742 nats per row (95% "
        "interval of the improvement: 0.00522 to 0.00962; 35,120 rows, 7 days)."
    )
    document = classification(
        {"verdict": "blessed", "reason": "first_champion", "sentence": sentence, "next_look": None}, 0.00152
    )
    for entry in document["comparisons"]:
        entry["champion"] = entry["vs_champion"] = None
    for part in document["slices"]:
        part.update(dict.fromkeys(("champion", "improvement", "lower", "upper", "p_value", "p_corrected")))
    for entry in document["importances"]:
        entry["champion"] = None
    document["calibration"] = document["calibration"][:1]
    document["reasons"] = [{"code": "no_champion", "sentence": "There is no champion yet."}]
    document["versions"]["champion"] = None
    document["guards"] = []
    return document


def unscorable() -> dict[str, Any]:
    """Give an evaluation in which nothing could be compared."""
    sentence = (
        "The champion could not be scored, so it stays: the file model.skops of version 2 is truncated."
    )
    verdict = {
        "verdict": "inconclusive",
        "reason": "champion_unscorable",
        "sentence": sentence,
        "next_look": "2026-06-16T00:00:00+00:00",
    }
    document = classification(verdict, 0.0)
    document |= {"comparisons": [], "calibration": [], "slices": [], "importances": [], "importance_rows": 0}
    document |= {
        "look": None,
        "method": None,
        "reasons": [],
        "guards": [],
        "description": "",
        "rows": {"holdout": 0, "blocks": 0, "left_out": 12},
    }
    document["windows"]["train_start"] = None
    document["versions"] |= {"mlflow_run_id": None, "data": {"training_data": None}}
    return document


def regression() -> dict[str, Any]:
    """Give an evaluation of a regression with blocks of a week and a window of all before."""
    sentence = (
        "The candidate is better than the champion: mean absolute error improves by 11.3 units of the label "
        "(95% interval of the improvement: 4.21 to 18.4; 670 rows, 28 days)."
    )
    verdict = {"verdict": "blessed", "reason": "better", "sentence": sentence, "next_look": None}
    unit = "units of the label"
    document = classification(verdict, 0.0)
    document |= {"pipeline": "bike_demand", "description": "How many bikes will be rented this hour?"}
    document |= {"task": "regression", "metric": "mean_absolute_error", "unit": unit, "slices": []}
    document["reasons"] = [
        {"code": "new_rows", "sentence": "2,011 new labelled rows came in since the last attempt."}
    ]
    document["rows"] = {"train": 11874, "holdout": 670, "blocks": 28, "left_out": 0}
    document["windows"] = {
        "train_start": "2011-01-01T00:00:00+00:00",
        "train_end": "2012-05-13T23:00:00+00:00",
        "split": "2012-05-14T00:00:00+00:00",
        "holdout_end": "2012-06-11T00:00:00+00:00",
        "as_of": "2012-06-11T01:00:00+00:00",
        "delay": "1h",
        "holdout": "28d",
    }
    document["as_of"] = "2012-06-11T01:00:00+00:00"
    document["comparisons"] = [
        {
            "metric": "mean_absolute_error",
            "unit": unit,
            "greater_is_better": False,
            "candidate": 52.618,
            "champion": 63.918,
            "baseline": 158.22,
            "vs_champion": gain(11.3, 2.9, 28),
            "vs_baseline": gain(105.6, 8.11, 28),
        },
        {
            "metric": "mean_squared_error",
            "unit": "squared units of the label",
            "greater_is_better": False,
            "candidate": 6412.8,
            "champion": 9120.4,
            "baseline": 39811.2,
            "vs_champion": gain(2707.6, 811.0, 28),
            "vs_baseline": gain(33398.4, 2911.0, 28),
        },
    ]
    document["calibration"] = [
        {
            "model": model,
            "class": None,
            "bins": [
                {"mean_score": 8 + 61 * i * factor, "mean_label": 7 + 62 * i + 9 * math.sin(i), "rows": 67}
                for i in range(10)
            ],
        }
        for model, factor in (("candidate", 1.0), ("champion", 0.82))
    ]
    document["importances"] = [
        {"feature": f"feature_{i}", "candidate": 88.2 * 0.71**i, "champion": 80.1 * 0.7**i} for i in range(27)
    ]
    return document
