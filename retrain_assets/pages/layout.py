"""The layout that all pages share: templates, style sheet and filters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from retrain_assets.pages import text

VERDICT_CLASSES = {"blessed": "good", "rejected": "bad", "inconclusive": "unclear"}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("retrain_assets.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (resources.files("retrain_assets.pages") / "style.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)
    environment.globals["verdict_class"] = lambda verdict: VERDICT_CLASSES.get(verdict, "unclear")
    environment.filters.update(
        number=text.number,
        fixed=text.fixed,
        count=text.count,
        p_value=text.p_value,
        day=text.day,
        duration=text.duration,
        metric=text.metric_title,
        upper_first=text.upper_first,
        relative=relative_address,
    )
    return environment


def relative_address(address: str | None) -> str | None:
    """Pass an address within the reports' folder through; any with a scheme or a host becomes None."""
    return address if address and re.fullmatch(r"[\w.-][\w./-]*", address) else None


def render(template: str, values: Mapping[str, object]) -> str:
    """Fill a template in; every value is escaped, a missing one is an error.

    Parameters
    ----------
    template
        Name of a file in ``templates``.
    values
        What the template names.
    """
    return _environment().get_template(template).render(values)
