"""Loading a declaration as Dagster does: from a project's ``defs`` folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from retrain_assets.errors import RetrainError
from retrain_assets_tests.bad_input.case import Case
from retrain_assets_tests.bad_input.history import History
from retrain_assets_tests.pipelines import ATTRIBUTES


def attributes(**changes: Any) -> dict[str, Any]:
    """The attributes of the pipeline with dotted fields (``label__delay``) changed; None removes one."""
    written = deepcopy(ATTRIBUTES)
    for path, value in changes.items():
        *parents, last = path.split("__")
        block = written
        for parent in parents:
            block = block.setdefault(parent, {})
        if value is None:
            del block[last]
        else:
            block[last] = value
    return written


def write_project(folder: Path, package: str, written: Mapping[str, Any]) -> Path:
    """Write a project of one pipeline; returns its ``defs.yaml``."""
    file = folder / package / "defs" / "loans" / "defs.yaml"
    file.parent.mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(
        f'[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "{package}"\n'
    )
    document = {"type": "retrain_assets.RetrainingPipeline", "attributes": dict(written)}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def load_project(folder: Path, monkeypatch: pytest.MonkeyPatch, written: Mapping[str, Any]) -> dg.Definitions:
    """Load the definitions of a project of one pipeline."""
    package = "shop"
    write_project(folder, package, written)
    monkeypatch.syspath_prepend(folder)
    try:
        return dg.load_from_defs_folder(path_within_project=folder)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


def refusal(load: Callable[[], object]) -> RetrainError:
    """The error by which a declaration is refused, as Dagster passes it on."""
    with pytest.raises(Exception) as caught:
        load()
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, RetrainError):
        error = error.__cause__
    assert isinstance(error, RetrainError), repr(caught.value)
    return error


def _refused(history: History, request: pytest.FixtureRequest, **changes: Any) -> list[str]:
    written = attributes(**{"source__path": _ROWS, **changes})
    for text in ("path", "url"):
        source = written.get("source", {})
        if text in source:
            source[text] = source[text].replace("{folder}", str(history.folder))
    patch = request.getfixturevalue("monkeypatch")
    return str(refusal(lambda: load_project(history.folder / "project", patch, written))).splitlines()


_ROWS = "{folder}/rows/{partition:%Y-%m-%d}.parquet"
_FILE = "{folder}/project/shop/defs/loans/defs.yaml"
_SHOWN = "{folder}/rows/{{partition:%Y-%m-%d}}.parquet"


def _case(name: str, changes: Mapping[str, Any], *told: str) -> Case:
    return Case(name, partial(_refused, **changes), [f"{_FILE}: {sentence}" for sentence in told])


DECLARATIONS = [
    _case("an unknown block", {"sorce": {}}, "sorce: there is no field 'sorce' here. Did you mean 'source'?"),
    _case(
        "an unknown field",
        {"retrain_when": {"schedul": "0 2 * * 1"}},
        "retrain_when.schedul: there is no field 'schedul' here. Did you mean 'schedule'?",
    ),
    _case(
        "a wrong type",
        {"training__minimum_rows": "many"},
        "training.minimum_rows: input should be a valid integer, unable to parse string as an integer, but the file "
        "says 'many'.",
    ),
    _case(
        "a block that is no block",
        {"label": 5},
        "label: this is a block, and the file says 5. Write its fields below it, indented: column, delay, known_at, "
        "source, missing_after, missing_value, positive, classes.",
    ),
    _case(
        "a block that is left empty",
        {"retrain_when": {"drift": None}},
        "retrain_when.drift: the block is empty. Write its fields below it, indented, or remove it; {{}} stands for its "
        "defaults.",
    ),
    _case(
        "an impossible choice",
        {"source__partition": "dayly"},
        "source.partition: 'dayly' is not known here. Did you mean 'daily'?",
    ),
    _case(
        "an impossible number",
        {"promotion": {"alpha": 0.7}},
        "promotion.alpha: input should be less than 0.5, but the file says 0.7.",
    ),
    _case(
        "an impossible duration",
        {"label__delay": "soon"},
        "label.delay: 'soon' is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w.",
    ),
    _case(
        "no duration at all",
        {"evaluation__holdout": "0d"},
        "evaluation.holdout: this duration cannot be 0; write one such as 12h, 7d or 4w.",
    ),
    _case(
        "an impossible date",
        {"source__start": "2026-13-01"},
        "source.start: input should be a valid date or datetime, month value is outside expected range of 1-12, but "
        "the file says '2026-13-01'.",
    ),
    _case(
        "an impossible time zone",
        {"timezone": "Europe/Berln"},
        "timezone: 'Europe/Berln' is no time zone. Did you mean 'Europe/Berlin'?",
    ),
    _case(
        "an impossible schedule",
        {"retrain_when": {"schedule": "every monday"}},
        "retrain_when.schedule: 'every monday' is no cron expression; write five fields, such as 0 2 * * 1 for every "
        "Monday at 2 a.m.",
    ),
    _case(
        "an impossible schedule of the report on cadence",
        {"cadence": {"schedule": "monthly"}},
        "cadence.schedule: 'monthly' is no cron expression; write five fields, such as 0 2 * * 1 for every Monday at "
        "2 a.m.",
    ),
    _case(
        "a schedule that is never due",
        {"retrain_when": {"schedule": "0 2 31 4 *"}},
        "retrain_when.schedule: '0 2 31 4 *' is never due, as if on April 31; write five fields, such as 0 2 * * 1 for "
        "every Monday at 2 a.m.",
    ),
    _case(
        "freshness of less than a minute",
        {"source__expected_every": "0.5m", "retrain_when": {"max_age": "0.1m"}},
        "source.expected_every: less than a minute cannot be watched; write a longer duration, such as 1h or 7d.",
        "retrain_when.max_age: less than a minute cannot be watched; write a longer duration, such as 1h or 7d.",
    ),
    _case(
        "an impossible owner",
        {"owners": ["nobody at all"]},
        "owners: 'nobody at all' is no owner; write an e-mail address, or team: and a name.",
    ),
    _case(
        "a feature of two kinds",
        {"features": {"numeric": ["amount"], "categorical": ["amount"]}},
        "features: 'amount' is listed under numeric and under categorical; choose one.",
    ),
    _case(
        "several faults",
        {"sorce": {}, "label__delay": "soon"},
        "label.delay: 'soon' is no duration: write a number and a unit, such as 30m, 12h, 7d or 4w.",
        "sorce: there is no field 'sorce' here. Did you mean 'source'?",
    ),
    _case(
        "a missing environment variable",
        {"source__path": "{{ env.LOANS_FOLDER }}/*.parquet"},
        "source.path: the environment variable LOANS_FOLDER is not set. Set it, or write "
        "{{{{ env('LOANS_FOLDER', 'a default') }}}}.",
    ),
    _case(
        "a missing environment variable, called",
        {"source__path": "{{ env('LOANS_FOLDER') }}/*.parquet"},
        "source.path: the environment variable LOANS_FOLDER is not set. Set it, or write "
        "{{{{ env('LOANS_FOLDER', 'a default') }}}}.",
    ),
    _case(
        "a duration beyond the calendar",
        {"label__delay": "99999999999d"},
        "label.delay: '99999999999d' is longer than a hundred years; write one such as 12h, 7d or 4w.",
    ),
    _case(
        "a folder of time zones",
        {"timezone": "Europe"},
        "timezone: 'Europe' is no time zone; write one such as UTC or Europe/Berlin.",
    ),
    _case(
        "a separator of two characters",
        {"source__read": {"separator": "||"}},
        "source.read.separator: '||' is no separator: write one character, such as ; or | or a tab.",
    ),
    _case(
        "a label's value that is a list",
        {"label__positive": [1]},
        "label.positive: [1] is no value of a label: write a number, true, false, or text in quotes.",
    ),
    _case(
        "a holdout of too few blocks",
        {"evaluation__holdout": "2d"},
        "evaluation: holdout: 2d holds fewer than 7 blocks of 1d, from which nothing can be told; declare a longer "
        "holdout.",
    ),
    _case(
        "a block of an hour",
        {"evaluation__block": "1h"},
        "evaluation: block: 1h is shorter than a day, and the hours of one day are too much alike to count as "
        "independent; declare 1d or longer, a column, or row.",
    ),
    _case(
        "a database's field of files",
        {"source__updated_at": "asked_at"},
        "source: updated_at belongs to url, which the file does not declare; remove it.",
    ),
    _case(
        "a weight that is the label",
        {"weight": "repaid"},
        "label.column: 'repaid' is declared as the weight too; name another column.",
    ),
    _case(
        "a gain that is no number",
        {"promotion": {"min_gain": float("nan")}},
        "promotion.min_gain: nan is no gain worth having: write a share such as 10% or a number such as 0.002.",
    ),
    _case(
        "a name that leaves the home folder",
        {"name": "../outside"},
        "name: the name '../outside' must be a small letter followed by small letters, digits and _, 63 at most.",
    ),
    _case(
        "an unknown estimator",
        {"training__estimator": "sklearn.ensemble.HistGradientBostingClassifier"},
        "training.estimator: The module 'sklearn.ensemble' has no 'HistGradientBostingClassifier'. Did you mean "
        "'HistGradientBoostingClassifier'?",
    ),
    _case(
        "an estimator's unknown package",
        {"training__estimator": "sklaern.ensemble.HistGradientBoostingClassifier"},
        "training.estimator: There is no module 'sklaern' here. Install it, or put its folder on the Python path.",
    ),
    _case(
        "an unknown metric",
        {"evaluation__metrics": ["roc_auk"]},
        "evaluation.metrics[0]: the metric 'roc_auk' is not known. Did you mean 'roc_auc'?",
    ),
    _case(
        "an unknown expectation",
        {"expectations": [{"type": "expect_column_values_to_be_betwen", "column": "amount", "min_value": 0}]},
        "expectations[0].type: there is no expectation 'expect_column_values_to_be_betwen'. Did you mean "
        "'expect_column_values_to_be_between'?",
    ),
    _case(
        "a derivation that does not parse",
        {"features__derive": {"hour": "EXTRACT(hour FRM asked_at)"}},
        "features.derive.hour: 'EXTRACT(hour FRM asked_at)' is no Polars SQL expression (unable to parse "
        "'EXTRACT(hour FRM asked_at)' as Expr). Mend it.",
    ),
    _case(
        "a derivation of an unknown column",
        {"features__derive": {"hour": "EXTRACT(hour FROM asked_on)"}},
        "features.derive.hour: 'EXTRACT(hour FROM asked_on)' uses 'asked_on', which the source lacks. Did you mean "
        "'asked_at'?",
    ),
    _case(
        "no timestamp",
        {"source__timestamp": None},
        "source.timestamp: this field is needed and has no default. Declare it.",
    ),
    _case(
        "a timestamp that the source lacks",
        {"source__timestamp": "asked_on"},
        f"{_SHOWN}: source.timestamp: there is no column 'asked_on' in the source. Did you mean 'asked_at'?",
    ),
    _case(
        "a label that the source lacks",
        {"label__column": "repayed"},
        f"{_SHOWN}: label.column: there is no column 'repayed' in the source. Did you mean 'repaid'?",
    ),
    _case(
        "an impossible path",
        {"source__path": "{folder}/rows/{day}.parquet"},
        "source.path: {{day}} is not known in '{folder}/rows/{{day}}.parquet'. Write {{partition:%Y-%m-%d}}, with the "
        "directives of strftime.",
    ),
    _case(
        "an impossible database address",
        {"source": {"url": "nonsense", "table": "loans", "timestamp": "asked_at"}},
        "source.url: this is no SQLAlchemy address. Write one such as "
        "postgresql+psycopg://user:password@host/database or sqlite:///file.db.",
    ),
    _case(
        "a function that is not there",
        {"source": {"function": "nowhere:load", "timestamp": "asked_at"}},
        "source.function: There is no module 'nowhere' here. Install it, or put its folder on the Python path.",
    ),
]
