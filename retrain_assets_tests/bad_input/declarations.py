"""Loading a declaration as Dagster does: from a project's ``defs`` folder."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from retrain_assets.errors import RetrainError
from retrain_assets_tests.pipelines import ATTRIBUTES

_numbers = itertools.count()


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
    package = f"shop_{next(_numbers)}"
    write_project(folder, package, written)
    monkeypatch.syspath_prepend(folder)
    try:
        return dg.load_from_defs_folder(path_within_project=folder)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]


def refusal(load: Callable[[], object]) -> RetrainError:
    """The error by which a declaration is refused, as Dagster passes it on."""
    with pytest.raises(Exception) as caught:  # noqa: B017, PT011  Dagster wraps it in an error of its own
        load()
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, RetrainError):
        error = error.__cause__
    assert isinstance(error, RetrainError), repr(caught.value)
    return error
