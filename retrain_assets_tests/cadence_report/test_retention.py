"""What is kept of finished cells, and for how long."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import retrain_assets.cadence_report.run as lab
from retrain_assets.cadence_report import retention
from retrain_assets.cadence_report.history import load_history
from retrain_assets.cadence_report.plan import plan_cells
from retrain_assets.cadence_report.storage import CELLS, MODELS, Record, record_report
from retrain_assets.cadence_report.window_policies import choose_windows
from retrain_assets.errors import TrainingError
from retrain_assets_tests.cadence_report.matrices import differences
from retrain_assets_tests.cadence_report.pasts import (
    WINDOWS,
    computed,
    finished,
    ingest_days,
    replayed,
    taken_in,
)
from retrain_assets_tests.pipelines import FIRST_DAY, declare, write_days

DAY = timedelta(days=1)


@pytest.fixture
def _forgetful(monkeypatch):
    """Requests before the newest one are too old to count."""
    monkeypatch.setattr(retention, "KEPT_FOR", timedelta(0))


def other_estimator(folder):
    """Declare the same pipeline with models that are none of those before."""
    return declare(folder, expectations=[], training__minimum_rows=200, training__params={"max_iter": 11})


def kept(declaration) -> tuple[set[str], set[tuple[str, str]]]:
    """Models and cells that are in the lake."""
    models, cells = (declaration.lake.scan(table).collect() for table in (MODELS, CELLS))
    return set(models["model"]), set(cells.select("model", "block").iter_rows())


@pytest.mark.usefixtures("_forgetful")
def test_what_no_recent_request_uses_is_removed(tmp_path):
    """Models and cells of a window that only old requests had go; the others stay, and nothing is computed again."""
    declaration, _ = computed(tmp_path)
    wide = kept(declaration)
    narrow, _ = replayed(declaration, windows=("14d",))
    history = load_history(declaration, 8, None)
    orders = plan_cells(declaration, history, choose_windows(declaration.spec, ["14d"], 40 * DAY))
    used = {(order.model, identity) for order in orders for _, identity in order.judged_on}
    models, cells = kept(declaration)
    assert narrow.computed == 0
    assert models == {order.model for order in orders} < wide[0]
    assert cells == used & wide[1] < wide[1]
    assert differences(finished(declaration, windows=("14d",)), narrow.matrix) == []


@pytest.mark.usefixtures("_forgetful")
def test_what_the_next_month_uses_stays_and_what_it_replaces_goes(tmp_path):
    """After a longer history models are those of before and the new ones; a cell that was judged anew is there once."""
    declaration, first = computed(tmp_path)
    record_report(declaration.lake, Record(first.matrix.blocks[-1].end, first.cut, None, None))
    before = kept(declaration)[0]
    ingest_days(declaration, write_days(tmp_path, 5, FIRST_DAY + 40 * DAY))
    replayed(declaration)
    models, cells = kept(declaration)
    assert before < models
    history = load_history(declaration, 8, first.cut)
    orders = plan_cells(declaration, history, choose_windows(declaration.spec, WINDOWS, 45 * DAY))
    used = {(order.model, identity) for order in orders for _, identity in order.judged_on}
    assert cells <= used
    assert declaration.lake.scan(CELLS).collect().height == len(cells)


@pytest.mark.usefixtures("_forgetful")
def test_a_request_of_another_estimator_leaves_nothing_of_old_ones(tmp_path):
    """A declaration that makes other models removes those that only old requests had."""
    before, _ = computed(tmp_path)
    models, cells = kept(before)
    other = other_estimator(tmp_path)
    finished(other)
    after = kept(other)
    assert not models & after[0]
    assert not cells & after[1]


def test_what_is_tried_costs_the_next_report_no_model(tmp_path):
    """After a request of another estimator, other windows and other blocks, the usual one finds all that it had."""
    declaration, first = computed(tmp_path)
    record_report(declaration.lake, Record(first.matrix.blocks[-1].end, first.cut, None, None))
    tried, _ = replayed(other_estimator(tmp_path), blocks=5, windows=("21d",))
    record_report(declaration.lake, Record(tried.matrix.blocks[-1].end, tried.cut, None, None))
    assert tried.cut.partitions != first.cut.partitions
    ingest_days(declaration, write_days(tmp_path, 5, FIRST_DAY + 40 * DAY))
    grown, _ = replayed(declaration)
    assert grown.cut == first.cut
    assert np.array_equal(grown.matrix.fit_seconds[:, :8], first.matrix.fit_seconds, equal_nan=True)


def test_a_run_that_ends_leaves_another_one_its_cells(tmp_path, monkeypatch):
    """A request that begins and ends while another one computes removes nothing of it."""
    declaration = taken_in(tmp_path)
    for interval in ("KEEP_EVERY", "TELL_EVERY"):
        monkeypatch.setattr(lab, interval, 0.0)
    between = []

    def run_another(said: str) -> None:
        if said.startswith("3 of ") and not between:
            between.append(said)
            between.append(finished(other_estimator(tmp_path)))

    ran, _ = replayed(declaration, tell=run_another)
    assert len(between) == 2
    assert np.isfinite(ran.matrix.loss[:, 1:, 7]).all()
    assert replayed(declaration)[0].computed == 0


def test_cells_that_are_removed_under_a_run_are_told(tmp_path):
    """A run without a budget whose cells are gone at its end says so, and the next one computes them."""
    declaration = taken_in(tmp_path, 20)
    finished(declaration)
    with pytest.raises(
        TrainingError, match=r"something removed them while this run was under way\. Run it again"
    ):
        replayed(declaration, tell=lambda _: declaration.lake.open(MODELS).delete())
    assert replayed(declaration)[0].computed > 0
