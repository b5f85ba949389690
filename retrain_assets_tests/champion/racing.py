"""A process that promotes at the same moment as others; it imports little, because eight of them start at once."""

from __future__ import annotations

from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from retrain_assets.champion.ledger import Ledger
from retrain_assets.errors import ChampionError
from retrain_assets.lake import Lake


def race(root: str, connection: Connection, barrier: Barrier) -> None:
    """Promote what the parent says, when all processes are there; send the refusal, or None."""
    ledger = Ledger(Lake("churn", root=root))
    for version, expected in iter(connection.recv, None):
        barrier.wait()
        try:
            ledger.commit(
                action="promoted",
                version=version,
                expected_champion=expected,
                actor=f"the promoter of {version}",
                reason="It is better.",
                evidence={},
                as_of=datetime(2026, 1, 5, tzinfo=UTC),
            )
            connection.send(None)
        except ChampionError as error:
            connection.send(str(error))
