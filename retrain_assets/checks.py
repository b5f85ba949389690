"""What can be known wrong with a declaration when it is loaded, beyond its form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from retrain_assets.candidate_model.estimator import Task, check_estimator, likely_task
from retrain_assets.comparison import check_functions, check_value
from retrain_assets.declaration import Declaration
from retrain_assets.errors import PartitionError, SourceError, SpecError
from retrain_assets.features.derivation_faults import check_derivations
from retrain_assets.findings import Findings
from retrain_assets.monitoring_report.business import check_business
from retrain_assets.monitoring_report.performance import check_performance
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec, format_duration
from retrain_assets.spec.pipeline import RESERVED_COLUMNS
from retrain_assets.suitability import check_suitability
from retrain_assets.training_data.columns import check_columns, numeric_texts
from retrain_assets.training_data.expectations.vocabulary import check_expectations
from retrain_assets.training_data.first_rows import check_amounts, check_key, check_label, check_times
from retrain_assets.training_data.label_source.feed import LabelFeed
from retrain_assets.training_data.sources.source import Source
from retrain_assets.windows import resolve_windows


def examine(declaration: Declaration) -> Findings:
    """Find what needs a look at installed modules, at the source's columns or at its first rows.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    Findings
        A source that cannot be reached is no fault: its sensor tells. Files that cannot be read or have lost a
        column, and what the first rows say against the declaration, keep a new pipeline from being loaded, and are
        doubts once rows have been taken in: a broken delivery is withheld then, and must not take the code location
        away.
    """
    spec = declaration.spec
    task = likely_task(spec)
    unsuitable = check_suitability(spec, task)
    faults = [
        *check_estimator(spec),
        *unsuitable.faults,
        *_check_source_function(spec),
        *_check_period(declaration),
        *check_expectations(spec.expectations),
        *check_functions(spec.evaluation.metrics),
        *check_value(spec),
        *check_performance(spec),
        *(labels := _check_label_source(declaration)).faults,
    ]
    doubts = [*unsuitable.doubts, *labels.doubts]
    try:
        source = declaration.source()
        columns = source.columns()
        if columns is None:
            nothing = [f"source.path: {told}{_beside(declaration)}"] if (told := source.nothing()) else []
            return Findings(faults, doubts + nothing)
        named = _columns(declaration, source, columns)
        faults += named.faults
        doubts += named.doubts
        lacking = check_columns(spec, columns, source.address)
        first = Findings([], []) if lacking else _first_rows(spec, source, task)
    except SourceError as error:
        return Findings(faults, [*doubts, str(error)])
    except PartitionError as error:
        first = Findings([str(error)], [])
    except SpecError as error:
        return Findings([*faults, str(error)], doubts)
    if declaration.newest_partition() is not None:
        return Findings(faults, doubts + first.faults + first.doubts)
    return Findings(faults + first.faults, doubts + first.doubts)


def _columns(declaration: Declaration, source: Source, columns: Mapping[str, pl.DataType]) -> Findings:
    """Compare what is declared with the source's columns; what only those of the rows taken in fit is a doubt."""
    spec = declaration.spec
    found = [
        *check_columns(spec, columns, source.address, _texts(spec, source, columns)),
        *_check_expressions(spec, columns),
    ]
    schema = declaration.lake.schema("training_data") or {}
    held = {name: kind for name, kind in schema.items() if kind != pl.Null and name not in RESERVED_COLUMNS}
    if not (found and held):
        return Findings(found, [])
    known = {**columns, **held}
    faults = [*check_columns(spec, known, source.address), *_check_expressions(spec, known)]
    return Findings(faults, [] if faults else found)


def _check_expressions(spec: PipelineSpec, columns: Mapping[str, pl.DataType]) -> list[str]:
    return [
        *check_derivations(spec, columns),
        *check_business(spec, {**columns, **_label_from_elsewhere(spec)}),
    ]


def _texts(spec: PipelineSpec, source: Source, columns: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """First rows of the numeric features that are texts; None where there are none, or they cannot be had."""
    names = numeric_texts(spec, columns)
    return source.head(names) if names and spec.source.path else None


def _first_rows(spec: PipelineSpec, source: Source, task: Task | None) -> Findings:
    label = spec.label.column if spec.label.source is None else None
    value = spec.promotion.value
    amounts = () if value is None else value.columns
    named = dict.fromkeys((spec.source.timestamp, spec.source.key, label, spec.weight, *amounts))
    rows = source.head([name for name in named if name is not None])
    if rows is None:
        return Findings([], [])
    faults, doubts = ([], []) if label is None else check_label(spec, rows, task)
    # A database's times are read by its own driver.
    times = check_times(spec, rows, source.address) if spec.source.path else []
    return Findings(times + faults, doubts + check_key(spec, rows) + check_amounts(spec, rows))


def _beside(declaration: Declaration) -> str:
    """What to write where the file is there if looked for from the folder that the user works in."""
    path = str(declaration.spec.source.path)
    if Path(path).is_absolute() or "://" in path or not (Path.cwd() / path).is_file():
        return ""
    meant = os.path.relpath(path, declaration.file.parent)
    return f" A relative path begins at the folder of the declaration: did you mean {meant!r}?"


def _label_from_elsewhere(spec: PipelineSpec) -> dict[str, pl.DataType]:
    """The label's column, where the rows come without it; its type is known when labels have been taken in."""
    if spec.label.source is None:
        return {}
    values = spec.label.classes or [spec.label.positive]
    is_text = any(isinstance(value, str) for value in values)
    return {spec.label.column: pl.String() if is_text else pl.Float64()}


def _check_label_source(declaration: Declaration) -> Findings:
    """Say what is wrong with the source of labels; one that cannot be reached is told by the sensor."""
    feed = LabelFeed.of(declaration)
    if feed is None:
        return Findings([], [])
    try:
        faults = _check_source_function(feed.spec)
        source = feed.source()
        lacking = check_columns(feed.spec, source.columns() or feed.types(), source.address)
    except SourceError:
        return Findings([], [])
    except PartitionError as error:
        # The rows are taken in all the same, and a broken delivery of labels is withheld.
        return Findings([], [feed.told(str(error))])
    except SpecError as error:
        return Findings([feed.told(str(error))], [])
    told, doubted = (faults, lacking) if lacking and feed.has_labels() else (faults + lacking, [])
    return Findings([feed.told(fault) for fault in told], [feed.told(doubt) for doubt in doubted])


def _check_source_function(spec: PipelineSpec) -> list[str]:
    if spec.source.function is None:
        return []
    module, _, name = spec.source.function.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"source.function: {fault}"]


def _check_period(declaration: Declaration) -> list[str]:
    """Say that rows were taken in by other periods: the same ones would be taken in again by those declared."""
    taken, declared = declaration.lake.read("partitions"), declaration.spec.source.partition
    others = taken.filter(pl.col("period") != declared) if "period" in taken.columns else taken.clear()
    if others.is_empty():
        return []
    before = others["period"][0]
    return [
        f"source.partition: {declared} is declared, and the rows of {declaration.name} were taken in as {before} "
        f"partitions. They would be there twice: declare {before} again, or start a pipeline anew under another name."
    ]


def check_history(declaration: Declaration) -> list[str]:
    """Say so where the source of a new pipeline has no rows from before its holdout: nothing can be trained then.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    list of str
        A sentence or none; none of a source that cannot be reached, or that does not tell its first moment.
    """
    if declaration.newest_partition() is not None:
        return []
    spec, periods = declaration.spec, declaration.partitions
    try:
        source = declaration.source()
        first, last = source.earliest(), source.latest()
    except (SourceError, PartitionError):
        return []
    if first is None or last is None:
        return []
    # A mistyped year may be the last of the calendar; what lies ahead is not taken in.
    _, end = periods.bounds(periods.key_of(min(last, max(first, datetime.now(UTC)))))
    if spec.source.start is not None:
        first = max(first, datetime.combine(spec.source.start, time(), ZoneInfo(spec.timezone)))
    if first >= end:
        return [
            f"source.start: {spec.source.start} lies after the newest rows, of {last:%Y-%m-%d}. No row is taken in."
        ]
    delay, holdout = spec.label.maturity, spec.evaluation.holdout
    if first < resolve_windows(end, delay, holdout, spec.training.window).train_end:
        return []
    delays = f" and two label delays of {format_duration(delay)} are" if delay else " is"
    return [
        f"evaluation.holdout: {format_duration(holdout)}{delays} kept from training, and the source's rows span "
        f"{(end - first).days} days. Nothing is trained before they span "
        "more: declare a shorter holdout, or deliver earlier rows where there are any."
    ]
