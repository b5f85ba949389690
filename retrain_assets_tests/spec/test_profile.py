"""What a sample says: kinds, suspects, task, key and rhythm."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from retrain_assets.errors import SpecError
from retrain_assets.spec.profile import profile_source

ROWS = 2000
RANDOM = np.random.default_rng(11)
LABEL = (RANDOM.random(ROWS) < 0.2).astype(int)
START = datetime(2026, 1, 5, tzinfo=UTC)
TIMES = [START + timedelta(hours=hour / 4) for hour in range(ROWS)]


def sample(**columns) -> pl.DataFrame:
    """A sample with a time, a harmless feature, a label, and further columns."""
    return pl.DataFrame({"at": TIMES, "amount": RANDOM.normal(size=ROWS), "label": LABEL, **columns})


def suspect(column, *, rows: pl.DataFrame | None = None, name: str = "odd") -> str | None:
    """Why a column is suspected."""
    rows = sample(**{name: column}) if rows is None else rows
    [found] = [item for item in profile_source(rows, "at", "label").columns if item.name == name]
    return found.suspect


def nearly(values: np.ndarray, wrong: int) -> np.ndarray:
    """The label with some rows wrong."""
    return np.where(np.arange(ROWS) < wrong, 1 - values, values)


TIME = "a time: derive from it what is known at the row's time, if it matters"

SUSPECTS = {
    "constant": ([7] * ROWS, "constant"),
    "always empty": ([None] * ROWS, "always empty"),
    "always no number": ([float("nan")] * ROWS, "always empty"),
    "unique text": ([f"row {number}" for number in range(ROWS)], "unique in every row"),
    "unique number": (np.arange(ROWS), "unique in every row"),
    "unique number of a CSV file": (np.arange(ROWS) * 1.0, "unique in every row"),
    "the label": (nearly(LABEL, 4), "equals the label in 99.8 % of the rows"),
    "the label in words": (
        np.where(nearly(LABEL, 4) == 1, "gone", "here"),
        "gives the label away in 99.8 % of the rows",
    ),
    "filled in afterwards": (
        [f"reason {number % 5}" if value else None for number, value in enumerate(LABEL)],
        "gives the label away in 100.0 % of the rows by being empty or not",
    ),
    "a number known afterwards": (
        LABEL * 10 + RANDOM.random(ROWS),
        "orders the rows by the label almost without fault (ROC AUC 1.000)",
    ),
    "free text": (
        [f"said {min(number, ROWS - 2)}" for number in range(ROWS)],
        "free text: 1,999 different values in 2,000 rows",
    ),
    "a time": ([date(2026, 1, 1)] * ROWS, TIME),
    "a time in another form": (["05.01.2026 12:00", "n/a", None, "31.01.2026 08:30"] * (ROWS // 4), TIME),
    "a time as text": (["2026-01-01 12:00:00"] * ROWS, TIME),
}


@pytest.mark.parametrize(("column", "reason"), SUSPECTS.values(), ids=SUSPECTS)
def test_a_suspect_is_named_with_its_reason(column, reason):
    """A column that should not be a feature is suspected, in words that say why."""
    assert suspect(column) == reason


GOOD = {
    "measurement": RANDOM.normal(size=ROWS),
    "number": RANDOM.integers(0, 50, ROWS),
    "category": RANDOM.choice(["a", "b", "c"], ROWS),
    "many categories": [f"site {number % 1000}" for number in range(ROWS)],
    "truth": RANDOM.random(ROWS) < 0.5,
    "mostly empty": np.where(RANDOM.random(ROWS) < 0.1, 1.0, np.nan),
    "strong but honest": LABEL + RANDOM.normal(size=ROWS),
}


@pytest.mark.parametrize("column", GOOD.values(), ids=GOOD)
def test_an_honest_feature_is_not_suspected(column):
    """Measurements, categories and strong predictors stay features."""
    assert suspect(column) is None


def test_an_identifier_is_known_by_its_name():
    """A column called something_id with many values is suspected although its values come again."""
    assert suspect(np.arange(ROWS) // 4, name="customer_id") == (
        "an identifier by its name: 500 different values"
    )


def test_the_label_of_a_regression_is_followed_by_correlation():
    """A number that moves with a numeric label is suspected; the task is regression."""
    price = RANDOM.gamma(2.0, 10.0, ROWS)
    rows = sample(odd=price * 1.19 + RANDOM.normal(size=ROWS)).with_columns(label=pl.Series(price))
    assert suspect(None, rows=rows).startswith("follows the label with a correlation of 0.99")
    assert profile_source(rows, "at", "label").task == "regression"


@pytest.mark.parametrize(
    ("label", "positive"),
    [
        ([0, 1, 0, 0], 1),
        ([0.0, 1.0, 1.0, 1.0], 1),
        ([False, True, True, True], True),
        (["no", "yes", "no", "no"], "yes"),
        ([1, 2, 1, 1], 2),
        ([None, "yes", "no", "no"], "yes"),
        (pl.Series([0, 1, 0, 0]).cast(pl.Decimal(4, 2)), 1),
    ],
)
def test_the_positive_class_is_one_or_true_or_the_rarer(label, positive):
    """Of two values the positive one is 1 or true, else the one that occurs less often."""
    rows = pl.DataFrame({"at": TIMES[:4], "label": label})
    found = profile_source(rows, "at", "label")
    assert (found.task, found.positive) == ("classification", positive)
    assert type(found.positive) is type(positive)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            {"at": TIMES[:3], "clicked": [0, 1, 0]},
            "The source has no column 'label' to be the label. It can be one of: at, clicked.",
        ),
        (
            {"at": TIMES[:51], "label": [f"text {number}" for number in range(51)]},
            "The label 'label' has 51 different values of type String in the sample. It must have two values "
            "(classification), 3 to 50 texts (several classes) or be a number (regression).",
        ),
        (
            {"at": TIMES[:3], "label": [1.0, 1.0, 1.0]},
            "The label 'label' is 1 in every row of the sample, so there is nothing to learn. Name another column.",
        ),
        (
            {"at": TIMES[:3], "label": pl.Series([None] * 3, dtype=pl.Float64)},
            "The label 'label' has no value in any row of the sample, so there is nothing to learn. Name another column.",
        ),
        (
            {"at": TIMES[:3], "label": [[0], [1], [0]]},
            "The label 'label' holds values of type List(Int64). It must hold numbers, texts, or true and false: write "
            "one of these to the source, or name another column.",
        ),
        (
            {"at": TIMES[:3], "label": [0, 1, 0], "score": [1, 2, 3]},
            "'score' is a column of retrain_assets itself. Rename it in the source.",
        ),
    ],
    ids=["no label", "too many texts", "one value", "no value", "lists", "reserved"],
)
def test_a_sample_that_cannot_be_declared_is_told(rows, sentence):
    """A missing column, a label of no supported task and a reserved name are errors in a sentence."""
    with pytest.raises(SpecError) as caught:
        profile_source(pl.DataFrame(rows), "at", "label")
    assert str(caught.value) == sentence


def test_a_label_of_some_texts_has_several_classes():
    """Three texts are classes, sorted; few whole numbers may be, and stay a regression."""
    texts = profile_source(
        pl.DataFrame({"at": TIMES[:4], "label": ["mid", "low", "high", None]}), "at", "label"
    )
    assert (texts.task, texts.classes) == ("multiclass", ("high", "low", "mid"))
    numbers = profile_source(pl.DataFrame({"at": TIMES[:4], "label": [3.0, 1.0, 2.0, 1.0]}), "at", "label")
    assert (numbers.task, numbers.classes) == ("regression", (1, 2, 3))
    amounts = profile_source(pl.DataFrame({"at": TIMES[:4], "label": [3.5, 1.0, 2.0, 1.0]}), "at", "label")
    assert (amounts.task, amounts.classes) == ("regression", ())


CODES = RANDOM.integers(0, 3, ROWS)
NAMES = np.array(["low", "mid", "high"])[CODES]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (np.where(np.arange(ROWS) < 4, "other", NAMES), "equals the label"),
        (CODES * 10 + RANDOM.random(ROWS), "gives the label away"),
        (CODES + RANDOM.normal(size=ROWS), None),
        (
            np.where(NAMES == "low", None, RANDOM.choice(["a", "b"], ROWS)),
            "is empty or not by the label's class in 100.0 % of the rows",
        ),
        (np.where((NAMES == "low") & (np.arange(ROWS) < 30), None, "a"), None),
        (np.where(RANDOM.random(ROWS) < 0.3 + 0.6 * (NAMES == "low"), None, "a"), None),
    ],
    ids=[
        "the label",
        "a number known afterwards",
        "strong but honest",
        "empty for one class",
        "seldom empty",
        "mostly empty for one class",
    ],
)
def test_what_gives_one_of_several_classes_away_is_suspected(column, reason):
    """A column that tells the class is suspected, be it a text or a number of many values."""
    found = suspect(None, rows=sample(odd=column).with_columns(label=pl.Series(NAMES)))
    assert (found is None) if reason is None else found.startswith(reason)


def test_the_key_is_the_first_column_or_named_as_one():
    """A column that differs in every row is the key where it comes first or is named so, and not else."""
    unique = [f"n{number}" for number in range(ROWS)]
    assert profile_source(sample(odd=unique), "at", "label").key is None
    assert profile_source(sample(order_id=unique), "at", "label").key == "order_id"
    first = sample(odd=unique).select("odd", "at", "amount", "label")
    assert profile_source(first, "at", "label").key == "odd"


@pytest.mark.parametrize(
    ("every", "rows", "rhythm"),
    [
        (timedelta(minutes=1), 60_000, ("daily", timedelta(days=7), "1d")),
        (timedelta(minutes=30), 10_000, ("weekly", timedelta(days=26), "1d")),
        (timedelta(days=1), 700, ("monthly", timedelta(days=87), "1d")),
        (timedelta(days=30), 40, ("monthly", timedelta(days=90), "row")),
    ],
)
def test_the_period_follows_the_rows_a_day(every, rows, rhythm):
    """Many rows a day make daily partitions; days far apart make rows their own blocks."""
    times = [START + every * number for number in range(rows)]
    frame = pl.DataFrame({"at": times, "label": np.arange(rows) % 2})
    found = profile_source(frame, "at", "label")
    assert (found.partition, found.holdout, found.block) == rhythm


def test_the_holdout_has_seven_days_with_rows():
    """Where rows come on working days only, the holdout is longer than a week."""
    days = [
        START + timedelta(days=number)
        for number in range(42)
        if (START + timedelta(days=number)).weekday() < 5
    ]
    times = [day + timedelta(minutes=minute) for day in days for minute in range(600)]
    frame = pl.DataFrame({"at": times, "label": np.arange(len(times)) % 2})
    assert profile_source(frame, "at", "label").holdout == timedelta(days=14)
