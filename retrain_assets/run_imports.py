"""Packages that take a run seconds to import, and its collector of garbage as long again."""

import gc
import importlib
import sys
from collections import deque


def import_for_good(*modules: str) -> None:
    """Import modules in their order, and spare the garbage collector the objects that they bring.

    The half a million objects of great_expectations, skops and MLflow live as long as the process does. Searched
    while they are made, in every full collection of the run and once more when the interpreter ends, they cost a
    run up to two seconds. ``gc.freeze`` takes them out of all later searches.

    Parameters
    ----------
    *modules
        Names as in an import statement; where all are imported already, nothing is done.
    """
    missing = [name for name in modules if name not in sys.modules]
    if not missing:
        return
    collects = gc.isenabled()
    gc.disable()
    try:
        for name in missing:
            importlib.import_module(name)
    finally:
        if collects:
            gc.enable()
    gc.freeze()


def import_skops() -> None:
    """Import ``skops.io`` for good, behind NumPy and SciPy alone in the order of ``sys.modules``.

    To name the types that it trusts, skops looks for each of NumPy's and SciPy's 345 functions in all loaded
    modules, those first that were imported first. Dagster's and its company are 2,000: the search takes a run a
    second, and next to nothing where the modules of the two come before them.
    """
    if "skops.io" in sys.modules:
        return
    importlib.import_module("scipy.special")
    behind = [name for name in sys.modules if name.partition(".")[0] not in ("numpy", "scipy")]
    # By calls into C alone, so that no other thread finds a module missing.
    deque(map(sys.modules.__setitem__, behind, map(sys.modules.pop, behind)), maxlen=0)
    import_for_good("skops.io")
