"""What can be known wrong with a declaration when it is loaded, beyond its form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from retrain_assets.candidate_model.estimator import check_estimator
from retrain_assets.comparison import check_functions, check_value
from retrain_assets.declaration import Declaration
from retrain_assets.errors import PartitionError, SourceError, SpecError
from retrain_assets.features.derivation_faults import check_derivations
from retrain_assets.monitoring_report.business import check_business
from retrain_assets.monitoring_report.performance import check_performance
from retrain_assets.references import check_name
from retrain_assets.spec import PipelineSpec
from retrain_assets.training_data.columns import check_columns, numeric_texts
from retrain_assets.training_data.expectations.vocabulary import check_expectations
from retrain_assets.training_data.first_rows import check_amounts, check_classes, check_positive, check_times
from retrain_assets.training_data.label_source.feed import LabelFeed
from retrain_assets.training_data.sources.source import Source


@dataclass(frozen=True)
class Findings:
    """What a look at a declaration has found: sentences, each of which names its field.

    Parameters
    ----------
    faults
        What keeps the pipeline from being loaded.
    doubts
        What may be right, and is to be told.
    """

    faults: list[str]
    doubts: list[str]


def examine(declaration: Declaration) -> Findings:
    """Find what needs a look at installed modules, at the source's columns or at its first rows.

    Parameters
    ----------
    declaration
        The pipeline.

    Returns
    -------
    Findings
        A source that cannot be reached is no fault: its sensor tells. Files that cannot be read, and what the
        first rows say against the declaration, keep a new pipeline from being loaded, and are doubts once rows
        have been taken in: a broken delivery is withheld then, and must not take the code location away.
    """
    spec = declaration.spec
    faults = [
        *check_estimator(spec),
        *_check_source_function(spec),
        *check_expectations(spec.expectations),
        *check_functions(spec.evaluation.metrics),
        *check_value(spec),
        *check_performance(spec),
        *(labels := _check_label_source(declaration)).faults,
    ]
    doubts = labels.doubts
    try:
        source = declaration.source()
        columns = source.columns()
        if columns is None:
            nothing = [f"source.path: {told}"] if (told := source.nothing()) else []
            return Findings(faults, doubts + nothing)
        faults += [
            *(lacking := check_columns(spec, columns, source.address, _texts(spec, source, columns))),
            *check_derivations(spec, columns),
            *check_business(spec, columns | _label_from_elsewhere(spec)),
        ]
        first = Findings([], []) if lacking else _first_rows(spec, source)
    except SourceError:
        return Findings(faults, doubts)
    except PartitionError as error:
        first = Findings([str(error)], [])
    except SpecError as error:
        return Findings([*faults, str(error)], doubts)
    if declaration.newest_partition() is not None:
        return Findings(faults, doubts + first.faults + first.doubts)
    return Findings(faults + first.faults, doubts + first.doubts)


def _texts(spec: PipelineSpec, source: Source, columns: Mapping[str, pl.DataType]) -> pl.DataFrame | None:
    """First rows of the numeric features that are texts; None where there are none, or they cannot be had."""
    names = numeric_texts(spec, columns)
    return source.head(names) if names and spec.source.path else None


def _first_rows(spec: PipelineSpec, source: Source) -> Findings:
    label = spec.label.column if spec.label.source is None else None
    value = spec.promotion.value
    amounts = () if value is None else value.columns
    named = dict.fromkeys((spec.source.timestamp, label, spec.weight, *amounts))
    rows = source.head([name for name in named if name is not None])
    if rows is None:
        return Findings([], [])
    check_label = check_positive if spec.label.classes is None else check_classes
    faults, doubts = ([], []) if label is None else check_label(spec, rows)
    # A database's times are read by its own driver.
    times = check_times(spec, rows, source.address) if spec.source.path else []
    return Findings(times + faults, doubts + check_amounts(spec, rows))


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
        faults += check_columns(feed.spec, source.columns() or feed.types(), source.address)
    except SourceError:
        return Findings([], [])
    except PartitionError as error:
        # The rows are taken in all the same, and a broken delivery of labels is withheld.
        return Findings([], [feed.told(str(error))])
    except SpecError as error:
        return Findings([feed.told(str(error))], [])
    return Findings([feed.told(fault) for fault in faults], [])


def _check_source_function(spec: PipelineSpec) -> list[str]:
    if spec.source.function is None:
        return []
    module, _, name = spec.source.function.partition(":")
    fault = check_name(module, name)
    return [] if fault is None else [f"source.function: {fault}"]
