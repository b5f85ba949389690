"""The gain in money: by row and by period, with its interval, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from retrain_assets.comparison import Comparison, decision_threshold
from retrain_assets.evaluation_report.amounts import amount
from retrain_assets.spec import PipelineSpec, ValueSpec
from retrain_assets.windows import Partitions

PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}


def value_gain(
    spec: PipelineSpec, comparison: Mapping[str, Any] | None, rows: int, span: timedelta
) -> dict[str, Any] | None:
    """Say what a candidate's decisions are worth more than those of the champion, or of the baseline without one.

    The gain of a period is that of a row times the holdout's rows a period. Its interval is that of a row's gain
    times the same number: it does not allow for periods with more or fewer rows.

    Parameters
    ----------
    spec
        The declaration.
    comparison
        The models by value, with ``vs_champion`` and ``vs_baseline``; None where it is not declared or not known.
    rows
        Labelled rows of the holdout, those that are left out of the comparison among them.
    span
        Its length.

    Returns
    -------
    dict or None
        Ready for the document: ``currency``, ``decides``, ``against``, ``alpha``, ``per_row`` and ``per_period``
        (each ``improvement``, ``lower`` and ``upper``), ``period``, ``rows_per_period`` and ``sentence``. None
        where there is no comparison.
    """
    value = spec.promotion.value
    gain = (comparison["vs_champion"] or comparison["vs_baseline"]) if comparison else None
    if value is None or comparison is None or gain is None:
        return None
    against = "champion" if comparison["vs_champion"] else "baseline"
    length = Partitions(spec.source.partition, spec.timezone).typical_length
    rows_per_period = rows * (length / span)
    per_row = {"improvement": gain.improvement, "lower": gain.lower, "upper": gain.upper}
    facts = {
        "currency": value.currency,
        "decides": spec.promotion.decide_by == "value",
        "against": against,
        "alpha": gain.alpha,
        "per_row": per_row,
        "period": PERIODS[spec.source.partition],
        "rows_per_period": rows_per_period,
        "per_period": {name: money * rows_per_period for name, money in per_row.items()},
    }
    return facts | {"sentence": _sentence(value, gain, facts)}


def _sentence(value: ValueSpec, gain: Comparison, facts: Mapping[str, Any]) -> str:
    verb = "brings in" if gain.improvement >= 0 else "loses"
    than = "more than the" if gain.improvement >= 0 else "against the"
    period, row = facts["per_period"], facts["per_row"]
    return (
        f"{_decision(value)}the candidate {verb} {amount(abs(period['improvement']))} {value.currency} a "
        f"{facts['period']} {than} {facts['against']} ({100 * (1 - gain.alpha):g} % interval of the gain: "
        f"{amount(period['lower'])} to {amount(period['upper'])}), at {facts['rows_per_period']:,.0f} rows a "
        f"{facts['period']} and {amount(row['improvement'])} {value.currency} a row."
    )


def _decision(value: ValueSpec) -> str:
    """Say how scores become decisions, as the beginning of a sentence."""
    if value.function is not None:
        return f"By {value.function.partition(':')[2]}, "
    threshold = decision_threshold(value)
    if threshold is None:
        return "Acting where that has the greater expected benefit, "
    return f"Acting above a probability of {threshold:.3g}, "
