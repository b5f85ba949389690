from __future__ import annotations

import polars as pl
import pytest

from retrain_assets.training_data.first_rows import check_key
from retrain_assets_tests.pipelines import declare


@pytest.mark.parametrize(
    ("keys", "doubted"), [([], False), ([None, None], False), (["a", "a"], True), (["a", "b"], False)]
)
def test_a_key_is_doubted_by_the_values_that_there_are(
    tmp_path, keys: list[str | None], doubted: bool
) -> None:
    """Rows with one key are told; a source without rows, or without keys yet, says nothing of its key."""
    spec = declare(tmp_path, source__key="loan").spec
    assert bool(check_key(spec, pl.DataFrame({"loan": keys}, schema={"loan": pl.String}))) == doubted
