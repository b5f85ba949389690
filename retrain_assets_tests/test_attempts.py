"""The record of attempts: what is read back is what was written, the newest last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from retrain_assets.attempts import attempt_of_version, attempts, newest_attempt, record_attempt
from retrain_assets.champion.ledger import Ledger
from retrain_assets.lake import Lake

AS_OF = datetime(2026, 1, 5, tzinfo=UTC)


def test_read_back():
    """A stage is read back as it was written, with the wall time at which it ended."""
    lake = Lake("loans")
    begin = datetime.now(UTC)
    record_attempt(lake, "run-1", "trained", AS_OF, {"rows": 3, "guards": ["ä"], "profile": {"x": None}})
    (found,) = attempts(lake)
    assert (found.attempt, found.stage, found.as_of) == ("run-1", "trained", AS_OF)
    assert found.payload == {"rows": 3, "guards": ["ä"], "profile": {"x": None}}
    assert begin <= found.at <= datetime.now(UTC)


def test_nothing_recorded():
    """Before the first attempt there is none, and no table either."""
    lake = Lake("loans")
    assert attempts(lake) == []
    assert newest_attempt(lake, "trained") is None
    assert newest_attempt(lake, "trained", "run-1") is None
    assert attempt_of_version(lake, [], 1) is None
    assert not lake.exists("attempts")


def test_order():
    """Attempts are read in the order in which they ended, whatever their moment of knowledge."""
    lake = Lake("loans")
    for number in range(5):
        record_attempt(lake, f"run-{number}", "trained", AS_OF - number * timedelta(days=1), {})
        record_attempt(lake, f"run-{number}", "evaluated", AS_OF, {})
    assert [item.attempt for item in attempts(lake, "trained")] == [f"run-{number}" for number in range(5)]
    assert [item.stage for item in attempts(lake)] == ["trained", "evaluated"] * 5
    assert attempts(lake, "registered") == []


def test_newest():
    """A run's own stage counts, the last one where it has several; where it has none, the newest of all."""
    lake = Lake("loans")
    for attempt, rows in (("run-1", 1), ("run-1", 2), ("run-2", 3)):
        record_attempt(lake, attempt, "trained", AS_OF, {"rows": rows})
    record_attempt(lake, "run-3", "evaluated", AS_OF, {"rows": 4})

    def rows(attempt: str | None) -> int:
        found = newest_attempt(lake, "trained", attempt)
        assert found is not None
        return int(found.payload["rows"])

    assert [rows(attempt) for attempt in ("run-1", "run-2", "run-3", None)] == [2, 3, 3, 3]


def test_pipelines_apart():
    """A pipeline sees none of another's attempts."""
    record_attempt(Lake("loans"), "run-1", "trained", AS_OF, {})
    assert attempts(Lake("credits")) == []


def test_attempt_of_a_version():
    """A version leads to its training by the ledger, also after it was rolled back to; an unknown one to none."""
    lake = Lake("loans")
    ledger = Ledger(lake)
    for number in (1, 2):
        record_attempt(lake, f"run-{number}", "trained", AS_OF, {"rows": number})
        ledger.commit(
            action="promoted",
            version=number,
            expected_champion=number - 1 or None,
            actor="ada",
            reason="It is better.",
            evidence={"attempt": f"run-{number}"},
            as_of=AS_OF,
        )
    ledger.roll_back(actor="ada", reason="Complaints.", as_of=AS_OF)
    entries = ledger.entries()
    assert [entry.version for entry in entries] == [1, 2, 1]
    found = [attempt_of_version(lake, entries, version) for version in (1, 2, 3)]
    assert [None if item is None else item.payload["rows"] for item in found] == [1, 2, None]
    assert attempt_of_version(Lake("credits"), entries, 1) is None
