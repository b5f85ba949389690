"""Environment variables that a declaration names."""

from __future__ import annotations

import os
import re
from typing import Any

from retrain_assets.errors import SpecError

_ENVIRONMENT = re.compile(r"\{\{\s*env\.(\w+)\s*\}\}|\{\{\s*env\(\s*['\"](\w+)['\"]\s*\)\s*\}\}")


def check_environment(written: Any, shown: str, field: str = "") -> None:
    """Refuse a template whose environment variable is missing, or the empty one that is all of a value.

    Dagster would put nothing in its place, and the field would count as not declared.

    Parameters
    ----------
    written
        A value of a declaration, templates not resolved.
    shown
        The file as a message names it.
    field
        The value's field; empty for the whole.

    Raises
    ------
    SpecError
        When a variable is not set or empty, with the field that names it.
    """
    if isinstance(written, dict):
        for name, value in written.items():
            check_environment(value, shown, f"{field}.{name}" if field else str(name))
    elif isinstance(written, list):
        for place, value in enumerate(written):
            check_environment(value, shown, f"{field}[{place}]")
    elif isinstance(written, str):
        for match in _ENVIRONMENT.finditer(written):
            variable = match.group(1) or match.group(2)
            if variable not in os.environ:
                raise SpecError(
                    f"{shown}: {field}: the environment variable {variable} is not set. Set it, or write "
                    f"{{{{ env('{variable}', 'a default') }}}}."
                )
            if match[0] == written.strip() and not os.environ[variable]:
                raise SpecError(f"{shown}: {field}: the environment variable {variable} is empty. Set it.")
