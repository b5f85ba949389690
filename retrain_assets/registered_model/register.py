"""What becomes of an evaluated candidate: promoted, the champion confirmed, or nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retrain_assets.attempts import Attempt, newest_attempt, record_attempt
from retrain_assets.champion.approvals import approvals, told_of, waiting_for
from retrain_assets.champion.registry import promote, reconcile, register_version
from retrain_assets.champion.standing import ACTOR, LedgerEntry, Standing, standing_of
from retrain_assets.declaration import Declaration
from retrain_assets.errors import ChampionError, TrainingError
from retrain_assets.monitoring_report.watch import harm_stands
from retrain_assets.registered_model.waiting import await_approval


@dataclass(frozen=True)
class Registration:
    """The outcome of an evaluation.

    Parameters
    ----------
    outcome
        ``promoted``, ``confirmed``, ``waiting`` (for approval) or ``none``.
    version
        The champion afterwards; None where there is none.
    sentence
        What happened and why.
    """

    outcome: str
    version: int | None
    sentence: str


def register_candidate(declaration: Declaration, run_id: str) -> Registration:
    """Act on an attempt's verdict.

    ``blessed`` registers the very model that was evaluated and makes it champion, or lets it wait for approval
    where that is declared; ``rejected`` confirms the champion, unless an alarm of harm stands; ``inconclusive``, a
    trial, and a rejection without a champion change nothing. An evaluation that an earlier run acted on before it
    died is brought to its end.

    Parameters
    ----------
    declaration
        The pipeline.
    run_id
        The run; its own evaluation counts, or the newest where it made none.

    Raises
    ------
    TrainingError
        When nothing has been evaluated.
    ChampionError
        When the champion has changed since the evaluation, or the registry cannot be reached.
    """
    lake = declaration.lake
    evaluated = newest_attempt(lake, "evaluated", run_id)
    if evaluated is None:
        raise TrainingError(
            f"Pipeline {declaration.name!r} has no evaluation to act on. Materialize evaluation_report first."
        )
    entries = declaration.ledger.entries()
    standing = standing_of(entries)
    acted = next((item for item in entries if item.evidence.get("attempt") == evaluated.attempt), None)
    if acted is None and standing.version != evaluated.payload["champion"]:
        raise ChampionError(
            f"The evaluation {evaluated.attempt} compared the candidate with "
            f"{_named(evaluated.payload['champion'])}, but the champion now is {_named(standing.version)}. "
            f"Run the job {declaration.name}_retrain to compare with it."
        )
    if acted is None:
        registration = _act(declaration, evaluated, entries)
    else:
        registration = _acted_on(acted, standing, recorded=_is_recorded(declaration, evaluated))
    if acted is not None and registration.outcome == "none":
        return registration
    record_attempt(
        lake,
        evaluated.attempt,
        "registered",
        evaluated.as_of,
        {
            "outcome": registration.outcome,
            "version": registration.version if registration.outcome == "promoted" else None,
            "sentence": registration.sentence,
        },
    )
    return registration


def _is_recorded(declaration: Declaration, evaluated: Attempt) -> bool:
    record = newest_attempt(declaration.lake, "registered", evaluated.attempt)
    if record is None or record.attempt != evaluated.attempt:
        return False
    # An earlier look's end is not this one's.
    return record.as_of >= evaluated.as_of


def _acted_on(acted: LedgerEntry, standing: Standing, *, recorded: bool) -> Registration:
    """The outcome that the ledger holds already; a run that crashed after its entry is brought to its end."""
    stands = acted.version == standing.version and acted.action in ("promoted", "confirmed")
    if recorded or not stands:
        return Registration("none", standing.version, "This evaluation has already been acted on.")
    return Registration(
        acted.action,
        acted.version,
        f"Version {acted.version} was {acted.action} by an earlier run, which ended before it was recorded.",
    )


def _act(declaration: Declaration, evaluated: Attempt, entries: Sequence[LedgerEntry]) -> Registration:
    standing = standing_of(entries)
    verdict = evaluated.payload["verdict"]
    if evaluated.payload["trial"]:
        text = (
            "This was a trial, with other parameters or as of a moment before the champion's: it is not promoted by "
            f"itself. A person can promote it with the job {declaration.name}_promote and the attempt "
            f"{evaluated.attempt}."
        )
        return Registration("none", standing.version, text)
    manual = declaration.spec.promotion.approval == "manual"
    if verdict["verdict"] == "blessed" and (manual or _is_refused(declaration, evaluated)):
        return _let_wait(declaration, evaluated, entries)
    if verdict["verdict"] == "blessed":
        return _promote(declaration, evaluated, entries)
    if verdict["verdict"] == "rejected" and standing.version is not None:
        alarm = harm_stands(declaration, standing.version)
        if alarm is not None:
            return Registration(
                "none", standing.version, f"Version {standing.version} stays, unconfirmed: {alarm}"
            )
        declaration.ledger.commit(
            action="confirmed",
            version=standing.version,
            expected_champion=standing.version,
            actor=ACTOR,
            reason=verdict["sentence"],
            evidence={"attempt": evaluated.attempt, "look": evaluated.payload.get("look")},
            as_of=evaluated.as_of,
        )
        return Registration(
            "confirmed", standing.version, f"Version {standing.version} is confirmed as champion."
        )
    kept = (
        f"Version {standing.version} stays." if standing.version is not None else "There is no champion yet."
    )
    return Registration("none", standing.version, kept)


def _is_refused(declaration: Declaration, evaluated: Attempt) -> bool:
    """Whether its wait for approval ended without one, which stands where approval is automatic since."""
    own = [entry for entry in approvals(declaration.lake) if entry.attempt == evaluated.attempt]
    return bool(own) and own[-1].event in ("declined", "expired")


def _let_wait(declaration: Declaration, evaluated: Attempt, entries: Sequence[LedgerEntry]) -> Registration:
    champion = standing_of(entries).version
    earlier = [entry for entry in approvals(declaration.lake) if entry.attempt == evaluated.attempt]
    version = earlier[-1].version if earlier else _register(declaration, evaluated, entries)
    if not earlier:
        path = _training(declaration, evaluated).payload["model_path"]
        await_approval(declaration, evaluated, version, champion, path)
    reconcile(declaration.name, declaration.ledger)
    record = approvals(declaration.lake)
    waits = waiting_for(record, champion)
    outcome = "waiting" if waits is not None and waits.version == version else "none"
    return Registration(outcome, champion, str(told_of(declaration.name, record, champion, version)))


def _promote(declaration: Declaration, evaluated: Attempt, entries: Sequence[LedgerEntry]) -> Registration:
    standing = standing_of(entries)
    version = _register(declaration, evaluated, entries)
    promote(
        declaration.name,
        declaration.ledger,
        version,
        expected_champion=standing.version,
        actor=ACTOR,
        reason=evaluated.payload["verdict"]["sentence"],
        evidence=promotion_evidence(declaration, evaluated),
        as_of=evaluated.as_of,
    )
    replaced = f", in the place of version {standing.version}" if standing.version is not None else ""
    return Registration("promoted", version, f"Version {version} is the new champion{replaced}.")


def promotion_evidence(declaration: Declaration, evaluated: Attempt) -> dict[str, Any]:
    """What a promotion rests on, as the ledger keeps it."""
    return {
        "attempt": evaluated.attempt,
        "model_path": _training(declaration, evaluated).payload["model_path"],
        "comparison": evaluated.payload["comparison"],
        "look": evaluated.payload.get("look"),
    }


def _training(declaration: Declaration, evaluated: Attempt) -> Attempt:
    trained = newest_attempt(declaration.lake, "trained", evaluated.attempt)
    if trained is None or trained.attempt != evaluated.attempt:
        raise TrainingError(
            f"The candidate of evaluation {evaluated.attempt} is not on record. "
            f"Run the job {declaration.name}_retrain again."
        )
    return trained


def _register(declaration: Declaration, evaluated: Attempt, entries: Sequence[LedgerEntry]) -> int:
    trained, verdict = _training(declaration, evaluated), evaluated.payload["verdict"]
    return register_version(
        declaration.name,
        model_uri=trained.payload["model_uri"],
        attempt=evaluated.attempt,
        tags=version_tags(trained, f"{verdict['verdict']}: {verdict['reason']}"),
        description=evaluated.payload["verdict"]["sentence"],
        taken=taken_versions(declaration, entries),
    )


def taken_versions(declaration: Declaration, entries: Sequence[LedgerEntry]) -> set[int]:
    """Numbers of versions that stand for a model in the ledger or among the approvals."""
    return {entry.version for entry in entries} | {entry.version for entry in approvals(declaration.lake)}


def version_tags(trained: Attempt, verdict: str) -> dict[str, str]:
    """Tags of a version in the registry: what it was trained on, when and by what, and how it was judged."""
    record = trained.payload
    windows = record["windows"]
    return {
        "retrain_assets/dagster_run_id": record["dagster_run_id"],
        "retrain_assets/as_of": trained.as_of.isoformat(),
        "retrain_assets/train_start": str(windows["train_start"] or record["first_row"]),
        "retrain_assets/train_end": windows["train_end"],
        "retrain_assets/data": json.dumps(record["data"]),
        "retrain_assets/code_version": record["code_version"],
        "retrain_assets/verdict": verdict,
        "retrain_assets/reason": ",".join(record["reasons"]),
    }


def _named(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
