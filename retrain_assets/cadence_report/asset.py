"""The cadence_report asset: history replayed, to say how often, on how much data and on which trigger to retrain."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.asset import asset_key, common, fails_in_a_sentence
from retrain_assets.declaration import Declaration

if TYPE_CHECKING:
    from retrain_assets.cadence_report.run import Ran


class CadenceConfig(dg.Config):
    """How history is replayed."""

    blocks: int = 24
    """About how many blocks history is cut into: a policy can retrain at the start of each."""
    windows: list[str] = []  # noqa: RUF012  Dagster's Config copies defaults
    """Windows to try besides the declared one: 28d, 50000 rows, expanding, half-life 28d; empty tries four usual ones."""
    minutes: float | None = None
    """After this time nothing more is computed, and the answers rest on a smaller matrix."""
    backend: str = "loky"
    """loky computes in processes of this machine, dask on a cluster."""
    processes: int | None = None
    """With loky: how many; default one a core."""
    scheduler: str | None = None
    """With dask: address of the cluster's scheduler, such as tcp://10.0.0.5:8786."""


def build(declaration: Declaration) -> dg.AssetsDefinition:
    """Declare the asset for a pipeline."""

    def materialize(context: dg.AssetExecutionContext, config: CadenceConfig) -> dg.MaterializeResult[None]:
        from retrain_assets.cadence_report.run import read_request, run_matrix
        from retrain_assets.cadence_report.storage import Record, record_report

        ran = run_matrix(declaration, read_request(**config.model_dump()), context.log.info)
        record = Record(ran.matrix.blocks[-1].end, ran.cut, None)
        record_report(declaration.lake, record)
        return dg.MaterializeResult(metadata=_metadata(ran))

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "cadence_report",
            "History replayed: the models that other windows and earlier or later retrains would have made, judged "
            "on all that came after them.",
            {"scikitlearn", "deltalake"},
            build,
        ),
        deps=[asset_key(declaration, "features")],
        code_version=declaration.code_version(),
    )(fails_in_a_sentence(materialize))
    return definition


def _metadata(ran: "Ran") -> dict[str, Any]:
    """What the matrix is and took, as numbers that Dagster plots."""
    matrix = ran.matrix
    return {
        "as_of": matrix.blocks[-1].end.isoformat(),
        "blocks": len(matrix.blocks),
        "windows": len(matrix.windows),
        "rows": sum(block.rows for block in matrix.blocks),
        "cells": ran.cells,
        "computed_cells": ran.computed,
        "seconds": ran.seconds,
        "notes": dg.MetadataValue.md(" ".join(matrix.notes) or "none"),
    }
