"""The newest estimates of a life, with what labels showed of them, for its page and its JSON."""

from __future__ import annotations

import json
from typing import Any

from retrain_assets.declaration import Declaration

SHOWN = 30
"""Partitions, the newest ones."""


def told_estimates(declaration: Declaration, metric: str) -> dict[str, Any]:
    """List the estimates of one metric in the newest reports.

    Parameters
    ----------
    declaration
        The pipeline.
    metric
        Its name.

    Returns
    -------
    dict
        JSON-able: ``rows``, newest first, by partition and method ``partition_key``, ``version``, ``method``,
        ``estimated``, ``lower``, ``upper``, and ``realised``, ``difference`` and ``inside``, None while labels are not
        in; ``withdrawn``, the sentences of the newest report's methods that are.
    """
    table = declaration.lake.scan("monitoring").sort("as_of").tail(SHOWN).select("payload")
    reports = [json.loads(payload) for payload in table.collect()["payload"]]
    came = {
        (report["version"], row["partition_key"], row["method"]): row
        for report in reports
        for row in report.get("reconciled", {}).get("partitions", ())
        if row["metric"] == metric
    }
    rows = []
    withdrawn: list[str] = []
    for report in reports:
        methods = report.get("estimated", {}).get(metric, {})
        withdrawn = [estimate["withdrawn"] for estimate in methods.values() if estimate["withdrawn"]]
        for method, estimate in methods.items():
            if estimate["value"] is None:
                continue
            later = came.get((report["version"], report["partition_key"], method), {})
            rows.append(
                {
                    "partition_key": report["partition_key"],
                    "version": report["version"],
                    "method": method,
                    "estimated": estimate["value"],
                    "lower": estimate["lower"],
                    "upper": estimate["upper"],
                    **{name: later.get(name) for name in ("realised", "difference", "inside")},
                }
            )
    return {"rows": rows[::-1], "withdrawn": withdrawn}
