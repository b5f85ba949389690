"""What classes and functions take and define is read from files as Python itself tells it."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from retrain_assets.signatures import ancestors, defines, signature

MODULE = """
from dataclasses import dataclass
from functools import cache, partial
from json import JSONDecoder as Base


def plain(a, /, b, *rest, c, d=1, **others): ...

@cache
def decorated(a): ...

made = partial(plain, 1)

@dataclass
class Data:
    a: int

class Own(Base):
    def __init__(self, a, b=2): ...

class Heir(Own): ...

class Base(Base): ...

class Bare: ...

class New:
    def __new__(cls, a): ...

class Left(Own): ...

class Right(Own):
    def __init__(self, c=1): ...

class Crossed(Left, Right): ...

class Tree(Left, Bare): ...

class Unread(Left, Base): ...

class Assigned(Own):
    __init__ = New.__init__

class Either(Own):
    if made:
        def __init__(self, c=1): ...

class Maker(type): ...

class Made(metaclass=Maker):
    def __init__(self, a): ...

class Replaced(Own): ...

Replaced = Bare

class Imported(Own): ...

try:
    from shop_cython import Imported
except ImportError:
    pass

class First(Last): ...

class Last(First): ...
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module on the path, never imported."""
    (tmp_path / "shop_models.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return "shop_models"


@pytest.mark.parametrize(
    "path",
    [
        "ensemble.HistGradientBoostingClassifier",
        "ensemble.StackingClassifier",
        "linear_model.Lasso",
        "linear_model.LassoCV",
        "linear_model.LogisticRegression",
        "naive_bayes.GaussianNB",
        "neighbors.KNeighborsRegressor",
        "svm.SVC",
    ],
)
def test_a_signature_is_read_as_it_is(path: str) -> None:
    """Names, kinds and which have a default are those that importing the class would tell."""
    where, _, name = f"sklearn.{path}".rpartition(".")
    read = signature(where, name)
    assert read is not None
    known = inspect.signature(getattr(importlib.import_module(where), name))
    assert _shape(read) == _shape(known)


def _shape(found: inspect.Signature) -> list[tuple[str, object, bool]]:
    return [(each.name, each.kind, each.default is each.empty) for each in found.parameters.values()]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("plain", "(a, /, b, *rest, c, d=Ellipsis, **others)"),
        ("Own", "(a, b=Ellipsis)"),
        ("Heir", "(a, b=Ellipsis)"),
        ("Bare", "()"),
        ("decorated", "None"),
        ("made", "None"),
        ("Data", "None"),
        ("Base", "None"),
        ("New", "None"),
        ("Tree", "(a, b=Ellipsis)"),
        ("Unread", "None"),
        ("Assigned", "None"),
        ("Either", "None"),
        ("Made", "None"),
        ("Replaced", "None"),
        ("Imported", "None"),
        ("First", "None"),
        ("nowhere", "None"),
    ],
)
def test_a_signature_is_told_or_left_open(module: str, name: str, parameters: str) -> None:
    """What a decorator, another way of making or a name that stands for several classes may change is left open."""
    assert str(signature(module, name)) == parameters


def test_a_base_of_another_base_is_asked_after_it(module: str) -> None:
    """What a class takes is not that of its first base's base where a later base derives from that, too."""
    assert signature(module, "Crossed") is None
    assert str(signature(module, "Right")) == "(c=Ellipsis)"


def test_ancestors_are_named(module: str) -> None:
    """The classes of other modules among them, nearest first."""
    assert list(ancestors(module, "Heir"))[:2] == ["Own", "Base"]
    assert "ClassifierMixin" in ancestors("sklearn.svm", "SVC")
    assert list(ancestors(module, "plain")) == []


@pytest.mark.parametrize(
    ("path", "defined"),
    [
        ("sklearn.ensemble.HistGradientBoostingClassifier", True),
        ("sklearn.linear_model.LogisticRegression", True),
        ("sklearn.svm.SVC", True),
        ("sklearn.svm.LinearSVC", False),
        ("sklearn.linear_model.RidgeClassifier", False),
        ("shop_models.Bare", False),
        ("shop_models.Base", None),
        ("shop_models.made", None),
    ],
)
def test_a_method_is_found_where_it_is_defined(module: str, path: str, defined: bool | None) -> None:
    """A class has the methods of those that it derives from; an unknown one leaves it open."""
    where, _, name = path.rpartition(".")
    assert signature(module, "Own") is not None
    assert defines(where, name, "predict_proba") is defined


def test_a_module_that_is_no_python_has_no_signatures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read is left open."""
    (tmp_path / "shop_unread.py").write_text("def model(:\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert signature("shop_unread", "model") is None
