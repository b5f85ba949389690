"""The forms in which a metric is declared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import SpecError
from retrain_assets.spec import EvaluationSpec, MetricSpec, PipelineSpec
from retrain_assets.spec.metrics import KNOWN_METRICS
from retrain_assets_tests.spec.test_declarations import declared

COST = {"function": "my_module:cost", "greater_is_better": False, "unit": "EUR"}


def load(*metrics, **changes):
    """Load a declaration of metrics."""
    from retrain_assets.spec import load_spec

    return load_spec(declared(evaluation__metrics=list(metrics), **changes), "defs.yaml").evaluation.metrics


def test_a_metric_is_declared_by_name_or_as_a_mapping():
    """A name, a mapping with a quantile, and a function each become a metric with a short name."""
    found = load("neg_mean_absolute_error", {"metric": "mean_pinball_loss", "quantile": 0.9}, COST)
    assert [metric.name for metric in found] == ["mean_absolute_error", "mean_pinball_loss_q90", "cost"]
    assert found[1] == MetricSpec(metric="mean_pinball_loss", quantile=0.9)
    assert (found[2].greater_is_better, found[2].unit) == (False, "EUR")


@pytest.mark.parametrize("name", KNOWN_METRICS)
def test_every_known_metric_can_be_declared(name):
    """A known metric is declared by scikit-learn's name, with and without neg_."""
    several = {"label__classes": ["low", "mid", "high"]} if name == "roc_auc_ovr" else {}
    assert load(name, **several) == load(f"neg_{name}", **several) == [MetricSpec(metric=name)]


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        (["roc_auk"], "evaluation.metrics[0]: the metric 'roc_auk' is not known. Did you mean 'roc_auc'?"),
        (
            ["rmse"],
            "evaluation.metrics[0]: the metric 'rmse' is not known. Did you mean 'root_mean_squared_error'?",
        ),
        (["ROC_AUC"], "evaluation.metrics[0]: the metric 'ROC_AUC' is not known. Did you mean 'roc_auc'?"),
        (
            ["lift"],
            "evaluation.metrics[0]: the metric 'lift' is not known. It can be one of: "
            f"{', '.join(sorted(KNOWN_METRICS))}.",
        ),
        (
            [{"metric": "roc_auk"}],
            "evaluation.metrics[0].metric: the metric 'roc_auk' is not known. Did you mean 'roc_auc'?",
        ),
        (
            [{"metric": "r2", "quantle": 0.9}],
            "evaluation.metrics[0].quantle: there is no field 'quantle' here. Did you mean 'quantile'?",
        ),
        (
            [{"metric": "r2", "quantile": 0.9}],
            "evaluation.metrics[0]: quantile belongs to metric: mean_pinball_loss.",
        ),
        ([{}], "evaluation.metrics[0]: declare exactly one of metric and function."),
        ([COST | {"metric": "r2"}], "evaluation.metrics[0]: declare exactly one of metric and function."),
        (
            [{"function": "my_module:cost", "unit": "EUR"}],
            "evaluation.metrics[0]: a function needs greater_is_better and unit: nothing else says what its "
            "numbers mean.",
        ),
        (
            [{"metric": "r2", "unit": "EUR"}],
            "evaluation.metrics[0]: greater_is_better and unit belong to function; those of r2 are known.",
        ),
        (
            [COST | {"function": "cost"}],
            "evaluation.metrics[0].function: 'cost' is no module:function reference, such as "
            "my_package.my_module:load.",
        ),
        (
            [COST, COST | {"function": "other:cost"}],
            "evaluation.metrics: two metrics are called 'cost'; remove one, or rename the function.",
        ),
        (
            [COST | {"function": "my_module:log_loss"}],
            "evaluation.metrics: the function 'log_loss' has the name of a known metric; rename it.",
        ),
        (
            ["log_loss", "r2"],
            "evaluation.metrics: no kind of model has all these metrics. Two classes have log_",
        ),
        (["roc_auc", "roc_auc_ovr"], "evaluation.metrics: no kind of model has all these metrics."),
    ],
)
def test_a_wrong_metric_is_told_as_a_sentence(metrics, sentence):
    """Each fault names the place in the list and says what to do."""
    with pytest.raises(SpecError) as caught:
        load(*metrics)
    assert str(caught.value).startswith(f"defs.yaml: {sentence}")


@given(st.lists(st.floats(0.001, 0.999).map(lambda q: round(q, 3)), min_size=2, max_size=2, unique=True))
def test_quantiles_have_names_of_their_own(quantiles):
    """Metrics of different quantiles have different names, plain enough for a key anywhere."""
    one, other = (MetricSpec(metric="mean_pinball_loss", quantile=q).name for q in quantiles)
    assert one != other
    assert one.replace("_", "").isalnum()


def test_editors_see_both_forms():
    """The declaration's JSON schema allows a name and a mapping in the list of metrics."""
    items = EvaluationSpec.model_json_schema()["properties"]["metrics"]["items"]
    assert {"type": "string"} in items["anyOf"]
    assert {"$ref": "#/$defs/MetricSpec"} in items["anyOf"]
    assert "quantile" in PipelineSpec.model_json_schema()["$defs"]["MetricSpec"]["properties"]
