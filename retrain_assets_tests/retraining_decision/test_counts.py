"""The rows of a decision are counted again only when the rows, the clock, or what is asked of them have changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from retrain_assets.retraining_decision import counts
from retrain_assets.retraining_decision.counts import Counts, count_rows
from retrain_assets_tests.pipelines import FIRST_DAY, ROWS_A_DAY, declare, write_day
from retrain_assets_tests.retraining_decision.past import DAYS, LAG, at, live, take_in

TRAINED = (DAYS - LAG) * ROWS_A_DAY


@pytest.fixture
def counted(monkeypatch):
    """List the answers for which rows were really counted."""
    made: list[Counts] = []
    count = counts._count

    def watched(*asked):
        made.append(count(*asked))
        return made[-1]

    monkeypatch.setattr(counts, "_count", watched)
    return made


def test_rows_are_counted_once_for_a_state_of_the_lake(tmp_path, counted):
    """A second look counts nothing; one after another attempt, another clock or new rows does."""
    declaration = declare(tmp_path, training={"window": {"type": "expanding"}})
    live(declaration, tmp_path, DAYS)
    first = count_rows(declaration, at(DAYS), None)
    assert first == Counts(TRAINED, first.start, (DAYS - 1) * ROWS_A_DAY)
    assert count_rows(declaration, at(DAYS), None) == first
    assert len(counted) == 1
    assert count_rows(declaration, at(DAYS), at(18)).fresh == (DAYS - 18) * ROWS_A_DAY
    assert count_rows(declaration, at(DAYS - 1), at(18)).trainable == TRAINED - ROWS_A_DAY
    day = FIRST_DAY + timedelta(days=DAYS)
    write_day(tmp_path, day)
    take_in(declaration, [day.isoformat()])
    assert count_rows(declaration, at(DAYS + 1), at(18)).trainable == TRAINED + ROWS_A_DAY
    assert len(counted) == 4


def test_what_is_declared_counts(tmp_path, counted):
    """The same rows are counted again for a pipeline that is declared otherwise."""
    live(declare(tmp_path), tmp_path, DAYS)
    for days in (7, 14):
        window = {"type": "rolling", "length": f"{days}d"}
        found = count_rows(declare(tmp_path, training={"window": window}), at(DAYS), None)
        assert found.trainable == days * ROWS_A_DAY
    assert len(counted) == 2
