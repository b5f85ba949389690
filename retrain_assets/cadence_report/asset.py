"""The cadence_report asset: history replayed, to say how often, on how much data and on which trigger to retrain."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._utils.schedules import cron_string_iterator

from retrain_assets.asset import asset_key, common, fails_in_a_sentence
from retrain_assets.declaration import Declaration
from retrain_assets.pages.writing import write_whole

if TYPE_CHECKING:
    from retrain_assets.cadence_report.matrix import Matrix
    from retrain_assets.cadence_report.report import CadenceReport
    from retrain_assets.cadence_report.run import Ran

CHECK = "recommendation_stands"


class CadenceConfig(dg.Config):
    """How history is replayed."""

    blocks: int = 24
    """About how many blocks history is cut into: a policy can retrain at the start of each."""
    windows: list[str] = []  # noqa: RUF012  Dagster's Config copies defaults
    """Windows to try besides the declared one: 28d, 50000 rows, expanding, half-life 28d; empty tries four usual ones."""
    policies: list[str] = []  # noqa: RUF012  Dagster's Config copies defaults
    """Kinds to try besides schedules and today's declaration: drift, performance, cost, estimated, page-hinkley, adwin,
    forecast; empty tries all."""
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

    def materialize(
        context: dg.AssetExecutionContext, config: CadenceConfig
    ) -> Iterator[dg.MaterializeResult[None]]:
        from retrain_assets.cadence_report.report import build_report
        from retrain_assets.cadence_report.run import read_request, run_matrix
        from retrain_assets.cadence_report.storage import Record, last_record, record_report

        request = read_request(**config.model_dump())
        before = last_record(declaration.lake, request.wanted)
        ran = run_matrix(declaration, request, context.log.info)
        report = build_report(
            ran.matrix, declaration, declared_ticks(declaration, ran.matrix), request.policies
        )
        page = _write(declaration, report)
        found = report.document["recommendation"]
        context.log.info(f"{found['title']}. {found['sentence']} Its page: {page}")
        told = {"recommendation": found["title"], "sentence": dg.MetadataValue.md(found["sentence"])}
        links = {"page": dg.MetadataValue.url(page.as_uri())}
        yield dg.MaterializeResult(
            metadata=_metadata(ran) | told | links,
            check_results=[_check(before.recommendation if before else None, report, ran.matrix)],
        )
        # Only what Dagster has been told counts as told: a run that dies before leaves the warning to the next one.
        record = Record(ran.matrix.blocks[-1].end, ran.cut, report.block, request.wanted)
        record_report(declaration.lake, record)

    definition: dg.AssetsDefinition = dg.asset(
        **common(
            declaration,
            "cadence_report",
            "History replayed: the models that other windows and earlier or later retrains would have made, judged "
            "on all that came after them.",
            {"scikitlearn", "deltalake", "html"},
            build,
        ),
        deps=[asset_key(declaration, "features")],
        check_specs=[
            dg.AssetCheckSpec(
                name=CHECK,
                asset=asset_key(declaration, "cadence_report"),
                description="What is recommended to declare is the same as in the last report on the same blocks, "
                "windows and minutes; its result also tells whether today's declaration says it.",
            )
        ],
        code_version=declaration.code_version(),
    )(fails_in_a_sentence(materialize))
    return definition


def declared_ticks(declaration: Declaration, matrix: "Matrix") -> list[datetime]:
    """When the declared schedule was due within the history."""
    cron = declaration.spec.retrain_when.schedule
    if cron is None:
        return []
    start, end = matrix.blocks[0].start, matrix.blocks[-1].end
    due = cron_string_iterator(start.timestamp(), cron, declaration.spec.timezone)
    return list(takewhile(lambda tick: tick <= end, due))


def _write(declaration: Declaration, report: "CadenceReport") -> Path:
    """Write ``cadence.html`` and its JSON twin under the pipeline's reports."""
    from retrain_assets.cadence_report.page import cadence_page

    text = json.dumps(report.document, indent=1, allow_nan=False)
    write_whole(declaration.reports / "cadence.json", text + "\n")
    page = declaration.reports / "cadence.html"
    write_whole(page, cadence_page(report.document))
    return page


def _check(before: str | None, report: "CadenceReport", matrix: "Matrix") -> dg.AssetCheckResult:
    """Warn where something else is recommended than in the like report before; whether it is declared is told besides."""
    from retrain_assets.cadence_report.standing import says_the_same

    declared = bool(report.document["recommendation"]["is_declared"])
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=before is None or (report.block is not None and says_the_same(before, report.block, matrix)),
        severity=dg.AssetCheckSeverity.WARN,
        description="Nothing is recommended."
        if report.block is None
        else "Today's declaration is what is recommended."
        if declared
        else "Today's declaration says something else than what is recommended.",
        metadata={"before": before or "none", "recommended": report.block or "none", "is_declared": declared},
    )


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
