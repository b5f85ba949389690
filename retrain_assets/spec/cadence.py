"""The ``cadence`` block: when history is replayed."""

from __future__ import annotations

from retrain_assets.spec.base import Spec


class CadenceSpec(Spec):
    """When the report on how often, on how much data and on which trigger to retrain is made again."""

    schedule: str
    """Cron expression in the pipeline's time zone."""
