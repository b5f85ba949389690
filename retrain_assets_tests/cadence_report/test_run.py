"""The lab as a whole: what the matrix holds, and what is not computed again."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import log_loss

import retrain_assets.cadence_report.run as lab
from retrain_assets.cadence_report.blocks import Cut
from retrain_assets.cadence_report.history import load_history
from retrain_assets.cadence_report.parallel import compute_cells
from retrain_assets.cadence_report.plan import plan_cells
from retrain_assets.cadence_report.storage import Record, keep, kept_cells, record_report
from retrain_assets.cadence_report.window_policies import choose_windows
from retrain_assets.candidate_model.fit import fit_candidate
from retrain_assets.candidate_model.profile import build_profile
from retrain_assets.comparison import METRICS
from retrain_assets.errors import TrainingError
from retrain_assets.features.refresh import refresh_features
from retrain_assets.monitoring_report.drift import drift
from retrain_assets.monitoring_report.estimators import ConfidenceBased, Labelled, ScoredInputs
from retrain_assets.spec import WindowSpec
from retrain_assets.windows import resolve_windows, training_rows
from retrain_assets_tests.cadence_report.matrices import differences
from retrain_assets_tests.cadence_report.pasts import (
    HERE,
    WINDOWS,
    computed,
    finished,
    ingest_days,
    replayed,
    taken_in,
    usual_matrix,
)
from retrain_assets_tests.pipelines import FIRST_DAY, declare, loans_of, write_day, write_days

DAY = timedelta(days=1)
LATE = pl.int_range(pl.len()) % 7 == 0


def of_block(declaration, block) -> pl.DataFrame:
    """Rows of a block of a matrix, from the table of features."""
    rows = declaration.lake.scan("features").collect().sort("partition_key", "row_id")
    return rows.filter(pl.col("asked_at") >= block.start, pl.col("asked_at") < block.end)


def retrained(declaration, split, window: WindowSpec):
    """Fit the candidate of a retrain whose holdout begins at a moment."""
    spec = declaration.spec
    windows = resolve_windows(split + 7 * DAY + spec.label.maturity, spec.label.maturity, 7 * DAY, window)
    assert windows.split == split
    rows = training_rows(declaration.lake.scan("features"), windows, declaration.time_columns)
    columns = refresh_features(declaration).columns
    return fit_candidate(spec, rows.sort("partition_key", "row_id").collect(), columns)


def test_a_cell_is_the_model_that_a_retrain_would_have_made(tmp_path):
    """Losses, days and changes of predictions are those of the candidates that retrains at the blocks' starts fit."""
    declaration, ran = computed(tmp_path)
    matrix = ran.matrix
    assert [window.name for window in matrix.windows] == ["last 14d", "all history"]
    specs = [WindowSpec(type="rolling", length="14d"), WindowSpec()]
    block = matrix.blocks[7]
    rows = of_block(declaration, block)
    assert block.rows == rows.height
    for w, window in enumerate(specs):
        early, late = (retrained(declaration, matrix.blocks[t].start, window) for t in (4, 7))
        assert matrix.training_rows[w, [4, 7]].tolist() == [early.rows, late.rows]
        scores = early.predict_features(rows)
        assert matrix.loss[w, 4, 7] == pytest.approx(log_loss(rows["repaid"], scores))
        changed = np.abs(scores - late.predict_features(rows))
        assert matrix.churn[w, 4, 7] == pytest.approx(changed[_sampled(rows.height)].mean())
        days = rows.with_columns(score=scores).partition_by("partition_key", maintain_order=True)
        chosen = matrix.day_block == 7
        assert matrix.daily_loss[w, 4, chosen] == pytest.approx(
            [log_loss(day["repaid"], day["score"]) for day in days]
        )
        assert matrix.daily_rows[chosen].tolist() == [day.height for day in days]
        assert [str(start)[:10] for start in matrix.days[chosen]] == [day["partition_key"][0] for day in days]


def _sampled(height: int) -> np.ndarray:
    """The five hundred rows of a block that are compared."""
    return np.linspace(0, height - 1, 500).round().astype(int) if height > 500 else np.arange(height)


def test_the_matrix_has_figures_where_a_model_is_and_a_block_follows():
    """No model precedes its first known rows, none is judged on what came before it, and none changes into itself."""
    matrix = usual_matrix()
    blocks = len(matrix.blocks)
    later = np.triu(np.ones((blocks, blocks), dtype=bool))
    later[0] = False
    for w in range(2):
        assert np.array_equal(np.isfinite(matrix.loss[w]), later)
        assert np.array_equal(np.isfinite(matrix.drift[w]), later)
        assert np.array_equal(np.isfinite(matrix.churn[w]), np.triu(later, 1))
        assert np.array_equal(matrix.training_rows[w] > 0, later.any(axis=1))
        assert np.array_equal(matrix.fit_seconds[w] > 0, later.any(axis=1))
        assert np.array_equal(matrix.score_seconds[w] > 0, later.any(axis=1))
    assert np.isnan(matrix.baseline).tolist() == [True] + [False] * 7
    assert matrix.known_rows.tolist() == [0, 360, 960, 1560, 2160, 2760, 3360, 3960]
    assert matrix.label_delay == DAY


def test_the_baseline_is_the_constant_that_was_known(tmp_path):
    """Of each block it is the share of positives among all rows whose label was mature at its start."""
    declaration, ran = computed(tmp_path)
    matrix = ran.matrix
    block = matrix.blocks[5]
    rows = declaration.lake.scan("features").filter(pl.col("asked_at") <= block.start - DAY).collect()
    judging = of_block(declaration, block)
    constant = np.full(judging.height, rows["repaid"].mean())
    assert matrix.baseline[5] == pytest.approx(log_loss(judging["repaid"], constant))
    weights = matrix.daily_rows[matrix.day_block == 5]
    assert np.average(matrix.daily_baseline[matrix.day_block == 5], weights=weights) == pytest.approx(
        matrix.baseline[5]
    )


def test_drift_is_the_share_of_importance_that_moved(tmp_path):
    """Where the amounts are other ones from one day on, the models from before have moved, as monitoring measures it."""
    declaration = taken_in(tmp_path, 20)
    for day in range(20, 40):
        moved = FIRST_DAY + day * DAY
        frame = pl.read_parquet(write_day(tmp_path, moved)).with_columns(pl.col("amount") + 60)
        write_day(tmp_path, moved, frame)
    ingest_days(declaration, [(FIRST_DAY + day * DAY).isoformat() for day in range(20, 40)])
    matrix = finished(declaration)
    before, after = 3, 6
    assert matrix.blocks[before].end <= matrix.blocks[4].start
    assert matrix.drift[1, 2, before] == 0
    known = declaration.lake.scan("features").filter(pl.col("asked_at") <= matrix.blocks[2].start - DAY)
    profile = build_profile(known.collect(), ["amount", "age"], ["region"], None)
    shifts = drift(profile, of_block(declaration, matrix.blocks[after]), None)
    assert shifts.moved(0.2) == ("amount",)
    assert 0.1 < matrix.drift[1, 2, after] < 1
    assert matrix.drift[1, after, after] < 1


def test_where_money_decides_losses_are_money(tmp_path):
    """The loss is the negative of the mean benefit of the decisions, by a column of the source that is no feature."""
    value = {"true_positive": "amount", "false_positive": -5.0, "true_negative": 0.0, "false_negative": 0.0}
    declaration = taken_in(
        tmp_path,
        features={"numeric": ["age"], "categorical": ["region"]},
        promotion={"value": value | {"currency": "EUR"}, "decide_by": "value"},
    )
    matrix = finished(declaration)
    assert (matrix.metric, matrix.unit, matrix.daily_is_exact) == ("value", "EUR per row", True)
    block = matrix.blocks[7]
    rows = of_block(declaration, block)
    model = retrained(declaration, matrix.blocks[4].start, WindowSpec())
    score = model.predict_features(rows)
    raw = declaration.lake.scan("training_data").select("row_id", "amount", "repaid").collect()
    joined = rows.select("row_id").join(raw, on="row_id", maintain_order="left")
    amount, repaid = joined["amount"].to_numpy(), joined["repaid"].to_numpy()
    acts = score * amount > (1 - score) * 5
    money = np.where(acts, np.where(repaid == 1, amount, -5), 0)
    assert matrix.loss[1, 4, 7] == pytest.approx(-money.mean())
    first = of_block(declaration, matrix.blocks[4])
    calibrator = IsotonicRegression(out_of_bounds="clip").fit(model.predict_features(first), first["repaid"])
    chance = calibrator.predict(score)
    expected = np.where(acts, chance * amount - (1 - chance) * 5, 0)
    assert matrix.estimated[1, 4, 7] == pytest.approx(-expected.mean())


def test_labels_count_from_when_they_were_known(tmp_path):
    """With a later maturity models know fewer rows, and only blocks with mature labels are replayed."""
    declaration = taken_in(tmp_path, label__delay="6d")
    matrix = finished(declaration)
    starts = [block.start for block in matrix.blocks]
    first = matrix.blocks[0].start
    assert matrix.known_rows.tolist() == [max((start - first).days - 6, 0) * 120 for start in starts]
    assert matrix.blocks[-1].end + 6 * DAY <= first + 40 * DAY


def test_a_loss_is_estimated_by_the_labels_of_the_first_block_alone(tmp_path):
    """The estimate is the confidence-based one of monitoring, calibrated on the first block after the training."""
    declaration, ran = computed(tmp_path)
    matrix = ran.matrix
    model = retrained(declaration, matrix.blocks[4].start, WindowSpec())
    first, later = (of_block(declaration, matrix.blocks[number]) for number in (4, 7))
    scored = [
        ScoredInputs(model.predict_features(rows), np.empty((rows.height, 0))) for rows in (first, later)
    ]
    labelled = Labelled(scored[0], first["repaid"].to_numpy().astype(float), np.zeros(first.height))
    expected = ConfidenceBased(labelled).value(METRICS["log_loss"], scored[1])
    assert matrix.estimated[1, 4, 7] == pytest.approx(expected)
    assert np.array_equal(np.isfinite(matrix.estimated), np.isfinite(matrix.loss))


def test_losses_of_a_regression_are_estimated_by_a_model_of_them(tmp_path):
    """Where the errors of later rows are as large as those of the first block, the estimate says so."""
    matrix = finished(
        taken_in(
            tmp_path,
            label={"column": "amount", "delay": "1d"},
            features={"numeric": ["age", "repaid"], "categorical": ["region"]},
            training__estimator="sklearn.ensemble.HistGradientBoostingRegressor",
            evaluation={"holdout": "7d", "metrics": ["mean_absolute_error"]},
        )
    )
    known = np.isfinite(matrix.loss)
    assert np.array_equal(np.isfinite(matrix.estimated), known)
    assert np.abs(matrix.estimated[known] / matrix.loss[known] - 1).max() < 0.25


def square(y, score, weight):
    """Measure a mean of squares; a function of a user's own."""
    del weight
    return float(((y - score) ** 2).mean())


def test_a_metric_that_may_ignore_weights_is_not_estimated(tmp_path):
    """A function of the user's own gives losses, and no estimates of them."""
    own = {"function": f"{__name__}:square", "greater_is_better": False, "unit": "points"}
    matrix = finished(taken_in(tmp_path, evaluation={"holdout": "7d", "metrics": [own]}))
    assert np.isfinite(matrix.loss[1, 4, 7])
    assert np.isnan(matrix.estimated).all()


def told_declared(folder, metric):
    """Declare loans whose labels say when they were told."""
    return declare(
        folder,
        expectations=[],
        label__known_at="told_at",
        training__minimum_rows=200,
        training__params={"max_iter": 10},
        evaluation__metrics=[metric],
    )


def loans_told(day, wait):
    """Loans of a day that are told after a while."""
    return loans_of(day).with_columns((pl.col("asked_at") + wait).alias("told_at"))


def told_late(folder, metric, flipped_from=None):
    """Take loans in of which each seventh is told after two weeks, and late ones perhaps other than they were."""
    declaration = told_declared(folder, metric)
    days = [FIRST_DAY + number * DAY for number in range(40)]
    for day in days:
        wait = pl.when(LATE).then(timedelta(days=14)).otherwise(timedelta(hours=3))
        frame = loans_told(day, wait)
        if flipped_from is not None:
            flipped = pl.when(pl.col("told_at") >= flipped_from).then(1 - pl.col("repaid"))
            frame = frame.with_columns(flipped.otherwise(pl.col("repaid")).alias("repaid"))
        write_day(folder, day, frame)
    ingest_days(declaration, [day.isoformat() for day in days])
    return finished(declaration)


@pytest.fixture(scope="module")
def late_matrices(tmp_path_factory):
    """The matrix of each metric, where each seventh label is told after two weeks."""
    matrices = {}
    for metric in ("log_loss", "roc_auc"):
        folder = tmp_path_factory.mktemp(metric)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RETRAIN_ASSETS_HOME", str(folder / "home"))
            matrices[metric] = told_late(folder, metric)
    return matrices


def test_late_labels_of_a_mean_over_rows_are_days_of_their_own(late_matrices):
    """Of 39 days the last 13 have no late label yet, and the others know their rows of on time before the late ones."""
    matrix = late_matrices["log_loss"]
    late = matrix.day_known - matrix.day_block >= 3
    assert (late.sum(), late.size) == (26, 65)
    assert matrix.daily_rows[late].tolist() == [18] * int(late.sum())


def test_what_is_no_mean_over_rows_is_known_with_the_last_label_of_the_block(late_matrices):
    """Days of an AUC depend on all rows of their block: two weeks after it, at the third start of five days or later."""
    matrix = late_matrices["roc_auc"]
    block_known = np.minimum(np.arange(8) + 4, 8)
    # Of the sixth block some late rows are not told by the end; the others are, after the last start.
    assert matrix.day_known.tolist() == block_known[matrix.day_block].tolist()
    assert matrix.day_known.size == 39


@pytest.mark.parametrize("metric", ["log_loss", "roc_auc"])
def test_labels_that_come_late_are_known_from_then_on_alone(tmp_path, late_matrices, metric):
    """What labels say that came after a moment changes nothing that is known then, and changes what is known later."""
    matrix = late_matrices[metric]
    cut = 5
    other = told_late(tmp_path, metric, matrix.blocks[cut].start + timedelta(microseconds=1))
    known = matrix.day_known <= cut
    assert other.day_known.tolist() == matrix.day_known.tolist()
    changed = []
    for one, two in ((matrix.daily_loss, other.daily_loss), (matrix.daily_baseline, other.daily_baseline)):
        before, after = (part[..., : cut + 1, :] if part.ndim == 3 else part for part in (one, two))
        assert np.allclose(before[..., known], after[..., known], rtol=1e-12, equal_nan=True)
        changed.append(not np.allclose(before[..., ~known], after[..., ~known], rtol=1e-2, equal_nan=True))
    # The AUC of a constant is one half whatever the labels are.
    assert changed == [True, metric == "log_loss"]
    assert np.array_equal(matrix.training_rows, other.training_rows)
    # A holdout of 7 days and a label delay pass before a model serves: two blocks of 5 days.
    serving = cut - 2
    for figures in (matrix.estimated, other.estimated):
        assert np.isfinite(figures[:, 1 : serving + 1, serving]).all()
    assert np.array_equal(
        matrix.estimated[:, : serving + 1], other.estimated[:, : serving + 1], equal_nan=True
    )


def test_a_weighted_window_is_fitted_with_weights(tmp_path):
    """With a short half-life the model is another one than that of all history, from the same rows."""
    matrix = finished(taken_in(tmp_path), windows=("expanding", "half-life 3d"))
    assert [window.kind for window in matrix.windows] == ["rolling", "expanding", "weighted"]
    assert matrix.training_rows[1].tolist() == matrix.training_rows[2].tolist()
    assert np.nanmin(np.abs(matrix.loss[1, 4:] - matrix.loss[2, 4:])) > 0


def test_a_window_that_never_has_a_model_is_left_out(tmp_path):
    """An estimator that takes no weights leaves a window with a half-life out, and says why."""
    estimator = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "minimum_rows": 200}
    matrix = finished(taken_in(tmp_path, training=estimator), windows=("half-life 3d",))
    assert [window.name for window in matrix.windows] == ["all history"]
    assert matrix.notes == (
        "The window 'all history, half-life 3d' is left out, because it never has a model. training: "
        "KNeighborsClassifier takes no sample weights. Remove weight from the declaration, or choose another estimator.",
    )


def test_a_second_run_computes_nothing(tmp_path):
    """What is finished is read again, to the last figure."""
    declaration, first = computed(tmp_path)
    again, told = replayed(declaration)
    assert (first.computed > 0, again.computed) == (True, 0)
    assert differences(first.matrix, again.matrix) == []
    assert np.array_equal(first.matrix.fit_seconds, again.matrix.fit_seconds, equal_nan=True)
    assert told[0].startswith("2 windows and 8 blocks make 16 cells. 0 of them have to be computed")


def test_the_next_block_costs_its_own_models_alone(tmp_path):
    """When history has grown by a block, earlier models are judged on it and not trained again."""
    declaration, first = computed(tmp_path)
    record_report(declaration.lake, Record(first.matrix.blocks[-1].end, first.cut, None, None))
    ingest_days(declaration, write_days(tmp_path, 5, FIRST_DAY + 40 * DAY))
    grown, _ = replayed(declaration)
    assert len(grown.matrix.blocks) == 9
    old, new = first.matrix, grown.matrix
    assert np.array_equal(new.fit_seconds[:, :8], old.fit_seconds, equal_nan=True)
    assert np.array_equal(new.loss[:, :8, :8], old.loss, equal_nan=True)
    model = retrained(declaration, new.blocks[3].start, WindowSpec())
    rows = of_block(declaration, new.blocks[8])
    assert new.loss[1, 3, 8] == pytest.approx(log_loss(rows["repaid"], model.predict_features(rows)))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"retrain_when__max_age": "9d"}, True),
        ({"training__window": {"type": "expanding"}}, True),
        ({"training__params": {"max_iter": 21}}, False),
        ({"features__numeric": ["amount"]}, False),
        ({"evaluation__metrics": ["roc_auc"]}, False),
        (
            {"promotion": {"value": {"function": "a_test:money", "currency": "EUR"}, "decide_by": "metric"}},
            True,
        ),
    ],
)
def test_what_decides_a_cell_identifies_it(tmp_path, change, same):
    """Another estimator, other features and another metric make other cells; another trigger or window does not."""
    declaration = taken_in(tmp_path, 20, training__minimum_rows=100)
    other = declare(
        tmp_path,
        **(
            {"expectations": [], "training__minimum_rows": 100, "training__params": {"max_iter": 10}} | change
        ),
    )
    window = choose_windows(declaration.spec, ["expanding"], 20 * DAY)[1:]
    ids = [
        {order.model for order in plan_cells(each, load_history(each, 5, None), window)}
        for each in (declaration, other)
    ]
    assert (ids[0] == ids[1]) == same
    assert same or not ids[0] & ids[1]


def test_a_partition_that_was_delivered_anew_changes_the_cells_that_rest_on_it(tmp_path):
    """Models that were trained before it stay, and those that learnt from it or are judged on it are made anew."""
    declaration = taken_in(tmp_path)
    history = load_history(declaration, 8, None)
    window = choose_windows(declaration.spec, ["expanding"], 40 * DAY)[1:]
    before = plan_cells(declaration, history, window)
    day = history.ground.blocks[5].start.date()
    write_day(tmp_path, day, rows=100)
    ingest_days(declaration, [day.isoformat()])
    after = plan_cells(declaration, load_history(declaration, 8, history.cut), window)
    changed = {old.block for old, new in zip(before, after, strict=True) if old.model != new.model}
    assert changed == {5, 6, 7}
    judged = {
        index
        for old, new in zip(before, after, strict=True)
        if old.model == new.model
        for (index, one), (_, other) in zip(old.judged_on, new.judged_on, strict=True)
        if one != other
    }
    assert judged == {5}


def test_another_day_of_coming_in_changes_what_is_said_about_a_block_and_no_model_of_before(tmp_path):
    """Where some of the same labels are told later, their day has two parts, and models are judged on it anew."""
    declaration = told_declared(tmp_path, "log_loss")
    days = [FIRST_DAY + number * DAY for number in range(20)]
    for day in days:
        write_day(tmp_path, day, loans_told(day, timedelta(hours=3)))
    ingest_days(declaration, [day.isoformat() for day in days])
    history = load_history(declaration, 4, None)
    window = choose_windows(declaration.spec, ["expanding"], 20 * DAY)[1:]
    before = {order.block: order for order in plan_cells(declaration, history, window)}
    day = history.ground.blocks[2].start.date()
    wait = pl.when(LATE).then(timedelta(days=9)).otherwise(timedelta(hours=3))
    write_day(tmp_path, day, loans_told(day, wait))
    ingest_days(declaration, [day.isoformat()])
    after = {
        order.block: order
        for order in plan_cells(declaration, load_history(declaration, 4, history.cut), window)
    }
    assert before[1].model == after[1].model
    ids = [dict(one[1].judged_on) for one in (before, after)]
    assert {index for index in ids[0] if ids[0][index] != ids[1][index]} == {2}


def test_a_budget_leaves_whole_windows(tmp_path):
    """When the time is over, windows that are not finished are left out and named, and their cells are kept."""
    declaration = taken_in(tmp_path)
    finished(declaration, windows=("14d",))
    short, _ = replayed(declaration, minutes=1e-9)
    assert [window.name for window in short.matrix.windows] == ["last 14d"]
    assert short.matrix.notes == (
        "The budget of 1e-09 minutes ended before these windows were finished: all history. What is finished is "
        "kept: the next run goes on.",
    )
    whole, _ = replayed(declaration)
    assert [window.name for window in whole.matrix.windows] == ["last 14d", "all history"]
    assert whole.matrix.notes == ()


def test_a_budget_within_the_first_window_leaves_the_newest_blocks(tmp_path):
    """Where no window is finished, the matrix is that of the declared one over a shorter history."""
    declaration = taken_in(tmp_path)
    history = load_history(declaration, 8, None)
    windows = choose_windows(declaration.spec, WINDOWS, 40 * DAY)
    orders = plan_cells(declaration, history, windows)
    keep(declaration.lake, list(compute_cells(history, orders[:4], HERE, None)))
    short, whole = finished(declaration, minutes=1e-9), usual_matrix()
    assert [block.start for block in short.blocks] == [block.start for block in whole.blocks[4:]]
    assert [block.index for block in short.blocks] == [0, 1, 2, 3]
    assert np.array_equal(short.loss[0], whole.loss[0, 4:, 4:], equal_nan=True)
    assert np.array_equal(short.churn[0], whole.churn[0, 4:, 4:], equal_nan=True)
    days = whole.day_block >= 4
    assert np.array_equal(short.daily_loss[0], whole.daily_loss[0, 4:, days].T, equal_nan=True)
    assert short.day_block.tolist() == (whole.day_block[days] - 4).tolist()
    assert short.baseline.tolist() == whole.baseline[4:].tolist()
    assert short.notes[0].endswith("all history. What is finished is kept: the next run goes on.")
    assert short.notes[1] == (
        "The budget of 1e-09 minutes ended before the models of the first 4 of 8 blocks were trained: they are left "
        "out."
    )


def test_a_window_that_is_further_than_the_declared_one_is_shown_as_far_as_that(tmp_path):
    """What another window has is not lost where the declared one is not finished: both begin with the same block."""
    declaration = taken_in(tmp_path)
    history = load_history(declaration, 8, None)
    orders = plan_cells(declaration, history, choose_windows(declaration.spec, WINDOWS, 40 * DAY))
    keep(declaration.lake, list(compute_cells(history, [*orders[8:], *orders[:3]], HERE, None)))
    short, whole = finished(declaration, minutes=1e-9), usual_matrix()
    assert [window.name for window in short.windows] == ["last 14d", "all history"]
    # Models of the window that is finished serve the declared one where both choose the same rows.
    first = len(whole.blocks) - len(short.blocks)
    assert 3 <= len(short.blocks) < 8
    assert np.array_equal(short.loss, whole.loss[:, first:, first:], equal_nan=True)


def test_a_cell_that_fails_does_not_cost_the_others(tmp_path, monkeypatch):
    """What was finished before an error is in the lake."""
    declaration = taken_in(tmp_path)
    history = load_history(declaration, 8, None)

    def three(history, orders, machines, deadline):
        """Finish three cells."""
        yield from compute_cells(history, orders[:3], machines, deadline)
        raise MemoryError

    monkeypatch.setattr(lab, "compute_cells", three)
    with pytest.raises(MemoryError):
        finished(declaration)
    orders = plan_cells(declaration, history, choose_windows(declaration.spec, WINDOWS, 40 * DAY))
    assert len(kept_cells(declaration.lake, [order.model for order in orders]).trained) == 3


def test_a_budget_that_finishes_nothing_says_so(tmp_path):
    """Without any finished cell there is no matrix, and a sentence says what to do."""
    with pytest.raises(TrainingError, match="run it again, or with a larger budget"):
        finished(taken_in(tmp_path, 20), minutes=1e-9)


def test_where_nothing_can_be_trained_the_reason_is_told(tmp_path):
    """A window that never has enough rows gives the sentence that a retrain would give."""
    with pytest.raises(
        TrainingError, match=r"No model of history can be trained\. The training window holds"
    ):
        finished(taken_in(tmp_path, 20, training__minimum_rows=100_000))


def test_a_cut_of_the_last_report_is_kept(tmp_path):
    """Blocks begin where those of the last report began."""
    declaration = taken_in(tmp_path)
    cut = Cut((FIRST_DAY + 6 * DAY).isoformat(), 5, 8)
    record_report(declaration.lake, Record(declaration.data_clock(), cut, None, None))
    assert finished(declaration).blocks[1].start.date() == FIRST_DAY + 6 * DAY
