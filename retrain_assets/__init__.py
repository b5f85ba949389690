"""Continuous training as a Dagster project: a champion that is replaced only when a better model is proven."""

import os
from typing import TYPE_CHECKING, Any

# OpenMP's threads wait for each other by spinning. Where runs share the cores, that made a fit ten times slower;
# sleeping instead avoids that. OpenMP reads the setting once, when scikit-learn is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

if TYPE_CHECKING:
    from retrain_assets.pipeline import RetrainingPipeline

__all__ = ["RetrainingPipeline"]


def __getattr__(name: str) -> Any:
    """Import the component only when asked for, so that the functional core needs no Dagster."""
    if name == "RetrainingPipeline":
        from retrain_assets.pipeline import RetrainingPipeline

        return RetrainingPipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names that Dagster's registry looks through for components."""
    return [*globals(), *__all__]
