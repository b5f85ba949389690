"""What a person may do to the champion: roll it back, or force another version."""

from __future__ import annotations

from retrain_assets.attempts import newest_attempt
from retrain_assets.champion.ledger import check_reason
from retrain_assets.champion.registry import client, promote, reconcile, register_version
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError
from retrain_assets.monitoring_report.life import write_life
from retrain_assets.registered_model.register import version_tags


def roll_back_champion(declaration: Declaration, actor: str, reason: str) -> int:
    """Put the previous champion back and bar the present one; returns the version that serves again.

    Raises
    ------
    ChampionError
        When there is no earlier champion, actor or reason is missing, or MLflow cannot be reached.
    """
    # A rollback that fails after the ledger's entry would be asked for again, and take the next version too.
    client()
    entry = declaration.ledger.roll_back(actor=actor, reason=reason, as_of=declaration.data_clock())
    reconcile(declaration.name, declaration.ledger)
    write_life(declaration)
    return entry.version


def force_champion(
    declaration: Declaration, *, version: int | None, attempt: str | None, actor: str, reason: str
) -> int:
    """Make a registered version, or the candidate of an attempt, champion by a person's decision.

    Parameters
    ----------
    declaration
        The pipeline.
    version, attempt
        Exactly one of them: a registered version, or the run whose candidate is registered now.
    actor, reason
        Who decided, and why; both are kept in the ledger.

    Raises
    ------
    ChampionError
        When the version is unknown or barred, when not exactly one of version and attempt is given, or when
        actor or reason is missing.
    """
    if (version is None) == (attempt is None):
        raise ChampionError("Give exactly one of version and attempt: which model is to become champion?")
    check_reason(declaration.name, actor, reason)
    ledger = declaration.ledger
    if attempt is not None:
        version, evidence = _registered(declaration, attempt)
    else:
        evidence = next((dict(entry.evidence) for entry in ledger.entries() if entry.version == version), {})
    if version is None or "model_path" not in evidence:
        raise ChampionError(
            f"Version {version} of {declaration.name} is not in the ledger, so its model cannot be found. "
            "Give the id of the run that trained it as attempt instead."
        )
    promote(
        declaration.name,
        ledger,
        version,
        action="forced",
        expected_champion=ledger.standing().version,
        actor=actor,
        reason=reason,
        evidence=evidence,
        as_of=declaration.data_clock(),
    )
    write_life(declaration)
    return version


def _registered(declaration: Declaration, attempt: str) -> tuple[int, dict[str, str]]:
    trained = newest_attempt(declaration.lake, "trained", attempt)
    if trained is None or trained.attempt != attempt:
        raise ChampionError(
            f"No candidate of run {attempt!r} is on record for {declaration.name}. "
            "Take the run id from the page of an evaluation."
        )
    version = register_version(
        declaration.name,
        model_uri=trained.payload["model_uri"],
        attempt=attempt,
        tags=version_tags(trained, _forced_verdict(declaration, attempt)),
    )
    return version, {"attempt": attempt, "model_path": trained.payload["model_path"]}


def _forced_verdict(declaration: Declaration, attempt: str) -> str:
    evaluated = newest_attempt(declaration.lake, "evaluated", attempt)
    if evaluated is None or evaluated.attempt != attempt:
        return "forced, not evaluated"
    verdict = evaluated.payload["verdict"]
    return f"forced, {verdict['verdict']}: {verdict['reason']}"
