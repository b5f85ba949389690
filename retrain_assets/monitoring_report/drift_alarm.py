"""From drift to a finding: whether features that the model relies on have moved, in words."""

from __future__ import annotations

from collections.abc import Mapping

from retrain_assets.monitoring_report.alarms import CERTAINTY, Finding, Quiet
from retrain_assets.monitoring_report.drift import DriftReport
from retrain_assets.spec import DriftTrigger


def judge_drift(
    scene: Quiet, trigger: DriftTrigger, shifts: DriftReport, importances: Mapping[str, float], key: str
) -> Finding:
    """Judge whether features that moved carry the declared share of the importance."""
    moved = shifts.moved(trigger.psi)
    share = shifts.moved_importance(trigger.psi, importances)
    crossed = bool(moved) and share >= trigger.importance
    text = _moved_words(trigger, moved, share, crossed)
    numbers = {
        "moved_importance": share,
        "threshold": trigger.importance,
        "moved_features": float(len(moved)),
    }
    if shifts.apart is not None:
        numbers["joint_auc"] = shifts.apart.auc
        if trigger.joint is not None and shifts.apart.lower > trigger.joint:
            crossed = True
            text += (
                f" All features together tell today's rows from training rows with a ROC AUC of {shifts.apart.auc:.3f}, "
                f"{CERTAINTY} more than the declared {trigger.joint:g}."
            )
    start = scene.partitions.bounds(key)[0]
    return Finding("drift", crossed, text, numbers, lambda: start)


def _moved_words(trigger: DriftTrigger, moved: tuple[str, ...], share: float, crossed: bool) -> str:
    if not moved:
        return f"No feature has certainly moved by a PSI of {trigger.psi:g}."
    listed = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
    side = "which reaches" if crossed else "below"
    return (
        f"Features that moved by more than a PSI of {trigger.psi:g} ({listed}) carry {share:.1%} of the "
        f"importance, {side} the declared {trigger.importance:.1%}."
    )
