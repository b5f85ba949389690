"""Estimates held against what labels showed later, and withdrawn when they miss too often."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

MISSES_ALLOWED = 0.1
"""An interval of 95 % that shares one reference misses more often than in one of 20 partitions."""
MISSES_OF_CONCEPT_DRIFT = 0.6
EVIDENCE_ASKED = 3640.0
"""Reached within 182 partitions of an estimate that holds with probability .05 at most."""
REMEMBERED = 10

Record = dict[str, Any]


def empty_record() -> Record:
    """What is known of a champion's estimates before any was reconciled."""
    return {"partitions": [], "methods": {}}


def reconcile(
    record: Mapping[str, Any], key: str, estimated: Mapping[str, Any], realised: Mapping[str, float | None]
) -> Record:
    """Hold one partition's estimates against what was realised.

    Whether the realised value lies in the estimate's interval is a coin whose rate of misses is asked about: a
    Shiryaev-Roberts e-detector of 60 % misses against 10 %. Where it finds that they have become too many, the
    method is withdrawn for this metric as long as this champion serves: what it assumes, that the features mean
    what they meant after the promotion, does not hold.

    Parameters
    ----------
    record
        What was known before: of :func:`empty_record`, or of this function.
    key
        The partition.
    estimated
        What its report estimated: by metric and method ``value``, ``lower``, ``upper``.
    realised
        By metric, on the partition's rows; None where it is undefined.

    Returns
    -------
    dict
        JSON-able: ``partitions``, a row a metric and method that was reconciled (``partition_key``, ``metric``,
        ``method``, ``estimated``, ``lower``, ``upper``, ``realised``, ``difference``, ``inside``), and
        ``methods``, by ``metric/method`` ``evidence``, ``inside`` (the last ten), ``first`` (the first partition)
        and ``withdrawn`` (a sentence, or None).

    References
    ----------
    Shin, Ramdas, Rinaldo (2024), "E-detectors: a nonparametric framework for sequential change detection", New
    England Journal of Statistics in Data Science 2, 229-260.
    """
    found: Record = {
        "partitions": list(record["partitions"]),
        "methods": copy.deepcopy(dict(record["methods"])),
    }
    for metric, methods in estimated.items():
        truth = realised.get(metric)
        if truth is None:
            continue
        for method, estimate in methods.items():
            if estimate["value"] is None:
                continue
            inside = estimate["lower"] <= truth <= estimate["upper"]
            found["partitions"].append(
                {
                    "partition_key": key,
                    "metric": metric,
                    "method": method,
                    "estimated": estimate["value"],
                    "lower": estimate["lower"],
                    "upper": estimate["upper"],
                    "realised": truth,
                    "difference": estimate["value"] - truth,
                    "inside": inside,
                }
            )
            name = f"{metric}/{method}"
            found["methods"][name] = _counted(found["methods"].get(name), metric, method, key, inside)
    return found


def withdrawn(
    record: Mapping[str, Any], estimated: Mapping[str, Any]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Take the figures out of estimates whose method is withdrawn, and say why in ``withdrawn``.

    Parameters
    ----------
    record
        Of :func:`reconcile`.
    estimated
        By metric and method.
    """
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for metric, methods in estimated.items():
        told[metric] = {}
        for method, estimate in methods.items():
            reason = record["methods"].get(f"{metric}/{method}", {}).get("withdrawn")
            figures = dict.fromkeys(("value", "lower", "upper")) if reason else dict(estimate)
            told[metric][method] = {**figures, "withdrawn": reason}
    return told


def _counted(
    known: Mapping[str, Any] | None, metric: str, method: str, key: str, inside: bool
) -> dict[str, Any]:
    before = known or {"evidence": 0.0, "inside": [], "first": key, "withdrawn": None}
    miss, hold = (
        MISSES_OF_CONCEPT_DRIFT / MISSES_ALLOWED,
        (1 - MISSES_OF_CONCEPT_DRIFT) / (1 - MISSES_ALLOWED),
    )
    evidence = (1 + before["evidence"]) * (hold if inside else miss)
    last = [*before["inside"], inside][-REMEMBERED:]
    reason = before["withdrawn"]
    if reason is None and evidence >= EVIDENCE_ASKED:
        reason = (
            f"The {method.replace('_', '-')} estimate of {metric} is withdrawn: of the last {len(last)} partitions "
            f"whose labels came in, until {key}, the realised value lay outside its 95 % interval in "
            f"{last.count(False)}. What the features mean has changed since the promotion; only labels tell "
            "how the model does."
        )
    return {"evidence": min(evidence, 1e300), "inside": last, "first": before["first"], "withdrawn": reason}
