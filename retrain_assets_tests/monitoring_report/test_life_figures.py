"""Figures of a model's life: measured once, and again when what they are made of has changed."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.monitoring_report.life import life_document
from retrain_assets.monitoring_report.page import life_page
from retrain_assets.monitoring_report.scored import ScoredRows
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import YOUNG, Running, serving
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

pytestmark = YOUNG


@pytest.fixture
def lived(tmp_path):
    """A pipeline whose champion has served for two weeks and a half."""
    return serving(tmp_path, 17)


@pytest.fixture
def read(monkeypatch):
    """Keep a list of the partitions whose rows are read."""
    keys: list[str] = []
    original = ScoredRows.read.__func__

    def spied(cls, declaration, task, wanted):
        keys.extend(wanted)
        return original(cls, declaration, task, wanted)

    monkeypatch.setattr(ScoredRows, "read", classmethod(spied))
    return keys


def measured_anew(declaration):
    """The life without anything remembered."""
    shutil.rmtree(Path(declaration.lake.uri("life_periods")))
    return life_document(declaration)


def test_settled_weeks_are_read_once(lived, read):
    """Only the weeks that still change are read again, and the life is the one that all rows give."""
    known = life_document(lived.declaration)
    newest = max(part["start"] for part in known["weeks"])[:10]
    assert read
    assert min(read) >= newest
    assert known == measured_anew(lived.declaration)
    assert len(read) > len(known["partitions"])


def test_a_changed_day_of_a_settled_week_is_measured_again(lived):
    """A day that is delivered again with other labels changes its week's quality and no other's."""
    before = life_document(lived.declaration)
    changed = next(part for part in before["partitions"] if part["realised"] is not None)
    day = date.fromisoformat(changed["key"])
    write_day(lived.declaration.file.parent, day, loans_of(day, flipped=True))
    assert lived.ingest([changed["key"]]).success
    after = life_document(lived.declaration)
    differing = [
        new["start"][:10]
        for old, new in zip(before["weeks"], after["weeks"], strict=True)
        if old["realised"] != new["realised"]
    ]
    assert len(differing) == 1
    assert differing[0] <= changed["key"]
    assert after == measured_anew(lived.declaration)


def test_another_label_is_another_life(lived):
    """What counts as positive decides every figure, so nothing that was measured before it changed is told."""
    before = life_document(lived.declaration)
    spec = lived.declaration.spec
    label = spec.label.model_copy(update={"positive": 0})
    other = type(lived.declaration)(spec.model_copy(update={"label": label}), lived.declaration.file)
    after = life_document(other)
    known = [number for number, week in enumerate(before["weeks"]) if week["realised"] is not None]
    assert known
    assert all(before["weeks"][number]["realised"] != after["weeks"][number]["realised"] for number in known)


@pytest.fixture
def unlabelled(tmp_path):
    """A champion that has served for three weeks, the labels of the last two of which have not come."""
    running = Running(late(tmp_path))
    take_in(running.declaration, deliver(tmp_path, 25))
    assert running.retrain().success
    running.ingest(deliver(tmp_path, 46, booked=32)[25:])
    return running


def test_labels_that_come_make_their_own_weeks_be_measured(unlabelled, read, tmp_path):
    """Of settled weeks the one is measured again whose rows the new labels name; one mended label is enough."""
    clock = unlabelled.declaration.newest_partition()
    before = life_document(unlabelled.declaration)
    read.clear()
    life_document(unlabelled.declaration)
    unsettled = set(read)

    week = [FIRST_DAY + timedelta(days=day) for day in range(35, 42)]
    for day in week:
        book(tmp_path, day)
    unlabelled.ingest([clock], "training_data")
    read.clear()
    labelled = life_document(unlabelled.declaration)
    assert set(read) - unsettled == {day.isoformat() for day in week}
    assert [part["start"][:10] for part in changed(before, labelled)] == [week[0].isoformat()]

    mended = bookings_of(week[3]).with_columns(
        outcome=pl.when(pl.col("of_loan") == f"{week[3]}-7").then(1 - pl.col("outcome")).otherwise("outcome")
    )
    book(tmp_path, week[3], mended)
    unlabelled.ingest([clock], "training_data")
    read.clear()
    after = life_document(unlabelled.declaration)
    assert set(read) - unsettled == {day.isoformat() for day in week}
    assert [part["start"][:10] for part in changed(labelled, after)] == [week[0].isoformat()]
    assert after == measured_anew(unlabelled.declaration)


def changed(before, after):
    """Weeks whose quality is another one."""
    pairs = zip(before["weeks"], after["weeks"], strict=True)
    return [new for old, new in pairs if old["realised"] != new["realised"]]


def test_before_the_first_attempt_the_metric_suits_the_estimator(tmp_path):
    """Where no metric is declared either, the page of a regressor begins with the error of numbers."""
    estimator = "sklearn.ensemble.HistGradientBoostingRegressor"
    life = life_document(declare(tmp_path, training__estimator=estimator, evaluation__metrics=[]))
    assert life["metric"] == "mean_absolute_error"
    assert life_document(declare(tmp_path))["metric"] == "log_loss"


def test_a_delivery_that_is_withheld_is_told_although_an_earlier_one_stays(tmp_path):
    """The page counts a period as withheld whose newest delivery is, and keeps the rows that it had."""
    declaration = declare(tmp_path)
    keys = [write_day(tmp_path, FIRST_DAY + timedelta(days=number)).stem for number in range(2)]
    take_in(declaration, keys)
    before = life_document(declaration)["partitions"]
    write_day(tmp_path, FIRST_DAY).write_bytes(b"broken")
    take_in(declaration, keys)
    after = life_document(declaration)
    assert [part["accepted"] for part in before] == [True, True]
    assert [part["accepted"] for part in after["partitions"]] == [False, True]
    assert [part["rows"] for part in after["partitions"]] == [part["rows"] for part in before]
    assert "1 partition withheld" in life_page(after)
    write_day(tmp_path, FIRST_DAY + timedelta(days=2)).write_bytes(b"broken")
    take_in(declaration, ["2026-01-07"])
    assert life_document(declaration)["as_of"] == after["as_of"] == "2026-01-07T00:00:00+00:00"
