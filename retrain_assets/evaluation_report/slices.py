"""Slices: the comparison, broken down by the values of a column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison import Metric, Task, compare
from retrain_assets.errors import TrainingError
from retrain_assets.evaluation_report.judged_rows import rows_problem

MOST_VALUES = 12
FEWEST_ROWS = 50
MISSING = "(missing)"


@dataclass(frozen=True)
class Scored:
    """Rows with the scores of both models: arrays of shape (n,), ``champion`` and ``weight`` optional."""

    y: FloatArray
    candidate: FloatArray
    champion: FloatArray | None
    blocks: NDArray[np.int64]
    weight: FloatArray | None

    def __getitem__(self, chosen: NDArray[np.int64]) -> Scored:
        """Keep only the chosen rows."""
        return Scored(
            self.y[chosen],
            self.candidate[chosen],
            None if self.champion is None else self.champion[chosen],
            self.blocks[chosen],
            None if self.weight is None else self.weight[chosen],
        )


@dataclass(frozen=True)
class Slice:
    """The metric on the rows of one value of a column.

    Parameters
    ----------
    column, value, rows
        What the rows have in common, and how many they are.
    candidate, champion, improvement
        The metric's values and the candidate's gain; None without a champion.
    lower, upper
        Bounds of the (1 - alpha) interval of the improvement, of this slice by itself; None where the rows lie
        in one block.
    blocks, effective_blocks
        Blocks that the rows lie in, and how many equal ones would tell as much.
    p_value
        One-sided, of a candidate that loses no more than is allowed; None where the rows are too few.
    p_corrected
        The same, with allowance for the number of slices; None where the slice is not judged.
    worse
        Whether the candidate is significantly worse.
    """

    column: str
    value: str
    rows: int
    candidate: float
    champion: float | None = None
    improvement: float | None = None
    lower: float | None = None
    upper: float | None = None
    blocks: int | None = None
    effective_blocks: float | None = None
    p_value: float | None = None
    p_corrected: float | None = None
    worse: bool = False

    @property
    def name(self) -> str:
        """Column and value."""
        return f"{self.column} = {told_apart(self.value)}"


@dataclass(frozen=True)
class SliceTest:
    """How slices are compared.

    Parameters
    ----------
    task
        What the estimator does: it says how many rows are needed.
    alpha
        Two-sided error rate of the intervals.
    margin
        The loss that the promotion rule allows, in the metric's unit: it is allowed in every slice too.
    past
        Daily loss differences before the holdout, for the choice of the estimator; None without any.
    """

    task: Task
    alpha: float = 0.05
    margin: float = 0.0
    past: FloatArray | None = None


def told_apart(value: str) -> str:
    """Quote a value of a column whose ends, being space or nothing, would not be seen."""
    return value if value and value == value.strip() else f'"{value}"'


def compare_slices(
    rows: pl.DataFrame, columns: list[str], scored: Scored, metric: Metric, test: SliceTest
) -> tuple[list[Slice], list[str]]:
    """Compare two models on the commonest values of each column.

    The intervals are each for itself: among twenty slices of two equal models one interval excludes 0 by
    chance. They show where to look; what decides is :func:`~retrain_assets.evaluation_report.slice_gate.judge_slices`.

    Parameters
    ----------
    rows
        The holdout, with the columns.
    columns
        Columns to break down by; at most twelve values each, the commonest, with at least 50 rows.
    scored
        Labels, scores and blocks of the same rows.
    metric
        What is compared.
    test
        How.

    Returns
    -------
    slices : list of Slice
        By column, and by number of rows within a column.
    notes : list of str
        A sentence for every slice that could not be measured.

    Raises
    ------
    TrainingError
        When a column does not exist, or its values have no text.
    """
    slices, notes = [], []
    for column in columns:
        if column not in rows.columns:
            raise TrainingError(
                f"evaluation.slices: {column!r} is no column of the source. Remove it or mend it."
            )
        for value, chosen in commonest_values(rows[column]):
            try:
                slices.append(_measure(Slice(column, value, chosen.size, 0.0), scored[chosen], metric, test))
            except TrainingError as error:
                notes.append(f"The slice {column} = {told_apart(value)} is not shown. {error}")
    return slices, notes


def commonest_values(column: pl.Series) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield the commonest values as text, at most twelve with 50 rows, each with the positions of its rows.

    Raises
    ------
    TrainingError
        When the values are lists or bytes, which have no text.
    """
    try:
        texts = column.cast(pl.String).fill_null(MISSING)
    except pl.exceptions.PolarsError as error:
        raise TrainingError(
            f"The column {column.name!r} is of type {column.dtype}, whose values are no texts to tell rows apart by. "
            "Remove it from evaluation.slices and evaluation.sensitive."
        ) from error
    named = pl.DataFrame({"value": texts}).with_row_index("row")
    groups = (
        named.group_by("value")
        .agg(pl.col("row"), pl.len().alias("rows"))
        .filter(pl.col("rows") >= FEWEST_ROWS)
        .sort(["rows", "value"], descending=[True, False])
        .head(MOST_VALUES)
    )
    for value, chosen in zip(groups["value"], groups["row"], strict=True):
        yield value, chosen.to_numpy().astype(np.int64)


def _measure(empty: Slice, scored: Scored, metric: Metric, test: SliceTest) -> Slice:
    candidate, _ = metric.measure(scored.y, scored.candidate, scored.weight)
    if scored.champion is None:
        return replace(empty, candidate=candidate)
    champion, _ = metric.measure(scored.y, scored.champion, scored.weight)
    measured = replace(
        empty, candidate=candidate, champion=champion, improvement=metric.gain(candidate, champion)
    )
    if np.unique(scored.blocks).size < 2:
        return measured
    gain = compare(
        metric,
        scored.y,
        scored.candidate,
        scored.champion,
        scored.blocks,
        scored.weight,
        test.alpha,
        test.past,
    )
    return replace(
        measured,
        improvement=gain.improvement,
        lower=gain.lower,
        upper=gain.upper,
        blocks=gain.blocks,
        effective_blocks=gain.effective_blocks,
        p_value=None if rows_problem(scored.y, test.task) else gain.p_value_of_loss(test.margin),
    )
