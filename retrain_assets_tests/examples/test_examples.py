"""The three public tables through the real loop: no leak, the known dirt put aside, and a gain from retraining."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from examples.history import STOPS, TABLES, History, lived
from retrain_assets.attempts import attempts
from retrain_assets.features.columns import feature_columns
from retrain_assets_tests.running import YOUNG

# Dagster reads a defs.yaml with a function that pydantic has deprecated.
pytestmark = [*YOUNG, pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated:DeprecationWarning")]

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT.parent / "shared" / "data"
# Columns that are the label in other words, are filled in after the event, or only say which rows are old.
LEAKS = {
    "booking_cancellations": {
        *("IsCanceled", "ReservationStatus", "ReservationStatusDate", "AssignedRoomType"),
        *("Country", "BookingChanges", "RequiredCarParkingSpaces", "ADR", "Agent", "Company"),
        *("booking_date", "arrival_date", "ArrivalDateYear"),
    },
    "electricity": {"class", "nswprice", "date", "t", "ts"},
    "bike_demand": {"cnt", "casual", "registered", "instant", "yr", "dteday", "ts"},
}
Live = Callable[[str], History]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]) -> Iterator[Live]:
    """Give a function that lives through an example's history and records what retraining was worth."""
    if not FOLDER.is_dir():
        pytest.skip(
            f"The public tables are not there: {FOLDER} does not exist (examples/README.md names them)."
        )
    monkeypatch.setenv(TABLES, str(FOLDER))

    with ExitStack() as stack:

        def run(name: str) -> History:
            history = stack.enter_context(lived(name))
            record_property("gain", str(history.gain()))
            record_property("verdicts", "; ".join(history.verdicts()))
            return history

        yield run


def check_loop(history: History) -> None:
    """Assert what holds of every example: sound features, all retrains judged, no row seen before it was scored."""
    declaration, lake = history.declaration, history.declaration.lake
    columns = feature_columns(declaration.spec, lake.schema("training_data") or {})
    read = {*columns.inputs, *columns.numeric, *columns.categorical}
    assert read & LEAKS[history.name] == set()

    trained = {item.attempt: item.payload for item in attempts(lake, "trained")}
    judged = attempts(lake, "evaluated")
    assert len(judged) == len(trained) == len(STOPS[history.name]) - 1 >= 4
    assert judged[0].payload["verdict"]["reason"] == "first_champion"
    for item in judged:
        assert (item.payload["verdict"]["next_look"] is None) == (
            item.payload["verdict"]["verdict"] != "inconclusive"
        )

    first_scored = (
        lake.scan("predictions")
        .group_by("model_version")
        .agg(pl.col(declaration.spec.source.timestamp).min())
        .collect()
    )
    promoted = {
        entry.version: entry.evidence["attempt"]
        for entry in declaration.ledger.entries()
        if entry.action == "promoted"
    }
    assert set(promoted) == set(first_scored["model_version"])
    for version, moment in first_scored.iter_rows():
        assert moment.isoformat() > trained[promoted[version]]["last_row"]

    life = json.loads((declaration.reports / "life.json").read_text())
    told = [week for week in life["weeks"] if any("trained" in line for line in week["decisions"])]
    assert life["period"] == "month"
    assert len(life["weeks"]) == lake.scan("partitions").collect().height
    assert len(told) == len(judged)


def test_booking_cancellations(live: Live) -> None:
    """The known dirt of the bookings is in quarantine, and retraining is proven to be worth it."""
    history = live("booking_cancellations")
    check_loop(history)
    assert history.quarantined().rows() == [
        ("ADR", "-6.38", 1),
        ("ADR", "5400.0", 1),
        ("Adults", "0", 180),
        ("Children", None, 4),
    ]
    partitions = history.declaration.lake.scan("partitions").collect()
    assert partitions["accepted"].all()
    assert partitions["rows"].sum() == 119_390 - 186
    gain = history.gain()
    assert gain.metric == "log_loss"
    assert gain.lower > 0


def test_electricity(live: Live) -> None:
    """Nothing of the prices is dirty, and what retraining was worth is reported, whatever it is."""
    history = live("electricity")
    check_loop(history)
    assert history.quarantined().is_empty()
    assert history.declaration.lake.scan("training_data").collect().height == 45_312
    gain = history.gain()
    print(f"electricity: {gain}")
    assert gain.lower < gain.improvement < gain.upper


def test_bike_demand(live: Live) -> None:
    """No hour of the rentals is dirty, and retraining is proven to be worth it."""
    history = live("bike_demand")
    check_loop(history)
    assert history.quarantined().is_empty()
    assert history.declaration.lake.scan("training_data").collect().height == 17_379
    gain = history.gain()
    assert gain.metric == "mean_absolute_error"
    assert gain.lower > 0
