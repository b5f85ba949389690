"""great_expectations' Data Docs as one page that needs no network, its values escaped."""

from __future__ import annotations

import html
import math
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from retrain_assets.pages.writing import write_whole
from retrain_assets.training_data.expectations.results import as_text

_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2530; background: #fff; margin: 0 auto;
  max-width: 70rem; padding: 1.5rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #d9dee5; padding: .4rem .6rem; text-align: left; vertical-align: top; }
.alert, .card-header { background: #eef1f5; padding: .6rem .8rem; border-radius: 6px; }
.badge { background: #e3e7ed; border-radius: 4px; padding: 0 .35rem; font-family: ui-monospace, monospace; }
.text-success { color: #147a3d; } .text-danger { color: #b3261e; } .text-warning { color: #8a5a00; }
.text-success::before { content: "\\2713"; } .text-danger::before { content: "\\2717"; }
.text-warning::before { content: "!"; }
</style>"""
# Whatever a page would fetch: scripts, stylesheets, images, and images named in styles.
_FETCHED = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|background: url\([^)]*\)[^;]*;", re.DOTALL
)
# Links to pages of a site that is not there.
_LINK = re.compile(r'<a href="\.\./[^>]*>(.*?)</a>', re.DOTALL)
# GX escapes parameters itself, and its templates and styles are no data.
_NOT_DATA = frozenset({"params", "styling", "template", "tag", "content_block_type"})


def write_page(validation: Any, path: Path) -> None:
    """Write a validation's result as a page.

    Parameters
    ----------
    validation
        great_expectations' result of a suite.
    path
        The file, in a folder of the partition's name, which is made.
    """
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    for result in validation.results:
        result.result.update({name: _writable(value) for name, value in result.result.items()})
    # Name and time are read from there only, which a frame in memory does not fill in.
    partition = path.parent.name
    validation.meta["batch_spec"] = {"data_asset_name": f"training_data, {partition}"}
    validation.meta["run_id"] = {"run_name": partition, "run_time": datetime.now(UTC).isoformat()}
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(validation).to_json_dict()
    page = _LINK.sub(r"\1", _FETCHED.sub("", _template().render(_escaped(document)))).replace(
        "</head>", f"{_STYLE}</head>", 1
    )
    write_whole(path, page)


@cache
def _template() -> Any:
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView().env.get_template("page_minimal.j2")


def _writable(value: Any) -> Any:
    """Replace what the renderer cannot write: numbers of NumPy's types, and those that are not finite."""
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, tuple):
        return as_text(value)
    plain = value.item() if hasattr(value, "item") else value
    return str(plain) if isinstance(plain, float) and not math.isfinite(plain) else plain


def _escaped(node: Any) -> Any:
    match node:
        case dict():
            return {key: value if key in _NOT_DATA else _escaped(value) for key, value in node.items()}
        case list():
            return [_escaped(item) for item in node]
        case str():
            return html.escape(node)
        case _:
            return node
