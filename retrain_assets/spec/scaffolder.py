"""``dg scaffold defs retrain_assets.RetrainingPipeline``: a declaration written from a look at the source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click
import dagster as dg
from pydantic import BaseModel, Field

from retrain_assets.errors import RetrainError, SpecError
from retrain_assets.spec.declaration_text import declaration_text
from retrain_assets.spec.profile import profile_source
from retrain_assets.spec.sample import Sample, Sampler

_LISTED = 20
"""So many columns are listed at most where one is asked for."""


class ScaffoldParams(BaseModel):
    """What ``dg scaffold`` asks for."""

    path: str | None = Field(default=None, description="File, glob or {partition:...} path; Parquet or CSV.")
    url: str | None = Field(default=None, description="SQLAlchemy address of a database, with --table.")
    table: str | None = Field(default=None, description="Table to read, with --url.")
    timestamp: str = Field(default="", description="Column with the event time of a row; needed.")
    label: str = Field(default="", description="Column to predict; needed.")
    delay: str = Field(
        default="", description="How long after its timestamp a row's label is known, such as 30d."
    )
    timestamp_format: str = Field(
        default="", description="strftime form of the timestamp, where it is text in no ISO form."
    )


class PipelineScaffolder(dg.Scaffolder[ScaffoldParams]):
    """Write a declaration that loads unedited, with every column listed and suspects commented out."""

    @classmethod
    def get_scaffold_params(cls) -> type[ScaffoldParams]:
        """The options of the command."""
        return ScaffoldParams

    def scaffold(self, request: dg.ScaffoldRequest[ScaffoldParams]) -> None:
        """Read a sample of the source and write ``defs.yaml``; where that fails, leave nothing behind.

        Raises
        ------
        click.ClickException
            With a sentence, which the command prints as it is.
        """
        folder = Path(request.target_path)
        try:
            if request.scaffold_format != "yaml":
                raise SpecError("A pipeline is declared in YAML. Leave --format out.")
            text = _declaration(request.type_name, folder, request.params)
        except RetrainError as error:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
            raise click.ClickException(str(error)) from error
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "defs.yaml").write_text(text, encoding="utf-8")
        click.echo(f"Wrote {folder / 'defs.yaml'}: look through its columns, then run: dg check defs")
        if not request.params.delay:
            click.echo("label.delay is 0d there: set it to how long a row's label takes to be known.")


def _declaration(type_name: str, folder: Path, params: ScaffoldParams) -> str:
    source = _source_block(params, folder) | {"timestamp": params.timestamp}
    label = {"column": params.label, "delay": params.delay or "0h"}
    read = {"timestamp_format": params.timestamp_format} if params.timestamp_format else {}
    resolved = {name: _resolved(value) for name, value in source.items()}
    if not (params.timestamp and params.label):
        raise SpecError(_lacking(params, resolved, folder))
    sampler = Sampler(resolved, label, folder)
    sample = sampler.sample(read)
    profile = profile_source(sample.rows, params.timestamp, params.label)
    period = sampler.partition(profile.partition, sample.read)
    return declaration_text(
        type_name,
        _name(folder),
        source | {"partition": period},
        sample.read,
        sample.missing,
        {"column": params.label, "delay": params.delay},
        profile,
        _trainable(sample, profile.holdout),
    )


def _lacking(params: ScaffoldParams, source: Mapping[str, str], folder: Path) -> str:
    """Ask for the columns that were not named, with those that they may be."""
    columns = Sampler(
        {**source, "timestamp": "timestamp"}, {"column": "label", "delay": "0h"}, folder
    ).columns()
    times = [name for name, is_time in columns.items() if is_time]
    others = [name for name in columns if name not in {*times, params.timestamp}]
    asked = []
    if not params.timestamp:
        look = _listed(times, "These columns look like times") or _listed(
            list(columns), "There are the columns"
        )
        asked.append(f"Give --timestamp, the column with the event time of a row. {look}")
    if not params.label:
        asked.append(f"Give --label, the column to predict. {_listed(others, 'There are the columns')}")
    return "\n".join(line.strip() for line in asked)


def _listed(names: list[str], said: str) -> str:
    more = ", and more" if len(names) > _LISTED else ""
    return f"{said}: {', '.join(names[:_LISTED])}{more}." if names else ""


def _trainable(sample: Sample, holdout: timedelta) -> int:
    """Rows of the sample that a first candidate could be trained on."""
    times = sample.rows[sample.spec.source.timestamp]
    end = times.max() - holdout - 2 * sample.spec.label.delay  # type: ignore[operator]
    return int((times <= end).sum())


def _name(folder: Path) -> str:
    """The folder's name as a pipeline's name."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    return (plain if plain[:1].isalpha() else f"model_{plain}")[:63].rstrip("_")


def _source_block(params: ScaffoldParams, folder: Path) -> dict[str, str]:
    """The source as the file declares it: relative paths start at the file's folder, not at the command's."""
    if (params.path is None) == (params.url is None):
        raise SpecError("Give exactly one of --path and --url.")
    if params.url is not None:
        if params.table is None:
            raise SpecError("With --url, give --table.")
        return {"url": _relocated_url(params.url, folder), "table": params.table}
    path = str(params.path)
    if "://" not in path and not path.startswith(("{{", "~")) and not Path(path).is_absolute():
        path = os.path.relpath(Path.cwd() / path, folder.resolve())
    return {"path": path}


def _relocated_url(url: str, folder: Path) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if "{{" in url:
        return url
    try:
        address = make_url(url)
    except ArgumentError:
        return url  # opening it says what is wrong
    if address.password is not None:
        raise SpecError(
            "The address holds a password, which would stand in the file. Put the address into an environment "
            "variable and name that: --url '{{ env.WAREHOUSE }}'."
        )
    database = address.database
    if address.get_backend_name() == "sqlite" and database and not Path(database).is_absolute():
        place = os.path.relpath(Path.cwd() / database, folder.resolve())
        return address.set(database=place).render_as_string()
    return url


def _resolved(text: str) -> str:
    """A template's value: ``{{ env.NAME }}`` is a whole address or a part of it."""
    for name in re.findall(r"\{\{\s*env\.(\w+)\s*\}\}", text):
        if name not in os.environ:
            raise SpecError(f"The environment variable {name} is not set. Set it: {text!r} names it.")
    return str(dg.ResolutionContext.default().resolve_value(text))
