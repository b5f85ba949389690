"""How many of the newest rows that count have a label, and when that is told."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.label_source.intake import take_labels
from retrain_assets.training_data.label_source.joined import joined_labels
from retrain_assets_tests.pipelines import FIRST_DAY, ROWS_A_DAY
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

WEEK = 7 * ROWS_A_DAY
NAMES = "Look whether label.source.key names the rows as source.key does, and at label.delay."


def joined(folder, share: float = 1.0, **label):
    """Take ten days of loans in, and labels of a share of each day's."""
    declaration = late(folder, label=label)
    keys = deliver(folder, 10, booked=0)
    for number in range(10):
        day = FIRST_DAY + number * timedelta(days=1)
        book(folder, day, bookings_of(day).head(round(share * ROWS_A_DAY)))
    list(ingest(declaration, keys, "rows"))
    take_labels(declaration, "labels")
    return joined_labels(declaration)


def test_the_newest_rows_that_count_are_looked_at(tmp_path):
    """The rows that reached the declared age within the last holdout are counted, and no younger ones."""
    found = joined(tmp_path)
    assert (found.mature, found.labelled, found.enough) == (WEEK, WEEK, True)
    assert found.sentence == (
        "Of the 840 rows that reached the age of 2d in the 7d before 2026-01-15 00:00 UTC, 840 have a label (100.0%)."
    )


@pytest.mark.parametrize(("share", "enough"), [(0.5, True), (0.49, False), (0.0, False)])
def test_labels_of_fewer_than_half_of_the_rows_are_told(tmp_path, share, enough):
    """Where rows without a label are left out, fewer labels than for half of the rows are reason for doubt."""
    found = joined(tmp_path, share)
    assert found.labelled == 7 * round(share * ROWS_A_DAY)
    assert found.enough == enough
    assert found.sentence.endswith(NAMES) != enough


@pytest.mark.parametrize(("share", "enough"), [(0.02, True), (0.0, False)])
def test_few_labels_are_right_where_a_missing_one_means_something(tmp_path, share, enough):
    """With a declared value of missing labels a few are enough, and none at all are not."""
    assert joined(tmp_path, share, missing_after="2d", missing_value=0).enough == enough


def test_a_withdrawn_label_is_none(tmp_path):
    """Rows whose label was taken back are rows without a label."""
    declaration = late(tmp_path)
    list(ingest(declaration, deliver(tmp_path, 10), "rows"))
    take_labels(declaration, "labels")
    withdrawn = bookings_of(FIRST_DAY + timedelta(days=3)).with_columns(outcome=pl.lit(None, pl.Int64))
    book(tmp_path, FIRST_DAY + timedelta(days=3), withdrawn)
    take_labels(declaration, "withdrawal")
    assert joined_labels(declaration).labelled == WEEK - ROWS_A_DAY


def test_keys_of_no_row_are_counted(tmp_path):
    """Labels whose key names no row that was taken in are told: one mistake that they show is another key."""
    declaration = late(tmp_path)
    keys = deliver(tmp_path, 3)
    book(tmp_path, FIRST_DAY, bookings_of(FIRST_DAY).with_columns(of_loan=pl.lit("x") + pl.col("of_loan")))
    list(ingest(declaration, keys, "rows"))
    take_labels(declaration, "labels")
    assert "The labels of 120 keys are of no row that was taken in." in joined_labels(declaration).sentence


def test_before_the_first_rows_there_is_nothing_to_tell(tmp_path):
    """Without rows the sentence says so, and nothing is amiss."""
    found = joined_labels(late(tmp_path))
    assert (found.mature, found.enough) == (0, True)
    assert found.sentence == "No rows have been taken in yet."
