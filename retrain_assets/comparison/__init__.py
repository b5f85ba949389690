"""Is one model better than another on the same rows: metrics, blocks, paired intervals."""

from retrain_assets.comparison.blocks import Blocks, assign_blocks
from retrain_assets.comparison.metrics import METRICS, Metric, metric_names
from retrain_assets.comparison.paired import Comparison, compare, standard_error

__all__ = [
    "METRICS",
    "Blocks",
    "Comparison",
    "Metric",
    "assign_blocks",
    "compare",
    "metric_names",
    "standard_error",
]
