"""Which columns a model sees, and the raw columns that they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.features.derivation_faults import check_derivations
from retrain_assets.features.derive import derive, visible
from retrain_assets.spec import PipelineSpec
from retrain_assets.spec.base import suggest
from retrain_assets.spec.pipeline import RESERVED_COLUMNS


@dataclass(frozen=True)
class FeatureColumns:
    """The columns that a model sees, and the raw columns that they are made of.

    Parameters
    ----------
    numeric
        Features taken as numbers.
    categorical
        Features taken as categories.
    inputs
        Raw columns, with their types, that the features are made of: what a row to score must bring.
    kept
        Raw columns, with their types, that the table of features carries beside them (time, label,
        weight, slices).
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    inputs: Mapping[str, pl.DataType]
    kept: Mapping[str, pl.DataType]


def feature_columns(spec: PipelineSpec, schema: Mapping[str, pl.DataType]) -> FeatureColumns:
    """Resolve which columns the model sees.

    Undeclared, the numeric and boolean columns are numbers and the text columns are categories. Never
    features are the timestamp, the label, the key, the weight, the columns that say when something became
    known, and what is excluded. A derived column is a feature by its type, unless it is excluded.

    Parameters
    ----------
    spec
        The declaration.
    schema
        The raw columns and their types.

    Raises
    ------
    SpecError
        When a declared column does not exist or cannot be what it is declared to be, or a derivation is
        wrong.
    """
    raw = {name: dtype for name, dtype in schema.items() if name not in RESERVED_COLUMNS}
    faults = check_derivations(spec, raw)
    if faults:
        raise SpecError("\n".join(faults))
    known = visible(pl.DataFrame(schema=raw), spec)
    derived = derive(known, spec.features.derive).schema
    numeric, categorical = _chosen(spec, derived, [name for name in derived if name not in known.columns])
    # Labels and versions of a row are found by its key.
    joined = spec.label.source is not None or spec.source.has_versions
    kept = (
        _never(spec)
        | dict.fromkeys(spec.evaluation.slices)
        | ({str(spec.source.key): None} if joined else {})
    )
    return FeatureColumns(
        numeric=numeric,
        categorical=categorical,
        inputs=_inputs(spec, known.schema, {*numeric, *categorical}),
        kept={name: raw[name] for name in kept if name in raw and name not in {*numeric, *categorical}},
    )


def _chosen(
    spec: PipelineSpec, schema: Mapping[str, pl.DataType], derived: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    features = spec.features
    never = {*_never(spec), spec.source.key, *features.exclude}
    declared = {"numeric": features.numeric, "categorical": features.categorical}
    for field, names in declared.items():
        for name in names or ():
            _check_feature(field, name, schema)
    listed = {*(features.numeric or ()), *(features.categorical or ())}
    chosen: dict[str, tuple[str, ...]] = {}
    for field, names in declared.items():
        fits = _is_number if field == "numeric" else _is_text
        defaults = derived if names is not None else list(schema)
        extra = [n for n in defaults if n not in listed and n not in never and fits(schema[n])]
        chosen[field] = (*(names or ()), *extra)
    return chosen["numeric"], chosen["categorical"]


def _check_feature(field: str, name: str, schema: Mapping[str, pl.DataType]) -> None:
    if name not in schema:
        raise SpecError(f"features.{field}: the source has no column {name!r}. {suggest(name, schema)}")
    if field == "numeric" and not (_is_number(schema[name]) or schema[name] in (pl.String, pl.Null)):
        raise SpecError(
            f"features.numeric: the column {name!r} is of type {schema[name]}, which is no number. "
            "Derive a number from it under features.derive."
        )


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _is_text(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Categorical, pl.Enum)


def _never(spec: PipelineSpec) -> dict[str, None]:
    """Columns about a row's time, label and weight; never features."""
    source, label = spec.source, spec.label
    names = (source.timestamp, label.column, label.known_at, source.known_at, spec.weight)
    return {name: None for name in names if name is not None}


def _inputs(
    spec: PipelineSpec, known: Mapping[str, pl.DataType], features: set[str]
) -> dict[str, pl.DataType]:
    if "function" in spec.features.derive:
        return dict(known)
    used = set(features)
    for text in spec.features.derive.values():
        used |= set(pl.sql_expr(text).meta.root_names())
    return {name: dtype for name, dtype in known.items() if name in used}
