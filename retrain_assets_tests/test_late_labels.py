"""Labels from elsewhere through the real jobs: which label of which row trains and judges, as of which moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.attempts import newest_attempt
from retrain_assets.declaration import Declaration
from retrain_assets.labelled_rows import labelled_rows
from retrain_assets.spec import load_spec
from retrain_assets.windows import Windows, training_rows
from retrain_assets_tests import test_boundaries as edges
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day
from retrain_assets_tests.retraining_decision.past import take_in
from retrain_assets_tests.running import QUIET, YOUNG, Running, checks, materialized, sentence
from retrain_assets_tests.test_boundaries import AS_OF, DAY, LABEL, POISON, SEEN, TICK, bounds, side
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

pytestmark = YOUNG

HERE = "retrain_assets_tests.test_late_labels"
MONTHS = ["2026-01-01", "2026-02-01"]
BOOKED: list[dict[str, object]] = []
POISONED_ROW = "poison"


def rows(start: datetime, end: datetime) -> pl.DataFrame:
    """Every half hour a row without a label, and the poisoned one; the source that the declaration names."""
    plain = edges.rows(start, end).select("at", "marker")
    poison = pl.col("marker") == POISON
    return plain.with_columns(
        name=pl.when(poison).then(pl.lit(POISONED_ROW)).otherwise(pl.col("at").cast(pl.String))
    )


def labels(start: datetime, end: datetime) -> pl.DataFrame:
    """A label of 0 for each row, booked at its own time, and the labels of the poisoned row."""
    quiet = rows(start, end).filter(pl.col("name") != POISONED_ROW)
    plain = quiet.select("name", value=pl.lit(0.0), booked="at")
    own = [label for label in BOOKED if start <= label["booked"] < end]
    return pl.concat([plain, pl.DataFrame(own, schema=plain.schema)])


@pytest.fixture(autouse=True)
def _nothing_booked():
    """Begin with a source without poison."""
    BOOKED.clear()
    edges.POISONED.clear()
    SEEN.__init__()
    yield
    BOOKED.clear()
    edges.POISONED.clear()


def poisoned(at: datetime, *booked: tuple[datetime, float], **label: object) -> Running:
    """Take everything in, with one row at a moment whose labels became known at some moments."""
    edges.poison(at)
    BOOKED.extend({"name": POISONED_ROW, "value": value, "booked": moment} for moment, value in booked)
    spec = load_spec(
        {
            "name": "edges",
            "source": {
                "function": f"{HERE}:rows",
                "timestamp": "at",
                "key": "name",
                "start": MONTHS[0],
                "partition": "monthly",
            },
            "label": {
                "column": "outcome",
                "delay": "36h",
                "source": {
                    "function": f"{HERE}:labels",
                    "column": "value",
                    "known_at": "booked",
                    "start": MONTHS[0],
                    "partition": "monthly",
                },
                **label,
            },
            "features": {"numeric": ["marker"], "exclude": ["name"]},
            "training": {
                "model": "retrain_assets_tests.test_boundaries:recorder",
                "window": {"type": "rolling", "length": f"{edges.WINDOW.days}d"},
                "minimum_rows": 50,
            },
            "evaluation": {"holdout": f"{edges.HOLDOUT.days}d", "metrics": ["mean_absolute_error"]},
        },
        "defs.yaml",
    )
    return edges.ingested(Declaration(spec, Path(__file__)))


@pytest.mark.parametrize(("distance", "expected"), [(0 * TICK, True), (TICK, False)])
@pytest.mark.parametrize("part", ["fitted", "scored"])
def test_a_label_counts_if_it_was_known(part, distance, expected):
    """A label known at the split trains, one known at the moment of knowledge judges, and none a microsecond later."""
    when = bounds("36h")
    at, edge = (when["train end"] - DAY, "split") if part == "fitted" else (when["split"] + DAY, "as_of")
    running = poisoned(at, (when[edge] + distance, LABEL))
    assert side(running) == (part if expected else "neither")


@pytest.mark.parametrize(
    ("boundary", "distance", "expected"), [("train end", 0 * TICK, "fitted"), ("train end", TICK, "neither")]
)
def test_an_early_label_waits_for_its_cohort(boundary, distance, expected):
    """A label that was known at once counts no sooner than the latest of its cohort may."""
    at = bounds("36h")[boundary] + distance
    assert side(poisoned(at, (at, LABEL))) == expected


@pytest.mark.parametrize(
    ("boundary", "distance", "expected"),
    [
        ("train end", 0 * TICK, "fitted"),
        ("train end", TICK, "neither"),
        ("maturity", 0 * TICK, "scored"),
        ("maturity", TICK, "neither"),
    ],
)
def test_a_label_that_never_came_has_its_value_from_the_declared_age_on(boundary, distance, expected):
    """A row without a label trains and judges as the declared value, once it is old enough, and not before."""
    at = bounds("5d")[boundary] + distance
    assert side(poisoned(at, missing_after="5d", missing_value=LABEL)) == expected


def test_a_label_that_never_came_is_left_out():
    """Without a declared value, a row whose label never came does not train."""
    assert side(poisoned(bounds("36h")["train end"])) == "neither"


@pytest.mark.parametrize(("distance", "expected"), [(0 * TICK, "fitted"), (TICK, "neither")])
def test_a_correction_trains_if_it_was_known_at_the_split(distance, expected):
    """Of two labels of a row the one trains that was the newest at the split."""
    when = bounds("36h")
    at = when["train end"] - DAY
    running = poisoned(at, (at, 0.0), (when["split"] + distance, LABEL))
    SEEN.__init__()
    trained = running.retrain("candidate_model", as_of=AS_OF.isoformat())
    assert trained.success, sentence(trained)
    assert POISON in SEEN.fitted
    assert (LABEL in SEEN.labels) == (expected == "fitted")


def again(declaration: Declaration, attempt: str) -> pl.DataFrame:
    """Read the rows that an attempt was trained on, by what is on record of it."""
    trained = newest_attempt(declaration.lake, "trained", attempt)
    bounds_on_record = trained.payload["windows"]
    moments = {
        name: bounds_on_record[name] and datetime.fromisoformat(bounds_on_record[name])
        for name in ("as_of", "split", "train_start", "train_end", "holdout_end")
    }
    table = labelled_rows(declaration, "features", trained.payload["data"])
    found = training_rows(table, Windows(**moments), declaration.time_columns)
    return found.sort("partition_key", "row_id").select("row_id", "repaid", "amount").collect()


def mended_rows(folder: Path) -> tuple[Declaration, Running]:
    """Loans with their labels among the rows, of which a model was trained before one day is delivered again."""
    running = Running(declare(folder, **QUIET))
    keys = deliver(folder, 25, booked=0)
    for number in range(25):
        write_day(folder, FIRST_DAY + timedelta(days=number))
    take_in(running.declaration, keys)
    return running.declaration, running


def mended_labels(folder: Path) -> tuple[Declaration, Running]:
    """The same loans with their labels elsewhere."""
    running = Running(late(folder))
    take_in(running.declaration, deliver(folder, 25))
    return running.declaration, running


@pytest.mark.parametrize("form", [mended_rows, mended_labels])
def test_what_a_model_was_trained_on_can_be_read_after_a_correction(tmp_path, form):
    """From the Delta versions on record come the same rows and labels, although the labels have been mended since."""
    declaration, running = form(tmp_path)
    trained = running.retrain("candidate_model")
    assert trained.success, sentence(trained)
    before = again(declaration, trained.run_id)
    assert before.height == materialized(trained)["candidate_model"]["rows"]

    day = FIRST_DAY + timedelta(days=8)
    if form is mended_rows:
        write_day(tmp_path, day, loans_of(day).with_columns(repaid=1 - pl.col("repaid")))
        running.ingest([day.isoformat()])
    else:
        book(tmp_path, day, bookings_of(day).with_columns(outcome=1 - pl.col("outcome")))
        running.ingest([declaration.newest_partition()])
    assert again(declaration, trained.run_id).equals(before)
    retrained = running.retrain("candidate_model")
    after = again(declaration, retrained.run_id)
    assert after.drop("repaid").equals(before.drop("repaid"))
    changed = (after["repaid"] != before["repaid"]).sum()
    assert changed == loans_of(day).height


def test_a_pipeline_lives_on_labels_from_elsewhere(tmp_path):
    """Rows and labels in two places: a champion is trained, scores, is watched, and the check tells the share."""
    business = {"business": [{"name": "rate", "sql": "AVG(repaid)", "below": 0.1, "over": "7d"}]}
    running = Running(late(tmp_path, declared={"retrain_when": business}))
    running.ingest(deliver(tmp_path, 25))
    retrained = running.retrain()
    assert retrained.success, sentence(retrained)
    assert materialized(retrained)["evaluation_report"]["holdout_rows"] == 7 * 120
    [champion] = running.declaration.ledger.entries()
    assert champion.version == 1

    keys = deliver(tmp_path, 37, booked=36)[25:]
    watched = running.ingest(keys)
    reports = running.declaration.lake.scan("monitoring").sort("partition_key").collect()
    assert reports["partition_key"].to_list() == keys
    performance = pl.Series(reports["payload"]).str.json_path_match("$.realised.log_loss.rows").cast(pl.Int64)
    # A label counts at the age of two days, and seven days of them are one figure.
    assert performance.to_list() == [None, None, *(min(120 * day, 840) for day in range(1, 11))]
    week = pl.concat(loans_of(FIRST_DAY + timedelta(days=day)) for day in range(28, 35))
    rate = pl.Series(reports["payload"]).str.json_path_match("$.business.rate.value").cast(pl.Float64)
    assert rate[-1] == pytest.approx(week["repaid"].mean())
    assert checks(watched)["labels_are_joined"].passed
