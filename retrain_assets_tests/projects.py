"""Another project's code location, with pipelines of this package declared in it, and commands run there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PACKAGE = "shop"
_PYPROJECT = f"""
[project]
name = "{PACKAGE}"
version = "1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "{PACKAGE}"
"""
_DEFINITIONS = """
from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions.merge(
        dg.load_from_defs_folder(path_within_project=Path(__file__).parent),
        dg.Definitions(executor=dg.in_process_executor),
    )
"""


def write_project(folder: Path, *declarations: Mapping[str, Any]) -> Path:
    """Write a project that declares pipelines by their attributes; returns its folder of definitions."""
    package = folder / PACKAGE
    defs = package / "defs"
    defs.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    (package / "__init__.py").touch()
    (package / "definitions.py").write_text(_DEFINITIONS)
    for attributes in declarations:
        place = defs / attributes["name"]
        place.mkdir()
        document = {"type": "retrain_assets.RetrainingPipeline", "attributes": dict(attributes)}
        (place / "defs.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    return defs


def run(folder: Path, *words: str, succeeds: bool = True, **environment: str) -> str:
    """Run a command of the environment, such as `dg`, in a folder; returns all that it printed."""
    program = Path(sys.executable).with_name(words[0])
    done = subprocess.run(
        [str(program), *words[1:]],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "VIRTUAL_ENV": sys.prefix, **environment},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert (done.returncode == 0) is succeeds, done.stdout
    return done.stdout
