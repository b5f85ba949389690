"""Is one model better than another on the same rows: metrics, blocks, paired intervals."""

from retrain_assets.arrays import FloatArray
from retrain_assets.comparison.blocks import Blocks, assign_blocks
from retrain_assets.comparison.comparison import Comparison
from retrain_assets.comparison.criterion import (
    Criterion,
    check_value,
    decidable,
    deciding_criterion,
    decision_threshold,
    decisions,
    value_criterion,
)
from retrain_assets.comparison.estimator_choice import choose_estimator
from retrain_assets.comparison.metric import Metric, Task
from retrain_assets.comparison.metrics import METRICS, declared_metrics, find_metric, task_of
from retrain_assets.comparison.own_metric import check_functions
from retrain_assets.comparison.paired import compare
from retrain_assets.comparison.standard_errors import standard_error, standard_error_of

__all__ = [
    "METRICS",
    "Blocks",
    "Comparison",
    "Criterion",
    "FloatArray",
    "Metric",
    "Task",
    "assign_blocks",
    "check_functions",
    "check_value",
    "choose_estimator",
    "compare",
    "decidable",
    "deciding_criterion",
    "decision_threshold",
    "decisions",
    "declared_metrics",
    "find_metric",
    "standard_error",
    "standard_error_of",
    "task_of",
    "value_criterion",
]
