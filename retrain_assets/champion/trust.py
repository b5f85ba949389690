"""Which types a model file may hold: the library's own, and those of modules that the declaration names.

A name counts only where a trusted module also defines it: a module exposes all that it imports, and
`sklearn.utils._testing.check_output` is `subprocess.check_output`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from types import FunctionType

CLASSES = (
    "sklearn",
    "scipy.interpolate",
    "scipy.sparse",
    "retrain_assets.candidate_model",
    "retrain_assets.features",
)
"""Packages whose classes scikit-learn's estimators and the library's own models are made of."""
FUNCTIONS = ("sklearn.feature_selection", "sklearn.metrics")
"""Packages whose functions an estimator may hold as a parameter."""
NAMES = frozenset(
    {
        "functools.partial",
        "numpy.dtype",
        "numpy.mean",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.utils.validation.check_array",
    }
)
"""Single names that estimators hold; the function in a partial is checked by itself."""


def untrusted_types(found: Iterable[str], modules: Iterable[str]) -> list[str]:
    """Tell which types of a model file may not be loaded.

    Parameters
    ----------
    found
        Dotted names of the types in the file that skops does not know, from ``skops.io.get_untrusted_types``.
    modules
        Modules that the declaration names; what they and the modules below them define is trusted.
    """
    declared = tuple(modules)
    return [name for name in found if name not in NAMES and not _is_trusted(name, declared)]


def _is_trusted(name: str, declared: Sequence[str]) -> bool:
    module, _, attribute = name.rpartition(".")
    # Importing runs code as well, so a strange module is refused by its name alone.
    if not _within(module, (*CLASSES, *declared)):
        return False
    try:
        found = getattr(import_module(module), attribute, None)
    except ImportError:
        return False
    if isinstance(found, type):
        return _within(found.__module__, (*CLASSES, *declared))
    return isinstance(found, FunctionType) and _within(found.__module__, (*FUNCTIONS, *declared))


def _within(module: str, packages: Sequence[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
