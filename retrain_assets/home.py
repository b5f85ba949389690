"""The home: the one folder that everything written lands under, wherever a command was started."""

from __future__ import annotations

import os
from pathlib import Path

from retrain_assets.errors import SpecError

_HOME = "RETRAIN_ASSETS_HOME"
_LAKE = "RETRAIN_ASSETS_LAKE"


def home() -> Path:
    """The folder that holds everything written: ``RETRAIN_ASSETS_HOME``, or ``var`` beside pyproject.toml.

    Raises
    ------
    SpecError
        When neither tells where it is.
    """
    return _folder(_HOME, Path.cwd()).resolve()


def settle_home(file: Path) -> None:
    """Let this process, and those that it starts, have the home of a declaration's project.

    Wherever the command was started, everything is then written to one folder, and all tables to one lake.

    Parameters
    ----------
    file
        The declaration's file; its project is the nearest folder above with a pyproject.toml.

    Raises
    ------
    SpecError
        When there is no such folder, above the working directory neither, and ``RETRAIN_ASSETS_HOME`` is not set.
    """
    places = (file.resolve().parent, Path.cwd())
    os.environ[_HOME] = str(_folder(_HOME, *places))
    lake = os.environ.get(_LAKE)
    if lake and "://" not in lake:
        os.environ[_LAKE] = str(_folder(_LAKE, *places))


def _folder(variable: str, *places: Path) -> Path:
    """The folder that a variable names: a relative one starts beside the nearest pyproject.toml."""
    declared = Path(os.environ.get(variable) or "var").expanduser()
    if declared.is_absolute():
        return declared
    for place in places:
        for folder in (place, *place.parents):
            if (folder / "pyproject.toml").exists():
                return folder / declared
    raise SpecError(
        f"There is no pyproject.toml in {places[0]} or above, so there is no place for what is written. Set "
        f"{variable} to the address of a folder, or start the command in a project."
    )
