"""What a user declares: one file a block."""

from retrain_assets.spec.base import Duration, Spec, format_duration, parse_duration
from retrain_assets.spec.features import ExpectationSpec, FeaturesSpec
from retrain_assets.spec.label import LabelSourceSpec, LabelSpec
from retrain_assets.spec.metrics import MetricSpec
from retrain_assets.spec.pipeline import PipelineSpec, load_spec
from retrain_assets.spec.source import ReadSpec, SourceSpec
from retrain_assets.spec.training import EvaluationSpec, PromotionSpec, TrainingSpec, WindowSpec
from retrain_assets.spec.triggers import (
    BusinessTrigger,
    DriftTrigger,
    LimitsSpec,
    PerformanceTrigger,
    RetrainWhenSpec,
)
from retrain_assets.spec.value import ValueSpec

__all__ = [
    "BusinessTrigger",
    "DriftTrigger",
    "Duration",
    "EvaluationSpec",
    "ExpectationSpec",
    "FeaturesSpec",
    "LabelSourceSpec",
    "LabelSpec",
    "LimitsSpec",
    "MetricSpec",
    "PerformanceTrigger",
    "PipelineSpec",
    "PromotionSpec",
    "ReadSpec",
    "RetrainWhenSpec",
    "SourceSpec",
    "Spec",
    "TrainingSpec",
    "ValueSpec",
    "WindowSpec",
    "format_duration",
    "load_spec",
    "parse_duration",
]
