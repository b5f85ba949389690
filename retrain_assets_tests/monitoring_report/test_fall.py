"""Falls since the promotion: when one is told, and when it is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.comparison import METRICS
from retrain_assets.monitoring_report.fall import measure_fall
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.windows import TimeColumns

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
PER_DAY = 2000


def since_promotion(days, bad, silent=()):
    """Rows of a champion promoted at the start, whose scores mean nothing on bad days."""
    rng = np.random.default_rng(4)
    number = np.repeat([day for day in range(days) if day not in silent], PER_DAY)
    score = rng.beta(1, 3, number.size)
    y = (rng.uniform(size=number.size) < np.where(np.isin(number, bad), 0.4, score)).astype(float)
    times = number * 86_400_000_000 + rng.integers(0, 86_400_000_000, number.size)
    frame = pl.DataFrame({"at": times, "score": score}).with_columns(
        (pl.lit(START) + pl.duration(microseconds="at")).alias("at")
    )
    rows = LabelledRows.of(frame, y, TimeColumns("at", DAY))
    return rows.between(START, START + days * DAY, START + (days + 1) * DAY)


def fall_of(rows, metric="log_loss", drop=0.02, over=7):
    """Judge a fall over some days, against seven days."""
    return measure_fall(METRICS[metric], rows, START + 7 * DAY, drop, over * DAY)


@pytest.mark.parametrize(("metric", "drop"), [("log_loss", 0.02), ("roc_auc", 0.05), ("accuracy", 0.02)])
def test_a_fall_is_told_with_its_day_whatever_the_metric(metric, drop):
    """Means of losses and rankings alike fall on the day from which scores mean nothing."""
    found = fall_of(since_promotion(30, range(27, 30)), metric, drop)
    assert found.crossed
    assert drop < found.bound < found.value
    assert abs(found.since - (START + 27 * DAY)) <= DAY
    assert not fall_of(since_promotion(30, ()), metric, drop).crossed


def test_a_gain_is_no_fall():
    """Days that go better than before raise nothing."""
    assert not fall_of(since_promotion(30, range(20))).crossed


def test_what_has_recovered_is_no_alarm():
    """After four bad weeks one good day leaves the fall certain, and is no alarm where the last day counts alone."""
    rows = since_promotion(38, range(10, 37))
    assert fall_of(rows, over=30).crossed
    recovered = fall_of(rows, over=1)
    assert recovered.value > recovered.bound > 0.02
    assert not recovered.crossed


def test_days_without_rows_do_not_count():
    """A silent week leaves the day of the fall where it is."""
    found = fall_of(since_promotion(34, range(31, 34), silent=range(12, 19)))
    assert found.crossed
    assert abs(found.since - (START + 31 * DAY)) <= DAY


def test_a_fall_that_is_allowed_is_no_alarm():
    """Only what certainly exceeds the declared drop counts."""
    rows = since_promotion(30, range(25, 30))
    assert not fall_of(rows, drop=2 * fall_of(rows).value).crossed


def test_few_days_are_not_judged():
    """The reference needs its days, and two later ones."""
    assert fall_of(since_promotion(8, ())) is None
    assert (
        measure_fall(
            METRICS["roc_auc"], since_promotion(30, range(30)).between(START, START, START), START, 0.1, DAY
        )
        is None
    )
