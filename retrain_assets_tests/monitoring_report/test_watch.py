"""Alarms of the newest report, as others ask for them."""

from __future__ import annotations

import pytest

from retrain_assets.monitoring_report.watch import harm_stands
from retrain_assets_tests.pipelines import declare
from retrain_assets_tests.retraining_decision.past import alarm


@pytest.mark.parametrize("reason", ["performance", "business:repaid_share"])
def test_harm_stands_against_the_version_that_it_is_about(tmp_path, reason):
    """The alarm about one champion denies the next one nothing, until a report about that one raises it too."""
    declaration = declare(tmp_path)
    assert harm_stands(declaration, 1) is None
    alarm(declaration, 20, reason, onset=12)
    assert harm_stands(declaration, 1) == f"The threshold of {reason} is crossed."
    assert harm_stands(declaration, 2) is None
    alarm(declaration, 21, reason, onset=12, version=2)
    assert harm_stands(declaration, 2) is not None


def test_drift_is_no_harm(tmp_path):
    """A drift that costs nothing stands in nobody's way."""
    declaration = declare(tmp_path)
    alarm(declaration, 20, "drift", onset=12)
    assert harm_stands(declaration, 1) is None
