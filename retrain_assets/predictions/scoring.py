"""Scoring partitions with the champion of their time, and beside it with models that do not serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from retrain_assets.attempts import attempt_of_version
from retrain_assets.champion.approvals import approvals, waiting_for
from retrain_assets.champion.classes import check_same_classes, check_same_task
from retrain_assets.champion.loading import SCORING_ERRORS, load_version
from retrain_assets.champion.promotion_watch import promotion_watch
from retrain_assets.champion.standing import LedgerEntry, champion_at, first_champion
from retrain_assets.declaration import Declaration
from retrain_assets.errors import RetrainError
from retrain_assets.features.function import function_notes
from retrain_assets.scores import score_columns

_Cast = tuple[int | None, tuple[tuple[int, str], ...]]
"""Who scores a partition: the champion, and the versions beside it with what they are."""
SHADOWS = "shadow_predictions"
_FIRST = "The first champion, never retrained,"
_CHALLENGER = "The challenger, which waits for approval,"
_PREDECESSOR = "The champion before, which this one is watched against,"


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
        That the champion is given other features than it was trained with, or why a model that does not serve
        could not score beside it, a sentence each.
    """

    key: str
    version: int | None
    new: int
    rows: int
    problems: tuple[str, ...] = ()


def score_partitions(declaration: Declaration, keys: Sequence[str]) -> list[ScoredPartition]:
    """Score the rows of some partitions that have no score yet, each with the champion of its time.

    A score is evidence: it is never rewritten. Beside the champion others score, into a table of their own:
    the first champion always, so that one can see what never retraining would have cost, the one that the champion
    replaced, as long as the champion is on watch, and a candidate that waits for approval.

    Parameters
    ----------
    declaration
        The pipeline.
    keys
        The partitions, oldest first.

    Raises
    ------
    ChampionError
        When a champion cannot be read, or was trained on other classes, or for another task, than is declared.
    """
    entries = declaration.ledger.entries()
    casts = {key: _cast(declaration, entries, key) for key in keys}
    scored = []
    for (version, shadows), group in groupby(keys, key=casts.__getitem__):
        chosen = list(group)
        if version is None:
            scored += [ScoredPartition(key, None, 0, 0) for key in chosen]
            continue
        check_same_classes(declaration, version)
        check_same_task(declaration, version)
        new = _score(declaration, "predictions", chosen, version)
        problems = _function_notes(declaration, entries, version)
        problems += filter(None, (_shadow(declaration, chosen, shadow, who) for shadow, who in shadows))
        total = _counts(declaration.lake.rows("predictions", chosen).collect())
        scored += [
            ScoredPartition(key, version, new.get(key, 0), total.get(key, 0), tuple(problems))
            for key in chosen
        ]
    return scored


def _cast(declaration: Declaration, entries: Sequence[LedgerEntry], key: str) -> _Cast:
    """The champion of a partition, and who scores beside it: each version once, with a name for it."""
    start, end = declaration.partitions.bounds(key)
    serving = champion_at(entries, end)
    if serving is None:
        return None, ()
    beside: dict[int, str] = {}
    watch = promotion_watch(serving, declaration.spec.promotion_watch)
    if watch is not None and start < watch.until:
        beside[watch.predecessor] = _PREDECESSOR
    first = first_champion(entries)
    if first is not None:
        beside[first] = _FIRST
    waiting = waiting_for(approvals(declaration.lake), serving.version)
    if waiting is not None and waiting.as_of < end and start < waiting.expires:
        beside[waiting.version] = _CHALLENGER
    return serving.version, tuple(
        (version, who) for version, who in beside.items() if version != serving.version
    )


def _function_notes(declaration: Declaration, entries: Sequence[LedgerEntry], version: int) -> list[str]:
    trained = attempt_of_version(declaration.lake, entries, version)
    return [] if trained is None else function_notes(f"Version {version}", trained.payload)


def _shadow(declaration: Declaration, keys: Sequence[str], version: int, who: str) -> str | None:
    """Score with another model; one that does not serve must not keep the one that does from scoring."""
    try:
        _score(declaration, SHADOWS, keys, version)
    except SCORING_ERRORS as error:
        said = error if isinstance(error, RetrainError) else f"{type(error).__name__}: {error}"
        return f"{who} has no scores here. {said}"
    return None


def _score(declaration: Declaration, table: str, keys: Sequence[str], version: int) -> dict[str, int]:
    """Append the scores that are missing; returns the number of new ones by partition."""
    lake = declaration.lake
    rows = lake.rows("training_data", keys)
    if lake.exists(table):
        done = lake.rows(table, keys)
        if table == SHADOWS:
            done = done.filter(pl.col("model_version") == version)
        done = done.select("partition_key", "row_id")
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
        *score_columns(model.predict(raw), declaration.spec.label.class_names or ()),
    )
    lake.append(table, scores)
    return _counts(scores)


def _counts(rows: pl.DataFrame) -> dict[str, int]:
    if rows.is_empty():
        return {}
    return dict(rows.group_by("partition_key").len().iter_rows())
