"""The verdict on a candidate: a pure function of the comparisons and of what the declaration asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from retrain_assets.comparison import Comparison, Metric
from retrain_assets.evaluation_report.amounts import amount
from retrain_assets.evaluation_report.slices import Slice
from retrain_assets.evaluation_report.verdict_evidence import (
    LONGEST_WAIT,
    Evidence,
    Verdict,
    inconclusive,
    not_judged,
    too_few_blocks,
)
from retrain_assets.spec import PromotionSpec

MOST_GROWTH = 100.0
SLICES_DETAILED = 3


def decide_verdict(evidence: Evidence, promotion: PromotionSpec) -> Verdict:
    """Judge a candidate.

    With [L, U] the interval of the improvement over the champion:

    - Fewer than seven blocks, blocks so unequal that they tell as much as fewer than four equal ones, too few
      rows, or a champion that cannot be scored: ``inconclusive``. No evidence promotes nothing. So it is where
      nothing is left of the year's budget of false promotions (``error_budget_spent``), until it returns.
    - A candidate proven worse than the naive baseline is ``rejected`` (``below_baseline``), even if the
      champion is worse still: a model that a constant beats points to broken data, and a person should look.
    - ``blessed`` when L > 0 (``better``), or, under ``non_inferiority``, when L > -margin (``not_worse``).
    - What would be blessed so is ``rejected`` (``slice_worse``) where a declared slice is significantly worse
      than with the champion, by more than the margin where one is declared; and (``calibration_worse``) where
      a declared gate finds it worse calibrated. This takes blessings away and gives none, so that the rate of
      false promotions stays what it is or falls.
    - Else ``rejected`` when a gain worth having is ruled out, U < ``min_gain`` or U <= 0: ``worse`` when U <
      0, ``no_gain`` otherwise.
    - Else ``inconclusive`` (``gain_unclear``). The next look is when the smallest gain that the rows would
      show has fallen to the greater of ``min_gain`` and the observed improvement (under ``non_inferiority``
      the observed improvement and the margin together, for that is what must be told from zero), its error
      shrinking with the square root of the blocks: one partition later at the least, 90 days at the most.

    Without a champion the baseline takes its place: ``blessed`` (``first_champion``) when the candidate is
    proven better than the baseline, ``rejected`` (``below_baseline``) when a gain over it is ruled out,
    ``gain_unclear`` between. A ``min_gain`` given as a share is a share of the champion's advantage over the
    baseline; without a champion, or with one that has no advantage, it is 0.

    Parameters
    ----------
    evidence
        The comparisons and what they rest on.
    promotion
        The declared rule.
    """
    unjudged = not_judged(evidence)
    if unjudged is not None or evidence.vs_baseline is None:
        return unjudged or too_few_blocks(evidence)
    if evidence.vs_champion is None:
        return _against_baseline(evidence, evidence.vs_baseline, promotion)
    return _against_champion(evidence, evidence.vs_champion, evidence.vs_baseline, promotion)


def minimum_gain(
    promotion: PromotionSpec, vs_champion: Comparison | None, vs_baseline: Comparison | None
) -> float:
    """Resolve the gain worth having, in the metric's unit.

    Parameters
    ----------
    promotion
        The declared rule.
    vs_champion, vs_baseline
        The candidate's comparisons; their difference is the champion's advantage over the baseline.
    """
    if not isinstance(promotion.min_gain, str):
        return promotion.min_gain
    if vs_champion is None or vs_baseline is None:
        return 0.0
    advantage = vs_baseline.improvement - vs_champion.improvement
    return max(advantage, 0.0) * float(promotion.min_gain.removesuffix("%")) / 100


def _against_champion(
    evidence: Evidence, gain: Comparison, vs_baseline: Comparison, promotion: PromotionSpec
) -> Verdict:
    worth = minimum_gain(promotion, gain, vs_baseline)
    basis = _basis(evidence, gain)
    if vs_baseline.upper < 0:
        return _below_baseline(evidence, vs_baseline)
    blessed = _blessed(evidence, gain, promotion, basis)
    if blessed is not None:
        return _fails_a_gate(evidence, gain, basis) or blessed
    if gain.upper < 0:
        return Verdict("rejected", "worse", f"The candidate is worse than the champion, which stays: {basis}")
    if gain.upper < worth or gain.upper <= 0:
        ruled_out = (
            f"a gain worth having ({_in_units(worth, evidence.metric)}) is ruled out" if worth else "no gain"
        )
        return Verdict("rejected", "no_gain", f"The champion stays, {ruled_out}: {basis}")
    return _gain_unclear(
        evidence,
        gain,
        max(worth, gain.improvement + (promotion.margin or 0.0)),
        "the champion, which stays for now",
    )


def _blessed(evidence: Evidence, gain: Comparison, promotion: PromotionSpec, basis: str) -> Verdict | None:
    """The blessing that the gain on all rows earns; None where it earns none."""
    if gain.lower > 0:
        return Verdict("blessed", "better", f"The candidate is better than the champion: {basis}")
    if promotion.margin is None or gain.lower <= -promotion.margin:
        return None
    allowed = f"a loss of {_in_units(promotion.margin, evidence.metric)} or more is ruled out"
    return Verdict(
        "blessed", "not_worse", f"The candidate is not worse than the champion, {allowed}: {basis}"
    )


def _fails_a_gate(evidence: Evidence, gain: Comparison, basis: str) -> Verdict | None:
    """The rejection of what passes on all rows together; None where no gate fails."""
    if evidence.worse_slices:
        return _slice_worse(evidence, gain, basis)
    if evidence.miscalibrated is None:
        return None
    text = (
        "The champion stays, because the candidate, which passes by the metric, is worse calibrated: "
        f"{evidence.miscalibrated} On all rows {basis}"
    )
    return Verdict("rejected", "calibration_worse", text)


def _slice_worse(evidence: Evidence, gain: Comparison, basis: str) -> Verdict:
    """Name the slices, the surest few with their intervals, and the gain on all rows beside them."""
    named, further = evidence.worse_slices[:SLICES_DETAILED], evidence.worse_slices[SLICES_DETAILED:]
    details = "; ".join(_slice_loss(evidence.metric, part, gain.alpha) for part in named)
    if further:
        details += f"; worse too are {', '.join(part.name for part in further)}"
    where = "one slice" if len(evidence.worse_slices) == 1 else f"{len(evidence.worse_slices)} slices"
    text = (
        f"The champion stays, because the candidate, which passes on all rows together, is significantly worse in "
        f"{where} (after Holm's correction): {evidence.metric.title} worsens {details}. On all rows {basis}"
    )
    return Verdict("rejected", "slice_worse", text)


def _slice_loss(metric: Metric, part: Slice, alpha: float) -> str:
    loss, lower, upper = (_bound(value) for value in (part.improvement, part.lower, part.upper))
    return (
        f"where {part.name} by {loss.removeprefix('-')} {metric.unit} ({100 * (1 - alpha):g} % interval of the "
        f"improvement: {lower} to {upper}; {part.rows:,} rows)"
    )


def _against_baseline(evidence: Evidence, gain: Comparison, promotion: PromotionSpec) -> Verdict:
    worth = minimum_gain(promotion, None, gain)
    if gain.lower > 0:
        text = f"The first model is better than the naive baseline: {_basis(evidence, gain)}"
        return Verdict("blessed", "first_champion", text)
    if gain.upper < worth or gain.upper <= 0:
        return _below_baseline(evidence, gain)
    return _gain_unclear(
        evidence, gain, max(worth, gain.improvement), "the naive baseline, so there is no champion yet"
    )


def _below_baseline(evidence: Evidence, gain: Comparison) -> Verdict:
    text = f"The candidate does not beat the naive baseline, a constant: {_basis(evidence, gain)}"
    return Verdict("rejected", "below_baseline", text)


def _gain_unclear(evidence: Evidence, gain: Comparison, target: float, against: str) -> Verdict:
    growth = _needed_growth(gain, target)
    text = f"It is not clear yet whether the candidate is better than {against}: {_basis(evidence, gain)}"
    wait = evidence.holdout * max(growth - 1, 0)
    judged = inconclusive("gain_unclear", text, evidence, wait)
    if judged.next_look is None:
        return judged
    again = _look_again(evidence, judged.next_look, unlikely=wait > LONGEST_WAIT)
    return replace(judged, sentence=f"{text} {again}")


def _look_again(evidence: Evidence, next_look: datetime, *, unlikely: bool) -> str:
    """Say when the next look is, and what is to be expected of it."""
    wait = next_look - evidence.as_of
    length = f"{(evidence.holdout + wait) / timedelta(days=1):.0f} days"
    if unlikely:
        hope = f", though even the {length} of holdout that there are then may be too few to tell"
    elif wait > evidence.partition:
        hope = f", when the holdout is about {length} long, which should tell"
    else:
        hope = ""
    day = next_look.astimezone(ZoneInfo(evidence.timezone)).date()
    return f"The next look is due on {day}{hope}."


def _needed_growth(gain: Comparison, target: float) -> float:
    """How many times longer a holdout would show a gain of ``target``: the error falls with the square root.

    The answer is capped where no wait would do.
    """
    if gain.smallest_detectable >= MOST_GROWTH * target:
        return MOST_GROWTH**2
    return (gain.smallest_detectable / target) ** 2


def _basis(evidence: Evidence, gain: Comparison) -> str:
    """Describe the gain, its interval and what it rests on, as the end of a sentence."""
    verb = "improves" if gain.improvement >= 0 else "worsens"
    lower, upper = amount(gain.lower), amount(gain.upper)
    rows = f"{gain.rows:,} rows"
    basis = rows if evidence.noun == "rows" else f"{rows}, {gain.blocks:,} {evidence.noun}"
    return (
        f"{evidence.metric.title} {verb} by {_in_units(abs(gain.improvement), evidence.metric)} "
        f"({100 * (1 - gain.alpha):g} % interval of the improvement: {lower} to {upper}; "
        f"{basis})."
    )


def _in_units(value: float, metric: Metric) -> str:
    return f"{amount(value)} {metric.unit}"


def _bound(value: float | None) -> str:
    return "no bound" if value is None else amount(value)
