"""References to names in modules are checked by reading files."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrain_assets.references import check_name


def test_names_of_any_statement_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is bound together with others is there, and what a function binds is not."""
    (tmp_path / "shop_pairs.py").write_text("fit, score = None, None\ndef made():\n    inner = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert check_name("shop_pairs", "score") is None
    assert check_name("shop_pairs", "inner") is not None


def test_a_module_that_is_no_python_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the user's own module is named with its line."""
    file = tmp_path / "shop_broken.py"
    file.write_text("def model(:\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    told = check_name("shop_broken", "model")
    assert (
        told == f"The module 'shop_broken' is no valid Python: invalid syntax, in line 1 of {file}. Mend it."
    )
