"""What a retrain costs, in the unit in which quality is measured."""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.cadence_report.matrix import Matrix
from retrain_assets.cadence_report.worth import mean_rows, read_worth
from retrain_assets.spec import PipelineSpec

ASSUMED_SHARES = (0.01, 0.05, 0.2)
"""Of what the model is worth in one block, where no costs are declared."""
DECLARED_FACTORS = (0.25, 1.0, 4.0)


@dataclass(frozen=True)
class Price:
    """Cost of a retrain.

    Parameters
    ----------
    value
        In units of the loss times rows: a retrain is worth it where it spares so much.
    text
        Where it comes from, in words.
    """

    value: float
    text: str


def read_prices(matrix: Matrix, spec: PipelineSpec) -> tuple[Price, Price, Price]:
    """Give three costs of a retrain to compare policies by; the middle one decides.

    Declared costs are divided and multiplied by four. Where none are, a retrain is supposed to cost 1, 5 and 20 % of
    what a model is worth in one block: the rows of a block times what :func:`read_worth` gives.

    Parameters
    ----------
    matrix
        The matrix.
    spec
        The declaration.
    """
    cost = spec.retrain_when.cost
    if cost is not None:
        declared = cost.per_retrain / cost.per_metric_unit_and_row
        low, middle, high = (
            Price(declared * factor, "as declared" if factor == 1 else f"{factor:g} times the declared cost")
            for factor in DECLARED_FACTORS
        )
        return low, middle, high
    worth = read_worth(matrix, spec)
    low, middle, high = (
        Price(
            share * worth.loss * mean_rows(matrix),
            f"{share:.0%} of {worth.words} in one block (assumed)",
        )
        for share in ASSUMED_SHARES
    )
    return low, middle, high
