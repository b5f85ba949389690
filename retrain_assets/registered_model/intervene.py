"""What a person may do to the champion: roll it back, or force another version."""

from __future__ import annotations

from datetime import datetime

from retrain_assets.attempts import Attempt, newest_attempt
from retrain_assets.champion.ledger import LedgerEntry, check_reason
from retrain_assets.champion.registry import promote, register_version, roll_back
from retrain_assets.champion.standing import standing_of
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError
from retrain_assets.monitoring_report.life import write_life
from retrain_assets.registered_model.register import taken_versions, version_tags
from retrain_assets.registered_model.serving import check_serves


def roll_back_champion(
    declaration: Declaration,
    actor: str,
    reason: str,
    *,
    asked_at: datetime | None = None,
    meant: int | None = None,
) -> int:
    """Put the previous champion back and bar the present one; returns the version that serves again.

    Parameters
    ----------
    declaration
        The pipeline.
    actor, reason
        Who decided, and why; both are kept in the ledger.
    asked_at
        When it was asked for, wall time: who was champion then is rolled back, and nobody who became it since.
        None means now.
    meant
        The champion that is to be rolled back, and no other; None where ``asked_at`` says it.

    Raises
    ------
    ChampionError
        When there is no earlier champion, or it cannot be loaded, the champion has changed since, actor or reason
        is missing, or MLflow cannot be reached.
    """
    check_reason(declaration.name, actor, reason)
    previous = declaration.ledger.meant_by_rollback(asked_at, meant).previous
    if previous:
        check_serves(declaration, previous[0])
    entry = roll_back(
        declaration.name,
        declaration.ledger,
        actor=actor,
        reason=reason,
        as_of=declaration.data_clock(),
        asked_at=asked_at,
        meant=meant,
    )
    write_life(declaration)
    return entry.version


def force_champion(
    declaration: Declaration, *, version: int | None, attempt: str | None, actor: str, reason: str
) -> LedgerEntry:
    """Make a registered version, or the candidate of an attempt, champion by a person's decision.

    Nothing that an evaluation found stands in the way; the entry repeats it, as its evidence ``verdict``.

    Parameters
    ----------
    declaration
        The pipeline.
    version, attempt
        Exactly one of them: a registered version, or the run whose candidate is registered now.
    actor, reason
        Who decided, and why; both are kept in the ledger.

    Returns
    -------
    LedgerEntry
        The ledger's entry.

    Raises
    ------
    ChampionError
        When the version is unknown or barred, or cannot be loaded, when not exactly one of version and attempt is
        given, or when actor or reason is missing.
    """
    if (version is None) == (attempt is None):
        raise ChampionError("Give exactly one of version and attempt: which model is to become champion?")
    check_reason(declaration.name, actor, reason)
    ledger = declaration.ledger
    entries = ledger.entries()
    if attempt is not None:
        version, evidence = _registered(declaration, attempt)
    else:
        evidence = next((dict(entry.evidence) for entry in entries if entry.version == version), {})
    if version is None or "model_path" not in evidence:
        raise ChampionError(
            f"Version {version} of {declaration.name} is not in the ledger, so its model cannot be found. "
            "Give the id of the run that trained it as attempt instead."
        )
    check_serves(declaration, version, evidence.get("attempt"))
    judged = _judged(declaration, evidence.get("attempt"))
    entry = promote(
        declaration.name,
        ledger,
        version,
        action="forced",
        expected_champion=standing_of(entries).version,
        actor=actor,
        reason=reason,
        evidence=evidence | {"verdict": _told(version, judged)},
        as_of=declaration.data_clock(),
    )
    write_life(declaration)
    return entry


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
        tags=version_tags(trained, _tag(_judged(declaration, attempt))),
        taken=taken_versions(declaration, declaration.ledger.entries()),
    )
    return version, {"attempt": attempt, "model_path": trained.payload["model_path"]}


def _judged(declaration: Declaration, attempt: str | None) -> Attempt | None:
    """The newest evaluation of an attempt's own candidate; None where there is none."""
    if attempt is None:
        return None
    evaluated = newest_attempt(declaration.lake, "evaluated", attempt)
    return evaluated if evaluated is not None and evaluated.attempt == attempt else None


def _tag(judged: Attempt | None) -> str:
    if judged is None:
        return "forced, not evaluated"
    verdict = judged.payload["verdict"]
    return f"forced, {verdict['verdict']}: {verdict['reason']}"


def _told(version: int, judged: Attempt | None) -> str:
    """Say what the evaluation of a forced version had found."""
    if judged is None:
        return f"Version {version} was forced without an evaluation on record."
    verdict = judged.payload["verdict"]
    link = "; it was" if verdict["verdict"] == "blessed" else " although it was"
    trial = ", in a trial," if judged.payload["trial"] else ""
    return (
        f"Version {version} was forced{link} {verdict['verdict']}{trial} with the data up to "
        f"{judged.as_of:%Y-%m-%d %H:%M} UTC: {verdict['sentence']}"
    )
