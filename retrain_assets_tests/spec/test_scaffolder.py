"""`dg scaffold defs`: the file that it writes, from every kind of source that it reads."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click
import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
import yaml

from retrain_assets.attempts import newest_attempt
from retrain_assets.checks import check_history, examine
from retrain_assets.declaration import Declaration
from retrain_assets.pipeline import RetrainingPipeline
from retrain_assets.spec import load_spec
from retrain_assets.spec.scaffolder import PipelineScaffolder, ScaffoldParams
from retrain_assets_tests.parcels import FIRST_DAY as PARCELS_FIRST_DAY
from retrain_assets_tests.parcels import parcels_of
from retrain_assets_tests.pipelines import FIRST_DAY, loans_of
from retrain_assets_tests.running import YOUNG, Running, sentence

pytestmark = YOUNG

DAYS = 40


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The folder that the command is given in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loans(days: int = DAYS, rows: int = 120) -> pl.DataFrame:
    """Rows of several days, with what real tables have besides."""
    frame = pl.concat(loans_of(FIRST_DAY + timedelta(days=day), rows=rows) for day in range(days))
    number = pl.int_range(pl.len())
    return frame.with_columns(
        currency=pl.lit("EUR"),
        written_off=pl.when(number % 500 == 0).then(pl.col("repaid")).otherwise(1 - pl.col("repaid")),
        defaulted_because=pl.when(pl.col("repaid") == 0).then(pl.lit("job lost")),
        customer_id=number % 900,
    )


def scaffold(project: Path, name: str = "loans", **params: str) -> Path:
    """Run the scaffolder as the command does; returns the file that it wrote."""
    folder = project / "defs" / name
    folder.mkdir(parents=True, exist_ok=True)
    given = ScaffoldParams(**({"timestamp": "asked_at", "label": "repaid", "delay": "1d"} | params))
    PipelineScaffolder().scaffold(
        dg.ScaffoldRequest(
            type_name="retrain_assets.RetrainingPipeline",
            target_path=folder,
            scaffold_format="yaml",
            project_root=project,
            params=given,
        )
    )
    return folder / "defs.yaml"


def declared(file: Path) -> Declaration:
    """The written declaration, without a fault."""
    attributes = yaml.safe_load(file.read_text())["attributes"]
    resolved = dg.ResolutionContext.default().resolve_value(attributes)
    declaration = Declaration(load_spec(resolved, file), file)
    assert examine(declaration).faults == []
    return declaration


def all_periods(declaration: Declaration) -> list[str]:
    """Keys of all periods that the source has rows of."""
    start = declaration.source().earliest()
    end = declaration.source().latest()
    assert start is not None
    assert end is not None
    return declaration.partitions.keys_between(start, end + timedelta(microseconds=1))


def test_every_column_is_listed_once(project):
    """Features are listed with their type, suspects in a comment with the reason."""
    rows = loans()
    rows.write_csv(project / "loans.csv")
    text = scaffold(project, path="loans.csv").read_text()
    for column in rows.columns:
        assert re.search(rf"\b{column}\b", text)
    spec = declared(project / "defs" / "loans" / "defs.yaml").spec
    assert spec.features.numeric == ["amount", "age"]
    assert spec.features.categorical == ["region"]
    assert spec.source.key == "loan"
    for line in (
        "# - loan  # unique in every row",
        "# - currency  # constant",
        "# - written_off  # gives the label away in 99.8 % of the rows",
        "# - defaulted_because  # gives the label away in 100.0 % of the rows by being empty or not",
        "# - customer_id  # an identifier by its name: 900 different values",
    ):
        assert line in text


def test_the_written_pipeline_trains(project):
    """The file is used unedited: its rows are taken in, and a candidate is trained and judged."""
    loans().write_csv(project / "loans.csv")
    declaration = declared(scaffold(project, path="loans.csv"))
    running = Running(declaration)
    running.ingest(all_periods(declaration))
    result = running.retrain()
    assert result.success, sentence(result)
    evaluated = newest_attempt(declaration.lake, "evaluated", result.run_id)
    assert evaluated is not None
    assert evaluated.payload["verdict"]["verdict"] == "blessed"


def test_a_label_of_texts_lists_its_classes(project):
    """A label of three texts is written with its classes and a classifier, and the file trains as it is."""
    days = [parcels_of(PARCELS_FIRST_DAY + timedelta(days=number)) for number in range(30)]
    pl.concat(days).write_csv(project / "parcels.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    file = scaffold(project, "parcels", path="parcels.csv", timestamp="sent_at", label="outcome")
    assert (
        '    classes: [late, lost, "on time"]  # in the order of the probabilities; add any that the'
        in file.read_text()
    )
    declaration = declared(file)
    assert declaration.spec.label.class_names == ["late", "lost", "on time"]
    running = Running(declaration)
    running.ingest(all_periods(declaration))
    result = running.retrain()
    assert result.success, sentence(result)
    assert newest_attempt(declaration.lake, "evaluated").payload["verdict"]["verdict"] == "blessed"


def test_few_whole_numbers_may_be_classes(project):
    """Of a label of few whole numbers a comment lists the classes that they may name; the file is a regression's."""
    loans().with_columns(repaid=pl.col("customer_id") % 4).write_csv(project / "loans.csv")
    text = scaffold(project, path="loans.csv").read_text()
    assert (
        "    # classes: [0, 1, 2, 3]  # if these numbers name classes; then choose a classifier below" in text
    )
    assert "HistGradientBoostingRegressor" in text


def test_a_small_table_lowers_the_minimum_of_rows(project):
    """A table with few rows before the holdout gets a minimum that they reach, and a comment that says so."""
    loans(30, rows=20).write_csv(project / "loans.csv")
    file = scaffold(project, path="loans.csv")
    assert "minimum_rows: " in file.read_text()
    assert declared(file).spec.training.minimum_rows < 500


def test_a_delay_that_was_not_given_is_asked_for(project, capsys):
    """Without --delay the file says 0d with a comment, and the command asks for it."""
    loans().write_csv(project / "loans.csv")
    file = scaffold(project, path="loans.csv", delay="")
    assert "delay: 0d  # SET THIS" in file.read_text()
    assert "label.delay is 0d there" in capsys.readouterr().out
    declared(file)


@pytest.mark.parametrize(
    ("pattern", "period"),
    [
        ("days/{partition:%Y-%m-%d}.parquet", "weekly"),
        ("days/{partition:%Y-%m}.parquet", "monthly"),
        ("days/{partition:%G-W%V}.parquet", "weekly"),
        ("days/*.parquet", "weekly"),
    ],
)
def test_files_are_read_by_the_partition_in_their_name(project, pattern, period):
    """The declared period is one that the files' names can tell."""
    (project / "days").mkdir()
    form = re.search(r"\{partition:(.*)\}", pattern)
    name = form[1] if form else "%Y-%m-%d"
    for (key,), part in loans().group_by(pl.col("asked_at").dt.strftime(name), maintain_order=True):
        part.write_parquet(project / "days" / f"{key}.parquet")
    spec = declared(scaffold(project, path=pattern)).spec
    assert spec.source.partition == period
    assert spec.source.path == f"../../{pattern}"


def test_rows_without_a_label_yet_are_no_obstacle(project):
    """The newest rows may lack the label: the sample goes back to rows that have one."""
    (project / "days").mkdir()
    for day in range(30):
        rows = loans_of(FIRST_DAY + timedelta(days=day))
        if day > 12:
            rows = rows.with_columns(repaid=pl.lit(None, pl.Int64))
        rows.write_parquet(project / "days" / f"{FIRST_DAY + timedelta(days=day)}.parquet")
    spec = declared(scaffold(project, path="days/{partition:%Y-%m-%d}.parquet")).spec
    assert spec.label.positive == 1


def test_a_table_of_a_database_is_declared(project):
    """--url and --table read a database; a relative SQLite file is named from the declaration's folder."""
    rows = loans().with_columns(pl.col("asked_at").dt.strftime("%Y-%m-%d %H:%M:%S"))
    engine = sa.create_engine(f"sqlite:///{project / 'shop.db'}", poolclass=sa.NullPool)
    columns = ", ".join(f'"{name}"' for name in rows.columns)
    values = ", ".join(f":{name}" for name in rows.columns)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE loans ({columns})")
        connection.execute(sa.text(f"INSERT INTO loans VALUES ({values})"), rows.to_dicts())
    spec = declared(scaffold(project, url="sqlite:///shop.db", table="loans")).spec
    assert spec.source.url == "sqlite:///../../shop.db"
    assert spec.features.numeric == ["amount", "age"]


def test_a_file_of_another_country_is_read(project):
    """Semicolons, decimal commas and a declared form of the time are found or taken, and declared."""
    rows = loans().with_columns(
        pl.col("asked_at").dt.strftime("%d.%m.%Y %H:%M:%S"),
        pl.col("amount").round(2).cast(pl.String).str.replace(".", ",", literal=True),
    )
    rows.write_csv(project / "loans.csv", separator=";")
    spec = declared(scaffold(project, path="loans.csv", timestamp_format="%d.%m.%Y %H:%M:%S")).spec
    assert (spec.source.read.separator, spec.source.read.decimal) == (";", ",")
    assert spec.source.read.timestamp_format == "%d.%m.%Y %H:%M:%S"
    assert spec.features.numeric == ["amount", "age"]


@pytest.mark.parametrize(
    ("encoding", "text"), [("cp1252", "Köln €"), ("latin-1", "Köln \x81"), ("utf-16", "Köln €")]
)
def test_another_encoding_is_found(project, encoding, text):
    """A file that is no UTF-8 text is read in the encoding that fits, which is declared; its separator is found too."""
    rows = loans().with_columns(
        pl.when(pl.col("age") > 60).then(pl.lit(text)).otherwise("region").alias("region")
    )
    (project / "loans.csv").write_bytes(rows.write_csv(separator=";").encode(encoding))
    file = scaffold(project, path="loans.csv")
    assert f"{encoding}" in re.search(r"encoding: (.*)  # the file is no UTF-8 text;", file.read_text())[1]
    declaration = declared(file)
    assert (declaration.spec.source.read.separator, declaration.spec.source.read.encoding) == (";", encoding)
    found = declaration.source().head(["region"])
    assert found is not None
    assert text in found["region"].to_list()


def test_a_misspelt_timestamp_is_told_with_the_nearest_column(project):
    """Columns are separated although none of them is the named one."""
    loans(3).write_csv(project / "loans.csv", separator=";")
    with pytest.raises(click.ClickException) as caught:
        scaffold(project, path="loans.csv", timestamp="asked")
    assert caught.value.message == (
        f"{project / 'loans.csv'}: source.timestamp: there is no column 'asked'. Did you mean 'asked_at'?"
    )


def test_a_word_that_stands_for_no_number_is_found(project):
    """Numbers but for NA are numbers: the word is declared, with its columns; decimal commas are found too."""
    rows = loans().with_columns(
        pl.col("amount").round(2).cast(pl.String).str.replace(".", ",", literal=True),
        pl.when(pl.col("age") > 70).then(pl.lit("NA")).otherwise(pl.col("age").cast(pl.String)).alias("age"),
    )
    rows.write_csv(project / "loans.csv", separator=";")
    file = scaffold(project, path="loans.csv")
    assert 'null_values: ["NA"]  # no number in: age' in file.read_text()
    spec = declared(file).spec
    assert (spec.source.read.null_values, spec.source.read.decimal) == (["NA"], ",")
    assert spec.features.numeric == ["amount", "age"]
    assert spec.features.categorical == ["region"]


def test_a_mistyped_time_hides_no_other_row(project):
    """One time that cannot be read is left to the run that takes its period in, which names it."""
    rows = loans().with_columns(pl.col("asked_at").dt.strftime("%d.%m.%Y %H:%M:%S"))
    rows[50, "asked_at"] = "31.02.2026 10:00:00"
    rows.write_csv(project / "loans.csv")
    spec = declared(scaffold(project, path="loans.csv", timestamp_format="%d.%m.%Y %H:%M:%S")).spec
    assert spec.features.numeric == ["amount", "age"]


def test_a_time_at_the_end_of_the_calendar_hides_no_other_row(project):
    """A row of the year 9999 lies ahead, and what lies ahead is not taken in."""
    rows = loans()
    rows[50, "asked_at"] = datetime(9999, 12, 31, tzinfo=UTC)
    rows.write_parquet(project / "loans.parquet")
    declaration = declared(scaffold(project, path="loans.parquet"))
    assert declaration.spec.features.numeric == ["amount", "age"]
    assert check_history(declaration) == []


def test_a_word_among_the_numbers_of_a_label_is_named(project):
    """A label that would be numbers but for a word that may mean something is refused with that word."""
    rows = loans().with_columns(pl.col("amount").cast(pl.String))
    rows[50, "amount"] = "gratis"
    rows.write_csv(project / "loans.csv")
    with pytest.raises(
        click.ClickException, match="Most of its texts are numbers, and 'gratis' is none: leave"
    ):
        scaffold(project, path="loans.csv", label="amount")


def test_codes_with_leading_zeros_are_categories(project):
    """Digits that begin with a zero are codes, and stay the texts that they are; other digits are numbers."""
    rows = loans().with_columns(
        branch=pl.Series([f"{number % 13:03}" for number in range(loans().height)]),
        share=pl.Series([f"0.{number % 9}" for number in range(loans().height)]),
    )
    rows.write_csv(project / "loans.csv")
    declaration = declared(scaffold(project, path="loans.csv"))
    assert declaration.spec.features.categorical == ["region", "branch"]
    assert declaration.spec.features.numeric == ["amount", "age", "share"]
    found = declaration.source().head(["branch"])
    assert found is not None
    assert found["branch"][:2].to_list() == ["000", "001"]


@pytest.mark.parametrize("words", [["north", "NA"], ["unknown", "5"]])
def test_words_among_words_are_no_missing_numbers(project, words):
    """A column that holds other words too, or one that is not known to mean nothing, stays text."""
    rows = loans().with_columns(pl.Series("region", (words * 3000)[: loans().height]))
    rows.write_csv(project / "loans.csv")
    spec = declared(scaffold(project, path="loans.csv")).spec
    assert spec.source.read.null_values == []
    assert spec.features.categorical == ["region"]


def test_the_length_of_the_holdout_has_its_reason(project):
    """Whoever reads the file learns where the holdout's length comes from."""
    loans().write_csv(project / "loans.csv")
    assert re.search(
        r"holdout: \w+  # the newest rows, kept to judge by: an eighth of",
        scaffold(project, path="loans.csv").read_text(),
    )


def test_when_training_ends_and_a_tick_waits_is_written_beside_the_fields(project):
    """The file tells the window, how far training lies behind, and that a tick may pass; the trigger beside it loads."""
    loans().write_csv(project / "loans.csv")
    file = scaffold(project, path="loans.csv", delay="2d")
    text = file.read_text()
    spec = declared(file).spec
    assert "window: {type: expanding}  # all history" in text
    lag = (spec.evaluation.holdout + 2 * timedelta(days=2)).days
    assert (
        f"# Training ends {lag} days before the newest period taken in does: the holdout and two label"
        in text
    )
    assert re.search(r"# A tick retrains only if .* 10 % of the\n.*\n    schedule: ", text)
    file.write_text(text.replace("# performance: ", "performance: "))
    trigger = declared(file).spec.retrain_when.performance
    assert trigger is not None
    assert (trigger.metric, trigger.over) == ("log_loss", spec.evaluation.holdout)
    repaid = loans()["repaid"].mean()
    entropy = -repaid * math.log(repaid) - (1 - repaid) * math.log(1 - repaid)
    assert trigger.drop == pytest.approx(0.05 * entropy, rel=0.05)


def test_an_alarm_for_a_regression_is_in_the_units_of_the_label(project):
    """The suggested fall is a share of what the median is off by, written out."""
    loans().with_columns(repaid=pl.int_range(pl.len()) % 11 * 1e7).write_csv(project / "loans.csv")
    text = scaffold(project, path="loans.csv").read_text()
    assert "# performance: {metric: mean_absolute_error, drop: 1400000, over: " in text


def test_an_address_may_come_from_the_environment(project, monkeypatch):
    """A template is resolved for the sample, and stands in the file as it was given."""
    loans().write_csv(project / "loans.csv")
    monkeypatch.setenv("SHOP", str(project))
    file = scaffold(project, path="{{ env.SHOP }}/loans.csv")
    assert 'path: "{{ env.SHOP }}/loans.csv"' in file.read_text()
    declared(file)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "Give exactly one of --path and --url."),
        ({"path": "a.csv", "url": "sqlite:///a.db"}, "Give exactly one of --path and --url."),
        ({"url": "sqlite:///a.db"}, "With --url, give --table."),
        (
            {"url": "postgresql://user:secret@host/shop", "table": "loans"},
            "The address holds a password, which would stand in the file. Put the address into an environment "
            "variable and name that: --url '{{ env.WAREHOUSE }}'.",
        ),
        (
            {"path": "{{ env.NOWHERE_SET }}/loans.csv"},
            "The environment variable NOWHERE_SET is not set. Set it: '{{ env.NOWHERE_SET }}/loans.csv' names it.",
        ),
        (
            {"path": "loans.csv", "timestamp": ""},
            "Give --timestamp, the column with the event time of a row. These columns look like times: asked_at.",
        ),
        (
            {"path": "loans.csv", "label": ""},
            "Give --label, the column to predict. There are the columns: loan, amount, age, region, repaid, currency, "
            "written_off, defaulted_because, customer_id.",
        ),
        (
            {"path": "timeless.csv", "timestamp": "", "label": ""},
            "Give --timestamp, the column with the event time of a row. There are the columns: region, repaid.\n"
            "Give --label, the column to predict. There are the columns: region, repaid.",
        ),
        (
            {"path": "loans.csv", "label": "repayed"},
            "The source has no column 'repayed' to be the label. Did you mean 'repaid'?",
        ),
        (
            {"path": "loans.csv", "delay": "soon"},
            "dg scaffold: label.delay: 'soon' is no duration: write a number and a unit, such as 30m, 12h, 7d "
            "or 4w.",
        ),
    ],
)
def test_a_wrong_option_is_told_in_a_sentence(project, params, said):
    """A fault is one sentence, and neither file nor folder is left behind."""
    loans(3).write_csv(project / "loans.csv")
    loans(3).select("region", "repaid").write_csv(project / "timeless.csv", separator=";")
    with pytest.raises(click.ClickException) as caught:
        scaffold(project, **params)
    assert caught.value.message == said
    assert not (project / "defs" / "loans").exists()


def test_every_option_is_explained():
    """What `--help` says of the component names each option: Dagster shows no description of an option itself."""
    explained = str(RetrainingPipeline.__doc__)
    options = ScaffoldParams.model_json_schema()["properties"]
    assert all(f"--{name.replace('_', '-')}" in explained for name in options)


def test_columns_are_asked_for_with_no_rows_to_look_at(project):
    """Where there is nothing to name columns from, that is what is told."""
    with pytest.raises(click.ClickException) as caught:
        scaffold(project, path="missing.csv", timestamp="", label="")
    assert caught.value.message == f"{project / 'missing.csv'}: there is no such file. Check --path."


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("missing.csv", "there is no such file. Check --path."),
        ("header.csv", "there are no rows to look at. Check the address."),
        (
            "loans.xlsx",
            "the file is neither Parquet nor CSV by its name. Save it as one of them, with the ending ",
        ),
        (
            "german.csv",
            "no value of the column 'asked_at' can be read as a time; the first is '05.01.2026', which '%d.%m.%Y' would "
            "read. Give its form with --timestamp-format, or another column.",
        ),
        ("empty.csv", "the file is empty (0 bytes)."),
        ("when.csv", "source.timestamp: there is no column 'asked_at'."),
    ],
)
def test_a_source_that_cannot_be_read_is_told_in_a_sentence(project, file, said):
    """A missing or empty file, or one without the timestamp, is named with what is wrong."""
    (project / "empty.csv").touch()
    (project / "loans.xlsx").write_bytes(b"PK")
    (project / "header.csv").write_text("asked_at,repaid\n")
    pl.DataFrame({"asked_at": ["05.01.2026"], "repaid": [1]}).write_csv(project / "german.csv")
    pl.DataFrame({"when": [date(2026, 1, 5)], "repaid": [1]}).write_csv(project / "when.csv")
    with pytest.raises(click.ClickException) as caught:
        scaffold(project, path=file)
    assert file in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("folder", "name"), [("Churn-2", "churn_2"), ("2026 churn", "model_2026_churn"), ("Ä", "model")]
)
def test_the_name_comes_from_the_folder(project, folder, name):
    """A folder whose name is no pipeline's name is renamed to one in the declaration."""
    loans(3).write_csv(project / "loans.csv")
    assert declared(scaffold(project, folder, path="loans.csv")).name == name
