"""Seasons that come back are no drift; what changed after the training is no season."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl

from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.candidate_model.reference_rows import keep_reference_rows, reference_rows
from retrain_assets.lake import Lake
from retrain_assets.monitoring_report.drift import drift
from retrain_assets.monitoring_report.partition_drift import watch_drift
from retrain_assets.monitoring_report.seasons import excuse_seasons, season_keys
from retrain_assets.monitoring_report.watched import Batch, Champion
from retrain_assets.spec import PipelineSpec
from retrain_assets.windows import Partitions

START = datetime(2026, 1, 5, tzinfo=UTC)


def temperatures(mean, rows=4000, seed=0):
    """Rows of a season."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"temperature": rng.normal(mean, 5, rows), "wind": rng.normal(size=rows)})


PROFILE = build_profile(temperatures(20), ["temperature", "wind"], [], None)


def test_days_have_the_weekdays_of_the_training_and_last_year():
    """A Monday is compared with the last four Mondays that trained, and with the days around 52 weeks before."""
    days = Partitions("daily", "UTC")
    known = days.keys_between(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    weekdays, year = season_keys(days, "2026-05-18", datetime(2026, 4, 23, tzinfo=UTC), known)
    assert weekdays == ["2026-03-30", "2026-04-06", "2026-04-13", "2026-04-20"]
    assert year == ["2025-05-12", "2025-05-19", "2025-05-26"]
    assert season_keys(days, "2026-05-18", datetime(2026, 4, 23, tzinfo=UTC), known[460:]) == [weekdays[1:]]


def test_weeks_and_months_have_last_years():
    """A week is compared with those around 52 weeks before, a month with the same one."""
    weeks, months = Partitions("weekly", "UTC"), Partitions("monthly", "UTC")
    since, until = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    assert season_keys(weeks, "2026-02-02", until, weeks.keys_between(since, until)) == [
        ["2025-01-27", "2025-02-03", "2025-02-10"]
    ]
    assert season_keys(months, "2026-02-01", until, months.keys_between(since, until)) == [["2025-02-01"]]
    assert season_keys(months, "2024-02-01", until, months.keys_between(since, until)) == []


def test_a_recurring_winter_is_no_drift_and_a_new_climate_is_one():
    """Cold that was there a year ago is excused; cold that never was stays moved, and is measured against both."""
    cold = temperatures(5, seed=1)
    shifts = drift(PROFILE, cold, None)
    assert shifts.moved(0.2) == ("temperature",)
    recurring = excuse_seasons(shifts, PROFILE, cold, lambda: [temperatures(5, seed=2)], 0.2)
    assert recurring.moved(0.2) == ()
    assert recurring.features["temperature"].season < 0.05
    assert recurring.features["wind"].season is None
    never = excuse_seasons(shifts, PROFILE, cold, lambda: [temperatures(20, seed=2)], 0.2)
    assert never.moved(0.2) == ("temperature",)


def test_seasons_are_read_only_where_something_moved_and_count_with_enough_rows():
    """Quiet rows cost no look at history, and a season of a handful of rows excuses nothing."""

    def unread():
        raise AssertionError("history was read")

    warm = temperatures(20, seed=1)
    assert excuse_seasons(drift(PROFILE, warm, None), PROFILE, warm, unread, 0.2).moved(0.2) == ()
    cold = temperatures(5, seed=1)
    few = excuse_seasons(drift(PROFILE, cold, None), PROFILE, cold, lambda: [temperatures(5, rows=50)], 0.2)
    assert few.moved(0.2) == ("temperature",)


def test_training_rows_are_kept_as_numbers(tmp_path):
    """The sample comes back as it was, for its attempt alone."""
    lake = Lake("ads", str(tmp_path))
    assert reference_rows(lake, "one") is None
    frame = temperatures(20, rows=300)
    keep_reference_rows(lake, "one", PROFILE, frame)
    keep_reference_rows(lake, "two", PROFILE, frame.head(10))
    np.testing.assert_allclose(reference_rows(lake, "one"), frame.to_numpy(), rtol=1e-6)
    assert reference_rows(lake, "two").shape == (10, 2)
    assert reference_rows(lake, "three") is None


def spec_of(**drift_trigger):
    """Make a declaration that watches drift."""
    return PipelineSpec.model_validate(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "at"},
            "label": {"column": "clicked", "delay": "1d"},
            "retrain_when": {"drift": drift_trigger},
        }
    )


def test_joint_drift_counts_features_that_the_model_uses():
    """A feature without importance may move as it will; one with importance is told."""
    reference = temperatures(20, rows=1500, seed=3).to_numpy()
    importances = {"temperature": 0.0, "wind": 1.0}
    cold = Batch("2026-01-05", temperatures(5, rows=1500, seed=4), None)
    unused = Champion(1, START, PROFILE, importances, (), reference)
    used = Champion(1, START, PROFILE, {"temperature": 1.0}, (), reference)
    assert watch_drift(spec_of(), unused, cold).apart.lower < 0.5
    assert watch_drift(spec_of(), used, cold).apart.lower > 0.9
    assert watch_drift(spec_of(), Champion(1, START, PROFILE, {}, ()), cold).apart is None


def test_a_partition_asks_for_its_seasons():
    """What the batch gives as its season is what excuses its features."""
    champion = Champion(1, START, PROFILE, {}, ())
    cold = temperatures(5, seed=1)
    alone = watch_drift(spec_of(psi=0.2), champion, Batch("2026-01-05", cold, None))
    assert alone.moved(0.2) == ("temperature",)
    again = Batch("2026-01-05", cold, None, lambda: [temperatures(5, seed=2)])
    assert watch_drift(spec_of(psi=0.2), champion, again).moved(0.2) == ()
