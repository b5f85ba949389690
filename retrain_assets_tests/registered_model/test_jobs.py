"""The jobs by which a person changes what the loop decided, as real Dagster runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from retrain_assets.attempts import attempts
from retrain_assets.champion.registry import promote, register_version
from retrain_assets.pipeline import build_definitions
from retrain_assets.registered_model import intervene
from retrain_assets.registered_model.jobs import promote_job, release_job, rollback_job
from retrain_assets.training_data.pending import pending
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.running import (
    YOUNG,
    Running,
    declared_anew,
    loans,
    materialized,
    next_days,
    sentence,
    serving,
)

pytestmark = YOUNG

WHO = {"actor": "ada", "reason": "Complaints."}


def champion(running: Running) -> int | None:
    """Read who is champion."""
    return running.declaration.ledger.standing().version


def data_version(running: Running) -> str:
    """The data version that Dagster shows for the registered model."""
    event = running.instance.get_latest_materialization_event(dg.AssetKey(["loans", "registered_model"]))
    return str(event.asset_materialization.tags["dagster/data_version"])


def test_change_of_champion(tmp_path):
    """Promoted, rolled back and forced, the champion scores what comes next, and Dagster shows its version."""
    running = serving(tmp_path, training__params={"max_iter": 1})
    running = declared_anew(running)
    running.retrain()
    assert (champion(running), data_version(running)) == (2, "2")
    scored = {}

    def score() -> int:
        keys = next_days(running, 1)
        rows = running.declaration.lake.rows("predictions", keys).select("model_version").unique().collect()
        scored[keys[0]] = rows.item()
        return rows.item()

    assert score() == 2
    rolled_back = running.intervene("rollback", **WHO)
    assert rolled_back.success, sentence(rolled_back)
    assert (champion(running), data_version(running)) == (1, "1")
    assert score() == 1

    # What was rolled back stays barred, for a person and for the loop alike.
    refused = running.intervene("promote", version=2, **WHO)
    assert not refused.success
    assert sentence(refused).startswith("Version 2 of loans was rolled back by ada at ")
    assert champion(running) == 1

    again = running.retrain()
    assert materialized(again)["registered_model"]["outcome"] == "promoted"
    assert (champion(running), data_version(running)) == (3, "3")
    assert score() == 3
    forced = running.intervene("promote", version=1, **WHO)
    assert forced.success, sentence(forced)
    assert (champion(running), data_version(running)) == (1, "1")
    assert score() == 1

    entries = running.declaration.ledger.entries()
    assert [(entry.action, entry.version) for entry in entries] == [
        ("promoted", 1),
        ("promoted", 2),
        ("rolled_back", 1),
        ("promoted", 3),
        ("forced", 1),
    ]
    assert {(entry.actor, entry.reason) for entry in entries[2::2]} == {("ada", "Complaints.")}
    # What was scored stays as it was scored.
    table = running.declaration.lake.scan("predictions").select("partition_key", "model_version").unique()
    assert dict(table.collect().iter_rows()) == scored


def test_rollback_means_the_champion_of_the_moment(tmp_path, monkeypatch):
    """A rollback whose run waited while another champion came leaves that one, and says who it is."""
    running = serving(tmp_path, training__params={"max_iter": 1})
    roll_back = intervene.roll_back

    def late(name, ledger, **asked):
        promote(
            name,
            ledger,
            2,
            expected_champion=1,
            actor="grace",
            reason="Better.",
            evidence={},
            as_of=asked["as_of"],
        )
        return roll_back(name, ledger, **asked)

    [first] = attempts(running.declaration.lake, "trained")
    again = register_version(
        "loans", model_uri=first.payload["model_uri"], attempt=f"{first.attempt}b", tags={}
    )
    assert again == 2
    monkeypatch.setattr(intervene, "roll_back", late)
    refused = running.intervene("rollback", **WHO)
    assert not refused.success
    assert sentence(refused).startswith(
        "Nothing was rolled back: version 2 is the champion, promoted by grace at "
    )
    assert champion(running) == 2


@pytest.mark.parametrize("job", ["rollback", "promote"])
@pytest.mark.parametrize("given", [{}, {"actor": "ada"}, {"reason": "Complaints."}])
def test_actor_and_reason_are_required(tmp_path, job, given):
    """A run without an actor and a reason does not begin."""
    running = Running(loans(tmp_path, days=1).declaration)
    with pytest.raises(dg.DagsterInvalidConfigError, match=r"Missing required config entr.*(actor|reason)"):
        running.intervene(job, **given, **({"version": 1} if job == "promote" else {}))


def test_empty_actor(tmp_path):
    """An actor or reason of nothing but blanks fails the run with a sentence."""
    running = serving(tmp_path)
    result = running.intervene("promote", actor=" ", reason="Because.", version=1)
    assert sentence(result) == (
        "A change of champion of loans needs an actor and a reason: say who decided, and why."
    )
    assert len(running.declaration.ledger.entries()) == 1


def test_rollback_is_not_tried_again():
    """A rollback whose process died is not started again by itself: it would take the next version too."""
    declaration = declare(Path())
    assert rollback_job(declaration).tags["dagster/max_retries"] == "0"
    assert "dagster/max_retries" not in promote_job(declaration).tags


def test_release(tmp_path):
    """The release job lets rows in whose rule was mended, and reports each partition that it changed."""
    strict = {
        "expectations": [
            {
                "type": "expect_column_values_to_be_between",
                "column": "age",
                "max_value": 70,
                "mostly": 0.5,
            }
        ]
    }
    running = loans(tmp_path, days=3, **strict)
    aside = running.declaration.lake.scan("quarantine").collect()
    keys = sorted(set(aside["partition_key"]))
    assert len(keys) == 3
    assert running.intervene("release").success
    assert running.declaration.lake.scan("quarantine").collect().equals(aside)

    mended = declared_anew(running)
    one = mended.intervene("release", partitions=[keys[1]])
    assert one.success, sentence(one)
    first = aside.filter(pl.col("partition_key") == keys[1]).height
    assert released(one) == {keys[1]: first}
    rest = mended.intervene("release")
    assert released(rest) == {
        key: aside.filter(pl.col("partition_key") == key).height for key in (keys[0], keys[2])
    }
    assert released(mended.intervene("release")) == {}
    assert running.declaration.lake.scan("training_data").select(pl.len()).collect().item() == 360
    assert attempts(running.declaration.lake) == []
    # Scores and a report of the released rows come with an ingest run.
    source = mended.declaration.source()
    assert list(pending(mended.declaration, source, datetime.now(UTC), None).fingerprints) == keys


def test_release_and_ingest_wait_for_each_other():
    """A release writes the tables that an ingest run writes, so both are in one queue."""
    declaration = declare(Path())
    ingest = build_definitions(declaration).resolve_job_def("loans_ingest")
    assert release_job(declaration).tags["retrain_assets/ingest"] == ingest.tags["retrain_assets/ingest"]


def released(result) -> dict[str, int]:
    """Rows that a run released, by partition, as its materializations tell."""
    assert result.success, sentence(result)
    return {
        event.materialization.partition: event.materialization.metadata["released_rows"].value
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
    }


def test_release_of_a_day_without_a_mended_rule(tmp_path):
    """Rows put aside by a rule of the table itself, such as a second row of a key, stay where they are."""
    running = loans(tmp_path, days=1)
    rows = loans_of(FIRST_DAY)
    twice = rows.head(3).with_columns(amount=pl.col("amount") + 1)
    write_day(tmp_path, FIRST_DAY, pl.concat([rows, twice]))
    running.ingest([FIRST_DAY.isoformat()])
    aside = running.declaration.lake.scan("quarantine").collect()
    assert set(aside["rule"]) == {"duplicate_key"}
    result = running.intervene("release")
    assert released(result) == {}
    said = [entry.user_message for entry in running.instance.all_logs(result.run_id)]
    assert any(
        text.startswith(
            "0 rows were released. In quarantine are 3 rows still, put aside by duplicate_key (3)."
        )
        for text in said
    )
    assert running.declaration.lake.scan("quarantine").collect().equals(aside)
