"""Scoring partitions with the champion of their time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from retrain_assets.attempts import attempt_of_version
from retrain_assets.champion.loading import load_version
from retrain_assets.champion.standing import LedgerEntry, champion_at, first_champion
from retrain_assets.declaration import Declaration
from retrain_assets.errors import RetrainError
from retrain_assets.features.function import function_notes


@dataclass(frozen=True)
class ScoredPartition:
    """What was scored of one partition.

    Parameters
    ----------
    key
        The partition.
    version
        The version that scored it; None before the first champion.
    new
        Rows scored now.
    rows
        Rows that have a score in all.
    problems
        That the champion is given other features than it was trained with, or why the first champion could not
        score beside its successor, a sentence each.
    """

    key: str
    version: int | None
    new: int
    rows: int
    problems: tuple[str, ...] = ()


def score_partitions(declaration: Declaration, keys: Sequence[str]) -> list[ScoredPartition]:
    """Score the rows of some partitions that have no score yet, each with the champion of its time.

    A score is evidence: it is never rewritten. The first champion goes on scoring beside its successors, into
    a table of its own, so that one can see what never retraining would have cost.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions, oldest first.

    Raises
    ------
    ChampionError
        When a champion cannot be read.
    """
    entries = declaration.ledger.entries()
    first = first_champion(entries)
    scored = []
    serving = {key: champion_at(entries, declaration.partitions.bounds(key)[1]) for key in keys}
    versions = {key: None if entry is None else entry.version for key, entry in serving.items()}
    for version, group in groupby(keys, key=versions.__getitem__):
        chosen = list(group)
        if version is None:
            scored += [ScoredPartition(key, None, 0, 0) for key in chosen]
            continue
        new = _score(declaration, "predictions", chosen, version)
        problems = _function_notes(declaration, entries, version)
        if first is not None and version != first:
            problems += _shadow(declaration, chosen, first)
        total = _counts(declaration.lake.rows("predictions", chosen).collect())
        scored += [
            ScoredPartition(key, version, new.get(key, 0), total.get(key, 0), tuple(problems))
            for key in chosen
        ]
    return scored


def _function_notes(declaration: Declaration, entries: Sequence[LedgerEntry], version: int) -> list[str]:
    trained = attempt_of_version(declaration.lake, entries, version)
    return [] if trained is None else function_notes(f"Version {version}", trained.payload)


def _shadow(declaration: Declaration, keys: Sequence[str], first: int) -> list[str]:
    """Score with the first champion; a model that no longer serves must not keep the one that does from scoring."""
    try:
        _score(declaration, "shadow_predictions", keys, first)
    except RetrainError as error:
        return [f"The first champion, never retrained, has no scores here. {error}"]
    return []


def _score(declaration: Declaration, table: str, keys: Sequence[str], version: int) -> dict[str, int]:
    """Append the scores that are missing; returns the number of new ones by partition."""
    lake = declaration.lake
    rows = lake.rows("training_data", keys)
    if lake.exists(table):
        done = lake.rows(table, keys).select("partition_key", "row_id")
        rows = rows.join(done, on=["partition_key", "row_id"], how="anti")
    raw = rows.collect()
    if raw.is_empty():
        return {}
    model = load_version(declaration.name, version, declaration.trusted_modules())
    scores = raw.select(
        "partition_key",
        "row_id",
        declaration.spec.source.timestamp,
        pl.lit(version, dtype=pl.Int64).alias("model_version"),
        pl.Series("score", model.predict(raw), dtype=pl.Float64),
    )
    lake.append(table, scores)
    return _counts(scores)


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    if rows.is_empty():
        return {}
    return dict(rows.group_by("partition_key").len().iter_rows())
