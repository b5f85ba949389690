"""The set-up: the lock, the Makefile, and one Dagster history from every folder of the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[1]
STARTUP = PROJECT / "tools" / "startup"
LOCKS = (PROJECT / "requirements" / "bootstrap.lock", PROJECT / "requirements" / "requirements.lock")
SETTINGS = """
import os
for name in ("DAGSTER_HOME", "RETRAIN_ASSETS_HOME", "RETRAIN_ASSETS_DAGSTER", "DAGSTER_CLI_DEV_WORKSPACE"):
    print(os.environ.get(name))
"""
STORAGE = """
import dagster as dg
with dg.DagsterInstance.get() as instance:
    print(instance.get_ref().storage_data.rehydrate(as_type=object).base_dir)
"""

LIKE_DAGSTER = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
try:
    print(*sys.argv[1:], flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("Services shut down.", flush=True)
"""
# Where the tests run in the background, an earlier test's run of Dagster has made this process ignore SIGTERM.
HEEDING_SIGTERM = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_DFL)
os.execvp("sh", ["sh", "-c", sys.argv[1]])
"""
ONE_RUN = """
import sys
import dagster as dg
sys.stderr = sys.stdout

@dg.asset
def rows():
    return dg.MaterializeResult()

with dg.DagsterInstance.get() as instance:
    dg.materialize([rows], instance=instance)
    print(len(instance.fetch_materializations(rows.key, 5).records))
"""


def _started(folder: Path, code: str, home: Path | str | None = None, *words: str) -> list[str]:
    """Run Python in ``folder`` as the project's own environment does, and return the lines printed."""
    unset = ("DAGSTER_HOME", "DAGSTER_CLI_DEV_WORKSPACE", "RETRAIN_ASSETS_HOME", "RETRAIN_ASSETS_DAGSTER")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    if home is not None:
        environment["RETRAIN_ASSETS_HOME"] = str(home)
    environment["PYTHONPATH"] = str(STARTUP)
    program = f"import retrain_assets_startup\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.split()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_holds_exact_versions_with_hashes_and_no_address(lock: Path) -> None:
    """Every requirement of a lock has an exact version and a hash, and no line names a registry."""
    text = lock.read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert "://" not in text
    assert "--index-url" not in text
    for block in blocks:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+", block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_lock_holds_every_declared_package_in_the_declared_version() -> None:
    """A version pinned in pyproject.toml is the version in the lock."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    wanted = [*declared["project"]["dependencies"], *declared["dependency-groups"]["dev"]]
    locked = dict(
        re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", LOCKS[1].read_text(), flags=re.MULTILINE)
    )
    for requirement in wanted:
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert name is not None
        assert name.group().lower() in locked, requirement
        _, exact, version = requirement.partition("==")
        if exact:
            assert locked[name.group().lower()] == version


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            'test "$1" = --version && echo "Python 3.9.2"',
            "is Python 3.9.2; this project needs Python 3.11 or newer: install one and name it",
        ),
        (
            'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac',
            "cannot make a virtual environment with pip; install its venv package",
        ),
    ],
    ids=["too old", "without ensurepip"],
)
def test_unfit_python_is_refused_in_a_sentence(tmp_path: Path, script: str, sentence: str) -> None:
    """A Python that is too old or lacks ensurepip ends the set-up with what to install, and makes nothing."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    done = subprocess.run(
        ["make", f"PYTHON={python}", f"VENV={tmp_path}/venv", "setup"],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert f"{python} {sentence}" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_ui_in_the_background_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    """Started with SIGINT ignored, as scripts start what they leave in the background, `make ui` heeds SIGTERM.

    What stands in for `dg` treats SIGTERM as Dagster does.
    """
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python").symlink_to(sys.executable)
    (tools / "dg").write_text(f"#!{sys.executable}\n{LIKE_DAGSTER}")
    (tools / "dg").chmod(0o755)
    (tools / "uv").touch()
    (tmp_path / ".ready").touch()
    script = f'trap "" INT; exec make --no-print-directory VENV="{tmp_path}" PORT=3999 ui'
    with subprocess.Popen(
        [sys.executable, "-c", HEEDING_SIGTERM, script], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        assert started.stdout.readline() == "dev --host 127.0.0.1 --port 3999\n"
        started.terminate()
        assert "Services shut down." in started.communicate(timeout=30)[0]


def test_runs_do_not_flood_the_terminal(tmp_path: Path) -> None:
    """With the project's dagster.yaml a run's events are stored, and the terminal shows none of them."""
    lines = _started(PROJECT, ONE_RUN, tmp_path)
    assert lines == ["1"]


def test_every_command_of_the_readme_is_a_target() -> None:
    """The Makefile has the targets demo, test, ui, lint, bench and lock."""
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE)
    assert {"demo", "test", "ui", "lint", "bench", "lock"} <= set(targets)


def test_settings_are_the_same_in_every_folder_of_the_project() -> None:
    """Commands started at the root and below it get the same instance; below, the workspace too."""
    shared = [str(PROJECT), str(PROJECT / "var"), str(PROJECT / "var" / "dagster")]
    assert _started(PROJECT, SETTINGS) == [*shared, "None"]
    assert _started(STARTUP, SETTINGS) == [*shared, str(PROJECT / "workspace.yaml")]


@pytest.mark.parametrize("folder", [PROJECT, STARTUP], ids=["root", "below"])
def test_history_lies_in_the_home_folder(folder: Path, tmp_path: Path) -> None:
    """Dagster's storage lies in RETRAIN_ASSETS_HOME, whichever folder of the project a command starts in."""
    assert _started(folder, STORAGE, tmp_path) == [str(tmp_path / "dagster")]


@pytest.mark.parametrize(("declared", "home"), [("", "var"), ("elsewhere", "elsewhere")])
def test_home_is_one_from_every_folder_of_the_project(declared: str, home: str) -> None:
    """An empty home counts as none, and a relative one starts at the project, not at the current folder."""
    assert _started(STARTUP, SETTINGS, declared)[1:3] == [
        str(PROJECT / home),
        str(PROJECT / home / "dagster"),
    ]


@pytest.mark.parametrize("place", ["own", "/srv/own"])
def test_the_environment_lies_where_it_is_named(place: str) -> None:
    """The packages are installed into the folder that VENV names, an absolute one too."""
    shown = ["make", "--dry-run", "--always-make", f"VENV={place}", "setup"]
    printed = subprocess.run(shown, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert set(re.findall(r'VIRTUAL_ENV="([^"]*)"', printed)) == {str(PROJECT / place)}


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    """A command started outside the project gets none of the project's settings."""
    assert _started(tmp_path, SETTINGS) == ["None"] * 4


def test_own_code_location_gets_no_workspace_besides() -> None:
    """A command line that names a code location is not given the project's workspace as well."""
    assert _started(STARTUP, SETTINGS, None, "dev", "-m", "some.module")[3] == "None"
    assert _started(STARTUP, SETTINGS, None, "dev")[3] == str(PROJECT / "workspace.yaml")


def test_workspace_and_dg_name_the_same_code_location() -> None:
    """`dagster dev` with workspace.yaml and `dg` show one code location, not two names of it."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    [location] = yaml.safe_load((PROJECT / "workspace.yaml").read_text())["load_from"]
    assert location["python_module"]["location_name"] == declared["dg"]["project"]["code_location_name"]
    assert "dagster" not in declared


def test_runs_of_a_pipeline_wait_for_each_other() -> None:
    """The queue lets one retrain, one ingest and one cadence report of a pipeline run at a time."""
    declared = yaml.safe_load((PROJECT / "dagster.yaml").read_text())
    limits = {limit["key"]: limit for limit in declared["concurrency"]["runs"]["tag_concurrency_limits"]}
    for key in ("retrain_assets/retrain", "retrain_assets/ingest", "retrain_assets/cadence"):
        assert limits[key]["value"] == {"applyLimitPerUniqueValue": True}
        assert limits[key]["limit"] == 1
