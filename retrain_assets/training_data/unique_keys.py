"""A declared key is unique in the whole lake: rows whose key another partition holds are put aside."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from retrain_assets.lake import Lake
from retrain_assets.training_data.hashing import as_texts
from retrain_assets.training_data.normalise import DUPLICATE_KEY, LINES, Normalised, PutAside

_RULE = f"{DUPLICATE_KEY}(partition={{}})"


class KeysElsewhere:
    """Which partition holds a key, for the deliveries of one run.

    The identity of a row is its key's hash, so that eight bytes a row are read, once a run. They are kept in
    sorted arrays of growing length, merged like those of a log-structured merge tree (O'Neil, Cheng, Gawlick
    and O'Neil, "The log-structured merge-tree", Acta Informatica 33, 1996): a delivery is looked up in few.

    Parameters
    ----------
    lake
        The pipeline's tables.
    keys
        The partitions that are about to be read: what the lake holds of them does not count.
    """

    def __init__(self, lake: Lake, keys: Sequence[str]) -> None:
        self._sorted: list[npt.NDArray[np.int64]] = []
        self._read: list[tuple[str, pl.Series]] = []
        others = sorted(lake.partition_keys("training_data") - set(keys))
        self._held = lake.rows("training_data", others) if others else None
        if self._held is not None:
            self._merge(self._held.select("row_id").collect().to_series())

    def add(self, key: str, row_ids: pl.Series) -> None:
        """Count the rows of a partition that has been read."""
        self._read.append((key, row_ids))
        self._merge(row_ids)

    def put_aside(self, normal: Normalised, column: str) -> Normalised:
        """Take the rows whose key another partition holds out of those to go on with.

        Parameters
        ----------
        normal
            The delivered rows.
        column
            The declared key.

        Returns
        -------
        Normalised
            The rule of a row put aside names the partition.
        """
        where = self.partition_of(normal.accepted["row_id"])
        bad = normal.accepted.filter(where.is_not_null())
        if bad.is_empty():
            return normal
        lines = bad.select(
            "row_id",
            rule=pl.format(_RULE, where.drop_nulls()),
            column=pl.lit(column),
            value=as_texts(bad[column]),
        )
        quarantined = PutAside(
            pl.concat([normal.quarantined.rows, bad]),
            pl.concat([normal.quarantined.lines, lines.select(list(LINES))]),
        )
        return Normalised(normal.accepted.filter(where.is_null()), quarantined, normal.duplicates)

    def partition_of(self, row_ids: pl.Series) -> pl.Series:
        """Name the partition of each identity; null where none holds it."""
        wanted = np.sort(row_ids.to_numpy())
        hits = np.zeros(len(wanted), dtype=bool)
        for held in self._sorted:
            if len(held):
                hits |= held[np.minimum(np.searchsorted(held, wanted), len(held) - 1)] == wanted
        if not hits.any():
            return pl.Series("partition", [None], dtype=pl.String).new_from_index(0, len(wanted))
        found = self._named(pl.Series("row_id", wanted[hits]))
        return row_ids.replace_strict(
            found["row_id"], found["partition_key"], default=None, return_dtype=pl.String
        )

    def _merge(self, row_ids: pl.Series) -> None:
        merged = np.sort(row_ids.to_numpy())
        while self._sorted and len(self._sorted[-1]) < 2 * len(merged):
            merged = np.sort(np.concatenate([self._sorted.pop(), merged]))
        self._sorted.append(merged)

    def _named(self, hits: pl.Series) -> pl.DataFrame:
        """Look up the partition of a few identities that are held."""
        parts = [
            pl.DataFrame({"row_id": row_ids, "partition_key": key}, schema_overrides={"row_id": pl.Int64})
            for key, read in self._read
            if len(row_ids := read.filter(read.is_in(hits.implode())))
        ]
        if self._held is not None:
            chosen = self._held.select("row_id", "partition_key")
            parts.append(chosen.join(hits.to_frame().lazy(), on="row_id", how="semi").collect())
        return pl.concat(parts).unique("row_id", keep="first")


def rows_wait_for(lake: Lake, keys: Sequence[str]) -> list[str]:
    """Partitions with rows put aside for a key that one of the given partitions held: it may be free by now."""
    rules = [_RULE.format(key) for key in keys]
    waiting = lake.scan("quarantine").filter(pl.col("rule").is_in(rules), pl.col("released_at").is_null())
    return waiting.select("partition_key").unique().collect()["partition_key"].to_list()


def holders(quarantine: pl.DataFrame) -> list[str]:
    """Partitions that hold the keys for which rows are put aside.

    Parameters
    ----------
    quarantine
        Rows of the table ``quarantine``.
    """
    pattern = re.escape(_RULE).replace(re.escape("{}"), "(.+)")
    named = quarantine["rule"].str.extract(f"^{pattern}$").drop_nulls()
    return sorted(named.unique())
