"""Judged candidates without a training: a lake and a registry of a few kilobytes, copied for each test."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from retrain_assets.attempts import attempts, record_attempt
from retrain_assets.champion.registry import client, reconcile, roll_back
from retrain_assets.champion.tracking import stored_path
from retrain_assets.declaration import Declaration
from retrain_assets.registered_model.register import Registration, register_candidate
from retrain_assets_tests.pipelines import declare

NAME = "loans"
AS_OF = datetime(2026, 1, 30, tzinfo=UTC)


def judge(declaration: Declaration, attempt: str, verdict: str = "blessed") -> None:
    """Record that a candidate was trained and judged against the present champion; all share one model."""
    trained = attempts(declaration.lake, "trained")[0]
    record_attempt(declaration.lake, attempt, "trained", AS_OF, trained.payload)
    record_attempt(
        declaration.lake,
        attempt,
        "evaluated",
        AS_OF,
        {
            "verdict": {
                "verdict": verdict,
                "reason": "better",
                "sentence": f"The candidate of {attempt} is judged.",
            },
            "champion": declaration.ledger.standing().version,
            "trial": False,
            "comparison": None,
            "page": f"evaluations/{attempt}/index.html",
        },
    )


def record_training(declaration: Declaration, model_uri: str, location: str) -> None:
    """Record the training that `judge` takes its candidates from."""
    payload = {
        "task": "classification",
        "model_uri": model_uri,
        "model_path": stored_path(location),
        "dagster_run_id": "run-0",
        "windows": {"train_start": None, "train_end": AS_OF.isoformat()},
        "first_row": AS_OF.isoformat(),
        "data": {},
        "code_version": "1",
        "reasons": ["asked"],
    }
    record_attempt(declaration.lake, "run-0", "trained", AS_OF, payload)


def act(declaration: Declaration, attempt: str) -> Registration:
    """Do what the asset registered_model does."""
    reconcile(NAME, declaration.ledger)
    return register_candidate(declaration, attempt)


def crown(declaration: Declaration, champions: int) -> None:
    """Promote one candidate after the other."""
    for number in range(1, champions + 1):
        judge(declaration, f"run-{number}")
        assert act(declaration, f"run-{number}").outcome == "promoted"


def copied(prepared: Path, folder: Path) -> Declaration:
    """Copy a prepared home folder; the environment says that it is the home from here on."""
    shutil.copytree(prepared, folder / "home", dirs_exist_ok=True)
    return declare(folder)


def roll_back_asked(declaration: Declaration, asked_at: datetime) -> int:
    """Roll back the champion of a moment."""
    ledger = declaration.ledger
    return roll_back(NAME, ledger, actor="ada", reason="Complaints.", as_of=AS_OF, asked_at=asked_at).version


def agreed(declaration: Declaration) -> dict[int, str | None]:
    """Check that ledger and registry agree; the registered versions, with the orphans' sentences."""
    entries = declaration.ledger.entries()
    model = client().get_registered_model(NAME)
    champion = declaration.ledger.standing().version
    assert {alias: int(version) for alias, version in model.aliases.items()} == {"champion": champion}
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    told = {
        int(version.version): version.tags.get("retrain_assets/orphaned")
        for version in client().search_model_versions(f"name = '{NAME}'")
    }
    known = {entry.version for entry in entries}
    assert known <= set(told)
    assert {version for version, sentence in told.items() if sentence is None} == known
    return told
