"""What a decision is made from: the lake and the runs, read right, and the record of decisions."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from retrain_assets.training_data.ingest import ingest
from retrain_assets_tests.pipelines import FIRST_DAY, ROWS_A_DAY, declare, loans_of, write_day, write_days
from retrain_assets_tests.retraining_decision.past import (
    DAYS,
    LAG,
    alarm,
    at,
    attempt,
    codes,
    codes_of,
    decisions,
    live,
    make_features,
    promote,
    ruled,
    take_in,
)


def test_an_empty_lake_is_nothing_to_decide_on(tmp_path):
    """Before the first partition there is no decision, and none is recorded."""
    declaration = declare(tmp_path)
    ruling = ruled(declaration)
    assert not ruling.decision.act
    assert ruling.decision.sentence == "Nothing has been ingested yet, so there is nothing to decide on."
    assert not ruling.changed
    assert decisions(declaration) == []


def test_the_clock_is_the_end_of_the_newest_accepted_partition(loans, tmp_path):
    """A partition that was withheld does not move the moment of decision."""
    assert ruled(loans).as_of == at(DAYS)
    (tmp_path / "rows" / f"{FIRST_DAY + timedelta(days=DAYS)}.parquet").write_bytes(b"no parquet")
    take_in(loans, [(FIRST_DAY + timedelta(days=DAYS)).isoformat()])
    assert ruled(loans).as_of == at(DAYS)


def test_rows_to_train_on_are_those_before_holdout_and_gap(tmp_path):
    """With a window of 14 days, of the 26 days those from the 3rd to the 17th can be trained on."""
    declaration = declare(tmp_path)
    live(declaration, tmp_path, DAYS)
    numbers = ruled(declaration).numbers
    assert numbers == {
        "training_rows": (DAYS - LAG - (DAYS - LAG - 14)) * ROWS_A_DAY,
        "new_rows": (DAYS - 1) * ROWS_A_DAY,
        "alarms": 0,
    }


def test_new_rows_are_those_that_matured_since_the_last_attempt(loans):
    """Rows whose label was known to the last attempt are not new, and immature ones do not count yet."""
    assert ruled(loans).numbers["new_rows"] == (DAYS - 18) * ROWS_A_DAY
    attempt(loans, 25, "inconclusive")
    assert ruled(loans).numbers["new_rows"] == ROWS_A_DAY


def test_rows_without_label_or_weight_teach_nothing(tmp_path):
    """Rows to train on and new rows are those that have a label, and a weight where one is declared."""
    declaration = declare(tmp_path, weight="age", source__key=None)
    for number in range(DAYS):
        rows = loans_of(FIRST_DAY + timedelta(days=number)).with_row_index()
        half = pl.col("index") % 2 == 0
        weightless = pl.col("index") % 4 == 1
        write_day(
            tmp_path,
            FIRST_DAY + timedelta(days=number),
            rows.select(
                pl.exclude("index", "repaid", "age"),
                pl.when(half).then(None).otherwise("repaid").alias("repaid"),
                pl.when(weightless).then(float("nan")).otherwise("age").alias("age"),
            ),
        )
    take_in(declaration, [(FIRST_DAY + timedelta(days=number)).isoformat() for number in range(DAYS)])
    numbers = ruled(declaration).numbers
    assert numbers["training_rows"] == 14 * ROWS_A_DAY // 4
    assert numbers["new_rows"] == (DAYS - 1) * ROWS_A_DAY // 4


def test_the_champions_age_runs_on_the_data_clock(loans):
    """It is the time from the promotion to the newest partition's end, whatever the wall clock says."""
    assert ruled(loans).numbers["champion_age_days"] == DAYS - 18


def test_an_alarm_about_an_earlier_champion_is_none(loans):
    """The alarm of the newest report counts while its champion serves, and no longer."""
    alarm(loans, DAYS, "performance", onset=10)
    assert codes_of(ruled(loans)) == ["performance"]
    promote(loans, DAYS, version=2)
    assert codes_of(ruled(loans)) == []


def test_only_the_newest_report_counts(loans):
    """An alarm that the newest report no longer raises has ended."""
    alarm(loans, 24, "performance", onset=10)
    assert codes_of(ruled(loans)) == ["performance"]
    alarm(loans, 25, "drift", onset=10)
    assert codes_of(ruled(loans)) == ["drift"]


def test_decisions_are_recorded_when_they_change_only(loans, tmp_path):
    """The same reasons and holds with other figures make no new entry; a new hold or an act does."""
    assert ruled(loans).changed
    assert not ruled(loans).changed
    first = FIRST_DAY + timedelta(days=DAYS)
    take_in(loans, write_days(tmp_path, 1, first))
    assert not ruled(loans).changed
    assert [item["as_of"] for item in decisions(loans)] == [at(DAYS)]

    held = ruled(loans, schedule_due=True, retrain_in_flight=True)
    assert held.changed
    assert not ruled(loans, schedule_due=True, retrain_in_flight=True).changed
    acting = ruled(loans, schedule_due=True)
    assert acting.changed
    assert [
        (item["act"], codes(item["reasons"]), codes(item["held_back_by"])) for item in decisions(loans)
    ] == [
        (False, [], []),
        (False, ["schedule"], ["in_flight"]),
        (True, ["schedule"], []),
    ]


def test_every_act_is_recorded(loans):
    """Two acts for the same reason are two entries, because each is a run."""
    assert ruled(loans, schedule_due=True).changed
    assert ruled(loans, schedule_due=True).changed
    assert [item["act"] for item in decisions(loans)] == [True, True]


def test_a_decision_is_recorded_with_all_that_explains_it(loans):
    """The entry holds the sentence, the reasons and holds in words, what would change it, and from when on."""
    attempt(loans, DAYS, "rejected")
    ruled(loans, schedule_due=True)
    [entry] = decisions(loans)
    assert entry["sentence"].startswith("A retrain is held back. The schedule is due.")
    assert codes(entry["held_back_by"]) == ["cooldown", "nothing_new"]
    assert all(item["sentence"] in entry["sentence"] for item in entry["reasons"] + entry["held_back_by"])
    assert entry["would_change"] == (
        "Data up to 2026-01-31 12:00 UTC, which ends 'cooldown'. "
        "Data up to 2026-02-01 09:36 UTC, which ends 'nothing new'."
    )
    assert entry["earliest"] is None


def test_while_rows_come_in_the_sensor_waits(loans):
    """An ingest run in flight changes what is known, so nothing is decided, and nothing recorded."""
    ruling = ruled(loans, ingest_in_flight=True)
    assert not ruling.decision.act
    assert ruling.decision.sentence == "An ingest run is in flight. The decision waits for what it brings."
    assert not ruling.changed
    assert decisions(loans) == []


def test_a_tick_of_the_schedule_is_kept_while_rows_come_in(loans):
    """The schedule's tick meets an ingest run: it is told, and decided on by the first look after that run."""
    put_off = ruled(loans, schedule_due=True, ingest_in_flight=True)
    assert not put_off.decision.act
    assert put_off.changed
    assert put_off.decision.sentence == (
        "A retrain is held back. The schedule is due. An ingest run is in flight. "
        "It is decided on when that has ended."
    )
    assert not ruled(loans, ingest_in_flight=True).changed
    ruling = ruled(loans)
    assert ruling.decision.act
    assert codes_of(ruling) == ["schedule"]
    attempt(loans, DAYS, "rejected", evidence={"schedule": ruling.decision.reasons[0].identity})
    assert codes_of(ruled(loans)) == []


def test_a_tick_of_the_schedule_is_kept_while_features_are_missing(loans, tmp_path):
    """An ingest run died before it made features: the tick is decided on when they are there."""
    [key] = write_days(tmp_path, 1, FIRST_DAY + timedelta(days=DAYS))
    list(ingest(loans, [key], "a run that died"))
    put_off = ruled(loans, schedule_due=True)
    assert not put_off.decision.act
    assert [hold.code for hold in put_off.decision.held_back_by] == ["features_missing"]
    assert put_off.decision.sentence == (
        f"A retrain is held back. The schedule is due. The rows of {key} are in and their features are not: an ingest "
        "run is missing, or its log says why. It is decided on when that has ended."
    )
    assert not ruled(loans).changed
    make_features(loans, [key])
    assert codes_of(ruled(loans)) == ["schedule"]


def test_a_kept_tick_is_decided_on_once(loans):
    """A kept tick that is then held back passes like any other."""
    attempt(loans, DAYS, "rejected")
    ruled(loans, schedule_due=True, ingest_in_flight=True)
    held = ruled(loans)
    assert codes_of(held) == ["schedule"]
    assert not held.decision.act
    assert codes_of(ruled(loans)) == []


def test_rows_of_later_partitions_are_not_trained_on(loans):
    """What is counted is what is known at the data clock: a row from after it changes nothing."""
    before = ruled(loans).numbers
    later = loans.lake.scan("features").head(1).collect()
    later = later.with_columns(asked_at=pl.lit(at(DAYS + 3)).cast(later.schema["asked_at"]))
    loans.lake.append("features", later)
    assert ruled(loans).numbers == before
