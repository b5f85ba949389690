"""Loading models from their files."""

import contextlib
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
import zipfile
from functools import partial

import numpy as np
import polars as pl
import pytest
import skops.io
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import FunctionTransformer

from retrain_assets.champion.loading import load_file, load_model, load_version
from retrain_assets.champion.registry import client, promote, register_version
from retrain_assets.errors import ChampionError
from retrain_assets_tests.champion.conftest import AS_OF, NAME, log_model
from retrain_assets_tests.remembered import empty_store

ROWS = pl.DataFrame({"x": np.linspace(0, 1, 5)})

WITHOUT_MLFLOW = """
import sys
import polars as pl
from retrain_assets.champion.registry import load_version
print(load_version("churn", 1, []).predict(pl.DataFrame({"x": [0.0, 1.0]})).tolist())
assert "mlflow" not in sys.modules
"""


@pytest.fixture
def champion(ledger, logged):
    """Promote the logged model."""
    version = register_version(NAME, model_uri=logged[0], attempt="run-1", tags={})
    return promote(
        NAME,
        ledger,
        version,
        expected_champion=None,
        actor="ada",
        reason="It is better.",
        evidence={"model_path": logged[1]},
        as_of=AS_OF,
    )


@pytest.fixture
def server(home, monkeypatch):
    """Start an MLflow server that keeps the artifacts to itself, and point MLFLOW_TRACKING_URI at it."""
    (home / "server.db").write_bytes(empty_store())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{home / 'server.db'}", "--workers", "1"),
        *("--artifacts-destination", str(home / "server-artifacts")),
    ]
    # The server's job runners are seven more processes, and nothing here asks them for anything.
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    process = subprocess.Popen(command, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                break
            time.sleep(0.2)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.mark.usefixtures("server")
def test_server(home, ledger):
    """With a server the model's files are fetched from there, by the address that the ledger keeps."""
    model_uri, location = log_model(home)
    assert location.startswith("mlflow-artifacts:/")
    version = register_version(NAME, model_uri=model_uri, attempt="run-1", tags={})
    promote(
        NAME,
        ledger,
        version,
        expected_champion=None,
        actor="ada",
        reason="It is better.",
        evidence={"model_path": location},
        as_of=AS_OF,
    )
    expected = load_file(home / "saved", []).predict(ROWS)
    assert np.array_equal(load_version(NAME, version, []).predict(ROWS), expected)
    assert client().get_registered_model(NAME).aliases.keys() == {"champion"}
    assert not (home / "mlflow.db").exists()


@pytest.mark.usefixtures("champion")
def test_version_loads_without_mlflow():
    """The process that scores every day imports no MLflow, for the ledger says where the files are."""
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_MLFLOW], check=True, capture_output=True, text=True
    )
    scores = load_version(NAME, 1, []).predict(pl.DataFrame({"x": [0.0, 1.0]}))
    assert answer.stdout.strip() == str(scores.tolist())


def test_model_loads_from_wherever_it_is(home, logged):
    """A model is found by a path relative to home, and by an absolute one, be it of a folder or a file."""
    folder = home / logged[1].removeprefix("file://")
    expected = load_model(logged[1], []).predict(ROWS)
    for place in (str(folder), str(folder.relative_to(home)), str(folder / "model.skops")):
        assert np.array_equal(load_model(place, []).predict(ROWS), expected)


def test_changed_file_is_read_again(home, logged):
    """A model that was loaded before is taken as it is only while its file stays the same."""
    first = load_model(logged[1], [])
    assert load_model(logged[1], []) is first
    file = home / logged[1].removeprefix("file://") / "model.skops"
    skops.io.dump(LinearRegression().fit([[0.0], [1.0]], [5.0, 5.0]), file)
    assert load_model(logged[1], []).predict([[0.5]]).tolist() == [5.0]


def test_version_that_the_ledger_does_not_know(logged):
    """A registered version that never was champion is found through MLflow."""
    version = register_version(NAME, model_uri=logged[0], attempt="run-1", tags={})
    expected = load_model(logged[1], []).predict(ROWS)
    assert np.array_equal(load_version(NAME, version, []).predict(ROWS), expected)


def test_missing_file(home, champion):
    """A champion whose file is gone is told as a sentence with the ways out."""
    file = home / champion.evidence["model_path"] / "model.skops"
    file.unlink()
    with pytest.raises(ChampionError) as refused:
        load_version(NAME, 1, [])
    assert str(refused.value) == (
        f"Version 1 of churn cannot be loaded. The model file {file} is missing. The way out is another "
        "champion: churn_promote makes one of the other versions champion, churn_rollback the previous one."
    )


@pytest.mark.parametrize(
    ("start", "end", "put"),
    [(0, None, b""), (0, None, b"no archive"), (2000, None, b""), (0, 30, b""), (400, 420, b"\xff" * 20)],
    ids=["empty", "no archive", "truncated", "head cut off", "overwritten"],
)
def test_broken_file(home, champion, start, end, put):
    """A champion whose file is broken is told as a sentence with the ways out."""
    file = home / champion.evidence["model_path"] / "model.skops"
    whole = file.read_bytes()
    file.write_bytes(whole[:start] + put + (b"" if end is None else whole[end:]))
    with pytest.raises(ChampionError, match=r"cannot be read \(.*churn_promote makes .* churn_rollback"):
        load_version(NAME, 1, [])


def test_declared_types_load(tmp_path):
    """A model that holds a function of a declared module loads, and is refused where nobody declared it."""
    file = tmp_path / "model.skops"
    model = TransformedTargetRegressor(LinearRegression(), func=statistics.mean, check_inverse=False)
    skops.io.dump(model, file)
    assert load_file(file, ["statistics"]).func is statistics.mean
    with pytest.raises(ChampionError) as refused:
        load_file(file, ["fractions"])
    assert str(refused.value) == (
        f"The model file {file} holds statistics.mean, of a module that the declaration does not name or "
        "that cannot be imported. Define it in the module named by training.model or by "
        "features.derive.function."
    )


@pytest.mark.parametrize("exposed_by", ["subprocess", "sklearn.utils._testing"])
def test_hidden_command_is_refused(tmp_path, exposed_by):
    """A file that would run a command at its first prediction is refused, whatever module it names for it."""
    honest, file = tmp_path / "honest.skops", tmp_path / "model.skops"
    skops.io.dump(FunctionTransformer(partial(subprocess.check_output, ["true"])), honest)
    with zipfile.ZipFile(honest) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b'"subprocess"', f'"{exposed_by}"'.encode()))
    with pytest.raises(ChampionError, match=rf"holds {re.escape(exposed_by)}\.check_output, of a module"):
        load_file(file, [])
