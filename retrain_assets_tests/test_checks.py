"""What is found wrong with a declaration when it is loaded, beyond its form."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from retrain_assets.checks import check_history, examine
from retrain_assets.findings import Findings
from retrain_assets.pipeline import build_definitions
from retrain_assets.training_data.ingest import ingest
from retrain_assets.training_data.label_source.intake import take_labels
from retrain_assets_tests.bad_input.declarations import attributes, load_project
from retrain_assets_tests.pipelines import (
    ATTRIBUTES,
    CSV,
    FIRST_DAY,
    declare,
    loans_of,
    write_days,
    write_texts,
)
from retrain_assets_tests.training_data.label_source.late import book, bookings_of, deliver, late

AWAY = {"url": "sqlite:///away.db", "table": "loans", "timestamp": "asked_at"}

IMPORTS = """
import json, sys
from pathlib import Path
from retrain_assets.checks import examine
from retrain_assets.declaration import Declaration
from retrain_assets.spec import load_spec
folder = Path(sys.argv[1])
declaration = Declaration(load_spec(json.loads(sys.argv[2]), "defs.yaml"), folder / "defs.yaml")
heavy = {"mlflow", "dagster_mlflow", "great_expectations", "sklearn", "pandas"}
print(examine(declaration).faults, sorted(heavy & set(sys.modules)))
"""


def test_the_period_of_a_pipeline_that_runs_is_a_fault(tmp_path: Path) -> None:
    """Rows that were taken in day by day would be there twice, if they were taken in week by week as well."""
    taken = declare(tmp_path)
    list(ingest(taken, write_days(tmp_path, 3), "run"))
    assert examine(taken).faults == []
    assert examine(declare(tmp_path, source__partition="weekly")).faults == [
        "source.partition: weekly is declared, and the rows of loans were taken in as daily partitions. They would be "
        "there twice: declare daily again, or start a pipeline anew under another name."
    ]


def test_a_sound_declaration_has_no_fault(tmp_path: Path) -> None:
    """Names, types and expressions that fit the source are passed in silence."""
    write_days(tmp_path, 1)
    assert examine(declare(tmp_path, features__derive={"half": "amount / 2"})).faults == []


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
    assert examine(wrong).faults == [
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
    assert examine(declare(tmp_path, source=AWAY, features__numeric=["anything"])).faults == []
    [fault] = examine(declare(tmp_path, source=AWAY, training__estimator="nowhere.Model")).faults
    assert fault.startswith("training.estimator: There is no module 'nowhere' here.")


def test_an_empty_source_is_no_fault(tmp_path: Path) -> None:
    """A pipeline can be declared before its first file is delivered."""
    assert examine(declare(tmp_path)).faults == []


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
    [found] = examine(declare(tmp_path, source=source | {"timestamp": "asked_at"})).faults
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


@pytest.mark.parametrize(
    ("columns", "changes", "fault"),
    [
        (
            {"asked_at": ["31.01.2026", "01.02.2026"]},
            {"source__read": {"timestamp_format": "%Y-%m-%d"}},
            "source.read.timestamp_format: by '%Y-%m-%d' no value of the column 'asked_at' can be read as a time; the "
            "first is '31.01.2026', which '%d.%m.%Y' would read. Another column can be named in source.timestamp.",
        ),
        (
            {"asked_at": ["1 Jan"]},
            {},
            "source.read.timestamp_format: it is not declared, and no value of the column 'asked_at' can be read as a "
            "time; the first is '1 Jan'. Another column can be named in source.timestamp.",
        ),
        (
            {"repaid": ["ja", "nein"]},
            {"label__positive": "JA"},
            "label.positive: none of the first 200 labels equals 'JA'; the column 'repaid' holds 'ja', 'nein'. Did you "
            "mean 'ja'?",
        ),
        (
            {"repaid": ["no", "yes"]},
            {"label__positive": True},
            "label.positive: none of the first 200 labels equals True; the column 'repaid' holds 'no', 'yes'. YAML "
            "reads yes, no, on and off as true and false: put the word in quotes.",
        ),
        (
            {"repaid": ["no", "yes"]},
            {},
            "label.positive: it is not declared, and the column 'repaid' holds 'no', 'yes'. Declare which of them is "
            "to be predicted.",
        ),
    ],
    ids=["form of time", "no form of time", "spelling", "YAML's yes", "no positive"],
)
def test_first_rows_that_fit_no_declaration(
    tmp_path: Path, columns: dict[str, list[str]], changes: dict[str, object], fault: str
) -> None:
    """A new pipeline is refused for what its first rows say; once rows are in, a broken delivery is a doubt."""
    write_texts(tmp_path, **columns)
    declaration = declare(tmp_path, **{"source": dict(CSV), **changes})
    assert examine(declaration) == Findings([fault], [])
    write_days(tmp_path, 1)
    list(ingest(declare(tmp_path), [FIRST_DAY.isoformat()], "run"))
    assert examine(declaration) == Findings([], [fault])


def in_german(folder: Path, separator: str = ";") -> Path:
    """Write loans as CSV with decimal commas."""
    loans_of(FIRST_DAY, rows=200).with_columns(
        pl.format("{},5", "age").alias("age"),
        pl.concat_str(pl.col("amount").cast(pl.Int64), pl.lit(",25")).alias("amount"),
    ).write_csv(folder / "loans.csv", separator=separator, datetime_format="%Y-%m-%d %H:%M:%S")
    return folder / "loans.csv"


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """What reading stumbles over is a fault of a new pipeline, and a doubt once rows are in."""
    file = in_german(tmp_path)
    declaration = declare(tmp_path, source=CSV)
    told = (
        f"{file}: the file is no valid CSV: found more fields than defined in 'Schema'. Check source.read.separator, "
        "or deliver it again."
    )
    assert examine(declaration) == Findings([told], [])
    write_days(tmp_path, 1)
    list(ingest(declare(tmp_path), [FIRST_DAY.isoformat()], "run"))
    assert examine(declaration) == Findings([], [told])


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
def test_a_column_that_the_source_has_lost_is_a_doubt(tmp_path: Path) -> None:
    """A delivery without a declared column, or with another type of it, is withheld and leaves the pipeline loaded."""
    write_days(tmp_path, 1)
    declaration = declare(tmp_path, source={**CSV, "path": "loans.parquet"})
    loans_of(FIRST_DAY).write_parquet(tmp_path / "loans.parquet")
    list(ingest(declaration, [FIRST_DAY.isoformat()], "run"))
    for broken in (
        pl.exclude("amount"),
        pl.exclude("asked_at"),
        pl.exclude("repaid"),
        pl.all().cast(pl.String),
    ):
        loans_of(FIRST_DAY).select(broken).write_parquet(tmp_path / "loans.parquet")
        found = examine(declaration)
        assert (found.faults, found.doubts != []) == ([], True)
        build_definitions(declaration).get_repository_def()
    renamed = declare(tmp_path, source={**CSV, "path": "loans.parquet"}, label__column="payed")
    assert "label.column: there is no column 'payed' in the source." in examine(renamed).faults[0]


def test_labels_that_have_lost_a_column_are_a_doubt(tmp_path: Path) -> None:
    """A delivery of labels without a declared column is a fault of new labels, and a doubt once some are in."""
    declaration = late(tmp_path)
    list(ingest(declaration, deliver(tmp_path, 1), "rows"))
    booked = bookings_of(FIRST_DAY)
    book(tmp_path, FIRST_DAY, booked.drop("outcome"))
    assert len(examine(declaration).faults) == 1
    book(tmp_path, FIRST_DAY, booked)
    take_labels(declaration, "labels")
    book(tmp_path, FIRST_DAY, booked.drop("outcome"))
    found = examine(declaration)
    assert (found.faults, len(found.doubts)) == ([], 1)
    assert "label.source.column: there is no column 'outcome' in the source." in found.doubts[0]


def test_labels_that_cannot_be_read_are_a_doubt(tmp_path: Path) -> None:
    """A file of labels that cannot be read is told with the field of its source, and the pipeline loads."""
    write_days(tmp_path, 1)
    file = in_german(tmp_path)
    declaration = declare(
        tmp_path,
        label__source={"path": "loans.csv", "known_at": "asked_at", "key": "loan"},
        label__column="paid_back",
    )
    found = examine(declaration)
    assert found.faults == []
    assert found.doubts == [
        f"{file}: the file is no valid CSV: found more fields than defined in 'Schema'. Check "
        "label.source.read.separator, or deliver it again."
    ]


def test_a_decimal_comma_is_told_once(tmp_path: Path) -> None:
    """Numbers with a decimal comma are told in one sentence with the field that reads them."""
    file = in_german(tmp_path)
    read = {"separator": ";"}
    assert examine(declare(tmp_path, source=CSV | {"read": read})).faults == [
        f"{file}: source.read.decimal: the columns 'amount' and 'age' hold numbers with a decimal comma, such as "
        f'{pl.read_csv(file, separator=";")["amount"][0]!r}. Declare decimal: "," there.'
    ]
    assert examine(declare(tmp_path, source=CSV | {"read": read | {"decimal": ","}})).faults == []


def test_a_separator_that_separates_nothing_is_told(tmp_path: Path) -> None:
    """A header that is one name is told as such, with the separator that it holds."""
    loans_of(FIRST_DAY).write_csv(tmp_path / "loans.csv", separator=";")
    assert examine(declare(tmp_path, source=CSV)).faults == [
        f"{tmp_path / 'loans.csv'}: source.read.separator: by ',' the file has a single column, "
        "'loan;asked_at;amount;age;region;repaid'. Declare ';' there."
    ]


def test_a_class_that_is_rare_is_a_doubt(tmp_path: Path) -> None:
    """What the first rows lack may come later: it is told, and the pipeline loads."""
    write_texts(tmp_path, repaid=["late", "paid"])
    declaration = declare(tmp_path, source=CSV, label__positive="fraud")
    doubt = (
        "label.positive: none of the first 200 labels equals 'fraud'; the column 'repaid' holds 'late', 'paid'. Mend "
        "it, unless that class is too rare to be among them."
    )
    assert examine(declaration) == Findings([], [doubt])


@pytest.mark.parametrize("declared", [{"positive": "1"}, {"classes": ["0", "1", "2"]}])
def test_a_quoted_number_is_no_label_of_numbers(tmp_path: Path, declared: dict[str, object]) -> None:
    """A label of numbers equals no text, and the quotes are named."""
    write_days(tmp_path, 1)
    label = {"column": "repaid", "delay": "1d"} | declared
    [fault] = examine(declare(tmp_path, label=label, evaluation={})).faults
    assert fault.endswith("What stands in quotes is a text: write numbers without.")


def test_gaps_in_amounts_of_money_are_a_doubt(tmp_path: Path) -> None:
    """A column of amounts that is empty in labelled rows is told once, with what the reports will lack."""
    amount = pl.when(pl.int_range(pl.len()) % 4 > 0).then("amount").alias("lost")
    gaps = loans_of(FIRST_DAY, rows=200).with_columns(amount)
    gaps = gaps.with_columns(pl.when(pl.int_range(pl.len()) < 100).then("repaid").alias("repaid"))
    worth = {"true_positive": "lost", "false_positive": -9, "true_negative": 0, "false_negative": "lost"}
    value = worth | {"currency": "EUR"}
    changes = {"source": CSV, "promotion__value": value, "evaluation__sensitive": ["region"]}
    gaps.write_csv(tmp_path / "loans.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    assert examine(declare(tmp_path, **changes)) == Findings(
        [],
        [
            "promotion.value.true_positive: the column 'lost' holds no number in 25 of the first 100 labelled rows. A "
            "report whose rows have such gaps lacks the gain in money and fairness by decisions. Deliver an amount for "
            "every row, or name another column."
        ],
    )
    gaps.with_columns(pl.col("lost").fill_null(0.0)).write_csv(
        tmp_path / "loans.csv", datetime_format="%Y-%m-%d %H:%M:%S"
    )
    assert examine(declare(tmp_path, **changes)) == Findings([], [])


def test_a_weight_of_texts_is_a_fault(tmp_path: Path) -> None:
    """Rows are weighed by numbers."""
    write_days(tmp_path, 1)
    [fault] = examine(declare(tmp_path, weight="region")).faults
    assert fault.endswith(
        ": weight: the column 'region' holds text. Name a column that holds numbers otherwise."
    )


@pytest.mark.parametrize(
    ("days", "changes", "told"),
    [
        (
            9,
            {},
            "evaluation.holdout: 7d and two label delays of 1d are kept from training, and the source's rows span 9 ",
        ),
        (
            12,
            {"source__start": "2026-01-10"},
            "evaluation.holdout: 7d and two label delays of 1d are kept from ",
        ),
        (
            7,
            {"label__delay": "0d"},
            "evaluation.holdout: 7d is kept from training, and the source's rows span 7 days. ",
        ),
        (
            9,
            {"source__start": "2026-03-01"},
            "source.start: 2026-03-01 lies after the newest rows, of 2026-01-13. No row ",
        ),
        (10, {}, None),
        (3, {"evaluation__holdout": "90d", "source": AWAY}, None),
    ],
)
def test_a_history_that_the_holdout_takes_up(
    tmp_path: Path, days: int, changes: dict[str, object], told: str | None
) -> None:
    """A new pipeline is told where no row is left to train on; it loads, for rows may come."""
    write_days(tmp_path, days)
    doubts = check_history(declare(tmp_path, **changes))
    assert [doubt.startswith(told or "") for doubt in doubts] == ([] if told is None else [True])
    list(ingest(declare(tmp_path), [FIRST_DAY.isoformat()], "run"))
    assert check_history(declare(tmp_path, **changes)) == []


@pytest.mark.parametrize("path", ["../away.csv", "../rows/{partition:%Y-%m-%d}.csv"])
def test_a_path_without_any_file_is_a_doubt(tmp_path: Path, path: str) -> None:
    """A file may still come, so that the pipeline loads; the path is written as a reader would follow it."""
    declaration = declare(tmp_path / "loans", source={"path": path, "timestamp": "asked_at"})
    shown = tmp_path / path.removeprefix("../")
    doubt = f"source.path: There is no file of the form {shown} yet. Deliver it, or mend source.path."
    assert examine(declaration) == Findings([], [doubt])


def test_a_path_from_another_folder_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file lies below the folder that the user works in, the path to it is offered."""
    loans_of(FIRST_DAY).write_csv(tmp_path / "loans.csv")
    monkeypatch.chdir(tmp_path)
    [doubt] = examine(declare(tmp_path / "defs" / "loans", source=CSV)).doubts
    assert doubt.endswith(
        "A relative path begins at the folder of the declaration: did you mean '../../loans.csv'?"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"path": "rows"}, "source.path is a folder. Name its files, such as *.parquet."),
        (
            {"url": "sqlite:///loans.db", "table": "loan"},
            "no such table: loan. Check source.table, source.query",
        ),
    ],
    ids=["folder", "table"],
)
def test_a_source_that_cannot_be_read_is_a_doubt(tmp_path: Path, source: dict[str, str], said: str) -> None:
    """What keeps the source from being looked at is told at once, for it may be an address that is wrong."""
    write_days(tmp_path, 1)
    loans_of(FIRST_DAY).write_database("loans", f"sqlite:///{tmp_path}/loans.db")
    found = examine(declare(tmp_path, source=source | {"timestamp": "asked_at"}))
    assert found.faults == []
    assert [said in doubt for doubt in found.doubts] == [True]


def test_the_first_rows_of_a_table_are_looked_at(tmp_path: Path) -> None:
    """A database's labels are looked at like those of a file."""
    loans_of(FIRST_DAY).write_database("loans", f"sqlite:///{tmp_path}/loans.db")
    source = {"url": "sqlite:///loans.db", "table": "loans", "timestamp": "asked_at"}
    [doubt] = examine(declare(tmp_path, source=source, label__positive=3)).doubts
    assert doubt.startswith(
        "label.positive: none of the first 120 labels equals 3; the column 'repaid' holds 0, 1."
    )


def test_a_doubt_is_told_by_whoever_loads_the_code_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Loading goes on with a warning in the log, which names file and field."""
    caplog.set_level(logging.WARNING, logger="dagster")
    load_project(tmp_path, monkeypatch, attributes())
    [record] = [record for record in caplog.records if "source.path" in record.message]
    assert record.levelname == "WARNING"
    assert "loans/defs.yaml: source.path: There is no file of the form " in record.message
