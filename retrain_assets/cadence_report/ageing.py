"""How fast a model goes stale: quality against age, and days until it falls below a level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrain_assets.arrays import FloatArray
from retrain_assets.cadence_report.arbiter import watches
from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.worth import read_worth, standard_error
from retrain_assets.comparison import METRICS
from retrain_assets.spec import PipelineSpec

FEWEST_PAIRS = 7
FALL_SHARE = 0.1
"""Share of a fresh model's advantage over the naive constant whose loss counts as a fall, where nothing is declared."""


@dataclass(frozen=True)
class AgePoint:
    """What an age costs.

    Parameters
    ----------
    days
        Age in days at the start of the block that judges.
    loss
        Mean of the loss above that of the fresh model on the same blocks.
    lower, upper
        Its 95 % interval; None with fewer than seven blocks.
    blocks
        How many blocks it rests on.
    """

    days: float
    loss: float
    lower: float | None
    upper: float | None
    blocks: int


def age_curve(matrix: Matrix, window: int, first: int) -> list[AgePoint]:
    """Measure the loss of quality by age, paired by block: a model against a fresh one on the same rows.

    The interval is Student's over blocks, widened for the correlation of neighbouring ones, which a season or a
    slow drift brings about.

    Parameters
    ----------
    matrix
        The matrix.
    window
        Index of the window.
    first
        The first block whose models count.
    """
    blocks = len(matrix.blocks)
    length = _block_days(matrix)
    points = []
    for age in range(blocks - first):
        judged = np.arange(first + age, blocks)
        above = matrix.loss[window, judged - age, judged] - matrix.loss[window, judged, judged]
        known = above[np.isfinite(above)]
        if known.size:
            half = _half_width(known) if known.size >= FEWEST_PAIRS and age else None
            mean = float(known.mean())
            lower, upper = (None, None) if half is None else (mean - half, mean + half)
            points.append(AgePoint(age * length, mean, lower, upper, int(known.size)))
    return points


@dataclass(frozen=True)
class Lifetime:
    """Days until the quality falls below a level.

    Parameters
    ----------
    days
        Expected days; None where it did not happen within this history.
    lower, upper
        Of the 90 % interval; ``upper`` is None where nothing bounds it.
    falls
        How often it happened.
    watched
        Days of service that were looked at.
    level
        How far it falls, in words: below a level, or by a drop.
    """

    days: float | None
    lower: float
    upper: float | None
    falls: int
    watched: float
    level: str


def lifetime(matrix: Matrix, spec: PipelineSpec, window: int, first: int) -> Lifetime:
    """Estimate the days until a model falls below the declared level, if each that has is replaced by a fresh one.

    Spells follow one another, so that none is counted twice. With T days watched and n falls the expected time is
    ``T / n``, and 2T over its value is chi-square distributed with 2n degrees of freedom (2n + 2 for the lower bound,
    as watching ends at a date and not at a fall), if the chance of a fall does not depend on the age.

    Parameters
    ----------
    matrix
        The matrix.
    spec
        The declaration: ``retrain_when.performance`` names the level.
    window, first
        Index of the window, and the first block whose models count.

    References
    ----------
    Epstein, Sobel (1953), "Life testing", Journal of the American Statistical Association 48, 486-502.
    """
    from scipy.special import chdtri

    level, words = _level(matrix, spec, window)
    length, falls, exposed, trained = _block_days(matrix), 0, 0, first
    for block in range(first, len(matrix.blocks)):
        loss = matrix.loss[window, trained, block]
        if not np.isfinite(loss):
            trained = block if not np.isfinite(matrix.loss[window, trained]).any() else trained
            continue
        exposed += 1
        if loss > level[trained]:
            falls, trained = falls + 1, min(block + 1, len(matrix.blocks) - 1)
    watched = exposed * length
    lower = 2 * watched / float(chdtri(2 * falls + 2, 0.05))
    if falls == 0:
        return Lifetime(None, lower, None, 0, watched, words)
    upper = 2 * watched / float(chdtri(2 * falls, 0.95))
    return Lifetime(watched / falls, lower, upper, falls, watched, words)


def _level(matrix: Matrix, spec: PipelineSpec, window: int) -> tuple[FloatArray, str]:
    """Loss beyond which the model of each block counts as fallen, shape (B,), and the level in words."""
    trigger, blocks = watches(spec.retrain_when.performance, matrix), np.arange(len(matrix.blocks))
    fresh = matrix.loss[window, blocks, blocks]
    if trigger is not None and trigger.at_least is not None:
        known = matrix.greater_is_better and matrix.metric in METRICS
        sign = -1.0 if matrix.greater_is_better else 1.0
        level = (1.0 if known else 0.0) + sign * trigger.at_least
        return np.full(blocks.size, level), f"below the declared level of {trigger.at_least:g} {matrix.unit}"
    if trigger is not None and trigger.drop is not None:
        return (
            fresh + trigger.drop,
            f"by the declared drop of {trigger.drop:g} {matrix.unit} from that of its first block",
        )
    worth = read_worth(matrix, spec)
    drop = FALL_SHARE * worth.loss
    words = f"by {drop:.2g} {matrix.unit} from that of its first block"
    return fresh + drop, f"{words} (assumed: a tenth of {worth.words})"


def _half_width(values: FloatArray) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(values.size - 1, 0.975)) * standard_error(values)


def _block_days(matrix: Matrix) -> float:
    return float(
        np.median([(block.end - block.start).total_seconds() / 86_400 for block in matrix.blocks[1:]])
    )
