from __future__ import annotations

import re
import shutil
import subprocess
from html import escape
from pathlib import Path

import pytest

from retrain_assets.evaluation_report.page import evaluation_page
from retrain_assets.monitoring_report.page import life_page
from retrain_assets_tests.pages import documents, lives

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCREENS = ((1280, 800), (390, 844))
MEASURE = """<script>
addEventListener("load", () => {
  document.title = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, first = [...page.querySelectorAll("section.first *")];
    const bottom = Math.max(...first.map(part => part.getBoundingClientRect().bottom));
    return [Math.ceil(bottom), page.documentElement.scrollWidth].join(" ");
  }).join(" ");
});
</script>"""


def laid_out(page: str, folder: Path) -> list[tuple[int, int]]:
    """Lay a page out on each of the screens; gives the bottom of its first section, and its width."""
    frames = "".join(
        f'<iframe width="{w}" height="{h}" srcdoc="{escape(page)}"></iframe>' for w, h in SCREENS
    )
    wrapper = folder / "wrapper.html"
    wrapper.write_text(f"<!DOCTYPE html><title></title>{frames}{MEASURE}", encoding="utf-8")
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", wrapper.as_uri()],
        capture_output=True,
        check=True,
        text=True,
    )
    found = re.search(r"<title>([\d ]+)</title>", done.stdout)
    assert found, done.stdout[:300]
    numbers = [int(number) for number in found.group(1).split()]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine to lay the pages out")
@pytest.mark.parametrize("name", ["blessed", "rejected", "inconclusive", "unscorable", "life", "empty_life"])
def test_first_screen_needs_no_scrolling(name: str, tmp_path: Path) -> None:
    """On a desk and on a phone the whole first section is seen without scrolling in either direction."""
    draw, made = (life_page, lives) if "life" in name else (evaluation_page, documents)
    (bottom, across), (phone_bottom, phone_across) = laid_out(draw(getattr(made, name)()), tmp_path)
    assert bottom <= 800
    assert across <= 1280
    assert phone_bottom <= 844
    assert phone_across <= 390
