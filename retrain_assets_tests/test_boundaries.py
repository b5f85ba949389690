"""On which side of every boundary of time a row falls, by what the estimator was given.

One row with values of its own is put beside a boundary, everything runs for real, and an estimator that keeps
what it is given tells whether the row was fitted, scored, or neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
from retrain_assets_tests.running import YOUNG, Running, materialized, sentence

pytestmark = YOUNG

HERE = "retrain_assets_tests.test_boundaries"
FIRST_DAY = date(2026, 1, 5)
DAYS = 32
AS_OF = datetime(2026, 2, 3, 6, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
HOLDOUT, WINDOW = 7 * DAY, 6 * DAY
POISON = 1000.5
LABEL = 77.25
DELAYS = ["0h", "36h", "5d"]


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
    own = [row for row in POISONED if start <= row["at"] < end]
    return pl.concat([quiet, pl.DataFrame(own, schema=quiet.schema)])


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
            "source": {"function": f"{HERE}:rows", "timestamp": "at", "start": FIRST_DAY.isoformat()}
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
        {"at": at, "marker": POISON, "outcome": LABEL, "row_known": at, "label_known": at} | changes
    )


def ingested(declaration: Declaration) -> Running:
    """Take all days in."""
    running = Running(declaration)
    keys = [(FIRST_DAY + number * DAY).isoformat() for number in range(DAYS)]
    running.ingest(keys, "training_data", "features")
    return running


def side(running: Running, as_of: datetime = AS_OF) -> str:
    """Train and evaluate, and tell what became of the poisoned row."""
    SEEN.__init__()
    trained = running.retrain("candidate_model", as_of=as_of.isoformat())
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
    late = {"0h": timedelta(0), "36h": timedelta(hours=36), "5d": 5 * DAY}[delay]
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
