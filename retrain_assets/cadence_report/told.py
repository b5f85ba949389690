"""The recommendation in sentences."""

from __future__ import annotations

from retrain_assets.cadence_report.contest import Contest, Result
from retrain_assets.cadence_report.entries import OR_AGE, TODAY
from retrain_assets.cadence_report.policies import retrains
from retrain_assets.cadence_report.recommend import Recommendation
from retrain_assets.cadence_report.replay import Path, cost_between
from retrain_assets.cadence_report.service import first_day, unproven, unproven_sentence
from retrain_assets.comparison import Comparison
from retrain_assets.pages.text import duration

OTHERS = "{others}"
"""Stands for what a policy is held against, until all are known of whom the same is said."""


def title(contest: Contest, result: Result) -> str:
    """Say in a line what a policy does, and on which window; that none of its models serves in tuning comes first."""
    matrix, policy = contest.replayer.matrix, result.entry.policy
    window = matrix.windows[result.path.window].name
    days = (matrix.blocks[-1].end - matrix.blocks[-1].start).total_seconds() / 86_400
    nothing = unproven(contest, result.path.window)
    if nothing is not None:
        return f"{nothing} (window: {window})"
    if policy.family == TODAY:
        kept = "declaration" if result.path.window == matrix.declared else "triggers"
        return f"Keep today's {kept} (window: {window})"
    if policy.family == "never":
        return f"Do not retrain: the first model is kept (window: {window})"
    if policy.family == "periodic":
        period = (policy.parameter or 1) * days
        when = f"{period:.0f} days" if period > 1 else "day"
        return f"Retrain every {when} (window: {window})"
    kind = policy.family.removesuffix(OR_AGE)
    what = {
        "declared drift": f"features with {policy.parameter or 0:.0%} of the importance have moved",
        "declared performance": f"the quality has fallen by {policy.parameter or 0:.2g} {matrix.unit}",
        "declared cost": f"lost quality has cost more than {retrains(policy.parameter or 1)}",
    }.get(kind, policy.name)
    age = result.entry.when.get("max_age") if result.entry.when else None
    what += f", or at an age of {duration(age)}" if age else ""
    return f"Retrain when {what} (window: {window})"


def sureness(contest: Contest, found: Recommendation) -> str:
    """Say what the recommendation rests on and how sure it is."""
    if found.block is None:
        return unproven_sentence(contest, found.chosen.path.window)
    matrix = contest.replayer.matrix
    blocks = len(matrix.blocks) - contest.split
    held: dict[str, list[str]] = {}
    if found.chosen is not found.bar:
        held.setdefault(_against(found.against_bar, found.saved_bar, matrix.unit), []).append(
            "the tuned schedule"
        )
    if not found.keeps_today:
        held.setdefault(_against(found.against_today, found.saved_today, matrix.unit), []).append(
            "today's declaration"
        )
    parts = [
        *_beaten_by_the_constant(contest, found.chosen.path),
        f"Checked on the last {'block' if blocks == 1 else f'{blocks} blocks'}, from {first_day(contest, contest.split)} "
        "on, which no tuning has seen.",
        *_place(found),
        *(text.replace(OTHERS, " and ".join(others)) for text, others in held.items()),
    ]
    return " ".join(parts)


def _place(found: Recommendation) -> list[str]:
    """Say how what is recommended stands to the tuned schedule and to other kinds, where it is none of them."""
    one = found.tried == 1
    if found.keeps_today and found.tried:
        others = "one other kind" if one else f"any of {found.tried} other kinds"
        return [f"Neither the tuned schedule nor {others} that did as well in tuning is cheaper there."]
    if found.keeps_today:
        return ["The tuned schedule is not cheaper there, and no other kind did as well in tuning."]
    if found.chosen is not found.bar:
        return []
    if not found.tried:
        return ["It is the tuned schedule: no other kind did as well in tuning."]
    others = "one other kind" if one else f"{found.tried} other kinds"
    return [f"It is the tuned schedule: {others} did as well in tuning and failed to beat it there."]


def _beaten_by_the_constant(contest: Contest, path: Path) -> list[str]:
    """Say where the naive constant has the lower loss."""
    matrix, naive = contest.replayer.matrix, contest.replayer.constant()
    beaten = []
    for begin, where in (
        (contest.split, "on the last third"),
        (contest.begin, "on the whole counted history"),
    ):
        own, other = (cost_between(matrix, one, 0.0, begin, contest.end) for one in (path, naive))
        if own > other:
            beaten.append(f"{where}, {own:.4g} against {other:.4g}")
    if not beaten:
        return []
    return [f"Its loss is worse than that of the naive constant {'; and '.join(beaten)} {matrix.unit}."]


def _against(gain: Comparison | None, saved: float, unit: str) -> str:
    """Say what a policy spares against ``OTHERS``, and what of it is quality."""
    same = gain is not None and not (gain.improvement or gain.lower or gain.upper)
    if same and not saved:
        return f"It comes to the same as {OTHERS} there."
    costs = "spares" if saved >= 0 else "costs"
    text = f"Against {OTHERS} it {costs} {abs(saved):.2g} {unit} there, the price of retrains included"
    if gain is None:
        return f"{text}; there are too few days for an interval."
    if same:
        return f"{text}; the quality is the same."
    sure = (
        "a gain is sure" if gain.lower > 0 else "a loss is sure" if gain.upper < 0 else "a gain is not sure"
    )
    return (
        f"{text}; the quality alone changes by {gain.improvement:+.2g} (95 % interval {gain.lower:+.2g} to "
        f"{gain.upper:+.2g}): {sure}."
    )
