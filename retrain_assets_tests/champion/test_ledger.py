"""The ledger: one champion at a time, whoever asks."""

import multiprocessing
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.champion.ledger import COMPACT_EVERY, Ledger, Standing
from retrain_assets.errors import ChampionError, LakeError
from retrain_assets.lake import Lake
from retrain_assets_tests.champion.conftest import AS_OF, NAME, change, files
from retrain_assets_tests.champion.racing import race


class Overtaken(Lake):
    """A lake in which somebody else commits just after the ledger has been read for the first time."""

    def __init__(self, rival):
        super().__init__(NAME)
        self.rival = rival

    def open(self, table, version=None):
        """Hand out the table as it was before the rival's commit."""
        handle = super().open(table, version)
        rival, self.rival = self.rival, None
        if rival is not None:
            rival(Ledger(Lake(NAME)))
        return handle


@pytest.mark.parametrize(("processes", "rounds"), [(2, 50), (8, 6)])
def test_processes_at_one_barrier(tmp_path, processes, rounds):
    """Of processes that promote at once one succeeds, and the others are told who won, round after round."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(processes)
    ledger = Ledger(Lake(NAME, root=str(tmp_path)))
    pipes, racers = [], []
    for _ in range(processes):
        here, there = spawn.Pipe()
        racers.append(spawn.Process(target=race, args=(str(tmp_path), there, barrier)))
        racers[-1].start()
        pipes.append(here)
    champion = None
    for number in range(rounds):
        candidates = range(processes * number + 1, processes * (number + 1) + 1)
        for pipe, candidate in zip(pipes, candidates, strict=True):
            pipe.send((candidate, champion))
        refusals = [pipe.recv() for pipe in pipes]
        assert refusals.count(None) == 1
        winner = candidates[refusals.index(None)]
        last = ledger.entries()[-1]
        said = f"{last.wall_time:%Y-%m-%d %H:%M:%S} UTC"
        expected = "no champion" if champion is None else f"version {champion}"
        assert [sentence for sentence in refusals if sentence is not None] == [
            f"Version {loser} of churn was not promoted: version {winner} is the champion, promoted by "
            f"the promoter of {winner} at {said} (It is better), not {expected} as expected. Run the job "
            "churn_retrain to compare a candidate with the present champion."
            for loser in candidates
            if loser != winner
        ]
        assert (last.version, last.sequence) == (winner, number + 1)
        champion = winner
    for pipe, racer in zip(pipes, racers, strict=True):
        pipe.send(None)
        racer.join()
        assert racer.exitcode == 0
    assert len(ledger.entries()) == rounds


def test_two_rollbacks_at_once(ledger):
    """Of two rollbacks that were asked for while one champion served, one is done, and no second champion goes."""
    for version in (1, 2, 3):
        change(ledger, version, version - 1 or None)
    asked_at = datetime.now(UTC)
    assert ledger.roll_back(actor="ada", reason="Complaints.", as_of=AS_OF, asked_at=asked_at).version == 2
    with pytest.raises(ChampionError) as refused:
        ledger.roll_back(actor="bob", reason="Complaints!", as_of=AS_OF, asked_at=asked_at)
    done = ledger.entries()[-1].wall_time
    assert str(refused.value) == (
        f"Nothing was rolled back: version 2 is the champion, put back by ada at {done:%Y-%m-%d %H:%M:%S} UTC "
        "(Complaints), not version 3 as when it was asked for. Look at the present champion, and start the job "
        "again if the change is still wanted."
    )
    assert ledger.standing() == Standing(2, AS_OF, AS_OF, 4, (1,), frozenset({3}))


def test_rollback_overtaken_by_a_rollback(ledger):
    """A rollback committed between reading and writing is found out, and takes no second champion."""
    for version in (1, 2, 3):
        change(ledger, version, version - 1 or None)
    slow = Ledger(Overtaken(lambda rival: rival.roll_back(actor="grace", reason="Complaints.", as_of=AS_OF)))
    with pytest.raises(
        ChampionError, match=r"version 2 is the champion, put back by grace at .*, not version 3"
    ):
        slow.roll_back(actor="ada", reason="Complaints.", as_of=AS_OF)
    assert ledger.standing().barred == {3}


def test_rollback_while_a_retrain_promotes(ledger):
    """The promotion that was decided against a champion who was rolled back meanwhile loses."""
    change(ledger, 1, None)
    change(ledger, 2, 1)
    slow = Ledger(Overtaken(lambda rival: rival.roll_back(actor="grace", reason="Complaints.", as_of=AS_OF)))
    with pytest.raises(
        ChampionError, match=r"Version 3 of churn was not promoted: version 1 is .* put back by grace"
    ):
        change(slow, 3, 2)
    assert (ledger.standing().version, ledger.standing().barred) == (1, {2})


def test_rollback_of_a_champion_that_was_replaced(ledger):
    """A rollback asked for before a promotion leaves the new champion, and does not put the bad one back."""
    change(ledger, 1, None)
    change(ledger, 2, 1)
    asked_at = datetime.now(UTC)
    change(ledger, 3, 2)
    with pytest.raises(
        ChampionError, match="Nothing was rolled back: version 3 is the champion, promoted by ada"
    ):
        ledger.roll_back(actor="bob", reason="Complaints.", as_of=AS_OF, asked_at=asked_at)
    assert ledger.standing().version == 3


def test_overtaken_by_a_promotion(ledger):
    """A promotion committed between reading and writing is found out, and named."""
    change(ledger, 1, None)
    slow = Ledger(Overtaken(lambda rival: change(rival, 2, 1, actor="grace")))
    with pytest.raises(
        ChampionError, match=r"version 2 is the champion, promoted by grace at .*, not version 1"
    ):
        change(slow, 3, 1)
    assert [entry.version for entry in ledger.entries()] == [1, 2]


def test_overtaken_by_a_confirmation(ledger):
    """A confirmation that came in between leaves the champion as it was, so the promotion goes through."""
    change(ledger, 1, None)
    slow = Ledger(Overtaken(lambda rival: change(rival, 1, 1, action="confirmed")))
    entry = change(slow, 2, 1)
    assert entry.sequence == 3
    assert [item.action for item in ledger.entries()] == ["promoted", "confirmed", "promoted"]


@pytest.mark.usefixtures("home")
def test_overtaken_by_the_first_promotion():
    """Two first champions cannot be: the table that somebody else has just created is read again."""
    slow = Ledger(Overtaken(lambda rival: change(rival, 2, None, actor="grace")))
    with pytest.raises(
        ChampionError, match=r"version 2 is the champion, promoted by grace .* not no champion"
    ):
        change(slow, 1, None)


def test_standing_of_a_life(ledger):
    """The standing tells the champion, since when, when confirmed, what was before it and what is barred."""
    assert ledger.standing() == Standing()
    moments = [AS_OF + timedelta(days=day) for day in range(5)]

    def commit(day, action, version, expected):
        ledger.commit(
            action=action,
            version=version,
            expected_champion=expected,
            actor="ada",
            reason="So.",
            evidence={},
            as_of=moments[day],
        )

    commit(0, "promoted", 1, None)
    commit(1, "promoted", 2, 1)
    commit(2, "confirmed", 2, 2)
    assert ledger.standing() == Standing(2, moments[1], moments[2], 3, (1,), frozenset())
    commit(3, "forced", 4, 2)
    assert ledger.standing() == Standing(4, moments[3], moments[3], 4, (2, 1), frozenset())
    ledger.roll_back(actor="ada", reason="Too slow.", as_of=moments[4])
    assert ledger.standing() == Standing(2, moments[4], moments[4], 5, (1,), frozenset({4}))


def test_entries_come_back_as_written(ledger):
    """An entry is read as it was written, but for blanks around actor and reason."""
    before = datetime.now(UTC)
    evidence = {"attempt": "run-1", "comparison": {"improvement": 0.25, "blocks": [1, 2]}, "none": None}
    written = ledger.commit(
        action="promoted",
        version=1,
        expected_champion=None,
        actor=" ada ",
        reason=" Größer als null.\n",
        evidence=evidence,
        as_of=AS_OF,
    )
    assert ledger.entries() == [written]
    assert (written.actor, written.reason, written.evidence) == ("ada", "Größer als null.", evidence)
    assert written.as_of == AS_OF
    assert before <= written.wall_time <= datetime.now(UTC)


def test_rollback_puts_the_previous_champion_back(ledger):
    """A rollback goes to the previous champion, and the next one to the one before that."""
    for version in (1, 2, 3):
        change(ledger, version, version - 1 or None)
    first = ledger.roll_back(actor="ada", reason="Complaints.", as_of=AS_OF)
    assert (first.action, first.version, first.expected_champion) == ("rolled_back", 2, 3)
    assert ledger.roll_back(actor="ada", reason="Still.", as_of=AS_OF).version == 1
    with pytest.raises(ChampionError) as refused:
        ledger.roll_back(actor="ada", reason="Again.", as_of=AS_OF)
    assert str(refused.value) == (
        "Version 1 of churn has no earlier champion that could be put back. "
        "Train a new version with churn_retrain, or make another one champion with churn_promote."
    )


@pytest.mark.parametrize("action", ["promoted", "forced", "rolled_back"])
def test_what_was_rolled_back_is_barred(ledger, action):
    """No way makes a rolled back version champion; the sentence says who barred it and why."""
    change(ledger, 1, None)
    change(ledger, 2, 1)
    bar = ledger.roll_back(actor="grace", reason="It scored children.", as_of=AS_OF)
    with pytest.raises(ChampionError) as refused:
        change(ledger, 2, 1, action=action)
    assert str(refused.value) == (
        f"Version 2 of churn was rolled back by grace at {bar.wall_time:%Y-%m-%d %H:%M:%S} UTC (It scored "
        "children), so it cannot become champion again. Train a new version with churn_retrain."
    )


REFUSED = {
    "nobody did it": (
        {"actor": " "},
        "A change of champion of churn needs an actor and a reason: say who decided, and why.",
    ),
    "for no reason": (
        {"reason": ""},
        "A change of champion of churn needs an actor and a reason: say who decided, and why.",
    ),
    "champion already": (
        {"version": 1, "action": "forced"},
        "Version 1 of churn already is the champion; nothing was changed.",
    ),
    "confirming another": (
        {"version": 2, "action": "confirmed"},
        "Version 2 of churn was not confirmed: version 1 is the champion, promoted by ada at {time} "
        "(It is better), and no other can be.",
    ),
    "putting a stranger back": (
        {"version": 2, "action": "rolled_back"},
        "Version 2 of churn never was champion, so it cannot be put back. "
        "The job churn_promote can make it champion.",
    ),
    "forcing against another": (
        {"version": 3, "expected": 2, "action": "forced"},
        "Version 3 of churn was not forced: version 1 is the champion, promoted by ada at {time} "
        "(It is better), not version 2 as expected. Look at the present champion, and start the job again if "
        "the change is still wanted.",
    ),
}


@pytest.mark.parametrize(("asked", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused_changes(home, ledger, asked, sentence):
    """A change that is not allowed ends with a sentence, and writes nothing."""
    first = change(ledger, 1, None)
    before = files(home)
    with pytest.raises(ChampionError) as refused:
        change(ledger, **({"version": 2, "expected": 1} | asked))
    assert str(refused.value) == sentence.format(time=f"{first.wall_time:%Y-%m-%d %H:%M:%S} UTC")
    assert files(home) == before


@pytest.mark.parametrize("action", ["confirmed", "rolled_back", "promoted"])
def test_refused_on_an_empty_ledger(home, ledger, action):
    """Without a champion nothing is confirmed, put back or promoted against one, and no table appears."""
    with pytest.raises(ChampionError, match="there is no champion yet, not version 1 as expected"):
        change(ledger, 1, 1, action=action)
    with pytest.raises(ChampionError, match="churn has no champion yet, so there is nothing to roll back"):
        ledger.roll_back(actor="ada", reason="Why not?", as_of=AS_OF)
    assert files(home) == {}


def test_ledger_that_cannot_be_written(ledger, monkeypatch):
    """A commit that fails without a rival is no lost race: the sentence says what failed."""

    def fail(*_args, **_options):
        raise CommitFailedError("no space left")

    change(ledger, 1, None)
    monkeypatch.setattr("retrain_assets.champion.append_only.write_deltalake", fail)
    with pytest.raises(
        ChampionError, match=r"cannot be written \(no space left\). The champion is unchanged"
    ):
        change(ledger, 2, 1)


def test_many_entries_stay_few_files(ledger):
    """Entries are kept for ever, in files that are put together from time to time."""
    change(ledger, 1, None)
    for _ in range(COMPACT_EVERY + 3):
        change(ledger, 1, 1, action="confirmed")
    assert [entry.sequence for entry in ledger.entries()] == list(range(1, COMPACT_EVERY + 5))
    assert len(DeltaTable(Lake(NAME).uri("ledger")).file_uris()) < COMPACT_EVERY


def test_table_is_append_only(ledger):
    """Delta itself refuses to rewrite or delete what the ledger holds."""
    change(ledger, 1, None)
    uri = Lake(NAME).uri("ledger")
    with pytest.raises(CommitFailedError, match="append-only"):
        DeltaTable(uri).delete("sequence = 1")
    with pytest.raises(CommitFailedError, match="append-only"):
        write_deltalake(uri, pl.read_delta(uri), mode="overwrite")
    assert len(ledger.entries()) == 1


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["promoted", "confirmed", "forced", "rolled_back", "roll back"]),
        st.integers(1, 4),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(CHANGES)
def test_any_history_has_one_champion(changes):
    """Whatever is asked for, the champion is the last accepted version, and never a barred one."""
    with tempfile.TemporaryDirectory() as root:
        ledger = Ledger(Lake(NAME, root=root))
        champion, barred, accepted = None, set(), 0
        for action, version, stale in changes:
            expected = version if stale else champion
            try:
                if action == "roll back":
                    entry = ledger.roll_back(actor="ada", reason="So.", as_of=AS_OF)
                else:
                    entry = change(ledger, version, expected, action=action)
            except ChampionError:
                pass
            else:
                accepted += 1
                assert entry.expected_champion == champion
                assert entry.version not in barred
                barred |= {champion} if entry.action == "rolled_back" else set()
                champion = entry.version
            standing = ledger.standing()
            assert (standing.version, standing.sequence) == (champion, accepted)
            assert standing.barred == barred
            assert champion not in barred
            assert not barred & set(standing.previous)


def test_a_damaged_log_is_told_with_its_place(ledger):
    """A ledger whose log was cut off or overwritten is named with its folder, and names no champion."""
    change(ledger, 1, None)
    log = Path(ledger.lake.uri("ledger"), "_delta_log")
    last = max(log.glob("*.json"))
    last.write_text(last.read_text()[:50])
    for reads in (ledger.standing, lambda: change(ledger, 2, 1)):
        with pytest.raises(LakeError) as told:
            reads()
        assert str(told.value).startswith("The table ledger of churn cannot be opened (")
        assert str(told.value).endswith(f"Its log in {log} is damaged: put the folder back from a backup.")
