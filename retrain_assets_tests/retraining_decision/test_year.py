"""A year of ticks under fire: crashes, lost requests, doubled ticks, restarts, jumps of the clock, failed runs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from retrain_assets.retraining_decision.decide import decide
from retrain_assets.retraining_decision.decision import Decision
from retrain_assets.retraining_decision.evidence import Alarm, Champion, Evidence, Unfinished
from retrain_assets.retraining_decision.history import History, PastAttempt
from retrain_assets.retraining_decision.policy import Policy, train_end_at
from retrain_assets.windows import Partitions

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
VERDICTS = st.sampled_from(["blessed", "rejected", "inconclusive"])

policies = st.builds(
    Policy,
    partitions=st.sampled_from([Partitions("daily", "UTC"), Partitions("weekly", "Europe/Berlin")]),
    delay=st.sampled_from([timedelta(0), DAY, 5 * DAY]),
    holdout=st.sampled_from([7 * DAY, 14 * DAY]),
    window=st.sampled_from([None, 14 * DAY, 90 * DAY]),
    minimum_rows=st.just(20_000),
    new_rows=st.sampled_from([None, 50_000]),
    max_age=st.sampled_from([None, 21 * DAY]),
    code_changes=st.booleans(),
    cooldown=st.sampled_from([timedelta(0), timedelta(hours=12), 4 * DAY]),
    runs=st.integers(1, 6),
    per=st.sampled_from([10 * DAY, 30 * DAY]),
)


@dataclass
class Run:
    """A retrain, and what its stages have left on record."""

    number: int
    as_of: datetime
    code: str
    consumed: dict[str, str] = field(default_factory=dict)
    by_hand: bool = False
    resumes: Run | None = None
    champion: int | None = None
    verdict: str | None = None
    next_look: datetime | None = None
    state: str = "in flight"
    acted_on: bool = False


class Year(RuleBasedStateMachine):
    """A pipeline whose daemon, runs and data do what they like; only the decision is ours."""

    @initialize(policy=policies)
    def begin(self, policy):
        """Take the first partition in."""
        self.policy = policy
        self.clock = policy.partitions.bounds(policy.partitions.key_of(START))[1]
        self.runs: list[Run] = []
        self.champion: Champion | None = None
        self.versions = 0
        self.code = "a"
        self.alarm: Alarm | None = None

    # The world

    @rule(partitions=st.integers(1, 45))
    def data_come(self, partitions):
        """A partition comes in, or after an outage many at once."""
        for _ in range(partitions):
            self.clock = self.policy.partitions.bounds(self.policy.partitions.key_of(self.clock))[1]

    @rule()
    def code_changes(self):
        """Somebody edits the declaration."""
        self.code += "a"

    @precondition(lambda self: self.champion is not None and self.alarm is None)
    @rule(age=st.integers(0, 20))
    def harm_begins(self, age):
        """The next report raises an alarm whose onset lies some days back."""
        onset = max(self.clock - age * DAY, START)
        self.alarm = Alarm("performance", self.champion.version, self.clock, onset, "The loss rose.")

    @precondition(lambda self: self.alarm is not None)
    @rule()
    def harm_ends(self):
        """The next report raises no alarm."""
        self.alarm = None

    # The daemon

    @rule(schedule_due=st.booleans())
    def tick(self, schedule_due):
        """The sensor or the schedule asks, and what it asks for is launched."""
        decision = self.asked(schedule_due=schedule_due)
        if decision.act:
            self.launch(decision)

    @rule(schedule_due=st.booleans())
    def tick_is_lost(self, schedule_due):
        """The daemon dies between a decision and its run; after the restart the same is decided."""
        lost = self.asked(schedule_due=schedule_due)
        assert self.asked(schedule_due=schedule_due) == lost

    @rule()
    def tick_is_doubled(self):
        """After a restart the same tick comes again: the second sees the run of the first."""
        self.tick(True)
        assert not (self.asked(schedule_due=True).act and self.in_flight())

    @rule()
    def person_launches(self):
        """A person trains, whatever reasons and holds say; the queue makes it wait for a run in flight."""
        if not self.in_flight():
            self.runs.append(Run(len(self.runs), self.clock, self.code, by_hand=True))

    # The runs

    @precondition(lambda self: self.in_flight())
    @rule(verdict=VERDICTS, look=st.integers(1, 60))
    def run_succeeds(self, verdict, look):
        """The run in flight trains, judges and registers; or registers what was judged."""
        self.judge(verdict, look)
        self.register()

    @precondition(lambda self: self.in_flight())
    @rule(verdict=VERDICTS, judged=st.booleans(), canceled=st.booleans())
    def run_dies(self, verdict, judged, canceled):
        """The run fails or is canceled, before its verdict or after it."""
        run = self.runs[-1]
        if judged:
            self.judge(verdict, 7)
        run.state = "canceled" if canceled else "failed"

    @precondition(lambda self: self.champion is not None)
    @rule()
    def person_promotes(self):
        """A person makes another version champion."""
        self.versions += 1
        self.champion = Champion(self.versions, self.clock)
        self.alarm = None

    # What the rules above are made of

    def in_flight(self):
        """Whether a retrain is queued or running."""
        return bool(self.runs) and self.runs[-1].state == "in flight"

    def judge(self, verdict, look):
        """Evaluate the candidate of the run in flight."""
        run = self.runs[-1]
        if run.resumes is None:
            run.verdict, run.champion = verdict, self.champion and self.champion.version
            run.next_look = run.as_of + look * DAY if verdict == "inconclusive" else None

    def register(self):
        """Act on the verdict of the run in flight, or of the one that it goes on with."""
        run = self.runs[-1]
        own = run.resumes or run
        if own.champion != (self.champion and self.champion.version):
            run.state = "failed"
            return
        run.state, own.acted_on = "ended", True
        if own.verdict == "blessed":
            self.versions += 1
            self.champion, self.alarm = Champion(self.versions, own.as_of), None
        elif own.verdict == "rejected" and self.champion is not None and self.alarm is None:
            self.champion = replace(self.champion, since=max(self.champion.since, own.as_of))

    def history(self):
        """The attempts as decisions see them; see the module ``past``."""
        past = []
        for run in self.runs:
            outcome = run.verdict if run.acted_on else "failed"
            if run.state == "in flight" or (run.resumes and (run.resumes.acted_on or run.state == "ended")):
                continue
            if run.by_hand and run.verdict is None:
                continue
            end = train_end_at(run.as_of, self.policy)
            past.append(PastAttempt(run.as_of, end, outcome, run.consumed, run.code, run.next_look))
        return History(tuple(past))

    def unfinished(self):
        """The newest judged attempt, where it can be gone on with."""
        judged = [run for run in self.runs if run.verdict is not None]
        if not judged or judged[-1].acted_on or judged[-1].state != "failed":
            return None
        if judged[-1].champion != (self.champion and self.champion.version):
            return None
        return judged[-1]

    def evidence(self, *, schedule_due=False):
        """What is known."""
        history, end = self.history(), train_end_at(self.clock, self.policy)
        left = self.unfinished()
        days = max((end - START) // DAY, 0)
        since = history.completed[-1].as_of if history.completed else START
        return Evidence(
            champion=self.champion,
            train_rows=5000 * days,
            train_start=START if days else None,
            new_rows=5000 * max((self.clock - since) // DAY, 0),
            code_version=self.code,
            alarms=(self.alarm,) if self.alarm else (),
            schedule_due=schedule_due,
            in_flight=self.in_flight(),
            unfinished=Unfinished(str(left.number), left.as_of, left.verdict) if left else None,
        )

    def asked(self, *, schedule_due=False) -> Decision:
        """Decide, and check that no limit is broken."""
        decision = decide(self.evidence(schedule_due=schedule_due), self.policy, self.history(), self.clock)
        assert not (decision.act and self.in_flight())
        left = self.unfinished()
        assert not decision.act or decision.resumes == (None if left is None else str(left.number))
        if decision.act and decision.resumes is None:
            moments = [item.as_of for item in self.history().attempts]
            assert all(self.clock - moment >= self.policy.cooldown for moment in moments)
            assert sum(self.clock - moment < self.policy.per for moment in moments) < self.policy.runs
            assert 5000 * ((train_end_at(self.clock, self.policy) - START) // DAY) >= self.policy.minimum_rows
        if decision.act and decision.resumes is not None:
            tried = [
                run.as_of for run in self.runs if run.resumes and run.resumes.number == int(decision.resumes)
            ]
            assert self.clock not in tried
        return decision

    def launch(self, decision):
        """Do what a decision asks for."""
        consumed = {reason.code: reason.identity for reason in decision.reasons}
        resumed = None if decision.resumes is None else self.runs[int(decision.resumes)]
        self.runs.append(Run(len(self.runs), self.clock, self.code, consumed, resumes=resumed))

    def teardown(self):
        """Every state is left again: once the world is quiet, whatever stands is acted on."""
        if not hasattr(self, "policy"):
            return
        if self.in_flight():
            self.run_succeeds("inconclusive", 1)
        self.no_storm()
        policy = self.policy
        longest = 2 * policy.per + policy.lag + 4 * policy.holdout + 30 * DAY
        standing: dict[tuple[str, str], datetime] = {}
        end = self.clock + 3 * longest
        while self.clock < end:
            self.data_come(1)
            decision = self.asked()
            reasons = {(reason.code, reason.identity) for reason in decision.reasons}
            if decision.act:
                standing = {key: moment for key, moment in standing.items() if key not in reasons}
                self.launch(decision)
                self.run_succeeds("inconclusive", 400)
                continue
            standing = {key: standing.get(key, self.clock) for key in reasons}
            lost = {key: moment for key, moment in standing.items() if self.clock - moment > longest}
            assert not lost, lost
        assert self.unfinished() is None
        self.no_storm()

    def no_storm(self):
        """No period of the budget holds more automatic attempts than that, in whatever way they ended."""
        made = [run.as_of for run in self.runs if not run.by_hand and run.resumes is None]
        for moment in made:
            period = [other for other in made if moment <= other < moment + self.policy.per]
            assert len(period) <= self.policy.runs


TestYear = Year.TestCase
TestYear.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
