"""Taking partitions in: what is skipped, replaced, withheld, dropped and put aside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from retrain_assets.declaration import Declaration
from retrain_assets.deliveries import complete
from retrain_assets.lake import Lake
from retrain_assets.pipeline import build_definitions
from retrain_assets.training_data.acceptance import PartitionOutcome
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.pending import pending
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days

DAYS = [FIRST_DAY + timedelta(days=number) for number in range(3)]
KEYS = [day.isoformat() for day in DAYS]
LATER = datetime(2026, 1, 8, tzinfo=UTC)
MIDDLE = KEYS[1]

NOT_NEGATIVE = {
    "type": "expect_column_values_to_be_between",
    "column": "amount",
    "min_value": 0,
    "mostly": 0.9,
}
KNOWN_REGION = {
    "type": "expect_column_values_to_be_in_set",
    "column": "region",
    "value_set": ["north", "south", "west"],
    "mostly": 0.9,
}

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


def taken_in(declaration: Declaration, *keys: str) -> dict[str, PartitionOutcome]:
    """Take partitions in, all by default, as a run that comes to its end."""
    found = {item.key: replace(item, delivered=None) for item in ingest(declaration, keys or KEYS, "run")}
    complete(declaration.lake, list(found), "run")
    return found


def rows_of(declaration: Declaration, key: str, table: str = "training_data") -> pl.DataFrame:
    """Rows of a partition as the lake holds them, in the order of their identities."""
    return declaration.lake.rows(table, [key]).sort("row_id").collect()


def asked_for(declaration: Declaration) -> list[str]:
    """Partitions that the source sensor would ask for."""
    return list(pending(declaration, declaration.source(), LATER, None).fingerprints)


@pytest.fixture
def loans(tmp_path: Path) -> Declaration:
    """Three days of loans, taken in."""
    write_days(tmp_path, 3)
    declaration = declare(tmp_path)
    assert all(outcome.changed for outcome in taken_in(declaration).values())
    return declaration


def test_unchanged_delivery_is_skipped(loans: Declaration, tmp_path: Path) -> None:
    """The same rows, written again, are not asked for, and nothing is committed when they are read all the same."""
    version = loans.lake.version("training_data")
    write_days(tmp_path, 3)
    assert asked_for(loans) == []
    assert [outcome.changed for outcome in taken_in(loans).values()] == [False] * 3
    assert loans.lake.version("training_data") == version


def test_changed_value_is_taken_in_again(loans: Declaration, tmp_path: Path) -> None:
    """One changed value makes its partition, and no other, be asked for and replaced."""
    others = [rows_of(loans, key) for key in (KEYS[0], KEYS[2])]
    changed = loans_of(DAYS[1]).with_columns(
        amount=pl.when(pl.col("loan") == f"{MIDDLE}-7").then(99.0).otherwise("amount")
    )
    write_day(tmp_path, DAYS[1], changed)
    assert asked_for(loans) == [MIDDLE]
    outcomes = taken_in(loans)
    assert {key: outcome.changed for key, outcome in outcomes.items()} == {
        KEYS[0]: False,
        MIDDLE: True,
        KEYS[2]: False,
    }
    assert rows_of(loans, MIDDLE).filter(pl.col("amount") == 99)["loan"].to_list() == [f"{MIDDLE}-7"]
    assert all(
        before.equals(rows_of(loans, key)) for before, key in zip(others, (KEYS[0], KEYS[2]), strict=True)
    )


def test_withheld_partition_keeps_what_was_accepted_and_the_others_go_on(
    loans: Declaration, tmp_path: Path
) -> None:
    """A delivery that fails critically leaves its partition as it was; the rest of the run is taken in."""
    before = rows_of(loans, MIDDLE)
    for day in DAYS:
        write_day(tmp_path, day, loans_of(day).with_columns(age=pl.lit(40)))
    write_day(tmp_path, DAYS[1], loans_of(DAYS[1]).with_columns(amount=pl.lit(-1.0)))
    outcomes = taken_in(loans)
    assert [outcomes[key].accepted for key in KEYS] == [True, False, True]
    assert rows_of(loans, MIDDLE).equals(before)
    assert {value for key in (KEYS[0], KEYS[2]) for value in rows_of(loans, key)["age"]} == {40}
    [record] = rows_of_partitions(loans, MIDDLE)
    assert (record["accepted"], record["rows"], record["problem"]) == (True, 120, outcomes[MIDDLE].problem)
    assert rows_of(loans, MIDDLE, "quarantine").height == 120
    assert (record["quarantined"], outcomes[MIDDLE].quarantined) == (120, 120)


def rows_of_partitions(declaration: Declaration, key: str) -> list[dict[str, object]]:
    """The record of a partition's last delivery."""
    return declaration.lake.rows("partitions", [key]).collect().to_dicts()


def test_withheld_partition_is_asked_for_when_source_or_declaration_is_mended(
    loans: Declaration, tmp_path: Path
) -> None:
    """A refused delivery is not read at every tick, but again once its file or the expectation is mended."""
    good = loans_of(DAYS[1])
    write_day(tmp_path, DAYS[1], good.with_columns(amount=pl.lit(-1.0)))
    assert not taken_in(loans, MIDDLE)[MIDDLE].accepted
    assert asked_for(loans) == []
    mended = declare(tmp_path, expectations=[NOT_NEGATIVE | {"min_value": -5}])
    assert asked_for(mended) == [MIDDLE]
    write_day(tmp_path, DAYS[1], good)
    assert asked_for(loans) == [MIDDLE]
    assert taken_in(loans, MIDDLE)[MIDDLE].accepted
    assert rows_of_partitions(loans, MIDDLE)[0]["problem"] is None
    assert rows_of(loans, MIDDLE, "quarantine").is_empty()


@pytest.mark.parametrize("table", ["training_data", "quarantine"])
def test_a_source_that_is_put_back_after_a_run_died_is_taken_in_again(
    loans: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """Rows that a run wrote before it died do not stay when the source is as it was before that run."""
    before = rows_of(loans, MIDDLE)
    wrong = loans_of(DAYS[1]).with_columns(
        age=pl.lit(99), amount=pl.when(pl.int_range(pl.len()) > 0).then("amount").otherwise(-1.0)
    )
    write_day(tmp_path, DAYS[1], wrong)
    write = Lake.replace_partitions

    def die(lake: Lake, name: str, *arguments: Any) -> None:
        write(lake, name, *arguments)
        if name == table:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Lake, "replace_partitions", die)
        taken_in(loans, MIDDLE)
    write_days(tmp_path, 3)
    assert asked_for(loans) == [MIDDLE]
    assert taken_in(loans, MIDDLE)[MIDDLE].changed
    assert rows_of(loans, MIDDLE).equals(before)
    assert asked_for(loans) == []


def test_exact_duplicates_are_dropped_and_counted(loans: Declaration, tmp_path: Path) -> None:
    """Rows that are equal in every column are one row; the number of the others is on record."""
    before = rows_of(loans, MIDDLE)
    day = loans_of(DAYS[1])
    write_day(tmp_path, DAYS[1], pl.concat([day, day.head(5), day.head(1)]))
    outcome = taken_in(loans, MIDDLE)[MIDDLE]
    assert (outcome.rows, outcome.duplicates, outcome.quarantined) == (120, 6, 0)
    assert rows_of_partitions(loans, MIDDLE)[0]["duplicates"] == 6
    assert rows_of(loans, MIDDLE).equals(before)


def test_label_only_change_is_recognised(loans: Declaration, tmp_path: Path) -> None:
    """New labels change the partition and the hash of its labels, and not the hash of its features."""
    [before] = rows_of_partitions(loans, MIDDLE)
    write_day(tmp_path, DAYS[1], loans_of(DAYS[1]).with_columns(repaid=1 - pl.col("repaid")))
    assert taken_in(loans, MIDDLE)[MIDDLE].changed
    [after] = rows_of_partitions(loans, MIDDLE)
    assert after["features_hash"] == before["features_hash"]
    assert after["labels_hash"] != before["labels_hash"]
    assert rows_of(loans, MIDDLE)["repaid"].sum() == 120 - loans_of(DAYS[1])["repaid"].sum()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance that keeps its history on disk."""
    folder = tmp_path / "home" / "dagster"
    folder.mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(folder)) as opened:
        yield opened


def run(declaration: Declaration, instance: dg.DagsterInstance, *days: date) -> list[dg.EventLogEntry]:
    """Run the ingest job over a range of days, and return its events."""
    job = build_definitions(declaration).resolve_job_def("loans_ingest")
    tags = {
        "dagster/asset_partition_range_start": days[0].isoformat(),
        "dagster/asset_partition_range_end": days[-1].isoformat(),
    }
    result = job.execute_in_process(instance=instance, tags=tags)
    return instance.all_logs(result.run_id)


def evaluations(events: list[dg.EventLogEntry]) -> dict[tuple[str, str], tuple[bool, dict[str, object]]]:
    """What each check of training_data found in each partition."""
    found = {}
    for entry in events:
        event = entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            continue
        data = event.asset_check_evaluation_data
        if data.asset_key.path[-1] == "training_data" and data.partition is not None:
            values = {name: value.value for name, value in data.metadata.items()}
            found[data.check_name, data.partition] = (data.passed, values)
    return found


def materializations(
    events: list[dg.EventLogEntry], node: str = "training_data"
) -> dict[str, dict[str, object]]:
    """Metadata of each partition of a node that was materialized."""
    return {
        entry.dagster_event.partition: {
            name: value.value
            for name, value in entry.dagster_event.step_materialization_data.materialization.metadata.items()
        }
        for entry in events
        if entry.dagster_event is not None
        and entry.dagster_event.is_step_materialization
        and entry.dagster_event.asset_key.path[-1] == node
    }


def test_range_run_tells_each_partition_by_itself(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """In a run over a range every partition has its own check results and its own figures."""
    write_days(tmp_path, 3)
    bad = loans_of(DAYS[0]).head(3).with_columns(loan=pl.Series(["a", "b", "c"]), amount=pl.lit(-1.0))
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), bad]))
    write_day(tmp_path, DAYS[1]).write_bytes(b"")
    write_day(tmp_path, DAYS[2], loans_of(DAYS[2]).head(5))
    events = run(declare(tmp_path), instance, *DAYS)
    found = evaluations(events)
    accepted = {
        partition: passed
        for (name, partition), (passed, _) in found.items()
        if name == "partition_is_accepted"
    }
    assert accepted == {KEYS[0]: True, MIDDLE: False, KEYS[2]: True}
    assert found["partition_is_accepted", MIDDLE][1]["problem"] == (
        f"{tmp_path}/rows/{MIDDLE}.parquet: the file is empty (0 bytes). Deliver it again; a period without rows is a "
        "file with its columns and no rows."
    )
    assert found["expect_column_values_to_be_between_amount", KEYS[0]][1]["unexpected_rows"] == 3
    counted = {key: found["expect_table_row_count_to_be_between", key][0] for key in KEYS}
    assert counted == {KEYS[0]: True, MIDDLE: False, KEYS[2]: False}
    shown = materializations(events)
    assert [(shown[key]["rows"], shown[key]["quarantined"]) for key in (KEYS[0], KEYS[2])] == [
        (120, 3),
        (5, 0),
    ]
    assert shown[MIDDLE]["accepted"] is False
    for node in ("features", "predictions", "monitoring_report"):
        told = {key: values.get("withheld") for key, values in materializations(events, node).items()}
        assert told == {KEYS[0]: None, MIDDLE: shown[MIDDLE]["problem"], KEYS[2]: None}, node


def test_deleted_expectation_leaves_quarantine_and_suite(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    """Without an expectation its rows come out of quarantine at the next delivery, and its check is gone."""
    write_days(tmp_path, 1)
    odd = (
        loans_of(DAYS[0])
        .head(4)
        .with_columns(
            loan=pl.Series(["a", "b", "c", "d"]),
            amount=pl.Series([-1.0, -2.0, 1.0, 2.0]),
            region=pl.Series(["north", "south", "moon", "mars"]),
        )
    )
    write_day(tmp_path, DAYS[0], pl.concat([loans_of(DAYS[0]), odd]))
    both = declare(tmp_path, expectations=[NOT_NEGATIVE, KNOWN_REGION])
    one = declare(tmp_path, expectations=[NOT_NEGATIVE])

    first = evaluations(run(both, instance, DAYS[0]))
    rules = rows_of(both, KEYS[0], "quarantine")["rule"].unique().sort().to_list()
    assert rules == [
        "expect_column_values_to_be_between(min_value=0)",
        "expect_column_values_to_be_in_set(value_set=[north, south, west])",
    ]
    assert {name for name, _ in first} == {
        "partition_is_accepted",
        "expect_column_values_to_be_between_amount",
        "expect_column_values_to_be_in_set_region",
    }

    second = evaluations(run(one, instance, DAYS[0]))
    assert rows_of(one, KEYS[0], "quarantine")["rule"].unique().to_list() == rules[:1]
    assert {name for name, _ in second} == {
        "partition_is_accepted",
        "expect_column_values_to_be_between_amount",
    }
    assert {"moon", "mars"} <= set(rows_of(one, KEYS[0])["region"])
