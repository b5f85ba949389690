"""On which side of every boundary of time a row falls, by what the estimator was given.

One row with values of its own is put beside a boundary, everything runs for real, and an estimator that keeps
what it is given tells whether the row was fitted, scored, or neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from retrain_assets.attempts import newest_attempt
from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import YOUNG, Running, materialized, sentence

pytestmark = YOUNG

HERE = "retrain_assets_tests.test_boundaries"
MONTHS = ["2026-01-01", "2026-02-01"]
AS_OF = datetime(2026, 2, 3, 6, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
HOLDOUT, WINDOW = 7 * DAY, 6 * DAY
POISON = 1000.5
LABEL = 77.25
DELAYS = {"0h": timedelta(0), "36h": timedelta(hours=36), "5d": 5 * DAY}


@dataclass
class Seen:
    """What estimators were given since the last look."""

    fitted: list[float] = field(default_factory=list)
    labels: list[float] = field(default_factory=list)
    scored: list[float] = field(default_factory=list)


SEEN = Seen()
POISONED: list[dict[str, Any]] = []


class Recorder(RegressorMixin, BaseEstimator):
    """Predict 0, and keep the first feature of all that is fitted and scored."""

    def fit(self, X, y):  # noqa: N803
        """Keep the rows and their labels."""
        SEEN.fitted += [float(value) for value in X[:, 0]]
        SEEN.labels += [float(value) for value in y]
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):  # noqa: N803
        """Keep the rows."""
        SEEN.scored += [float(value) for value in X[:, 0]]
        return np.zeros(len(X))

    def __sklearn_tags__(self):
        """Ask for the features as they are."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def recorder() -> Recorder:
    """Make the estimator that the declaration names."""
    return Recorder()


def rows(start: datetime, end: datetime) -> pl.DataFrame:
    """Every half hour a row, known at once, and the poisoned rows; the source that the declaration names."""
    quiet = pl.DataFrame(
        {"at": pl.datetime_range(start, end, "30m", closed="left", eager=True, time_unit="us")}
    ).with_columns(
        # Off the grid of the boundaries, so that the poisoned row is the only one that lies on one.
        at=pl.col("at") + timedelta(minutes=7),
    )
    quiet = quiet.with_columns(
        marker=pl.int_range(pl.len()) / 64, outcome=pl.lit(0.0), row_known="at", label_known="at"
    )
    own = [row for row in POISONED if start <= row["delivered"] < end]
    return pl.concat([quiet, pl.DataFrame(own).select(quiet.columns).cast(quiet.schema)] if own else [quiet])


@pytest.fixture(autouse=True)
def _nothing_seen():
    """Begin with a source without poison, and an empty memory."""
    POISONED.clear()
    yield
    POISONED.clear()


def declare(delay: str, *, known: tuple[str, ...] = (), window: dict[str, Any] | None = None) -> Declaration:
    """Declare the pipeline; ``known`` says which columns that tell when something became known count."""
    spec = load_spec(
        {
            "name": "edges",
            "source": {
                "function": f"{HERE}:rows",
                "timestamp": "at",
                "start": MONTHS[0],
                "partition": "monthly",
            }
            | ({"known_at": "row_known"} if "row" in known else {}),
            "label": {"column": "outcome", "delay": delay}
            | ({"known_at": "label_known"} if "label" in known else {}),
            "features": {"numeric": ["marker"], "exclude": ["row_known", "label_known"]},
            "training": {
                "model": f"{HERE}:recorder",
                "window": window or {"type": "rolling", "length": f"{WINDOW.days}d"},
                "minimum_rows": 50,
            },
            "evaluation": {"holdout": f"{HOLDOUT.days}d", "metrics": ["mean_absolute_error"]},
        },
        "defs.yaml",
    )
    return Declaration(spec, Path(__file__))


def poison(at: datetime, **changes: Any) -> None:
    """Put one row with a feature and a label of its own into the source."""
    POISONED.append(
        {"at": at, "marker": POISON, "outcome": LABEL, "row_known": at, "label_known": at, "delivered": at}
        | changes
    )


def ingested(declaration: Declaration) -> Running:
    """Take all months in, with rows from long after the moment of knowledge."""
    running = Running(declaration)
    take_in(declaration, MONTHS)
    return running


def side(running: Running, as_of: datetime | None = AS_OF) -> str:
    """Train and evaluate, and tell what became of the poisoned row."""
    SEEN.__init__()
    trained = running.retrain("candidate_model", **({"as_of": as_of.isoformat()} if as_of else {}))
    assert trained.success, sentence(trained)
    fitted = POISON in SEEN.fitted
    # A label of another row would be a leak as well.
    assert (LABEL in SEEN.labels) == fitted
    assert len(SEEN.fitted) == materialized(trained)["candidate_model"]["rows"]
    SEEN.__init__()
    evaluated = running.retrain("evaluation_report")
    assert evaluated.success, sentence(evaluated)
    assert SEEN.fitted == []
    scored = POISON in SEEN.scored
    found = materialized(evaluated)["evaluation_report"]
    # The candidate predicts 0 and all other labels are 0, so the error is the poisoned row's.
    error = LABEL / found["holdout_rows"] if scored else 0
    assert found["candidate_mean_absolute_error"] == pytest.approx(error, rel=1e-4)
    assert not (fitted and scored), "the row was fitted and scored"
    return "fitted" if fitted else "scored" if scored else "neither"


def bounds(delay: str) -> dict[str, datetime]:
    """Compute the boundaries from what DESIGN.md says, and not from the code."""
    late = DELAYS[delay]
    split = AS_OF - late - HOLDOUT
    return {
        "window start": split - late - WINDOW,
        "train end": split - late,
        "split": split,
        "maturity": AS_OF - late,
        "as_of": AS_OF,
    }


# Boundary, distance from it, where the row falls with a delay of the label, and where without one.
TIMES = [
    ("window start", -TICK, "neither", "neither"),
    ("window start", 0 * TICK, "fitted", "fitted"),
    ("train end", 0 * TICK, "fitted", "scored"),
    ("train end", TICK, "neither", "scored"),
    ("split", -TICK, "neither", "fitted"),
    ("split", 0 * TICK, "scored", "scored"),
    ("maturity", -TICK, "scored", "scored"),
    ("maturity", 0 * TICK, "scored", "neither"),
    ("maturity", TICK, "neither", "neither"),
    ("as_of", -TICK, "neither", "scored"),
    ("as_of", 0 * TICK, "neither", "neither"),
]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("boundary", "distance", "delayed", "at_once"), TIMES)
def test_timestamp(delay, boundary, distance, delayed, at_once):
    """A row's timestamp puts it before, into or behind the training window, the gap, the holdout and as_of."""
    poison(bounds(delay)[boundary] + distance)
    assert side(ingested(declare(delay))) == (at_once if delay == "0h" else delayed)


# What the row belongs to by its timestamp, the boundary of its column, distance from it, where the row falls.
KNOWN = [
    ("fitted", "split", 0 * TICK, "fitted"),
    ("fitted", "split", TICK, "neither"),
    ("fitted", "split", None, "neither"),
    ("scored", "as_of", 0 * TICK, "scored"),
    ("scored", "as_of", TICK, "neither"),
    ("scored", "as_of", None, "neither"),
]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("column", ["row", "label"])
@pytest.mark.parametrize(("part", "boundary", "distance", "expected"), KNOWN)
def test_known_at(delay, column, part, boundary, distance, expected):
    """What became known after the split trains nothing, after as_of judges nothing, and never known neither."""
    edges = bounds(delay)
    at = edges["train end"] - DAY if part == "fitted" else edges["split"] + DAY
    known = None if distance is None else edges[boundary] + distance
    poison(at, **{f"{column}_known": known})
    assert side(ingested(declare(delay, known=(column,)))) == expected


@pytest.mark.parametrize("delay", ["36h", "5d"])
def test_early_label_is_not_mature(delay):
    """A label that is known before its delay has passed counts no sooner: early labels are no random sample."""
    at = bounds(delay)["train end"] + TICK
    poison(at, label_known=at)
    assert side(ingested(declare(delay, known=("label",)))) == "neither"


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("distance", "expected"), [(TICK, "fitted"), (-TICK, "neither")])
def test_window_of_rows(delay, distance, expected):
    """A window of so many rows ends at the same place, and begins with the row that makes the number full."""
    end = bounds(delay)["train end"]
    newest = end.replace(minute=7) - (timedelta(0) if end.minute >= 7 else timedelta(minutes=30))
    poison(newest - 199 * timedelta(minutes=30) + distance)
    running = ingested(declare(delay, window={"type": "rolling", "rows": 200}))
    assert side(running) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (bounds("36h")["train end"] - DAY, "fitted"),
        (bounds("36h")["split"] + DAY, "scored"),
        (bounds("36h")["window start"] - DAY, "neither"),
    ],
)
def test_row_of_another_partition(at, expected):
    """A row delivered with a later partition lies where its timestamp puts it."""
    poison(at, delivered=datetime(2026, 2, 20, tzinfo=UTC))
    assert side(ingested(declare("36h"))) == expected


@pytest.mark.parametrize(("distance", "expected"), [(-TICK, "scored"), (0 * TICK, "neither")])
def test_default_as_of(distance, expected):
    """Asked for nothing else, the moment of knowledge is the end of the newest partition."""
    poison(datetime(2026, 3, 1, tzinfo=UTC) + distance, delivered=datetime(2026, 2, 20, tzinfo=UTC))
    assert side(ingested(declare("0h")), as_of=None) == expected


# Distance from the boundary of the champion's training rows, and whether the row is among them.
CHAMPION = [
    ("end", 0 * TICK, True),
    ("end", TICK, False),
    ("start", 0 * TICK, True),
    ("start", -TICK, False),
]


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize(("boundary", "distance", "learnt"), CHAMPION)
def test_training_rows_of_the_champion(delay, boundary, distance, learnt):
    """Rows that a champion with a later as_of was trained on judge nothing; those beside them judge both models."""
    later = AS_OF + DELAYS[delay] + 4 * DAY
    end = later - 2 * DELAYS[delay] - HOLDOUT
    start = end - 2 * DAY
    assert bounds(delay)["split"] < start < end < bounds(delay)["maturity"]
    # Without a delay the split itself bounds the training rows, and is none of them.
    last = end - TICK if delay == "0h" else end
    poison({"start": start, "end": last}[boundary] + distance)
    running = ingested(declare(delay, window={"type": "rolling", "length": "2d"}))
    SEEN.__init__()
    trained = running.retrain("candidate_model", as_of=later.isoformat())
    assert (POISON in SEEN.fitted) == learnt
    champion = set(SEEN.fitted)
    forced = running.intervene("promote", attempt=trained.run_id, actor="ada", reason="A later as_of.")
    assert forced.success, sentence(forced)
    assert side(running) == ("neither" if learnt else "scored")
    # Candidate and champion were scored, and neither on any row that the champion was trained on.
    document = evaluation(running)
    assert champion.isdisjoint(SEEN.scored)
    assert document["rows"]["left_out"] == len(champion)
    assert document["comparisons"][0]["champion"] == document["comparisons"][0]["candidate"]


def test_champion_of_the_past_has_seen_nothing():
    """With an as_of that only moves on, no row of the holdout is left out."""
    running = ingested(declare("36h"))
    trained = running.retrain("candidate_model", as_of=(AS_OF - DAY).isoformat())
    running.intervene("promote", attempt=trained.run_id, actor="ada", reason="The first.")
    assert side(running) == "neither"
    assert evaluation(running)["rows"]["left_out"] == 0


def evaluation(running: Running) -> dict[str, Any]:
    """Read the newest evaluation's document."""
    attempt = newest_attempt(running.declaration.lake, "evaluated", "")
    page = running.declaration.reports / attempt.payload["page"]
    return json.loads((page.parent / "evaluation.json").read_text())
