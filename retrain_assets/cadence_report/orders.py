"""What a cell is: the order to compute it, and what comes of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrain_assets.cadence_report.matrix import WindowPolicy


@dataclass(frozen=True)
class Trained:
    """A model that was trained for the matrix.

    Parameters
    ----------
    model
        Its identity: a digest of all that it was made of.
    rows
        Rows that it was fitted on; 0 where there is no model.
    seconds
        CPU seconds of the fit.
    problem
        Why there is no model, as a sentence; None where there is one.
    profile, importances
        What drift is measured by.
    file
        The model as a skops file.
    """

    model: str
    rows: int = 0
    seconds: float = float("nan")
    problem: str | None = None
    profile: Mapping[str, Any] | None = None
    importances: Mapping[str, float] | None = None
    file: bytes | None = None


@dataclass(frozen=True)
class Judged:
    """A model on one block.

    Parameters
    ----------
    model
        The model's identity.
    block
        Identity of the block's rows and of how they are judged.
    loss
        Mean loss; NaN where it is undefined.
    daily
        Loss of each of the block's days, as the matrix counts them.
    drift
        Share of the model's importance that had moved.
    sample
        Scores of the block's sample, row after row; of k classes each k numbers.
    seconds
        CPU seconds of the scoring.
    estimate
        The mean loss as it is estimated without labels; NaN where it cannot be.
    """

    model: str
    block: str
    loss: float
    daily: list[float]
    drift: float
    sample: list[float]
    seconds: float
    estimate: float = float("nan")


@dataclass(frozen=True)
class Order:
    """A cell that is to be computed.

    Parameters
    ----------
    window
        The window.
    block
        The block at whose start the model is trained.
    model
        Its identity.
    judged_on
        Index and identity of the blocks that it is judged on.
    trained
        The model, where an earlier run trained it.
    """

    window: WindowPolicy
    block: int
    model: str
    judged_on: tuple[tuple[int, str], ...]
    trained: Trained | None = None


@dataclass(frozen=True)
class Done:
    """A finished cell; ``trained`` is None where an earlier run trained the model."""

    order: Order
    trained: Trained | None
    judged: tuple[Judged, ...]
