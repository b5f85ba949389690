"""The figures of an evaluation by name, for MLflow and for Dagster's metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_UNUSUAL = re.compile(r"[^\w.\- ]")
"""What MLflow takes in no metric's name."""


def figures(document: Mapping[str, Any]) -> dict[str, float]:
    """Name every figure: metrics, improvements with their intervals, the gain in money, differences of groups.

    Parameters
    ----------
    document
        An evaluation.

    Returns
    -------
    dict
        Those that could be computed, by a name that MLflow takes.
    """
    found = (*_of_comparisons(document), *_of_value(document), *_of_fairness(document))
    return {_UNUSUAL.sub("_", name): float(value) for name, value in found if value is not None}


def _of_comparisons(document: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for comparison in document["comparisons"]:
        name = comparison["metric"]
        for model in ("candidate", "champion", "baseline"):
            yield f"{model}_{name}", comparison[model]
        gain = comparison["vs_champion"] or comparison["vs_baseline"] or {}
        yield f"improvement_{name}", gain.get("improvement")
        yield f"improvement_{name}_lower", gain.get("lower")
        yield f"improvement_{name}_upper", gain.get("upper")


def _of_value(document: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    value = document["value"]
    if value is None:
        return
    for name, amount in value["per_period"].items():
        yield f"value_per_{value['period']}_{name}", amount


def _of_fairness(document: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    for entry in document["fairness"]:
        for model, differences in entry["differences"].items():
            for name, difference in differences.items():
                yield f"{model}_{entry['column']}_{name}_difference", difference
