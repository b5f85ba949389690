"""``dg scaffold defs retrain_assets.RetrainingPipeline``: a declaration written from a look at the source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
import dagster as dg
import polars as pl
from pydantic import BaseModel, Field

from retrain_assets.errors import RetrainError, SpecError
from retrain_assets.spec.declaration_text import declaration_text
from retrain_assets.spec.pipeline import PipelineSpec, load_spec
from retrain_assets.spec.profile import Period, profile_source

if TYPE_CHECKING:
    from retrain_assets.training_data.source import Source

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
    source = _source_block(params, folder)
    name = _name(folder)
    spec, opened = _open(name, source, params, folder)
    rows = _sample(spec, opened)
    profile = profile_source(rows, params.timestamp, params.label)
    partition = _partition(name, source, params, folder, profile.partition)
    trainable = _trainable(rows, spec, profile.holdout)
    return declaration_text(
        type_name,
        name,
        source | {"timestamp": params.timestamp, "partition": partition},
        {"column": params.label, "delay": params.delay},
        profile,
        trainable,
    )


def _name(folder: Path) -> str:
    """The folder's name as a pipeline's name."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"model_{plain}".rstrip("_")


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


def _open(
    name: str, source: Mapping[str, str], params: ScaffoldParams, folder: Path
) -> tuple[PipelineSpec, Source]:
    """Open the source itself, so that the sample is typed as its rows will be; weeks where the path allows."""
    problem: SpecError | None = None
    for period in ("weekly", "daily", "monthly"):
        try:
            return _opened(name, source, params, folder, period)
        except SpecError as error:
            problem = problem or error
    raise problem or SpecError("The source cannot be opened.")


def _opened(
    name: str, source: Mapping[str, str], params: ScaffoldParams, folder: Path, period: Period
) -> tuple[PipelineSpec, Source]:
    from retrain_assets.training_data.source import open_source

    block = {field: _resolved(value) for field, value in source.items()}
    spec = load_spec(
        {
            "name": name,
            "source": block | {"timestamp": params.timestamp, "partition": period},
            "label": {"column": params.label, "delay": params.delay or 0},
        },
        "dg scaffold",
    )
    return spec, open_source(spec, folder)


def _sample(spec: PipelineSpec, source: Source) -> pl.DataFrame:
    """Read partitions, newest first, until enough rows have a label; the newest may have none yet."""
    from retrain_assets.training_data.timestamps import to_utc
    from retrain_assets.windows import Partitions

    timestamp, label = spec.source.timestamp, spec.label.column
    partitions = Partitions(spec.source.partition, spec.timezone)
    first, last = source.earliest(), source.latest()
    if first is None or last is None:
        raise SpecError(f"{source.address}: there are no rows to look at. Check the path, or the timestamp.")
    keys = partitions.keys_between(first, last + timedelta(microseconds=1))
    frames: list[pl.DataFrame] = []
    problems: list[str] = []
    rows, many = 0, 1
    while keys and rows < SAMPLE_ROWS:
        # Each look at a file of many partitions reads all of it: hence twice as many every time.
        keys, chosen = keys[:-many], keys[-many:]
        many *= 2
        for delivery in source.read(partitions, chosen):
            if delivery.frame is None:
                problems.append(str(delivery.problem))
                continue
            frames.append(delivery.frame)
            labelled = label in delivery.frame.columns
            rows += delivery.frame.height - (delivery.frame[label].null_count() if labelled else 0)
    if not frames:
        raise SpecError(problems[0])
    sample = pl.concat(frames, how="diagonal_relaxed")
    if timestamp not in sample.columns:
        return sample
    return sample.with_columns(to_utc(sample[timestamp], spec.timezone, source.address))


def _partition(
    name: str, source: Mapping[str, str], params: ScaffoldParams, folder: Path, wanted: Period
) -> Period:
    """The wanted period, or the next longer one that the path can name."""
    periods: Sequence[Period] = get_args(Period)
    start = periods.index(wanted)
    for period in (*periods[start:], *periods[:start][::-1]):
        try:
            _opened(name, source, params, folder, period)
        except SpecError:
            continue
        return period
    return wanted


def _trainable(rows: pl.DataFrame, spec: PipelineSpec, holdout: timedelta) -> int:
    """Rows of the sample that a first candidate could be trained on."""
    times = rows[spec.source.timestamp]
    end = times.max() - holdout - 2 * spec.label.delay  # type: ignore[operator]
    return int((times <= end).sum())
