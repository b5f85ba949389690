"""Bad deliveries, each taken in by a real ingest run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from urllib.parse import quote

import dagster as dg
import numpy as np
import polars as pl
import pytest

from retrain_assets.champion.loading import load_version
from retrain_assets.declaration import Declaration
from retrain_assets.pipeline import build_definitions
from retrain_assets.training_data.sources.file_table import Table
from retrain_assets_tests.bad_input.case import Case, all_but_the_new_day, entries, every_row, failure
from retrain_assets_tests.bad_input.history import DAYS, FIRST_DAY, LAST, NEXT, History, Outcome, good_rows

Change = Callable[[pl.DataFrame], pl.DataFrame]

FILE = f"{{folder}}/rows/{LAST}.parquet"
CSV = f"{{folder}}/rows/{LAST}.csv"
_CSV_PATH = "rows/{partition:%Y-%m-%d}.csv"
PASSWORD = "Tr0ub4dor&3"
RULE = "expect_column_values_to_be_between(min_value=0)"


def _refused(history: History, outcome: Outcome) -> list[str]:
    """The problem of a withheld day, which its check, the event log and the lake tell alike."""
    passed, metadata = outcome.checks["partition_is_accepted"]
    assert outcome.success
    assert not passed
    assert outcome.materialized == ()
    record = history.delivery()
    assert (record["accepted"], record["rows"], record["problem"]) == (True, 120, metadata["problem"])
    return [metadata["problem"]]


def _delivered(change: Change, history: History, request: pytest.FixtureRequest) -> list[str]:
    """Deliver a day again, which is then withheld; what was accepted before stays."""
    del request
    history.deliver(frame=change(good_rows()))
    return _refused(history, history.ingest())


def _written(change: Callable[[bytes], bytes], history: History, request: pytest.FixtureRequest) -> list[str]:
    del request
    file = history.deliver()
    file.write_bytes(change(file.read_bytes()))
    return _refused(history, history.ingest())


def _by_csv(change: Callable[[str], str], history: History, request: pytest.FixtureRequest) -> list[str]:
    """Deliver a day again, as a CSV file that is refused."""
    del request
    (history.folder / "rows" / f"{LAST}.csv").write_text(change(_csv(good_rows())))
    return _refused(history, history.ingest(declaration=history.declare(source__path=_CSV_PATH)))


def _csv(rows: pl.DataFrame) -> str:
    return rows.with_columns(pl.col("asked_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv()


def _in_line(number: int, change: Callable[[str], str], text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:number], change(lines[number]), *lines[number + 1 :]])


def _no_readable_times(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A file whose timestamps have another form is not taken for one without rows: the source sensor tells."""
    del request
    rows = good_rows().with_columns(pl.col("asked_at").dt.strftime("%d/%m/%Y"))
    rows.write_csv(history.folder / "rows" / "all.csv")
    return [_skipped(history, history.declare(source__path="rows/all.csv"))]


def _skipped(history: History, declaration: Declaration) -> str:
    sensor = build_definitions(declaration).resolve_sensor_def("loans_source_sensor")
    with dg.DagsterInstance.local_temp(str(history.home / "dagster")) as instance:
        return str(sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).skip_message)


def _put_aside(
    change: Change, history: History, request: pytest.FixtureRequest, **declared: str
) -> list[str]:
    """Deliver a day's good rows again with bad ones among them."""
    del request
    bad = change(good_rows().head(2).with_columns(loan=pl.Series(["new-1", "new-2"])))
    history.deliver(frame=pl.concat([good_rows(), bad]))
    outcome = history.ingest(declaration=history.declare(**declared))
    passed, metadata = outcome.checks["partition_is_accepted"]
    assert passed
    assert (metadata["rows"], metadata["quarantined"]) == (120, 2)
    return entries(history, LAST)


def _new_day(change: Change, history: History) -> Outcome:
    history.deliver(NEXT, change(good_rows(NEXT)))
    outcome = history.ingest(NEXT)
    assert outcome.success
    return outcome


def _scores(history: History, day: date) -> pl.Series:
    return history.declare().lake.rows("predictions", [day.isoformat()]).sort("row_id").collect()["score"]


def _unstamped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(asked_at=pl.lit(None, pl.Datetime("us", "UTC")))


def _zones(first: str, second: str, rows: pl.DataFrame) -> pl.DataFrame:
    texts = [
        rows["asked_at"].head(60).dt.strftime(f"%Y-%m-%dT%H:%M:%S{first}"),
        rows["asked_at"].tail(60).dt.strftime(f"%Y-%m-%dT%H:%M:%S{second}"),
    ]
    return rows.with_columns(asked_at=pl.concat(texts))


def _later(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(asked_at=pl.col("asked_at") + timedelta(days=1))


def _kept_where_it_came(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A row of another day stays with the file that brought it; its timestamp decides which window it is in."""
    del request
    outcome = _new_day(
        lambda rows: pl.concat([rows, good_rows(LAST).head(2).with_columns(loan=pl.Series(["a", "b"]))]),
        history,
    )
    stored = history.declare().lake.rows("training_data", [NEXT.isoformat()]).collect()
    early = stored.filter(pl.col("asked_at").dt.date() == LAST)
    assert early["loan"].to_list() == ["a", "b"]
    assert history.quarantine(NEXT) == []
    return [outcome.metadata["predictions"]["said"]]


def _unseen_category(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A category that the champion never saw is scored like every other that it never saw."""
    del request
    outcome = _new_day(lambda rows: rows.with_columns(region=pl.lit("moon")), history)
    scores = _scores(history, NEXT)
    declaration = history.declare()
    model = load_version("loans", 1, declaration.trusted_modules())
    raw = declaration.lake.rows("training_data", [NEXT.isoformat()]).sort("row_id").collect()
    known = model.predict(raw.with_columns(region=pl.lit("north")))
    np.testing.assert_array_equal(model.predict(raw.with_columns(region=pl.lit("mars"))), scores)
    assert not np.array_equal(known, scores.to_numpy())
    return [outcome.metadata["predictions"]["said"]]


def _not_finite(history: History, request: pytest.FixtureRequest) -> list[str]:
    """NaN and infinity count as no value; where an expectation sets a bound, infinity breaks it."""
    del request
    values = pl.Series([float("nan"), float("inf"), float("-inf")])
    _new_day(
        lambda rows: pl.concat(
            [rows, rows.head(3).with_columns(loan=pl.Series(["a", "b", "c"]), amount=values)]
        ),
        history,
    )
    lake = history.declare().lake
    key = [NEXT.isoformat()]
    chosen = lake.rows("training_data", key).filter(pl.col("loan").is_in(["a", "b"])).select("row_id")
    features = lake.rows("features", key).join(chosen, on="row_id", how="semi").collect()
    assert features["amount"].to_list() == [None, None]
    assert _scores(history, NEXT).is_finite().all()
    assert _scores(history, NEXT).len() == 122
    return entries(history, NEXT)


def _no_rows(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A day without rows is taken in, and the expectation about its rows tells."""
    del request
    outcome = _new_day(lambda rows: rows.clear(), history)
    assert history.delivery(NEXT)["accepted"]
    passed, metadata = outcome.checks["expect_table_row_count_to_be_between"]
    assert not passed
    return [metadata["sentence"]]


def _no_labels(dtype: pl.DataType, history: History, request: pytest.FixtureRequest) -> list[str]:
    """A day whose labels are all missing is taken in and scored: they may come later."""
    del request
    outcome = _new_day(lambda rows: rows.with_columns(repaid=pl.lit(None, dtype)), history)
    return [outcome.metadata["predictions"]["said"]]


def _exact_duplicates(history: History, request: pytest.FixtureRequest) -> list[str]:
    del request
    history.deliver(frame=pl.concat([good_rows(), good_rows().head(2)]))
    outcome = history.ingest()
    passed, metadata = outcome.checks["partition_is_accepted"]
    assert passed
    return [f"{metadata['duplicates']} duplicates, {metadata['quarantined']} quarantined"]


def _breaks_an_expectation(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A day that breaks a critical expectation is withheld, with its rows in quarantine."""
    told = _delivered(lambda rows: rows.with_columns(amount=pl.lit(-1.0)), history, request)
    assert len(entries(history, LAST)) == 120
    return [*told, *entries(history, LAST)[:1]]


def _called_count(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A pipeline whose category is called ``count`` goes all the way, beside the other one."""
    del request
    declaration = history.declare(
        name="counts",
        source__path="counts/{partition:%Y-%m-%d}.parquet",
        features={"numeric": ["amount", "age"], "categorical": ["count"], "derive": {"half": "amount / 2"}},
        evaluation__slices=["count"],
        retrain_when={"drift": {"psi": 0.2}},
        expectations=[{"type": "expect_column_values_to_not_be_null", "column": "count"}],
    )
    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS + 1)]
    (history.folder / "counts").mkdir()
    for day in days:
        file = history.folder / "counts" / f"{day}.parquet"
        good_rows(day).rename({"region": "count"}).write_parquet(file)
    outcomes = [
        history.ingest(days[0], days[-2], declaration=declaration),
        history.retrain(declaration),
        history.ingest(days[-1], declaration=declaration),
    ]
    assert [outcome.sentence for outcome in outcomes] == [None, None, None]
    return [outcomes[-1].metadata["predictions"]["said"]]


def _changed_while_read(history: History, request: pytest.FixtureRequest) -> list[str]:
    """A file that is written while it is read is refused, and read again at the next tick."""
    del request
    read = Table.frame
    history.deliver(frame=good_rows().head(60))

    def read_while_another_writes(table: Table, *arguments: pl.Expr | None) -> pl.DataFrame:
        rows = read(table, *arguments)
        history.deliver()
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "frame", read_while_another_writes)
        outcome = history.ingest()
    assert history.delivery()["fingerprint"] == ""
    return _refused(history, outcome)


def _wrong_password(history: History, request: pytest.FixtureRequest) -> list[str]:
    """The password of a database that refuses it is told to nobody and written nowhere."""
    cluster = request.getfixturevalue("postgres")
    logged = request.getfixturevalue("caplog")
    printed = request.getfixturevalue("capfd")
    url = f"{cluster.url(quote(PASSWORD, safe=''))}?application_name=loans"
    declaration = history.declare(source={"url": url, "table": "loans", "timestamp": "asked_at"})
    outcome = replace(history, recorded=True).ingest(declaration=declaration)
    told = [*failure(outcome), _skipped(history, declaration)]
    shown = printed.readouterr()
    for form in (PASSWORD, quote(PASSWORD, safe="")):
        assert form not in "\n".join([*told, outcome.said, logged.text, shown.out, shown.err])
        for path in history.home.rglob("*"):
            assert not path.is_file() or form.encode() not in path.read_bytes(), path
    return [sentence.replace(str(cluster.port), "PORT") for sentence in told]


_UNREACHED = (
    "postgresql+psycopg://tester:***@127.0.0.1:PORT/postgres?application_name=loans: the database cannot be reached: "
    'connection failed: connection to server at "127.0.0.1", port PORT failed: FATAL:  password authentication '
    'failed for user "tester". Check source.url, its user and its password.'
)

DELIVERIES = [
    Case(
        "a file that is empty",
        partial(_written, lambda _: b""),
        [
            f"{FILE}: the file is empty (0 bytes). Deliver it again; a period without rows is a file with its columns "
            "and no rows."
        ],
    ),
    Case(
        "a file that is truncated",
        partial(_written, lambda content: content[: len(content) // 2]),
        [f"{FILE}: the file is truncated: it begins as Parquet and its end is missing. Deliver it again."],
    ),
    Case(
        "no Parquet at all",
        partial(_written, lambda _: b"loan,asked_at\n1,2026-01-29\n"),
        [f"{FILE}: the file is no Parquet file. Write it as Parquet, or name it .csv if it is CSV."],
    ),
    Case(
        "a CSV file that is empty",
        partial(_by_csv, lambda _: ""),
        [
            f"{CSV}: the file is empty (0 bytes). Deliver it again; a period without rows is a file with its columns "
            "and no rows."
        ],
    ),
    Case(
        "a CSV file that is truncated",
        partial(_by_csv, lambda text: text.rstrip().rsplit(",", 2)[0]),
        [f"{CSV}: the file is truncated: its last line has 4 fields and no end. Deliver it again."],
    ),
    Case(
        "a CSV file with a short row",
        partial(_by_csv, partial(_in_line, 7, lambda line: line.rsplit(",", 1)[0] + "\n")),
        [f"{CSV}: row 7 has 5 fields and the header has 6. Write all of them, those without a value too."],
    ),
    Case(
        "a CSV file that lacks a feature",
        partial(_by_csv, partial(_in_line, 0, lambda header: header.replace("age", "years"))),
        [
            f"{CSV}: features.numeric: there is no column 'age' in the source. It can be one of: amount, asked_at, "
            "loan, region, repaid, years."
        ],
    ),
    Case(
        "text in a CSV column of numbers",
        partial(_by_csv, partial(_in_line, 7, lambda line: line.replace(",", ",x", 2))),
        [
            f"{CSV}: features.numeric: the column 'amount' holds text (String). If a word such as NA stands for a "
            "missing number, name it in source.read.null_values. List it in features.categorical, or derive a number "
            "from it."
        ],
    ),
    Case(
        "another form of timestamps in a CSV file",
        partial(_by_csv, lambda text: text.replace("T", " at ")),
        [
            f"{CSV}: 120 of 120 values of the column 'asked_at' cannot be read as timestamps, the first is "
            f"'{good_rows()['asked_at'][0]:%Y-%m-%d at %H:%M:%SZ}' in row 1 of them. Declare their form in "
            "source.read.timestamp_format, or list such a text in source.read.null_values."
        ],
    ),
    Case(
        "a CSV file without readable timestamps",
        _no_readable_times,
        [
            "{folder}/rows/all.csv: no value of the column 'asked_at' can be read as a time. Declare its form in "
            "source.read.timestamp_format, such as '%d/%m/%Y %H:%M', or name another column in source.timestamp."
        ],
    ),
    Case(
        "a file that is not there",
        lambda history, _: [_skipped(history, history.declare(source__path="rows/lones.csv"))],
        ["There is no file of the form {folder}/rows/lones.csv yet. Deliver it, or mend source.path."],
    ),
    Case(
        "a column whose name is a pattern",
        partial(_delivered, lambda rows: rows.with_columns(pl.lit(1).alias("^.*$"))),
        [
            f"{FILE}: '^.*$' is no name of a column here, as it stands for several columns. Rename it in the source."
        ],
    ),
    Case(
        "a file that lacks a feature",
        partial(_delivered, lambda rows: rows.drop("age")),
        [
            f"{FILE}: features.numeric: there is no column 'age' in the source. It can be one of: amount, asked_at, "
            "loan, region, repaid."
        ],
    ),
    Case(
        "a file without the timestamp",
        partial(_delivered, lambda rows: rows.rename({"asked_at": "asked"})),
        [f"{FILE}: source.timestamp: there is no column 'asked_at' in the source. Did you mean 'asked'?"],
    ),
    Case(
        "text in a column of numbers",
        partial(_delivered, lambda rows: rows.with_columns(amount=pl.lit("12 EUR"))),
        [
            f"{FILE}: features.numeric: the column 'amount' holds text (String). List it in features.categorical, or "
            "derive a number from it."
        ],
    ),
    Case(
        "another dtype",
        partial(_delivered, lambda rows: rows.with_columns(age=pl.lit(47.5))),
        [
            f"{FILE}: the column 'age' is Float64 here (such as 47.5) and Int64 in the partitions before. Deliver it "
            "as Int64 again."
        ],
    ),
    Case(
        "numbers as timestamps",
        partial(_delivered, lambda rows: rows.with_columns(asked_at=pl.lit(3.5))),
        [
            f"{FILE}: the column 'asked_at' holds Float64 values, which are no timestamps. Write timestamps, or text "
            "such as 2026-01-05T13:30:00Z."
        ],
    ),
    Case(
        "a mixed time zone",
        partial(_delivered, partial(_zones, "+01:00", "Z")),
        [
            f"{FILE}: the column 'asked_at' mixes time zones (offsets from UTC: +01:00, Z). Write all its values in "
            "UTC, such as 2026-01-05T13:30:00Z, or declare the timezone that all of them belong to."
        ],
    ),
    Case(
        "a time zone on some rows only",
        partial(_delivered, partial(_zones, "", "Z")),
        [
            f"{FILE}: the column 'asked_at' mixes time zones (some values have an offset from UTC and some have none). "
            "Write all its values in UTC, such as 2026-01-05T13:30:00Z, or declare the timezone that all of them "
            "belong to."
        ],
    ),
    Case(
        "a column of our own name",
        partial(_delivered, lambda rows: rows.with_columns(score=pl.lit(0.5))),
        [f"{FILE}: 'score' is a column of retrain_assets itself. Rename it in the source."],
    ),
    Case(
        "rows that break a critical expectation",
        _breaks_an_expectation,
        [
            f"Partition {LAST} is withheld: expect_column_values_to_be_between on amount fails: 120 of 120 rows break "
            "it (100.00%, allowed 10.00%), such as -1.0. Mend the source, or the expectation in the declaration.",
            f"{RULE}: amount = -1.0 in {FILE}, partition {LAST}",
        ],
    ),
    Case(
        "rows without a timestamp",
        partial(_put_aside, _unstamped),
        [f"timestamp_missing: asked_at = None in {FILE}, partition {LAST}"] * 2,
        every_row,
    ),
    Case(
        "rows of another partition, put aside",
        partial(_put_aside, _later, source__late_rows="quarantine"),
        [
            f"row_of_another_partition: asked_at = {moment} in {FILE}, partition {LAST}"
            for moment in (good_rows()["asked_at"].head(2) + timedelta(days=1)).cast(pl.String)
        ],
        every_row,
    ),
    Case(
        "rows of another partition, kept",
        _kept_where_it_came,
        ["122 rows were scored by version 1; 122 have a score in all."],
        all_but_the_new_day,
    ),
    Case(
        "duplicate keys",
        partial(
            _put_aside,
            lambda rows: rows.with_columns(loan=pl.lit(f"{LAST}-0"), amount=pl.col("amount") + 1),
        ),
        [f"duplicate_key: loan = {LAST}-0 in {FILE}, partition {LAST}"] * 2,
        every_row,
    ),
    Case(
        "missing keys",
        partial(_put_aside, lambda rows: rows.with_columns(loan=pl.lit(None, pl.String))),
        [f"key_missing: loan = None in {FILE}, partition {LAST}"] * 2,
        every_row,
    ),
    Case("exact duplicates", _exact_duplicates, ["2 duplicates, 0 quarantined"], every_row),
    Case(
        "a category never seen before",
        _unseen_category,
        ["120 rows were scored by version 1; 120 have a score in all."],
        all_but_the_new_day,
    ),
    Case(
        "NaN and infinity",
        _not_finite,
        [f"{RULE}: amount = -inf in {{folder}}/rows/{NEXT}.parquet, partition {NEXT}"],
        all_but_the_new_day,
    ),
    Case(
        "zero rows",
        _no_rows,
        ["expect_table_row_count_to_be_between fails: observed 0."],
        all_but_the_new_day,
    ),
    *(
        Case(
            f"a day without labels, of type {dtype}",
            partial(_no_labels, dtype),
            ["120 rows were scored by version 1; 120 have a score in all."],
            all_but_the_new_day,
        )
        for dtype in (pl.Int64(), pl.Null())
    ),
    Case(
        "a column called count",
        _called_count,
        ["120 rows were scored by version 1; 120 have a score in all."],
    ),
    Case(
        "a source that changes while it is read",
        _changed_while_read,
        [f"Partition {LAST}: {FILE} changed while it was read; it is read again at the next tick."],
    ),
    Case("a wrong database password", _wrong_password, [_UNREACHED, _UNREACHED]),
]
