"""Fields that a declaration's file declares twice: YAML takes the last without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml


def repeated_fields(file: Path) -> list[str]:
    """Say which fields a file declares twice in one block.

    Parameters
    ----------
    file
        A ``defs.yaml``; of several documents in it all are looked at.

    Returns
    -------
    list of str
        A sentence a field, with its lines; none where there is no such file.
    """
    if not file.is_file():
        return []
    with file.open(encoding="utf-8") as text:
        return [
            fault for document in yaml.compose_all(text, yaml.SafeLoader) for fault in _repeated(document)
        ]


def _repeated(node: yaml.Node | None, path: str = "") -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            yield from _repeated(item, f"{path}[{place}]")
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for name, value in node.value:
            field = f"{path}.{name.value}" if path and path != "attributes" else str(name.value)
            line = name.start_mark.line + 1
            if field in lines:
                yield (
                    f"{field}: it stands in line {lines[field]} and again in line {line}, and only the last would "
                    "hold. Remove one, or make them one."
                )
            lines[field] = line
            yield from _repeated(value, field)
