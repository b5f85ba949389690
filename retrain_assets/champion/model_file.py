"""Model files: loaded without running code that nobody declared.

MLflow takes the list of trusted types from the model file itself, which protects nobody. Here the declaration
gives it, and a type counts as trusted only where the module that it was found in also defines it: a module
exposes all that it imports, `subprocess.check_output` included.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any

from retrain_assets.errors import ChampionError

FILE = "model.skops"

_CLASSES = (
    "sklearn",
    "scipy.interpolate",
    "scipy.sparse",
    "retrain_assets.candidate_model",
    "retrain_assets.features",
)
_FUNCTIONS = ("sklearn.feature_selection", "sklearn.metrics")
_NAMES = {"numpy.dtype", "numpy.mean", "scipy._lib.array_api_compat.numpy._aliases.asarray"}

# What a broken archive makes zipfile, json and skops raise.
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


def load_file(path: Path, trusted_modules: Sequence[str]) -> Any:
    """Load a model from a skops file.

    Parameters
    ----------
    path
        The file, or the folder that MLflow stored the model in.
    trusted_modules
        Modules that the declaration names; what they and the modules below them define is trusted, besides
        scikit-learn's classes and the library's own.

    Raises
    ------
    ChampionError
        When the file is missing or broken, or holds a type that is not trusted.
    """
    from skops.io import get_untrusted_types, load

    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise ChampionError(f"The model file {file} is missing.")
    try:
        unknown = get_untrusted_types(file=file)
    except _BROKEN as error:
        raise _broken(file, error) from error
    refused = [name for name in unknown if not _is_trusted(name, trusted_modules)]
    if refused:
        raise ChampionError(
            f"The model file {file} holds {', '.join(refused)}, which the declaration does not name, or which "
            "cannot be imported. Define it in the module that training.model or features.derive.function names."
        )
    try:
        return load(file, trusted=unknown)
    except _BROKEN as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: Exception) -> ChampionError:
    return ChampionError(f"The model file {file} cannot be read ({type(error).__name__}: {error}).")


def _is_trusted(name: str, declared: Sequence[str]) -> bool:
    if name in _NAMES:
        return True
    module, _, attribute = name.rpartition(".")
    # Importing runs code as well, so the module is looked at first.
    if not _within(module, (*_CLASSES, *declared)):
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    if isinstance(found, type):
        return _within(found.__module__, (*_CLASSES, *declared))
    return isinstance(found, FunctionType) and _within(found.__module__, (*_FUNCTIONS, *declared))


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
