"""Continuous training as a Dagster project: a champion that is replaced only when a better model is proven."""

from typing import TYPE_CHECKING, Any

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
