"""Features declared anew for a pipeline that has taken rows in: what its table, models and reports hold then."""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrain_assets.attempts import attempts
from retrain_assets.champion.loading import load_model, load_version
from retrain_assets.home import home
from retrain_assets.monitoring_report.watch import newest_report
from retrain_assets.predictions.scoring import score_partitions
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.running import QUIET, YOUNG, Running, declared_anew, loans, next_days, sentence
from retrain_assets_tests.ticking import Automation

pytestmark = YOUNG

DAYS = 16
MODULE = "loan_features"
AMOUNT, AGE, REGION = pl.col("amount"), pl.col("age").cast(pl.Float64), pl.col("region")
PLAIN = {"numeric": ["amount"], "categorical": ["region"]}
RATIO = PLAIN | {"derive": {"burden": "amount / age"}}
PRODUCT = PLAIN | {"derive": {"burden": "amount * age"}}
FUNCTION = PLAIN | {"derive": {"function": f"{MODULE}:made"}}
BY_RATIO = "pl.col('amount') / pl.col('age')"
CHANGES: dict[str, tuple[Any, Any, dict[str, pl.Expr]]] = {
    "a feature more": (PLAIN, PLAIN | {"numeric": ["amount", "age"]}, {"amount": AMOUNT, "age": AGE}),
    "a feature less": (PLAIN | {"numeric": ["amount", "age"]}, PLAIN, {"amount": AMOUNT}),
    "another derivation": (RATIO, PRODUCT, {"amount": AMOUNT, "burden": AMOUNT * AGE}),
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory) -> Iterator[Path]:
    """A folder on the Python path."""
    folder = tmp_path_factory.mktemp("modules")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        # Python takes a file of the same size and second for the same file, and would run the code that it keeps.
        patch.setattr(sys, "dont_write_bytecode", True)
        yield folder
    sys.modules.pop(MODULE, None)


def write_function(modules: Path, column: str, expression: str) -> None:
    """Write the module of the declared function, and forget the one before, as a new process does."""
    lines = ("import polars as pl", "def made(rows):", f"    return rows.with_columns({column}={expression})")
    Path(modules, f"{MODULE}.py").write_text("\n".join(lines))
    sys.modules.pop(MODULE, None)
    importlib.invalidate_caches()


def table(running: Running, name: str = "features", version: int | None = None) -> pl.DataFrame:
    """Read a table of the lake in a certain order."""
    return running.declaration.lake.scan(name, version).sort("partition_key", "row_id").collect()


def between(rows: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    """Take the rows from one moment to another, both included."""
    return rows.filter(
        pl.col("asked_at").is_between(datetime.fromisoformat(first), datetime.fromisoformat(last))
    )


def trained(running: Running) -> tuple[dict[str, Any], Any]:
    """The newest candidate: the record of its training, and its model."""
    payload = dict(attempts(running.declaration.lake, "trained")[-1].payload)
    return payload, load_model(payload["model_path"], running.declaration.trusted_modules())


def check_table(running: Running, made: Mapping[str, pl.Expr]) -> None:
    """See that all partitions hold the kept columns and these features of their raw rows, and nothing else."""
    features = {**made, "region": REGION}
    kept = ["partition_key", "row_id", "asked_at", "repaid"]
    raw = table(running, "training_data")
    assert table(running).equals(raw.select(*kept, *(value.alias(name) for name, value in features.items())))


def check_model(running: Running, made: Mapping[str, pl.Expr]) -> None:
    """See that the newest candidate was fitted on these features, and makes them of raw rows itself."""
    record, model = trained(running)
    assert record["features"] == [*made, "region"]
    raw = table(running, "training_data")
    fitted = between(raw, record["first_row"], record["last_row"])
    # The estimator puts its one category first.
    for place, (name, value) in enumerate(made.items(), start=1):
        known = fitted.select(value).to_series()
        assert record["profile"]["numeric"][name]["edges"][-1] == known.max()
        splits = model.estimator_._bin_mapper.bin_thresholds_[place]
        assert known.min() < splits.min() < splits.max() < known.max()
    assert model.features(raw).equals(raw.select(**made, region=REGION))


@pytest.mark.parametrize("change", CHANGES)
def test_ingest_then_retrain(tmp_path, change):
    """The next ingest makes all partitions by the new declaration, and the next candidate learns from them."""
    before, after, made = CHANGES[change]
    running = loans(tmp_path, DAYS, features=before)
    lake = running.declaration.lake
    old, version = table(running), lake.version("features")
    again = declared_anew(running, features=after)
    next_days(again, 1)
    check_table(again, made)
    assert table(again, version=version).equals(old)
    result = again.retrain("candidate_model")
    assert result.success, sentence(result)
    assert lake.version("features") == version + 1
    check_model(again, made)


def test_retrain_waits_for_no_ingest(tmp_path):
    """A retrain right after the change trains on the new features, and the next ingest adds to the same table."""
    before, after, made = CHANGES["another derivation"]
    again = declared_anew(loans(tmp_path, DAYS, features=before), features=after)
    result = again.retrain("candidate_model")
    assert result.success, sentence(result)
    check_table(again, made)
    check_model(again, made)
    version = trained(again)[0]["data"]["features"]
    keys = next_days(again, 1)
    check_table(again, made)
    others = table(again).filter(~pl.col("partition_key").is_in(keys))
    assert table(again, version=version).equals(others)


def test_code_of_a_function(tmp_path, modules):
    """Changed code of a declared function counts like a changed derivation, for an ingest and for a retrain."""
    write_function(modules, "burden", BY_RATIO)
    running = loans(tmp_path, DAYS, features=FUNCTION)
    check_table(running, {"amount": AMOUNT, "burden": AMOUNT / AGE})
    write_function(modules, "burden", "pl.col('amount') * pl.col('age')")
    next_days(declared_anew(running, features=FUNCTION), 1)
    check_table(running, {"amount": AMOUNT, "burden": AMOUNT * AGE})
    write_function(modules, "burden", "pl.col('amount') - pl.col('age')")
    again = declared_anew(running, features=FUNCTION)
    result = again.retrain("candidate_model")
    assert result.success, sentence(result)
    check_table(again, {"amount": AMOUNT, "burden": AMOUNT - AGE})
    check_model(again, {"amount": AMOUNT, "burden": AMOUNT - AGE})


def test_decision_before_the_table_is_made_anew(tmp_path):
    """The retraining sensor counts rows by a label that the table of features does not hold yet."""
    running = loans(tmp_path, DAYS, features=PLAIN)
    again = declared_anew(running, features=PLAIN, label={"column": "age", "delay": "1d", "positive": 30})
    request = Automation(again.declaration, again.instance).decide().run_requests
    assert [item.tags["retrain_assets/reason"] for item in request] == ["no_champion"]


@pytest.fixture(scope="module")
def past(tmp_path_factory, modules) -> Path:
    """A folder with the rows, and the home, of a pipeline whose champion has a feature of a function."""
    folder = tmp_path_factory.mktemp("past")
    write_function(modules, "burden", BY_RATIO)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETRAIN_ASSETS_HOME", str(folder / "home"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        running = loans(folder, DAYS, features=FUNCTION | {"numeric": ["amount", "age"]})
        result = running.retrain()
        assert result.success, sentence(result)
        assert running.declaration.ledger.standing().version == 1
    return folder


@pytest.fixture
def served(past, modules, tmp_path) -> Running:
    """That pipeline, declared without the feature age."""
    write_function(modules, "burden", BY_RATIO)
    shutil.copytree(past / "home", home(), dirs_exist_ok=True)
    shutil.copytree(past / "rows", tmp_path / "rows")
    return Running(declare(tmp_path, **QUIET, features=FUNCTION))


def test_champion_keeps_its_own_features(served):
    """A champion scores and is watched by the features that it was trained with, whatever is declared since."""
    drift = {"psi": 0.1, "importance": 0.1}
    again = declared_anew(served, features=PRODUCT, retrain_when__drift=drift)
    keys = next_days(again, 3)
    champion = load_version("loans", 1, [MODULE])
    raw = table(again, "training_data").filter(pl.col("partition_key").is_in(keys))
    assert table(again, "predictions")["score"].to_list() == champion.predict(raw).tolist()
    report = newest_report(again.declaration)
    # In the table there is no age, and burden is a thousand times as large: indices of 5 and more.
    assert {name: shift["psi"] < 0.1 for name, shift in report["drift"].items()} == dict.fromkeys(
        ["amount", "age", "burden", "region"], True
    )
    assert [finding["crossed"] for finding in report["findings"]] == [False]


def test_each_model_is_judged_by_its_own_features(served):
    """The evaluation gives the champion its features and the candidate the new ones, of the same raw rows."""
    again = declared_anew(served, features=PRODUCT)
    result = again.retrain()
    assert result.success, sentence(result)
    record, candidate = trained(again)
    windows = record["windows"]
    raw = between(table(again, "training_data"), windows["split"], windows["holdout_end"])
    judged = attempts(again.declaration.lake, "evaluated")[-1].payload["comparison"]
    for name, model in (("candidate", candidate), ("champion", load_version("loans", 1, [MODULE]))):
        score = model.predict(raw)
        loss = -np.log(np.where(raw["repaid"] == 1, score, 1 - score)).mean()
        assert judged[name] == pytest.approx(loss, rel=1e-5)


def test_changed_code_of_the_champion(served, modules):
    """That a champion's function has other code since it was trained is told where it scores and is judged."""
    write_function(modules, "burden", f"1.01 * {BY_RATIO}")
    told = f"Version 1 holds the function {MODULE}:made by name, and its module has changed since"
    keys = next_days(served, 1)
    assert [note[: len(told)] for note in score_partitions(served.declaration, keys)[0].problems] == [told]
    assert served.retrain().success
    page = served.declaration.reports / attempts(served.declaration.lake, "evaluated")[-1].payload["page"]
    guards = json.loads(page.with_name("evaluation.json").read_text())["guards"]
    assert [guard[: len(told)] for guard in guards if "by name" in guard] == [told]


def test_unchanged_code_is_no_news(served):
    """While the function has the code that the champion was trained with, nothing is said."""
    assert score_partitions(served.declaration, next_days(served, 1))[0].problems == ()


def test_function_that_lacks_a_column(served, modules):
    """Where a champion's function does not make one of its features any more, the ingest says what to do."""
    write_function(modules, "strain", BY_RATIO)
    with pytest.raises(
        AssertionError, match="does not make the column 'burden', which the model was trained with"
    ):
        next_days(served, 1)
    check_table(served, {"amount": AMOUNT, "strain": AMOUNT / AGE})
