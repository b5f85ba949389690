"""Bringing the table of features up to date: some partitions, or all of them when the recipe has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from retrain_assets.declaration import Declaration
from retrain_assets.errors import SpecError, TrainingError
from retrain_assets.features.columns import FeatureColumns, feature_columns
from retrain_assets.features.recipe import recipe
from retrain_assets.features.table import feature_table, table_schema
from retrain_assets.one_commit import mark_of, opened, put_partitions

ROWS_AT_ONCE = 250_000
"""Rows whose features are in memory at once; a larger partition is made as a whole."""


@dataclass(frozen=True)
class Refreshed:
    """The table of features, made by the present recipe.

    Parameters
    ----------
    version
        Version of the table.
    columns
        Features, raw columns that they are made of, and kept columns.
    schema
        Columns of the table.
    rows
        Rows of each partition that was made.
    rebuilt
        Whether all partitions were made, because the table was there and came from another recipe.
    """

    version: int
    columns: FeatureColumns
    schema: Mapping[str, pl.DataType]
    rows: Mapping[str, int]
    rebuilt: bool

    @property
    def said(self) -> str | None:
        """What a rebuild did, as a sentence; None where there was none."""
        if not self.rebuilt:
            return None
        return (
            "The features are declared otherwise than those in the table were made: all "
            f"{len(self.rows):,} partitions ({sum(self.rows.values()):,} rows) were made anew."
        )


def refresh_features(declaration: Declaration, keys: Sequence[str] = ()) -> Refreshed:
    """Make the features of some partitions; of all that were taken in, where the recipe is another one.

    Rows and recipe are one commit, and a commit is made on top of the version that was looked at: values of two
    recipes are never in one version, whatever crashes, and whoever else does the same at the same time. Models
    that were trained on an earlier version still find it.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        Partitions whose rows have changed.

    Raises
    ------
    TrainingError
        When no rows have been taken in.
    SpecError
        When a declared column does not exist, no column is a feature, or a derivation cannot be applied.
    """
    lake, spec = declaration.lake, declaration.spec
    raw = lake.schema("training_data")
    if raw is None:
        raise TrainingError(
            f"Pipeline {declaration.name!r} has no rows to make features of. Run the job "
            f"{declaration.name}_ingest first, or start the daemon so that the source sensor does."
        )
    try:
        columns = feature_columns(spec, raw)
    except SpecError as error:
        raise SpecError(
            f"{error} That is by the rows taken in so far; a column that the source has gained comes with the "
            f"next partition that {declaration.name}_ingest takes in."
        ) from error
    if not (columns.numeric or columns.categorical):
        raise SpecError(
            "features: no column is a feature, so there is nothing to learn from. List some under numeric or "
            "categorical, or exclude fewer."
        )
    schema, wanted = table_schema(columns), recipe(spec, columns)
    while True:
        handle, fresh = opened(lake, "features", schema)
        # Into a table that is new, the runs that took the other partitions in bring their features.
        whole = mark_of(handle) != wanted and not (fresh and keys)
        if not whole and not keys:
            return Refreshed(handle.version(), columns, schema, {}, rebuilt=False)
        version = lake.version("training_data")
        chosen = lake.scan("training_data", version) if whole else lake.rows("training_data", keys, version)
        rows = dict(chosen.group_by("partition_key").len().sort("partition_key").collect().iter_rows())
        parts = _parts(declaration, columns, rows, version)
        replaced = None if whole else keys
        made = put_partitions(lake, "features", handle, parts, schema=schema, mark=wanted, keys=replaced)
        if made is not None:
            return Refreshed(made, columns, schema, rows, whole and not fresh)


def _parts(
    declaration: Declaration, columns: FeatureColumns, rows: Mapping[str, int], version: int | None
) -> Iterator[pl.DataFrame]:
    for keys in _groups(rows):
        raw = declaration.lake.rows("training_data", keys, version).collect()
        table = feature_table(raw, declaration.spec, columns)
        del raw  # not held beside the table while that is written
        yield from table.partition_by("partition_key", maintain_order=True)


def _groups(rows: Mapping[str, int]) -> Iterator[list[str]]:
    """Join neighbouring partitions to groups of about ``ROWS_AT_ONCE`` rows."""
    group: list[str] = []
    height = 0
    for key, more in rows.items():
        if group and height + more > ROWS_AT_ONCE:
            yield group
            group, height = [], 0
        group.append(key)
        height += more
    if group:
        yield group
