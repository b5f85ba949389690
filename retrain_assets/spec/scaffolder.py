"""``dg scaffold defs retrain_assets.RetrainingPipeline``: a declaration written from a look at the source."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from pydantic import BaseModel, Field

from retrain_assets.errors import SpecError
from retrain_assets.spec.base import format_duration
from retrain_assets.spec.pipeline import load_spec
from retrain_assets.spec.profile import ColumnProfile, SourceProfile, profile_source, typed

SAMPLE_ROWS = 200_000


class ScaffoldParams(BaseModel):
    """What ``dg scaffold`` asks for."""

    path: str | None = Field(default=None, description="File, glob or {partition:...} path; Parquet or CSV.")
    url: str | None = Field(default=None, description="SQLAlchemy address of a database, with --table.")
    table: str | None = Field(default=None, description="Table to read, with --url.")
    timestamp: str = Field(description="Column with the event time of a row.")
    label: str = Field(description="Column to predict.")
    delay: str = Field(
        default="", description="How long after its timestamp a row's label is known, such as 30d."
    )


class PipelineScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Write a declaration that loads unedited, with every column listed and suspects commented out."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        """The options of the command."""
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Read a sample of the source and write ``defs.yaml``."""
        params = request.params
        folder = Path(request.target_path)
        source = _source_block(params, folder)
        name = folder.name.lower().replace("-", "_")
        rows = _sample(name, source, params, folder)
        text = declaration_text(
            request.type_name, name, source, params, profile_source(rows, params.timestamp, params.label)
        )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "defs.yaml").write_text(text)


def _source_block(params: ScaffoldParams, folder: Path) -> dict[str, str]:
    if (params.path is None) == (params.url is None):
        raise SpecError("Give exactly one of --path and --url.")
    if params.url is not None:
        if params.table is None:
            raise SpecError("With --url, give --table.")
        return {"url": params.url, "table": params.table}
    path = str(params.path)
    if "://" not in path and not Path(path).is_absolute():
        path = os.path.relpath(Path.cwd() / path, folder)
    return {"path": path}


def _sample(name: str, source: dict[str, str], params: ScaffoldParams, folder: Path) -> pl.DataFrame:
    """Read a sample through the source itself, so that it is typed as it will be."""
    from retrain_assets.training_data.source import open_source

    spec = load_spec(
        {
            "name": name,
            "source": source | {"timestamp": params.timestamp},
            "label": {"column": params.label, "delay": 0},
        },
        folder / "defs.yaml",
    )
    return open_source(spec, folder).sample(SAMPLE_ROWS)


def declaration_text(
    type_name: str, name: str, source: dict[str, str], params: ScaffoldParams, profile: SourceProfile
) -> str:
    """The text of a ``defs.yaml`` for a profiled source."""
    lines = [f"type: {type_name}", "attributes:", f"  name: {name}", "  source:"]
    lines += [f"    {field}: {_yaml(value)}" for field, value in source.items()]
    lines += [f"    timestamp: {_yaml(params.timestamp)}"]
    if profile.key is not None:
        lines += [f"    key: {_yaml(profile.key)}  # unique in every row of the sample"]
    lines += [f"    partition: {profile.partition}", "  label:", f"    column: {_yaml(params.label)}"]
    asked = (
        ""
        if params.delay
        else "  # how long after its timestamp is a row's label known? Set it: all depends on it"
    )
    lines += [f"    delay: {params.delay or '0d'}{asked}"]
    if profile.task == "classification":
        lines += [f"    positive: {_yaml(profile.positive)}"]
    lines += ["  features:"]
    for kind in ("numeric", "categorical"):
        lines += _columns(kind, typed(profile.columns, kind))
    times = typed(profile.columns, "time")
    lines += [f"    # {column.name}: {column.suspect}" for column in times]
    estimator = "Classifier" if profile.task == "classification" else "Regressor"
    lines += [
        "  training:",
        f"    estimator: sklearn.ensemble.HistGradientBoosting{estimator}",
        "  evaluation:",
        f"    holdout: {format_duration(profile.holdout)}",
        f"    block: {profile.block}",
        "  retrain_when:",
        '    schedule: "0 2 * * 1"  # every Monday at 2 a.m.',
    ]
    return "\n".join(lines) + "\n"


def _columns(kind: str, columns: list[ColumnProfile]) -> list[str]:
    good = [column for column in columns if column.suspect is None]
    lines = [f"    {kind}:" if good else f"    {kind}: []"]
    for column in columns:
        if column.suspect is None:
            lines.append(f"      - {_yaml(column.name)}")
        else:
            lines.append(f"      # - {_yaml(column.name)}  # {column.suspect}")
    return lines


def _yaml(value: Any) -> str:
    """A scalar as YAML; JSON's quoting is YAML's, and plain words stay plain."""
    if isinstance(value, str) and value.replace("_", "a").isalnum() and not value[0].isdigit():
        return (
            value
            if value.lower() not in {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
            else f'"{value}"'
        )
    return json.dumps(value)
