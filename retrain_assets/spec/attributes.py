"""The ``attributes`` of a ``defs.yaml`` as they are written, and the schemas of what may be written there."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from retrain_assets.spec.pipeline import PipelineSpec

_TOLD_BETTER = frozenset({"required", "pattern", "minLength", "maxLength"})
"""Of these keywords ``dg check`` makes a sentence that says less than that of :func:`load_spec`."""


class Attributes(BaseModel):
    """The ``attributes`` of a ``defs.yaml`` as written, before templates are resolved."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Show editors the declaration's own schema, within that of all components."""
        del core_schema
        return handler(PipelineSpec.__pydantic_core_schema__)

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """Show ``dg`` the names, types, bounds and descriptions of all fields.

        ``dg check`` holds a file against this schema before the declaration is read. What it would refuse without
        naming the field, the nearest spelling or the remedy is left out: then :func:`load_spec` refuses it.
        """
        return _for_check(PipelineSpec.model_json_schema(*args, **options))


def _for_check(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in schema.items() if key not in _TOLD_BETTER}
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    for named in ("$defs", "properties"):
        if named in kept:
            kept[named] = {name: _for_check(inner) for name, inner in kept[named].items()}
    for name in schema.get("required", ()):
        field = kept["properties"][name]
        field["description"] = f"{field.get('description', '')} Needed.".strip()
    if "items" in kept:
        kept["items"] = _for_check(kept["items"])
    if "anyOf" in kept:
        kept |= _one_form([_for_check(form) for form in kept.pop("anyOf")])
    return kept


def _one_form(forms: list[dict[str, Any]]) -> dict[str, Any]:
    """Several forms of a value as one that ``dg check`` can tell of: of several it says that none fits, and not why."""
    if any("$ref" in form for form in forms):
        return {"anyOf": [*forms, {}]}
    merged = {key: value for form in forms for key, value in form.items()}
    return merged | {"type": [form["type"] for form in forms]}
