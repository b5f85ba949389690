"""Documents of a model's life as the software writes them: sixteen weeks, two, and none."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from retrain_assets_tests.pages.documents import START


def life() -> dict[str, Any]:
    """Give sixteen weeks: users change in week 11, and version 3 mends it."""
    weeks, partitions, decisions = [], [], []
    for week in range(16):
        start = START + timedelta(days=7 * week)
        version = None if week < 3 else 1 if week < 6 else 2 if week < 13 else 3
        changed = week >= 10
        never = (
            None if version is None else 0.1035 + 0.0009 * math.sin(week * 1.7) + (0.0102 if changed else 0.0)
        )
        realised = None
        if never is not None:
            realised = never - (0.0 if version == 1 else 0.0011 if version == 2 and not changed else 0.0)
            realised -= 0.0071 if version == 3 else 0.0004 if changed else 0.0
        constant = None if never is None else 0.1121 - (0.0042 if changed else 0.0)
        rate = None if version is None else 0.0242 + 0.0004 * math.cos(week) - (0.0068 if changed else 0.0)
        act = week in (2, 5, 9, 12)
        sentence = (
            "Retrain: the schedule is due (0 2 * * 1)."
            if act
            else "Waits: the schedule is due, but there is nothing new to learn before "
            f"{start + timedelta(days=10):%d %b %Y}."
        )
        broken = week == 8
        weeks.append(
            {
                "start": start.isoformat(),
                "end": (start + timedelta(days=7)).isoformat(),
                "rows": 35120 + 113 * week,
                "quarantined": 1843 if broken else 21 + week % 5,
                "realised": realised,
                "never_retrained": never,
                "constant": constant,
                "secondary": {"roc_auc": None if realised is None else 0.79 - realised},
                "business": {"click_through_rate": rate},
                "version": version,
                "decisions": [sentence] if week != 4 else [],
            }
        )
        hold = {"code": "nothing_new", "sentence": "There is nothing new to learn before 22 Jun 2026."}
        reason = {"code": "schedule", "sentence": "The schedule is due (0 2 * * 1)."}
        for offset in (0, 3):
            decisions.append(
                {
                    "as_of": (start + timedelta(days=offset)).isoformat(),
                    "at": (start + timedelta(days=offset, hours=3)).isoformat(),
                    "act": act and offset == 0,
                    "reasons": [reason] if offset == 0 else [],
                    "held_back_by": [] if act or offset else [hold],
                }
            )
        for offset in range(7):
            day = start + timedelta(days=offset)
            partitions.append(
                {
                    "key": f"{day:%Y-%m-%d}",
                    "start": day.isoformat(),
                    "end": (day + timedelta(days=1)).isoformat(),
                    "rows": 5017 + offset * 3,
                    "quarantined": 1822 if broken and offset == 2 else 3 + (week * 7 + offset) % 4,
                    "accepted": not (week == 6 and offset == 4),
                    "realised": realised,
                    "never_retrained": never,
                    "constant": constant,
                    "versions": [] if version is None else [version],
                    "business": {"click_through_rate": rate},
                }
            )
    decisions[-1]["foreseen"] = (
        "With the data up to 2026-07-06 00:00 UTC it would act, if nothing else changes. The schedule is due next on "
        "Mon 2026-06-22 02:00 UTC; 'cooldown' and 'nothing new' would hold back a tick before that of "
        "Mon 2026-07-06 02:00 UTC."
    )
    judged = ((2, "blessed", "first_champion"), (5, "blessed", "better"), (9, "inconclusive", "gain_unclear"))
    evaluations = [
        {
            "as_of": (START + timedelta(days=7 * week + 7)).isoformat(),
            "at": (START + timedelta(days=7 * week + 7, hours=2, minutes=30)).isoformat(),
            "attempt": f"attempt-{week}",
            "verdict": verdict,
            "reason": code,
            "sentence": f"The candidate of week {week + 1}: log loss improves by 0.00{week}12 nats per row.",
            "next_look": None,
            "trial": False,
            "href": f"evaluations/attempt-{week}/index.html",
        }
        for week, verdict, code in (*judged, (11, "rejected", "no_gain"), (12, "blessed", "better"))
    ]
    ledger = [
        {
            "sequence": number,
            "action": "promoted",
            "version": number,
            "replaced": number - 1 or None,
            "actor": "retrain_assets",
            "reason": reason,
            "verdict": None,
            "as_of": (START + timedelta(days=7 * week)).isoformat(),
            "at": (START + timedelta(days=7 * week, hours=2, minutes=31)).isoformat(),
        }
        for number, week, reason in (
            (1, 3, "The first model is better than the naive baseline."),
            (2, 6, "Log loss improves by 0.00512 nats per row."),
            (3, 13, "Log loss improves by 0.00712 nats per row."),
        )
    ]
    return {
        "pipeline": "ad_clicks",
        "description": "Will a shown ad be clicked?",
        "timezone": "UTC",
        "period": "week",
        "as_of": (START + timedelta(days=112)).isoformat(),
        "metric": "log_loss",
        "unit": "nats per row",
        "greater_is_better": False,
        "champion": {
            "version": 3,
            "replaced": 2,
            "since": (START + timedelta(days=91)).isoformat(),
            "at": (START + timedelta(days=91, hours=2, minutes=31)).isoformat(),
            "action": "promoted",
            "actor": "retrain_assets",
            "reason": "The candidate is better than the champion: log loss improves by 0.00712 nats per row "
            "(95% interval of the improvement: 0.00498 to 0.00926; 35,120 rows, 7 days).",
            "verdict": None,
        },
        "links": {"cadence": "cadence.html", "data_docs": "data_docs/2026-06-21/index.html"},
        "partitions": partitions,
        "weeks": weeks,
        "decisions": decisions,
        "ledger": ledger,
        "evaluations": evaluations,
        "estimates": {
            "rows": [
                {
                    "partition_key": f"2026-06-{number:02}",
                    "version": 3,
                    "method": "confidence_based",
                    "estimated": 0.0963,
                    "lower": 0.0921,
                    "upper": 0.1005,
                    "realised": None if number > 12 else 0.0957,
                    "difference": None if number > 12 else 0.0006,
                    "inside": None if number > 12 else True,
                }
                for number in (14, 13, 12, 11)
            ],
            "withdrawn": ["The importance-weighted estimate of log_loss is withdrawn."],
        },
        "thresholds": [{"name": "click_through_rate", "below": 0.0191, "above": None}],
    }


def empty_life() -> dict[str, Any]:
    """Give a life in which nothing has happened yet."""
    nothing = {
        "partitions": [],
        "weeks": [],
        "decisions": [],
        "ledger": [],
        "evaluations": [],
        "thresholds": [],
    }
    unwritten = {"cadence": None, "data_docs": None}
    return life() | nothing | {"as_of": None, "champion": None, "links": unwritten}


def young_life() -> dict[str, Any]:
    """Give a life of two weeks: rows, a decision, no champion and no labels."""
    whole = life()
    young = {name: whole[name][:2] for name in ("weeks", "decisions")} | {
        "partitions": whole["partitions"][:14]
    }
    none = {"rows": [], "withdrawn": []}
    return whole | young | {"champion": None, "ledger": [], "evaluations": [], "estimates": none}
