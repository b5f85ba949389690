"""Which types a model file may hold."""

import pytest

from retrain_assets.champion.trust import untrusted_types

TRUSTED = [
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.utils.validation.check_array",
    "functools.partial",
    "numpy.dtype",
    "scipy.interpolate._bsplines.BSpline",
    "retrain_assets.candidate_model.model.ScoringModel",
]
REFUSED = [
    "os.system",
    "builtins.eval",
    "subprocess.Popen",
    "numpy.testing.runstring",
    "scipy.io.FortranFile",
    "sklearn.utils._testing.check_output",
    "sklearn.utils._testing.partial",
    "sklearn.datasets.load_svmlight_file",
    "sklearn.linear_model._logistic.LogisticRegression.predict",
    "sklearnlike.model.Estimator",
    "sklearn.no_such_module.Estimator",
    "sklearn.tree.NoSuchTree",
    "retrain_assets.lake.Lake",
    "retrain_assets.candidate_model.model.clone",
    "statistics.NormalDist",
]


@pytest.mark.parametrize("name", TRUSTED)
def test_trusted(name):
    """What scikit-learn's estimators and the library's own models are made of needs no declaration."""
    assert untrusted_types([name], []) == []


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    """What nobody declared is refused, be it exposed by a trusted module or named like one."""
    assert untrusted_types([name], ["fractions"]) == [name]


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("statistics.NormalDist", ["statistics"]),
        ("statistics.mean", ["statistics"]),
        ("email.mime.text.MIMEText", ["email"]),
    ],
)
def test_declared(name, modules):
    """Classes and functions that a declared module, or one below it, defines are trusted."""
    assert untrusted_types([name], modules) == []


def test_declared_module_exposes_more_than_it_defines():
    """What a declared module has only imported is not its own, and is refused."""
    assert untrusted_types(["statistics.Fraction"], ["statistics"]) == ["statistics.Fraction"]
