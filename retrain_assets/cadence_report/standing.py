"""Whether a declaration says what is recommended, and on which window it was replayed."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import ValidationError

from retrain_assets.cadence_report.arbiter import watches
from retrain_assets.cadence_report.contest import Contest
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.replay import Path
from retrain_assets.spec import PipelineSpec, RetrainWhenSpec, WindowSpec


def is_declared(spec: PipelineSpec, block: str, matrix: Matrix) -> bool:
    """Whether a declaration has the window and the triggers of a recommended block.

    Triggers that no replay knows are left out on both sides, as the block does not speak of them; so is the span that
    a fall is measured over, which no replay tunes. Of costs the ratio counts, and the threshold.

    Parameters
    ----------
    spec
        The declaration.
    block
        What is recommended, as YAML.
    matrix
        What was replayed.
    """
    return _said(block, matrix) == (spec.training.window, _replayed(spec.retrain_when, matrix))


def says_the_same(block: str, other: str, matrix: Matrix) -> bool:
    """Whether an earlier recommended block has the window and triggers of another, as :func:`is_declared` compares them.

    One that cannot be declared, as it was recorded under another version of the declaration, says something else.
    """
    try:
        earlier = _said(block, matrix)
    except (ValidationError, KeyError):
        return False
    return earlier == _said(other, matrix)


def window_of_today(contest: Contest, today: Path) -> dict[str, Any]:
    """Say on which window a declaration was replayed: its own, unless that has no model early enough to be compared."""
    matrix = contest.replayer.matrix
    declared, replayed = (matrix.windows[number].name for number in (matrix.declared, today.window))
    note = None
    if declared != replayed:
        note = (
            f"The declared window {declared!r} has no model in the first third of history: today's declaration is "
            f"replayed on the window {replayed!r} instead."
        )
    return {"window": replayed, "declared_window": declared, "note": note}


def _said(block: str, matrix: Matrix) -> tuple[WindowSpec, dict[str, Any]]:
    """Window and triggers of a recommended block."""
    read = yaml.safe_load(block)
    when = RetrainWhenSpec.model_validate(read["retrain_when"])
    return WindowSpec.model_validate(read["training"]["window"]), _replayed(when, matrix)


def _replayed(when: RetrainWhenSpec, matrix: Matrix) -> dict[str, Any]:
    """The triggers that a replay knows."""
    unlike = {"business", "code_changes", "cost", "performance"}
    found = when.model_dump(exclude=unlike, exclude_none=True)
    performance = watches(when.performance, matrix)
    if performance is not None and performance.drop is not None:
        found["performance"] = performance.drop
    if when.drift is not None:
        found["drift"].pop("joint", None)
    if when.cost is not None:
        ratio = when.cost.per_retrain / when.cost.per_metric_unit_and_row
        found["cost"] = f"{ratio:.3g}", when.cost.threshold
    return found
