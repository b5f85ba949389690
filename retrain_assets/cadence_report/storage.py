"""Finished cells in the lake, so that a run that was killed goes on, and the next month's has only the new ones to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from retrain_assets.cadence_report.blocks import Cut
from retrain_assets.cadence_report.orders import Done, Judged, Trained
from retrain_assets.lake import Lake

MODELS = "cadence_models"
CELLS = "cadence_cells"
REPORTS = "cadence_reports"

_MODEL_SCHEMA = {
    "model": pl.String(),
    "rows": pl.Int64(),
    "seconds": pl.Float64(),
    "problem": pl.String(),
    "profile": pl.String(),
    "importances": pl.String(),
    "file": pl.Binary(),
}
_CELL_SCHEMA = {
    "model": pl.String(),
    "block": pl.String(),
    "loss": pl.Float64(),
    "daily": pl.List(pl.Float64()),
    "drift": pl.Float64(),
    "sample": pl.List(pl.Float64()),
    "seconds": pl.Float64(),
    "estimate": pl.Float64(),
}


@dataclass(frozen=True)
class Kept:
    """Cells that are in the lake.

    Parameters
    ----------
    trained
        Models by their identity, without their files.
    judged
        What they were worth, by the identities of model and block.
    """

    trained: Mapping[str, Trained]
    judged: Mapping[tuple[str, str], Judged]


def keep(lake: Lake, done: Sequence[Done]) -> None:
    """Write finished cells; models first, so that what is judged always has its model."""
    models = [_model_row(cell.trained) for cell in done if cell.trained is not None]
    cells = [asdict(judged) for cell in done for judged in cell.judged]
    if models:
        lake.append(MODELS, pl.DataFrame(models, schema=_MODEL_SCHEMA, orient="row"))
    if cells:
        lake.append(CELLS, pl.DataFrame(cells, schema=_CELL_SCHEMA, orient="row"))


def kept_cells(lake: Lake, models: Iterable[str]) -> Kept:
    """Find cells of some models; of two runs that computed one at the same time, either."""
    wanted = list(models)
    if not lake.exists(MODELS):
        return Kept({}, {})
    found = lake.scan(MODELS).filter(pl.col("model").is_in(wanted)).drop("file").collect()
    trained = {row["model"]: _trained(row) for row in found.iter_rows(named=True)}
    if not lake.exists(CELLS):
        return Kept(trained, {})
    cells = lake.scan(CELLS).filter(pl.col("model").is_in(wanted)).collect()
    return Kept(trained, {(row["model"], row["block"]): Judged(**row) for row in cells.iter_rows(named=True)})


def kept_file(lake: Lake, model: str) -> bytes | None:
    """Read the file of one model."""
    found = lake.scan(MODELS).filter(pl.col("model") == model).select("file").head(1).collect()
    return None if found.is_empty() else found["file"][0]


def _model_row(trained: Trained) -> dict[str, Any]:
    packed = {name: json.dumps(getattr(trained, name)) for name in ("profile", "importances")}
    return {name: packed.get(name, getattr(trained, name)) for name in _MODEL_SCHEMA}


def _trained(row: Mapping[str, Any]) -> Trained:
    unpacked = {name: json.loads(row[name]) for name in ("profile", "importances")}
    return Trained(**{**row, **unpacked})


@dataclass(frozen=True)
class Record:
    """What a report leaves behind for the next one.

    Parameters
    ----------
    as_of
        End of the history that it replayed.
    cut
        Where that was cut.
    recommendation
        The block that it recommended to paste, as text; None where it recommended nothing.
    wanted
        What its run was asked for, as JSON has it; None where that was not recorded.
    """

    as_of: datetime
    cut: Cut
    recommendation: str | None
    wanted: Mapping[str, Any] | None


def record_report(lake: Lake, record: Record) -> None:
    """Add a report to the record."""
    told = {"recommendation": record.recommendation, "wanted": record.wanted}
    payload = {"cut": asdict(record.cut)} | told
    schema = {"as_of": pl.Datetime("us", "UTC"), "at": pl.Datetime("us", "UTC"), "payload": pl.String()}
    row = (record.as_of, datetime.now(UTC), json.dumps(payload))
    lake.append(REPORTS, pl.DataFrame([row], schema=schema, orient="row"))


def last_record(lake: Lake, wanted: Mapping[str, Any]) -> Record | None:
    """Read what the last report left whose run was asked for the same: a trial with other windows is none to compare."""
    return next((record for record in _records(lake) if record.wanted == wanted), None)


def last_cut(lake: Lake, blocks: int) -> Cut | None:
    """Where the last report cut that asked for so many blocks: one that asked for others has blocks of its own."""
    return next((record.cut for record in _records(lake) if record.cut.wanted == blocks), None)


def _records(lake: Lake) -> Iterator[Record]:
    """All reports, the last first."""
    if lake.exists(REPORTS):
        for row in lake.scan(REPORTS).sort("at", descending=True).collect().iter_rows(named=True):
            payload = json.loads(row["payload"])
            cut = Cut(**payload["cut"])
            yield Record(row["as_of"], cut, payload["recommendation"], payload.get("wanted"))
