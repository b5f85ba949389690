"""Who scores which row, once, and what is never scored again."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from retrain_assets.champion.loading import load_version
from retrain_assets_tests.pipelines import declare, loans_of, write_day, write_days
from retrain_assets_tests.remembered import begin_with
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import (
    QUIET,
    YOUNG,
    Running,
    declared_anew,
    loans,
    next_days,
    sentence,
    serving,
)

pytestmark = YOUNG

WEAK = {"training__params": {"max_iter": 1}}
SCORING = ("training_data", "features", "predictions")


@pytest.fixture
def scored(tmp_path) -> tuple[Running, list[str]]:
    """Promote a first champion that is easily beaten, and take two further days in."""
    return serving(tmp_path, 2, **WEAK), ["2026-01-30", "2026-01-31"]


@pytest.fixture
def succeeded(scored, tmp_path) -> tuple[Running, list[str]]:
    """After that, promote a stronger one."""
    running, early = scored

    def live() -> None:
        stronger = declared_anew(running)
        assert stronger.retrain().success
        assert running.declaration.ledger.standing().version == 2

    begin_with("scored and succeeded", tmp_path, live)
    return declared_anew(running), early


def table(running: Running, name: str = "predictions") -> pl.DataFrame:
    """Read a table of scores, in the order of partitions and rows."""
    return running.declaration.lake.scan(name).sort("partition_key", "row_id").collect()


def redelivered(running: Running, key: str, frame: pl.DataFrame) -> dict[str, dict[str, object]]:
    """Deliver a day again and take it in; what the run says of each partition's predictions."""
    write_day(running.declaration.file.parent, date.fromisoformat(key), frame)
    return said(running.ingest([key], *SCORING))


def said(result) -> dict[str, dict[str, object]]:
    """What a run says of each partition's predictions."""
    return {
        event.materialization.partition: {
            name: getattr(value, "value", value) for name, value in event.materialization.metadata.items()
        }
        for event in result.all_events
        if event.event_type_value == "ASSET_MATERIALIZATION"
        and event.asset_key.path[-1] == "predictions"
        and event.materialization.partition
    }


def test_before_the_first_champion(tmp_path):
    """Before there is a champion a partition has no predictions, and says so; nothing is scored afterwards."""
    running = loans(tmp_path, days=25)
    assert not running.declaration.lake.exists("predictions")
    assert running.retrain().success
    result = running.ingest(["2026-01-28", "2026-01-29"])
    assert {key: (found["said"], found["new_rows"]) for key, found in said(result).items()} == dict.fromkeys(
        ["2026-01-28", "2026-01-29"],
        ("There was no champion yet when this partition ended, so it has no predictions.", 0),
    )
    assert not running.declaration.lake.exists("predictions")


def test_every_row_is_scored_by_the_champion_of_its_time(succeeded):
    """Every accepted row has one score, the champion's own, and a later champion scores only what comes later."""
    running, early = succeeded
    first = table(running)
    raw = running.declaration.lake.scan("training_data")
    raw = raw.filter(pl.col("partition_key").is_in(early)).sort("partition_key", "row_id").collect()
    model = load_version("loans", 1, [])
    assert first["score"].to_list() == model.predict(raw).tolist()
    assert first.select("partition_key", "row_id", "asked_at").equals(
        raw.select("partition_key", "row_id", "asked_at")
    )
    assert set(first["model_version"]) == {1}

    late = next_days(running, 2)
    running.ingest([*early, *late], *SCORING)
    after = table(running)
    assert after.filter(pl.col("partition_key").is_in(early)).equals(first)
    assert set(after.filter(pl.col("partition_key").is_in(late))["model_version"]) == {2}
    assert after.height == 4 * 120 == after.n_unique(["partition_key", "row_id"])


def test_taken_in_again(scored):
    """A partition that is taken in again unchanged has nothing scored, and its table no new version."""
    running, keys = scored
    before = running.declaration.lake.version("predictions")
    result = running.ingest(keys)
    assert [found["new_rows"] for found in said(result).values()] == [0, 0]
    assert running.declaration.lake.version("predictions") == before


def test_changed_labels(scored):
    """A delivery in which nothing but labels changed scores nothing again; the labels are in the lake."""
    running, keys = scored
    before = table(running)
    version = running.declaration.lake.version("predictions")
    day = loans_of(date.fromisoformat(keys[0])).with_columns(repaid=1 - pl.col("repaid"))
    assert redelivered(running, keys[0], day)[keys[0]]["new_rows"] == 0
    assert running.declaration.lake.version("predictions") == version
    assert table(running).equals(before)
    labels = running.declaration.lake.rows("training_data", [keys[0]]).select("loan", "repaid").collect()
    assert labels.sort("loan").equals(day.select("loan", "repaid").sort("loan"))


def test_labels_without_a_key(tmp_path):
    """Without a declared key, too, a label that comes later makes no new row of the old one."""
    running = serving(tmp_path, source__key=None, **WEAK)
    day = loans_of(date(2026, 1, 30))
    assert (
        redelivered(running, "2026-01-30", day.with_columns(repaid=pl.lit(None, pl.Int64)))["2026-01-30"][
            "new_rows"
        ]
        == 120
    )
    before = table(running)
    assert redelivered(running, "2026-01-30", day)["2026-01-30"]["new_rows"] == 0
    assert table(running).equals(before)


def test_new_rows(succeeded):
    """Of a delivery with further rows only these are scored, by the champion of that day; changed rows keep theirs."""
    running, keys = succeeded
    before = table(running)
    day = loans_of(date.fromisoformat(keys[0]))
    more = day.head(7).with_columns(loan=pl.col("loan") + " again")
    changed = day.with_columns(amount=pl.col("amount") * 2)
    found = redelivered(running, keys[0], pl.concat([changed, more]))[keys[0]]
    assert (found["new_rows"], found["model_version"], found["dagster/row_count"]) == (7, 1, 127)
    after = table(running)
    assert after.height == before.height + 7
    assert after.join(before, on=after.columns, how="semi").height == before.height
    assert set(after["model_version"]) == {1}


def test_shadow_of_the_first_champion(succeeded):
    """Once another model serves, the first champion goes on scoring beside it, into a table of its own."""
    running, early = succeeded
    # The watch after a promotion has the champion before it score as well.
    running = declared_anew(running, promotion__watch="0d")
    assert not running.declaration.lake.exists("shadow_predictions")
    late = next_days(running, 2)
    shadow = table(running, "shadow_predictions")
    served = table(running).filter(pl.col("partition_key").is_in(late))
    assert set(shadow["model_version"]) == {1}
    assert shadow.select("partition_key", "row_id").equals(served.select("partition_key", "row_id"))
    raw = running.declaration.lake.scan("training_data")
    raw = raw.filter(pl.col("partition_key").is_in(late)).sort("partition_key", "row_id").collect()
    assert shadow["score"].to_list() == load_version("loans", 1, []).predict(raw).tolist()
    assert shadow["score"].to_list() != served["score"].to_list()
    running.ingest([*early, *late], *SCORING)
    assert table(running, "shadow_predictions").equals(shadow)
    # Rolled back to, the first champion serves, and needs no shadow.
    assert running.intervene("rollback", actor="ada", reason="For a test.").success
    newest = next_days(running, 1)
    assert table(running, "shadow_predictions").equals(shadow)
    own = table(running).filter(pl.col("partition_key").is_in(newest))
    assert set(own["model_version"]) == {1}


def test_first_champion_that_is_gone(succeeded, tmp_path):
    """When the first champion's file is gone, the present one goes on scoring, and the run says what is missing."""
    running, _ = succeeded
    first = running.declaration.ledger.entries()[0]
    (tmp_path / "home" / first.evidence["model_path"] / "model.skops").unlink()
    day = date.fromisoformat(str(running.declaration.newest_partition())) + timedelta(days=1)
    write_day(tmp_path, day)
    result = running.ingest([day.isoformat()])
    assert set(
        running.declaration.lake.rows("predictions", [day.isoformat()]).collect()["model_version"]
    ) == {2}
    assert not running.declaration.lake.exists("shadow_predictions")
    told = [
        event.user_message
        for event in running.instance.all_logs(result.run_id)
        if "never retrained" in event.user_message
    ]
    assert len(told) == 1
    assert told[0].startswith(
        "The first champion, never retrained, has no scores here. Version 1 of loans cannot be loaded. "
    )


def test_champion_that_is_gone(scored, tmp_path):
    """When the champion's file is gone the run fails with the way out in a sentence; no other model steps in."""
    running, _ = scored
    first = running.declaration.ledger.entries()[0]
    file = tmp_path / "home" / first.evidence["model_path"] / "model.skops"
    file.unlink()
    before = table(running)
    with pytest.raises(AssertionError) as failed:
        next_days(running, 1)
    assert str(failed.value).partition("\n")[0] == (
        f"Version 1 of loans cannot be loaded. The model file {file} is missing. The way out is another "
        "champion: loans_promote makes one of the other versions champion, loans_rollback the previous one."
    )
    assert table(running).equals(before)
    assert sentence(running.retrain()) == ""


def test_a_model_that_does_not_serve_and_cannot_score(tmp_path):
    """What the first champion's own code raises on a row is told in a sentence; the present one scores the row."""
    keys = write_days(tmp_path, 26)
    for key in keys:
        frame = loans_of(date.fromisoformat(key))
        frame = frame.with_columns(region=pl.col("region").replace({"north": "1", "south": "2", "west": "3"}))
        if key == keys[-1]:
            frame = frame.with_columns(
                region=pl.when(pl.col("age") < 30).then(pl.lit("n/a")).otherwise("region")
            )
        write_day(tmp_path, date.fromisoformat(key), frame)
    columns = {"features__numeric": ["amount", "age", "place"], "features__categorical": []}
    first = Running(
        declare(tmp_path, **QUIET, **WEAK, **columns, features__derive={"place": "CAST(region AS DOUBLE)"})
    )
    take_in(first.declaration, keys[:-1])
    assert first.retrain().success
    later = declared_anew(first, **columns, features__derive={"place": "TRY_CAST(region AS DOUBLE)"})
    assert later.retrain().success
    assert later.declaration.ledger.standing().version == 2
    result = later.ingest(keys[-1:])
    assert set(table(later)["model_version"]) == {2}
    assert not later.declaration.lake.exists("shadow_predictions")
    told = [event.user_message for event in later.instance.all_logs(result.run_id)]
    assert any(
        message.startswith("The first champion, never retrained, has no scores here. ") for message in told
    )
