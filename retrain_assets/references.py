"""References to Python code in a declaration, checked by reading files: nothing is imported."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from retrain_assets.declaration import module_file
from retrain_assets.spec.base import suggest

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def check_name(module: str, name: str, ending: str = "") -> str | None:
    """Say what is wrong with a reference to a name in a module.

    Parameters
    ----------
    module
        Dotted path of the module.
    name
        A class or function that should be defined, or imported, at the top of it.
    ending
        How the names end of which one is suggested sooner than any other.

    Returns
    -------
    str or None
        Sentences; None where nothing is wrong, or where reading the file cannot tell.
    """
    top = module.partition(".")[0]
    if importlib.util.find_spec(top) is None:
        return f"There is no module {top!r} here. Install it, or put its folder on the Python path."
    file = module_file(module)
    if file is None:
        return _missing_module(module)
    try:
        names = _names(file)
    except SyntaxError as error:
        return f"The module {module!r} is no valid Python: {error.msg}, in line {error.lineno} of {file}. Mend it."
    if names is None or name in names:
        return None
    public = {known for known in names if not known.startswith("_")}
    sooner = {known for known in public if known.endswith(ending)}
    known = sooner if difflib.get_close_matches(name, sooner, n=1) else public
    return f"The module {module!r} has no {name!r}. {suggest(name, known)}"


def _missing_module(module: str) -> str | None:
    """Say what is wrong with a module without a Python file; None where it may be compiled."""
    parent, _, leaf = module.rpartition(".")
    folder = module_file(parent) if parent else None
    if folder is None or folder.name != "__init__.py":
        return _missing_module(parent) if parent else None
    siblings = {path.name.partition(".")[0] for path in folder.parent.iterdir()} - {"__init__", "__pycache__"}
    if leaf in siblings:
        return None
    return f"There is no module {module!r}. {suggest(leaf, {name for name in siblings if name[0] != '_'})}"


def _names(file: Path) -> set[str] | None:
    """Names that a module binds at its top; None where a star import or ``__getattr__`` may bind more."""
    if file.suffix != ".py":
        return None
    names: set[str] = set()
    for node in statements(file):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.If() | ast.Try():
                return None
        names |= bound_names(node)
    return None if names & {"*", "__getattr__"} else names


def bound_names(statement: ast.stmt) -> set[str]:
    """Names that a statement binds, or may bind where that hangs on a condition."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                found |= {(alias.asname or alias.name).partition(".")[0] for alias in aliases}
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
    return found


def statements(file: Path) -> Sequence[ast.stmt]:
    """What stands at the top of a file, read again where it was changed."""
    state = file.stat()
    return _parsed(file, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=32)
def _parsed(file: Path, _changed: int, _size: int) -> Sequence[ast.stmt]:
    # The cadence lab asks before each of its trainings, and to parse scikit-learn takes longer than some of them.
    return ast.parse(file.read_bytes()).body
