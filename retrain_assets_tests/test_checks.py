"""What is found wrong with a declaration when it is loaded, beyond its form."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from retrain_assets.checks import check_declaration
from retrain_assets.pipeline import build_definitions
from retrain_assets_tests.pipelines import ATTRIBUTES, declare, write_days

AWAY = {"url": "sqlite:///away.db", "table": "loans", "timestamp": "asked_at"}

IMPORTS = """
import json, sys
from pathlib import Path
from retrain_assets.checks import check_declaration
from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
folder = Path(sys.argv[1])
declaration = Declaration(load_spec(json.loads(sys.argv[2]), "defs.yaml"), folder / "defs.yaml")
heavy = {"mlflow", "dagster_mlflow", "great_expectations", "sklearn", "pandas"}
print(check_declaration(declaration), sorted(heavy & set(sys.modules)))
"""


def test_a_sound_declaration_has_no_fault(tmp_path: Path) -> None:
    """Names, types and expressions that fit the source are passed in silence."""
    write_days(tmp_path, 1)
    assert check_declaration(declare(tmp_path, features__derive={"half": "amount / 2"})) == []


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """One look finds the faults of every block, each with its field."""
    write_days(tmp_path, 1)
    wrong = declare(
        tmp_path,
        training__estimator="sklearn.ensemble.RandomForestClasifier",
        expectations=[{"type": "expect_column_to_exst", "column": "amount"}],
        retrain_when={
            "performance": {"metric": "roc_auk", "drop": 0.1},
            "business": [{"name": "rate", "sql": "AVG(repayed)", "below": 0.5}],
        },
        features__derive={"half": "amunt / 2"},
        evaluation__slices=["regin"],
        evaluation__metrics=[{"function": "json:lods", "greater_is_better": False, "unit": "EUR"}],
    )
    file = tmp_path / "rows" / "{partition:%Y-%m-%d}.parquet"
    assert check_declaration(wrong) == [
        "training.estimator: The module 'sklearn.ensemble' has no 'RandomForestClasifier'. Did you mean "
        "'RandomForestClassifier'?",
        "expectations[0].type: there is no expectation 'expect_column_to_exst'. Did you mean 'expect_column_to_exist'?",
        "evaluation.metrics[0].function: The module 'json' has no 'lods'. Did you mean 'loads'?",
        "retrain_when.performance.metric: the metric 'roc_auk' is not known. Did you mean 'roc_auc'?",
        f"{file}: evaluation.slices: there is no column 'regin' in the source. Did you mean 'region'?",
        "features.derive.half: 'amunt / 2' uses 'amunt', which the source lacks. Did you mean 'amount'?",
        "retrain_when.business[0].sql: 'AVG(repayed)' uses 'repayed', which the source lacks. Did you mean 'repaid'?",
    ]


def test_a_source_that_cannot_be_reached_is_no_fault(tmp_path: Path) -> None:
    """What does not need the source is checked all the same; the columns are not."""
    assert check_declaration(declare(tmp_path, source=AWAY, features__numeric=["anything"])) == []
    [fault] = check_declaration(declare(tmp_path, source=AWAY, training__estimator="nowhere.Model"))
    assert fault.startswith("training.estimator: There is no module 'nowhere' here.")


def test_an_empty_source_is_no_fault(tmp_path: Path) -> None:
    """A pipeline can be declared before its first file is delivered."""
    assert check_declaration(declare(tmp_path)) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"path": "rows/{day}.parquet"}, "source.path: {day} is not known in "),
        ({"url": "nonsense", "table": "loans"}, "source.url: this is no SQLAlchemy address."),
        ({"function": "nowhere:load"}, "source.function: There is no module 'nowhere' here."),
        (
            {"function": "retrain_assets.lake:hme"},
            "source.function: The module 'retrain_assets.lake' has no 'hme'.",
        ),
    ],
    ids=["path", "url", "module", "function"],
)
def test_an_impossible_source_is_a_fault(tmp_path: Path, source: dict[str, str], fault: str) -> None:
    """An address that can never be opened is told like any other fault, with its field."""
    [found] = check_declaration(declare(tmp_path, source=source | {"timestamp": "asked_at"}))
    assert found.startswith(fault)


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_a_pipeline_whose_source_is_away_can_be_built(tmp_path: Path) -> None:
    """Without a declared start and without its database a pipeline loads, and so do those beside it."""
    assert (
        build_definitions(declare(tmp_path, source=AWAY)).resolve_job_def("loans_ingest").name
        == "loans_ingest"
    )


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_no_secret_of_the_address_is_shown(tmp_path: Path) -> None:
    """The description of the source masks a password, wherever in the address it stands."""
    url = "postgresql+psycopg://ada:lovelace@127.0.0.1:9/loans?sslpassword=byron"
    declaration = declare(tmp_path, source={"url": url, "table": "loans", "timestamp": "asked_at"})
    graph = build_definitions(declaration).resolve_asset_graph()
    shown = "\n".join(str(graph.get(key).description) for key in graph.get_all_asset_keys())
    assert "ada:***@127.0.0.1:9/loans?sslpassword=***" in shown.replace("%2A", "*")
    assert "lovelace" not in shown
    assert "byron" not in shown


def test_checking_imports_nothing_heavy(tmp_path: Path) -> None:
    """A look at estimator, expectations and columns imports no library that takes seconds."""
    write_days(tmp_path, 1)
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, str(tmp_path), json.dumps(ATTRIBUTES)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[] []"
