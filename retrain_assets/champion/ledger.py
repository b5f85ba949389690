"""The ledger: an append-only record of champions, written by compare-and-swap.

MLflow's alias is an unconditional upsert: two promoters overwrite each other silently. So the ledger decides
who is champion, and the alias follows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from retrain_assets.champion.append_only import append_if_unchanged, create_append_only
from retrain_assets.champion.standing import Action, LedgerEntry, Standing, overtaken, refusal, standing_of
from retrain_assets.delta_frames import scan_table
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake

__all__ = ["Action", "Ledger", "LedgerEntry", "Standing"]

TABLE = "ledger"
SCHEMA: dict[str, pl.DataType] = {
    "sequence": pl.Int64(),
    "action": pl.String(),
    "version": pl.Int64(),
    "expected_champion": pl.Int64(),
    "actor": pl.String(),
    "reason": pl.String(),
    "evidence": pl.String(),
    "as_of": pl.Datetime("us", "UTC"),
    "wall_time": pl.Datetime("us", "UTC"),
}
# A sensor reads the ledger every minute, and one file for each entry would slow that down year by year.
COMPACT_EVERY = 32


class Ledger:
    """The ledger of one pipeline.

    Parameters
    ----------
    lake
        The pipeline's tables.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    @property
    def lake(self) -> Lake:
        """The pipeline's tables."""
        return self._lake

    def entries(self) -> list[LedgerEntry]:
        """Read all entries, oldest first."""
        return _parsed(self._lake.read(TABLE)) if self._lake.exists(TABLE) else []

    def standing(self) -> Standing:
        """Read who is champion."""
        return standing_of(self.entries())

    def commit(
        self,
        *,
        action: Action,
        version: int,
        expected_champion: int | None,
        actor: str,
        reason: str,
        evidence: Mapping[str, Any],
        as_of: datetime,
    ) -> LedgerEntry:
        """Append an entry, if the champion still is the one that the decision was taken against.

        Parameters
        ----------
        action
            What is done.
        version
            The version that is champion afterwards.
        expected_champion
            The champion that the decision was taken against; None means that there was none.
        actor, reason
            Who decided, and why.
        evidence
            What the decision rests on, JSON-able.
        as_of
            The moment on the data clock, UTC.

        Raises
        ------
        ChampionError
            When somebody else changed the champion, the version may not become champion, actor or reason is
            missing, or the table cannot be written.
        """
        name = self._lake.name
        check_reason(name, actor, reason)
        while True:
            handle = self._lake.open(TABLE)
            entries = [] if handle is None else _parsed(scan_table(handle).collect())
            refused = refusal(name, entries, action, version, expected_champion, evidence.get("attempt"))
            if refused is not None:
                raise ChampionError(refused)
            if handle is None:
                self._create()
                continue
            entry = LedgerEntry(
                sequence=len(entries) + 1,
                action=action,
                version=version,
                expected_champion=expected_champion,
                actor=actor.strip(),
                reason=reason.strip(),
                evidence=dict(evidence),
                as_of=as_of,
                wall_time=datetime.now(UTC),
            )
            if self._appended(handle, entry):
                return entry

    def roll_back(
        self,
        *,
        actor: str,
        reason: str,
        as_of: datetime,
        asked_at: datetime | None = None,
        meant: int | None = None,
    ) -> LedgerEntry:
        """Put the previous champion back and bar the present one.

        Parameters
        ----------
        actor, reason
            Who decided, and why.
        as_of
            The moment on the data clock, UTC.
        asked_at
            When it was asked for, wall time: who was champion then is meant, whoever became it since. None
            means now.
        meant
            The champion that is to be rolled back, where that is known.

        Returns
        -------
        LedgerEntry
            The entry; its ``version`` serves again, its ``expected_champion`` is barred.

        Raises
        ------
        ChampionError
            When there is no earlier champion that is not barred, when the champion has changed since it was
            asked for, or as in `commit`.
        """
        name = self._lake.name
        standing = self.meant_by_rollback(asked_at, meant)
        if standing.version is None:
            raise ChampionError(f"{name} has no champion yet, so there is nothing to roll back.")
        if not standing.previous:
            raise ChampionError(
                f"Version {standing.version} of {name} has no earlier champion that could be put back. "
                f"Train a new version with {name}_retrain, or make another one champion with {name}_promote."
            )
        return self.commit(
            action="rolled_back",
            version=standing.previous[0],
            expected_champion=standing.version,
            actor=actor,
            reason=reason,
            evidence={"barred": standing.version},
            as_of=as_of,
        )

    def meant_by_rollback(self, asked_at: datetime | None, meant: int | None = None) -> Standing:
        """Read the standing, which must be that of the moment at which a rollback was asked for, or the one meant.

        Raises
        ------
        ChampionError
            When the champion has changed since.
        """
        entries = self.entries()
        standing = standing_of(entries)
        if meant is not None and standing.version != meant:
            raise ChampionError(overtaken(self._lake.name, entries, meant))
        if asked_at is None:
            return standing
        then = standing_of([entry for entry in entries if entry.wall_time <= asked_at])
        if then.version != standing.version:
            raise ChampionError(overtaken(self._lake.name, entries, then.version))
        return standing

    def _create(self) -> None:
        create_append_only(self._lake, TABLE, SCHEMA)

    def _appended(self, handle: DeltaTable, entry: LedgerEntry) -> bool:
        """Whether the entry became the table's next version; False where another commit did."""
        row = vars(entry) | {"evidence": json.dumps(dict(entry.evidence))}
        if not append_if_unchanged(self._lake, TABLE, handle, pl.DataFrame([row], schema=SCHEMA)):
            return False
        if entry.sequence % COMPACT_EVERY == 0:
            self._compact()
        return True

    def _compact(self) -> None:
        handle = self._lake.open(TABLE)
        try:
            if handle is not None:
                handle.optimize.compact()
        except CommitFailedError:
            # Somebody else compacted at the same moment; the entry itself is written.
            return


def check_reason(name: str, actor: str, reason: str) -> None:
    """Refuse a change of champion that nobody answers for.

    Raises
    ------
    ChampionError
        When actor or reason is missing.
    """
    if not (actor.strip() and reason.strip()):
        raise ChampionError(
            f"A change of champion of {name} needs an actor and a reason: say who decided, and why."
        )


def _parsed(rows: pl.DataFrame) -> list[LedgerEntry]:
    return [
        LedgerEntry(**(row | {"evidence": json.loads(row["evidence"])}))
        for row in rows.sort("sequence").iter_rows(named=True)
    ]
