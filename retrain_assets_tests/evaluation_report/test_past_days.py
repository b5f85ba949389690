"""The loss differences of past days, from scores in the lake."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.attempts import record_attempt
from retrain_assets.comparison import METRICS, Criterion
from retrain_assets.comparison.estimator_choice import HIGHEST_CORRELATION, choose_estimator
from retrain_assets.comparison.level_shifts import lag_one
from retrain_assets.evaluation_report.past_days import DAYS, past_loss_differences
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.retraining_decision.past import at, promote

BRIER = METRICS["brier_score"]
ROWS = 20
BASELINE = 0.4


def scored(folder, days: int, shadow: int = 0, bad: int = 0, early: int = 0):
    """Write rows of so many days, scored by version 2, the newest of them by the first champion too.

    The newest ``bad`` days are scored by version 3, which is mostly wrong, and ``early`` rows of the day before.
    """
    declaration = declare(folder)
    record_attempt(declaration.lake, "two", "trained", at(0), {"baseline": BASELINE})
    promote(declaration, 0, 1, attempt="one")
    promote(declaration, 0, 2, attempt="two")
    if bad:
        record_attempt(declaration.lake, "three", "trained", at(days - bad), {"baseline": BASELINE})
        promote(declaration, days - bad, 3, attempt="three")
    random = np.random.default_rng(5)
    day = np.repeat(np.arange(days), ROWS)
    rows = pl.DataFrame(
        {
            "partition_key": [f"{at(number):%Y-%m-%d}" for number in day.tolist()],
            "row_id": np.arange(day.size),
            "asked_at": [at(number + 0.5) for number in day.tolist()],
            "repaid": random.integers(0, 2, day.size),
            "score": random.uniform(size=day.size),
            "first": random.uniform(size=day.size),
        },
        schema_overrides={"asked_at": pl.Datetime("us", "UTC")},
    )
    lake = declaration.lake
    lake.append("training_data", rows.select("partition_key", "row_id", "asked_at", "repaid"))
    own = ["partition_key", "row_id", "asked_at"]
    is_bad = pl.Series(np.arange(day.size) >= (days - bad) * ROWS - early)
    wrong = 0.8 * (1 - pl.col("repaid")) + 0.2 * pl.col("score")
    rows = rows.with_columns(score=pl.when(is_bad).then(wrong).otherwise("score"))
    serving = pl.when(is_bad).then(3).otherwise(2).cast(pl.Int64).alias("model_version")
    one = pl.lit(1, pl.Int64).alias("model_version")
    lake.append("predictions", rows.select(*own, serving, "score"))
    if shadow:
        late = rows.filter(pl.Series(day >= days - shadow))
        lake.append("shadow_predictions", late.select(*own, one, pl.col("first").alias("score")))
    return declaration, rows.with_columns(day=pl.Series(day))


def by_day(rows: pl.DataFrame, other: pl.Expr) -> np.ndarray:
    """Difference of the squared errors, day by day."""
    losses = (pl.col("score") - pl.col("repaid")) ** 2 - (other - pl.col("repaid")) ** 2
    return rows.group_by("day", maintain_order=True).agg(losses.mean().alias("loss"))["loss"].to_numpy()


def past(declaration, split, metric=BRIER):
    """Read the past up to a split, at a moment at which all labels are known."""
    return past_loss_differences(
        declaration, Criterion(metric), "classification", split=split, as_of=split + timedelta(days=9)
    )


def centred(series: np.ndarray) -> np.ndarray:
    """The days that have rows, about their mean."""
    known = series[~np.isnan(series)]
    return known - known.mean()


def test_the_first_champion_where_both_scored(tmp_path):
    """Where champion and first champion scored 56 days, their losses are compared, on those days alone."""
    declaration, rows = scored(tmp_path, 70, shadow=60)
    found = past(declaration, at(70))
    assert (found.shape, int(np.isfinite(found).sum())) == ((1, DAYS), 60)
    assert np.isnan(found[:, :52]).all()
    expected = by_day(rows.filter(pl.col("day") >= 10), pl.col("first"))
    assert centred(found) == pytest.approx(expected - expected.mean())


def test_the_baseline_where_few_days_have_both(tmp_path):
    """Where both scored on fewer days, the champion is compared with the constant that its training gave."""
    declaration, rows = scored(tmp_path, 70, shadow=55)
    expected = by_day(rows, pl.lit(BASELINE))
    found = past(declaration, at(70))
    assert int(np.isfinite(found).sum()) == 70
    assert centred(found) == pytest.approx(expected - expected.mean())


def test_a_step_to_another_version_is_no_likeness_of_days(tmp_path):
    """The days of each version that served have a row and so a level of their own."""
    declaration, rows = scored(tmp_path, 70, bad=35)
    losses = by_day(rows, pl.lit(BASELINE))
    found = past(declaration, at(70))
    assert found.shape == (2, DAYS)
    for version, half in enumerate((slice(0, 35), slice(35, 70))):
        assert centred(found[version]) == pytest.approx(losses[half] - losses[half].mean())
    assert lag_one(losses - losses.mean()) > HIGHEST_CORRELATION
    assert choose_estimator(found).estimator == "cluster_robust"


@pytest.mark.parametrize(("early", "of_the_first"), [(5, 35), (15, 34)])
def test_a_day_belongs_to_the_version_that_scored_most_of_it(tmp_path, early, of_the_first):
    """A day that two versions scored counts once, for the one with more rows."""
    declaration, _ = scored(tmp_path, 70, bad=35, early=early)
    found = np.isfinite(past(declaration, at(70))).sum(axis=1)
    assert found.tolist() == [of_the_first, 70 - of_the_first]


def test_days_of_a_version_of_few_days(tmp_path):
    """A version that served for less than a week has no level yet, and its days are gaps."""
    declaration, _ = scored(tmp_path, 70, bad=6)
    assert np.isfinite(past(declaration, at(70))).sum() == 64


def test_only_days_before_the_split(tmp_path):
    """Days of the holdout say nothing about its own estimator, and days further back than 112 are left out."""
    declaration, rows = scored(tmp_path, 130)
    expected = by_day(rows.filter(pl.col("day") < 60), pl.lit(BASELINE))
    assert centred(past(declaration, at(60))) == pytest.approx(expected - expected.mean())
    assert np.isfinite(past(declaration, at(125))).sum() == DAYS


def test_nothing_is_known_without_scores(tmp_path):
    """Before the first scores there is no past; nor for a champion whose training is not on record."""
    assert past(declare(tmp_path / "new"), at(70)) is None
    declaration, _ = scored(tmp_path / "old", 5)
    assert past(declaration, at(0)) is None
