"""The table of features: one schema, whatever a batch lacked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from retrain_assets.errors import SpecError
from retrain_assets.features.columns import FeatureColumns
from retrain_assets.features.derive import derive
from retrain_assets.spec import PipelineSpec

_PROBES = 3


def feature_table(raw: pl.DataFrame, spec: PipelineSpec, columns: FeatureColumns) -> pl.DataFrame:
    """Make the features of some rows.

    Parameters
    ----------
    raw
        Accepted rows, with ``partition_key`` and ``row_id``. A column that they lack counts as empty.
    spec
        The declaration.
    columns
        What to make, as resolved from the raw schema.

    Returns
    -------
    polars.DataFrame
        A row for each row of ``raw``, in its order: ``partition_key``, ``row_id``, the kept columns, then the
        features, numeric ones as Float64 without NaN and infinity and categorical ones as String.

    Raises
    ------
    SpecError
        When a derivation cannot be applied, needs other rows than its own, or a numeric column holds text.
    """
    whole = _completed(raw, {**columns.inputs, **columns.kept})
    inputs = whole.select(list(columns.inputs))
    derived = derive(inputs, spec.features.derive)
    if "function" in spec.features.derive:
        _check_row_wise(inputs, derived, spec)
    _check_numbers(derived, columns.numeric)
    return pl.concat(
        [
            raw.select("partition_key", "row_id"),
            whole.select(list(columns.kept)),
            derived.select(feature_expressions(columns.numeric, columns.categorical, derived.schema)),
        ],
        how="horizontal",
    )


def table_schema(columns: FeatureColumns) -> dict[str, pl.DataType]:
    """Columns of the table, in their order."""
    return {
        "partition_key": pl.String(),
        "row_id": pl.Int64(),
        **columns.kept,
        **dict.fromkeys(columns.numeric, pl.Float64()),
        **dict.fromkeys(columns.categorical, pl.String()),
    }


def feature_expressions(
    numeric: Iterable[str], categorical: Iterable[str], schema: Mapping[str, pl.DataType]
) -> list[pl.Expr]:
    """Type the features of derived rows: the same in the table and in a model that is given raw rows.

    Parameters
    ----------
    numeric, categorical
        Names of the features.
    schema
        Types of the derived rows.
    """
    return [
        *(_number(name, schema[name]) for name in numeric),
        *(pl.col(name).cast(pl.String) for name in categorical),
    ]


def _number(name: str, dtype: pl.DataType) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64, strict=False)
    if dtype.is_integer() or dtype == pl.Boolean:
        return number
    return pl.when(number.is_finite()).then(number).alias(name)


def _completed(raw: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in raw.columns]
    return raw.with_columns(missing)


def _check_numbers(derived: pl.DataFrame, numeric: Iterable[str]) -> None:
    for name in numeric:
        if derived.schema[name] != pl.String:
            continue
        text = derived[name].drop_nulls()
        wrong = text.filter(text.cast(pl.Float64, strict=False).is_null())
        if wrong.len():
            raise SpecError(
                f"features.numeric: the column {name!r} holds text that is no number in {wrong.len()} rows, "
                f"such as {wrong[0]!r}. List it under categorical, or derive a number with TRY_CAST."
            )


def _check_row_wise(inputs: pl.DataFrame, derived: pl.DataFrame, spec: PipelineSpec) -> None:
    """Derive a few rows alone: a function that looks at other rows gives them other values."""
    new = pl.exclude(inputs.columns)
    step = max(1, inputs.height // _PROBES)
    for row in range(0, inputs.height, step):
        alone = derive(inputs[row : row + 1], spec.features.derive).select(new)
        together = derived[row : row + 1].select(new)
        for name in together.columns:
            if not _same(alone[name][0], together[name][0]):
                raise SpecError(
                    f"features.derive.function: {spec.features.derive['function']} gives the column {name!r} "
                    f"{together[name][0]!r} for row {row} among its partition and {alone[name][0]!r} for "
                    "the row alone. It must make a row's values from that row alone."
                )


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        # Vectorised arithmetic may round the last digit differently by a row's place in the array.
        return one == other or abs(one - other) <= 1e-9 * max(abs(one), abs(other)) or one != one != other  # noqa: PLR0124
    return one == other
