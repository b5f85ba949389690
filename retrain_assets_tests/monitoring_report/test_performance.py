"""Levels with intervals, thresholds that only an interval crosses, and onsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from retrain_assets.comparison import METRICS, Metric
from retrain_assets.comparison.metric import TASKS
from retrain_assets.errors import TrainingError
from retrain_assets.monitoring_report.business import (
    business_values,
    check_bounds,
    check_business,
    measure_business,
)
from retrain_assets.monitoring_report.onset import estimate_onset
from retrain_assets.monitoring_report.performance import (
    Level,
    check_level,
    check_performance,
    make_level,
    measure_level,
)
from retrain_assets.monitoring_report.rows import LabelledRows
from retrain_assets.spec import BusinessTrigger, PipelineSpec
from retrain_assets.windows import TimeColumns

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
COLUMNS = TimeColumns("at", DAY)
LOSS, AUC = METRICS["log_loss"], METRICS["roc_auc"]


def make_rows(days, per_day, rate=0.3, seed=0):
    """Draw labels and calibrated scores over some days, in no order."""
    rng = np.random.default_rng(seed)
    rows = days * per_day
    score = np.clip(rng.beta(2, 2 * (1 - rate) / rate, rows), 1e-6, 1 - 1e-6)
    y = (rng.uniform(size=rows) < score).astype(float)
    times = [START + DAY * int(i // per_day) + timedelta(seconds=int(i % per_day)) for i in range(rows)]
    frame = pl.DataFrame({"at": times, "score": score, "clicked": y}).cast({"at": pl.Datetime("us", "UTC")})
    order = rng.permutation(rows)
    return LabelledRows.of(frame[order], y[order], COLUMNS)


def span(rows, first, last, as_of=None):
    """Cut whole days, known on the last one unless told otherwise."""
    return rows.between(START + first * DAY, START + last * DAY, as_of or START + (last + 1) * DAY)


def test_only_mature_and_known_rows_are_cut():
    """A row counts once its delay has passed and row and label were known by then, to the microsecond."""
    day = [START, START + DAY, START + DAY]
    frame = pl.DataFrame(
        {"at": day, "score": [0.5] * 3, "known": [START + DAY, START + 2 * DAY, START + 9 * DAY]}
    ).cast({"at": pl.Datetime("us", "UTC"), "known": pl.Datetime("us", "UTC")})
    rows = LabelledRows.of(frame, np.array([1.0, 0.0, 1.0]), TimeColumns("at", DAY, None, "known"))
    end = START + 5 * DAY
    tick = timedelta(microseconds=1)
    assert rows.between(START, end, START + DAY - tick).y.tolist() == []
    assert rows.between(START, end, START + DAY).y.tolist() == [1]
    assert rows.between(START, end, START + 2 * DAY).y.tolist() == [1, 0]
    assert rows.between(START, end, START + 9 * DAY).y.tolist() == [1, 0, 1]
    assert rows.between(START + tick, end, START + 9 * DAY).y.tolist() == [0, 1]


def test_rows_without_score_or_label_are_left_out():
    """Neither a missing label nor a missing score enters a level."""
    frame = pl.DataFrame({"at": [START] * 3, "score": [0.5, None, 0.5]}).cast(
        {"at": pl.Datetime("us", "UTC")}
    )
    assert LabelledRows.of(frame, np.array([1.0, 1.0, np.nan]), COLUMNS).y.tolist() == [1]


def test_rows_without_a_weight_are_left_out():
    """A missing weight takes its own row away, and not the level of all others."""
    frame = pl.DataFrame({"at": [START] * 4, "score": [0.5] * 4, "weight": [2.0, None, np.nan, 0.0]}).cast(
        {"at": pl.Datetime("us", "UTC")}
    )
    rows = LabelledRows.of(frame, np.array([1.0, 0.0, 0.0, 0.0]), COLUMNS, "weight")
    assert (rows.y.tolist(), rows.weights.tolist()) == ([1], [2])


def test_a_function_that_some_drawn_days_undo_has_a_value_without_bounds():
    """What is undefined on many samples of the days is no reason for the report to fail."""

    def needs_every_day(y, *_):
        if len(np.unique(y)) < len(y):
            raise TrainingError("a day was drawn twice")
        return 1.0, None

    metric = Metric("own", "own", "EUR", TASKS, False, needs_every_day)
    frame = pl.DataFrame({"at": [START + DAY * n for n in range(4)], "score": [0.5] * 4}).cast(
        {"at": pl.Datetime("us", "UTC")}
    )
    level = measure_level(metric, span(LabelledRows.of(frame, np.arange(4.0), COLUMNS), 0, 4))
    assert (level.value, level.lower, level.upper, level.blocks) == (1.0, None, None, 4)


def test_a_level_too_great_for_a_number_is_none():
    """A prediction that has gone astray must not make a report that is no JSON, nor a loss without bounds."""
    frame = pl.DataFrame({"at": [START + DAY * n for n in range(4)], "score": [1e200] * 4}).cast(
        {"at": pl.Datetime("us", "UTC")}
    )
    rows = span(LabelledRows.of(frame, np.arange(4.0), COLUMNS), 0, 4)
    with np.errstate(all="ignore"):
        assert measure_level(METRICS["mean_squared_error"], rows) is None


def test_days_of_equal_size_give_the_t_interval_of_daily_means():
    """The bounds of a mean loss are those of a one-sided t-test on its daily means."""
    rows = span(make_rows(7, 200), 0, 7)
    level = measure_level(LOSS, rows)
    losses = -np.log(np.where(rows.y == 1, rows.score, 1 - rows.score)).reshape(7, 200).mean(axis=1)
    test = stats.ttest_1samp(losses, 0, alternative="greater").confidence_interval(0.95)
    assert level.blocks == 7
    assert level.value == pytest.approx(losses.mean())
    assert level.lower == pytest.approx(test.low)
    assert level.upper == pytest.approx(2 * losses.mean() - test.low)


def test_too_few_days_or_one_class_give_no_interval():
    """Two days have a value without bounds; without rows, or AUC of one class, there is no level."""
    level = measure_level(LOSS, span(make_rows(7, 50), 0, 2))
    assert level.value > 0
    assert (level.lower, level.upper, level.blocks) == (None, None, 2)
    assert measure_level(LOSS, span(make_rows(7, 50), 8, 9)) is None
    rows = span(make_rows(7, 50), 0, 7)
    assert measure_level(AUC, LabelledRows(rows.frame, np.zeros(350), COLUMNS)) is None
    assert check_level(LOSS, level, 0.0) is None


@pytest.mark.parametrize(("metric", "value", "side"), [(AUC, 0.60, -1), (LOSS, 0.70, 1)])
def test_a_level_is_crossed_only_with_its_whole_interval(metric, value, side):
    """A number beyond the threshold is no alarm while its interval still holds the threshold."""
    level = make_level(value, 0.01, 1000, 7)
    near, far = value - side * 0.005, value - side * 0.05
    assert not check_level(metric, level, near).crossed
    assert check_level(metric, level, far).crossed
    assert not check_level(metric, level, value + side * 0.05).crossed


@pytest.mark.parametrize("day", [1, 12, 27])
def test_the_onset_is_found_near_the_day_of_the_change(day):
    """From noisy days the change is located within two days, gaps included."""
    starts = [START + i * DAY for i in range(30)]
    for seed in range(20):
        values = np.random.default_rng(seed).normal(0.11, 0.003, 30)
        values[day:] += 0.012
        listed = [None if i in (4, 20) else float(v) for i, v in enumerate(values)]
        found = estimate_onset(starts, listed, [5000.0] * 30, 0.11, 0.122)
        assert abs(found - starts[day]) <= 2 * DAY


RATE = BusinessTrigger(name="click_rate", sql="AVG(clicked)", below=0.0191)


def spec_with(sql, **more):
    """Make a declaration with one business metric."""
    trigger = {"name": "m", "sql": sql, "below": 1.0} | more
    return PipelineSpec.model_validate(
        {
            "name": "ads",
            "source": {"path": "x.csv", "timestamp": "at"},
            "label": {"column": "clicked", "delay": "1d"},
            "retrain_when": {"business": [trigger]},
        }
    )


def test_an_average_has_the_error_of_its_daily_values():
    """For an average over days of equal size the jackknife is the standard error of daily averages."""
    rows = span(make_rows(7, 300), 0, 7)
    level = measure_business(RATE, rows)
    daily = rows.y.reshape(7, 300).mean(axis=1)
    assert level.value == pytest.approx(rows.y.mean())
    assert level.standard_error == pytest.approx(daily.std(ddof=1) / 7**0.5)


def test_partitions_have_values_of_their_own():
    """A metric is evaluated for each partition, and a ratio without a denominator has no value."""
    rows = span(make_rows(3, 10), 0, 3)
    key = pl.col("at").dt.strftime("%Y-%m-%d")
    found = business_values(RATE, rows.frame, key)
    assert list(found) == ["2026-01-05", "2026-01-06", "2026-01-07"]
    assert found["2026-01-05"] == pytest.approx(rows.y[:10].mean())
    ratio = BusinessTrigger(name="r", sql="SUM(score) / SUM(clicked)", above=1)
    assert business_values(ratio, rows.frame.with_columns(clicked=pl.lit(0.0)), key)["2026-01-06"] is None


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("AVG(", "'AVG(' is no Polars SQL aggregate (unable to parse 'AVG(' as Expr). Mend it."),
        ("AVG(cliked)", "'AVG(cliked)' uses 'cliked', which the source lacks. Did you mean 'clicked'?"),
        ("clicked", "'clicked' gives a value a row. Write an aggregate, such as AVG(clicked)."),
        ("MAX(site)", "'MAX(site)' gives a value of type String, which is no number. Mend it."),
    ],
)
def test_wrong_sql_is_told_with_its_field(sql, sentence):
    """SQL that cannot work is a sentence that names the field, at load time."""
    columns = {"clicked": pl.Int64(), "site": pl.String(), "at": pl.Datetime("us", "UTC")}
    assert check_business(spec_with(sql), columns) == [f"retrain_when.business[0].sql: {sentence}"]


def test_good_sql_and_unknown_columns_pass():
    """An aggregate of columns and score is fine; names are unchecked while none are known."""
    assert check_business(spec_with("AVG(clicked) - AVG(score)"), ["clicked"]) == []
    assert check_business(spec_with("AVG(anything)"), None) == []


def test_an_unknown_metric_of_the_performance_trigger_is_told():
    """A metric that does not exist is a sentence that names the field."""
    spec = spec_with("AVG(clicked)").model_dump(exclude_defaults=True)
    spec["retrain_when"]["performance"] = {"metric": "roc_acu", "drop": 0.1}
    assert check_performance(PipelineSpec.model_validate(spec)) == [
        "retrain_when.performance.metric: the metric 'roc_acu' is not known. Did you mean 'roc_auc'?"
    ]


def test_quiet_weeks_cross_the_bare_threshold_but_not_with_their_interval():
    """At 5,000 rows a day and a rate of 2 % every ninth week lies below 1.91 %; the rule hardly alarms."""
    rng = np.random.default_rng(7)
    weeks = 4000
    daily = rng.binomial(5000, 0.02, (weeks, 7)) / 5000
    means, errors = daily.mean(axis=1), daily.std(axis=1, ddof=1) / 7**0.5
    bare = float((means < 0.0191).mean())
    levels = [make_level(float(m), float(e), 35_000, 7) for m, e in zip(means, errors, strict=True)]
    alarms = float(np.mean([check_bounds(RATE, level).crossed for level in levels]))
    assert 1 / 10 < bare < 1 / 7.5
    assert alarms < 0.01
    low = rng.binomial(5000, 0.017, (500, 7)) / 5000
    seen = [
        check_bounds(RATE, make_level(float(w.mean()), float(w.std(ddof=1) / 7**0.5), 35_000, 7)).crossed
        for w in low
    ]
    assert np.mean(seen) > 0.8


def test_no_interval_is_no_alarm():
    """Without bounds nothing is judged."""
    assert check_bounds(RATE, Level(0.001, None, None, None, 10, 2)) is None
