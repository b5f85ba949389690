"""Whether a version that a person, or the watch, makes champion can serve."""

from __future__ import annotations

from retrain_assets.attempts import newest_attempt
from retrain_assets.champion.loading import check_loads
from retrain_assets.declaration import Declaration


def check_serves(declaration: Declaration, version: int, attempt: str | None = None) -> None:
    """Check that a version can be loaded, before the ledger says that it serves.

    Parameters
    ----------
    declaration
        The pipeline.
    version
        The version.
    attempt
        The attempt that it came from, where the ledger does not know it yet: modules that were declared then count.

    Raises
    ------
    ChampionError
        When its files are missing or broken, or hold a type that is not trusted.
    """
    trained = None if attempt is None else newest_attempt(declaration.lake, "trained", attempt)
    own = {} if trained is None or trained.attempt != attempt else trained.payload
    check_loads(declaration.name, version, (*declaration.trusted_modules(), *own.get("modules", ())))
