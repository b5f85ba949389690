"""What a reader of a blessing should know besides: metrics by which the candidate is no better than a constant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from retrain_assets.comparison import Comparison, Metric
from retrain_assets.evaluation_report.amounts import amount
from retrain_assets.evaluation_report.verdict_evidence import Verdict


def constant_caveats(comparisons: Mapping[str, Mapping[str, Any]], metrics: Sequence[Metric]) -> list[str]:
    """Say by which metrics the candidate does worse than the naive baseline.

    A candidate that ranks well may give probabilities that are worse than the share of positives for every row.

    Parameters
    ----------
    comparisons
        Candidate, champion and baseline by each metric's name.
    metrics
        Those to look at; the one that decides has its own rule.

    Returns
    -------
    list of str
        A sentence a metric.
    """
    found = []
    for metric in metrics:
        gain: Comparison | None = comparisons.get(metric.name, {}).get("vs_baseline")
        if gain is not None and gain.improvement < 0:
            sure = "is" if gain.upper < 0 else "seems"
            found.append(
                f"By {metric.title} the candidate {sure} worse than the naive baseline, a constant, by "
                f"{amount(-gain.improvement)} {metric.unit} ({100 * (1 - gain.alpha):g} % interval of the improvement: "
                f"{amount(gain.lower)} to {amount(gain.upper)})."
            )
    return found


def with_caveats(verdict: Verdict, caveats: Sequence[str]) -> Verdict:
    """Add caveats to the sentence of a blessing; other verdicts stay as they are."""
    if verdict.verdict != "blessed" or not caveats:
        return verdict
    return replace(verdict, sentence=" ".join([verdict.sentence, *caveats]))
