"""Pages and their JSON twins are put in their place whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from retrain_assets.cadence_report import asset as cadence
from retrain_assets.cadence_report import page as cadence_page
from retrain_assets.declaration import Declaration
from retrain_assets.evaluation_report.assess import write_report
from retrain_assets.monitoring_report.life import write_life
from retrain_assets.pages.writing import write_whole
from retrain_assets_tests.pages.documents import blessed
from retrain_assets_tests.pipelines import declare

NO_TEXT = "half of it is written before \ud800"
"""Text that UTF-8 cannot encode, which is found out when the file is open."""


def test_a_text_that_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    """What was written before can be read, and nothing else lies in the folder."""
    file = tmp_path / "made" / "life.json"
    write_whole(file, '{"version": 1}')
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, NO_TEXT)
    assert json.loads(file.read_text(encoding="utf-8")) == {"version": 1}
    assert list(file.parent.iterdir()) == [file]


def test_who_is_reading_a_page_reads_the_one_that_was_opened(tmp_path):
    """A page that is written meanwhile is another file; the next reader gets that one."""
    file = tmp_path / "index.html"
    write_whole(file, "first")
    with file.open(encoding="utf-8") as reader:
        write_whole(file, "second")
        assert reader.read() == "first"
    assert file.read_text(encoding="utf-8") == "second"


def evaluation(declaration: Declaration) -> None:
    """Write the pages of an evaluation."""
    write_report(declaration, "attempt", blessed())


def cadence_pages(declaration: Declaration) -> None:
    """Write the pages of a cadence report."""
    cadence._write(declaration, SimpleNamespace(document={}))


@pytest.mark.parametrize(
    ("write", "pages"),
    [
        (write_life, ["life.json", "index.html"]),
        (evaluation, ["evaluations/attempt/evaluation.json", "evaluations/attempt/index.html"]),
        (cadence_pages, ["cadence.json", "cadence.html"]),
    ],
)
def test_every_page_and_its_twin_are_put_in_place_whole(
    write: Callable[[Declaration], object], pages: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A page that is written again is a new file in the old one's place."""
    monkeypatch.setattr(cadence_page, "cadence_page", lambda document: f"<p>{document}</p>")
    declaration = declare(tmp_path)
    write(declaration)
    for page in pages:
        (tmp_path / Path(page).name).hardlink_to(declaration.reports / page)
    write(declaration)
    for page in pages:
        assert not (tmp_path / Path(page).name).samefile(declaration.reports / page)
