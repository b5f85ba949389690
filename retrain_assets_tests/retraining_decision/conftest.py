"""The pipeline that most tests of the decision start from."""

from __future__ import annotations

import pytest

from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.retraining_decision.past import DAYS, attempt, live, promote


@pytest.fixture
def loans(tmp_path):
    """A pipeline that has taken in 26 days and has a champion since the 18th; nothing asks for a retrain."""
    declaration = declare(tmp_path)
    live(declaration, tmp_path, DAYS)
    attempt(declaration, 18, "blessed")
    promote(declaration, 18)
    return declaration
