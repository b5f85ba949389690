"""A change of champion killed between any two of its writes: the next run finds one champion, and goes on."""

from __future__ import annotations

import multiprocessing
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrain_assets.attempts import newest_attempt
from retrain_assets.champion.registry import reconcile
from retrain_assets.errors import ChampionError
from retrain_assets_tests.champion.conftest import log_model
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.registered_model.dying import die_before
from retrain_assets_tests.registered_model.judged import (
    act,
    agreed,
    copied,
    crown,
    judge,
    record_training,
    roll_back_asked,
)
from retrain_assets_tests.remembered import empty_store

# The server of forks imports, and does nothing else: a process of its own would import MLflow for seconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["retrain_assets_tests.registered_model.dying"])

REGISTERING = {
    "first": ["model", "version", "alias", "ledger's table", "ledger", "alias", "no alias", "record"],
    "replacement": ["model", "version", "alias", "ledger", "alias", "no alias", "record"],
    "confirmation": ["ledger", "record"],
}
ROLLING_BACK = ["ledger", "alias"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> dict[int, Path]:
    """Make home folders with a trained candidate, by the number of champions there were."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        for champions in (0, 1, 3):
            folder = tmp_path_factory.mktemp(f"champions{champions}")
            made[champions] = folder / "home"
            patch.setenv("RETRAIN_ASSETS_HOME", str(made[champions]))
            if champions:
                declaration = copied(made[0], folder)
            else:
                made[0].mkdir()
                (made[0] / "mlflow.db").write_bytes(empty_store())
                declaration = declare(folder)
                record_training(declaration, *log_model(made[0]))
            crown(declaration, champions)
    return made


def killed(
    folder: Path, step: int, attempt: str | None = None, asked_at: datetime | None = None
) -> list[str]:
    """Let a process die before a write; the writes that it had begun."""
    process = FORKS.Process(target=die_before, args=(folder, step, attempt, asked_at))
    process.start()
    process.join()
    writes = (folder / "writes").read_text().splitlines()
    assert process.exitcode == (-signal.SIGKILL if len(writes) == step + 1 else 0)
    return writes


def judged(prepared: dict[int, Path], folder: Path, kind: str):
    """Bring a candidate, ``run-9``, to the point at which it is registered."""
    declaration = copied(prepared[0 if kind == "first" else 1], folder)
    judge(declaration, "run-9", "rejected" if kind == "confirmation" else "blessed")
    return declaration


@pytest.mark.parametrize("kind", REGISTERING)
def test_no_write_is_forgotten(prepared, tmp_path, kind):
    """The writes before which the other tests kill are all there are."""
    judged(prepared, tmp_path, kind)
    assert killed(tmp_path, 99, "run-9") == REGISTERING[kind]


@pytest.mark.parametrize(
    ("kind", "step"), [(kind, step) for kind, writes in REGISTERING.items() for step in range(len(writes))]
)
def test_registering_goes_on(prepared, tmp_path, monkeypatch, kind, step):
    """Wherever registering was killed, the same evaluation is acted on once, and so is the next retrain."""
    declaration = judged(prepared, tmp_path, kind)
    before = len(declaration.ledger.entries())
    assert killed(tmp_path, step, "run-9") == REGISTERING[kind][: step + 1]

    later = tmp_path / "later"
    later.mkdir()
    retrained = copied(tmp_path / "home", later)

    outcome = "confirmed" if kind == "confirmation" else "promoted"
    assert act(declaration, "run-9").outcome == outcome
    assert [entry.evidence["attempt"] for entry in declaration.ledger.entries()[before:]] == ["run-9"]
    assert not any(agreed(declaration).values())
    record = newest_attempt(declaration.lake, "registered", "run-9")
    assert (record.attempt, record.payload["outcome"]) == ("run-9", outcome)
    assert act(declaration, "run-9").outcome == "none"

    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(later / "home"))
    entered = len(retrained.ledger.entries()) > before
    judge(retrained, "run-10")
    assert act(retrained, "run-10").outcome == "promoted"
    assert retrained.ledger.entries()[-1].evidence["attempt"] == "run-10"
    orphans = [sentence for sentence in agreed(retrained).values() if sentence is not None]
    assert len(orphans) == ("version" in REGISTERING[kind][:step] and not entered)
    assert all("registered by the run run-9, but no entry of the ledger names it" in told for told in orphans)


@pytest.mark.parametrize("step", range(len(ROLLING_BACK) + 1))
def test_rolling_back_goes_on(prepared, tmp_path, step):
    """Wherever a rollback was killed, asked for again it takes the one bad champion and no other."""
    declaration = copied(prepared[3], tmp_path)
    asked_at = datetime.now(UTC)
    assert killed(tmp_path, step, asked_at=asked_at) == ROLLING_BACK[: step + 1]
    reconcile("loans", declaration.ledger)
    agreed(declaration)
    if step == 0:
        assert roll_back_asked(declaration, asked_at) == 2
    else:
        with pytest.raises(
            ChampionError, match=r"^Nothing was rolled back: version 2 is the champion, put back by"
        ):
            roll_back_asked(declaration, asked_at)
    standing = declaration.ledger.standing()
    assert (standing.version, standing.previous, standing.barred) == (2, (1,), {3})
    agreed(declaration)
