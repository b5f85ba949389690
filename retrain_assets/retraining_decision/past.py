"""The attempts so far, from the record of attempts, the failed runs and the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from retrain_assets.attempts import Attempt, Stage, attempts
from retrain_assets.champion.standing import LedgerEntry, standing_of
from retrain_assets.declaration import Declaration
from retrain_assets.retraining_decision.evidence import Unfinished
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, train_end_at


@dataclass(frozen=True)
class FailedRun:
    """A retrain that failed or was canceled.

    Parameters
    ----------
    run
        Id of the run, and of the attempt that it made.
    as_of
        The moment of knowledge that it was launched with; None where a person launched it without one.
    evidence
        By code of a reason, the identity of the evidence that it was launched for.
    ended
        When it ended, wall time.
    canceled
        Whether a person stopped it. Its verdict is not acted on then.
    resumed
        The attempt whose verdict it was to act on; None where it was to make one of its own.
    """

    run: str
    as_of: datetime | None
    evidence: Mapping[str, str]
    ended: datetime
    canceled: bool = False
    resumed: str | None = None


@dataclass(frozen=True)
class Past:
    """What has been tried, and what of it can be gone on with.

    Parameters
    ----------
    history
        The attempts.
    unfinished
        The newest of them, where its run failed after the verdict and the verdict still can be acted on.
    """

    history: History
    unfinished: Unfinished | None


def read_past(declaration: Declaration, policy: Policy, failed: Sequence[FailedRun]) -> Past:
    """Read what has been tried.

    An attempt whose run failed before its verdict was acted on counts as failed: it consumes nothing, and it
    spaces the tries. One that was evaluated again counts once, by its newest verdict.

    Parameters
    ----------
    declaration
        The pipeline.
    policy
        What it declares.
    failed
        Retrains that failed or were canceled.
    """
    record = attempts(declaration.lake)
    trained, evaluated, registered = (
        {item.attempt: item for item in record if item.stage == stage} for stage in get_args(Stage)
    )
    judged = {name: item for name, item in evaluated.items() if name in trained and not item.payload["trial"]}
    entries = declaration.ledger.entries()
    ended = registered.keys() | _overtaken(entries)
    by_run = {run.run: run for run in failed}
    broken = {name for name in judged if name in by_run and name not in ended}
    past = [
        (item.as_of, item.at, _attempt(trained[name], item, failed=name in broken))
        for name, item in judged.items()
    ]
    past += [
        (
            run.as_of,
            run.ended,
            PastAttempt(run.as_of, train_end_at(run.as_of, policy), "failed", run.evidence),
        )
        for run in failed
        if run.as_of is not None and run.run not in evaluated and run.resumed not in ended
    ]
    # At one moment of knowledge a run may fail before another that succeeds, or after it: only the latter backs off.
    history = History(tuple(attempt for *_, attempt in sorted(past, key=lambda item: item[:2])))
    newest = max(judged.values(), key=lambda item: (item.as_of, item.at), default=None)
    if newest is None or newest.attempt not in broken or by_run[newest.attempt].canceled:
        return Past(history, None)
    return Past(history, _unfinished(newest, entries))


def _overtaken(entries: Sequence[LedgerEntry]) -> set[str]:
    """Attempts that were acted on, by a run that did not live to record it, and are no longer in force."""
    standing = standing_of(entries)
    return {
        str(entry.evidence["attempt"])
        for entry in entries
        if "attempt" in entry.evidence
        and not (entry.version == standing.version and entry.action in ("promoted", "confirmed"))
    }


def _attempt(trained: Attempt, judged: Attempt, *, failed: bool) -> PastAttempt:
    verdict = judged.payload["verdict"]
    return PastAttempt(
        as_of=judged.as_of,
        # As it was, whatever holdout and delay are declared today.
        train_end=datetime.fromisoformat(trained.payload["windows"]["train_end"]),
        outcome="failed" if failed else verdict["verdict"],
        consumed=trained.payload["evidence"],
        code_version=trained.payload["code_version"],
        next_look=_moment(verdict["next_look"]),
    )


def _unfinished(judged: Attempt, entries: Sequence[LedgerEntry]) -> Unfinished | None:
    """The attempt as one to go on with; None where the champion that it was compared with has gone."""
    acted = any(entry.evidence.get("attempt") == judged.attempt for entry in entries)
    if not acted and standing_of(entries).version != judged.payload["champion"]:
        return None
    return Unfinished(judged.attempt, judged.as_of, judged.payload["verdict"]["verdict"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
