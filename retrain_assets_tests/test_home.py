"""The folder that everything is written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.errors import SpecError
from retrain_assets.home import home, settle_home
from retrain_assets.lake import Lake
from retrain_assets_tests.bad_input.declarations import attributes, load_project


def test_home_is_beside_the_project_wherever_the_command_was_started(tmp_path, monkeypatch):
    """Without RETRAIN_ASSETS_HOME, all is written to ``var`` beside the nearest pyproject.toml."""
    monkeypatch.delenv("RETRAIN_ASSETS_HOME", raising=False)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "deep" / "folder").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "folder")
    assert home() == tmp_path / "var"


def test_home_is_that_of_the_declared_project_from_any_folder(tmp_path, monkeypatch):
    """A project that is loaded from outside of it writes to its own ``var``; a relative home starts there too."""
    for declared, expected in ((None, "var"), ("", "var"), ("elsewhere", "elsewhere")):
        project = tmp_path / f"loaded-{declared}"
        (tmp_path / "outside").mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / "outside")
        monkeypatch.delenv("RETRAIN_ASSETS_HOME", raising=False)
        if declared is not None:
            monkeypatch.setenv("RETRAIN_ASSETS_HOME", declared)
        load_project(project, monkeypatch, attributes(source__path=f"{tmp_path}/*.parquet"))
        assert home() == project / expected


@pytest.mark.parametrize(
    ("declared", "expected"),
    [("tables", "{project}/tables"), ("/srv/lake", "/srv/lake"), ("s3://b/lake", "s3://b/lake")],
)
def test_a_relative_lake_starts_at_the_project(tmp_path, monkeypatch, declared, expected):
    """Commands that are started in different folders read and write one lake."""
    monkeypatch.setenv("RETRAIN_ASSETS_LAKE", declared)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "outside").mkdir()
    monkeypatch.chdir(tmp_path / "outside")
    settle_home(tmp_path / "defs.yaml")
    assert Lake("loans").root == expected.format(project=tmp_path)


def test_without_a_project_the_home_is_asked_for(tmp_path, monkeypatch):
    """Where nothing says where to write, nothing is written into whatever folder is the current one."""
    monkeypatch.delenv("RETRAIN_ASSETS_HOME")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as caught:
        home()
    assert str(caught.value) == (
        f"There is no pyproject.toml in {tmp_path} or above, so there is no place for what is written. Set "
        "RETRAIN_ASSETS_HOME to the address of a folder, or start the command in a project."
    )


def test_home_can_be_declared(tmp_path, monkeypatch):
    """RETRAIN_ASSETS_HOME names the folder that everything is written to."""
    monkeypatch.setenv("RETRAIN_ASSETS_HOME", str(tmp_path / "elsewhere"))
    assert home() == tmp_path / "elsewhere"


@pytest.fixture(scope="module")
def shared() -> Path:
    """The home folder that a module's tests share."""
    return home()


def test_no_test_writes_to_the_home_of_the_project(shared):
    """Neither what a module's tests share nor a test itself is at home in the project's own folder."""
    project = Path(__file__).resolve().parents[1]
    assert not any(folder.is_relative_to(project) for folder in (shared, home()))
