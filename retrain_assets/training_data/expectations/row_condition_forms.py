"""The forms in which a ``row_condition`` can be written, read into one tree.

great_expectations takes a condition as a text for pandas, as a text of its own (``col("bid") > 5``), or as its
``Condition`` objects, which a file writes as mappings.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from retrain_assets.training_data.expectations.comparable_values import UnfitError
from retrain_assets.training_data.expectations.row_condition import (
    OPERATORS,
    Compared,
    Condition,
    Constant,
    Joined,
    Missing,
    Negated,
)

_OF_SYNTAX: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MISSING = {"isnull": True, "isna": True, "notnull": False, "notna": False}
_OWN_PARSERS = ("great_expectations", "great_expectations__experimental__")
_FORMS = "Write comparisons with constants, x.isnull() or x.notnull(), joined by and, or, not"
# A text in quotes, a column in backticks, or pandas' signs for and, or.
_TOKENS = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`([^`]+)`|([&|])""")


def read_condition(arguments: Mapping[str, Any]) -> Condition | None:
    """Read an expectation's ``row_condition``; None where it has none.

    Parameters
    ----------
    arguments
        The expectation's own arguments.

    Raises
    ------
    UnfitError
        When it is in no known form.
    """
    written, parser = arguments.get("row_condition"), arguments.get("condition_parser")
    if written is None:
        return None
    if parser not in (None, "pandas", *_OWN_PARSERS):
        raise UnfitError(
            f"condition_parser {parser!r} is not known here; it can be pandas or great_expectations"
        )
    if isinstance(written, Mapping):
        return _of_mapping(written)
    if not isinstance(written, str):
        raise UnfitError(f"{written!r} is no condition. {_FORMS}")
    own = parser in _OWN_PARSERS
    condition = _of_text(written, own)
    if own and isinstance(condition, Joined | Negated):
        raise UnfitError(
            f"{written!r} joins conditions, which only the form for pandas can; write condition_parser: pandas"
        )
    return condition


def _of_mapping(written: Mapping[str, Any]) -> Condition:
    """Read what great_expectations writes of its ``Condition`` objects."""
    match written:
        case {
            "type": "comparison",
            "column": {"name": str(column)},
            "operator": str(sign),
            "parameter": value,
        }:
            if sign in ("IN", "NOT_IN") and isinstance(value, list | tuple):
                return _one_of(column, value, sign == "NOT_IN", written)
            if sign in OPERATORS and isinstance(value, Constant):
                return Compared(column, sign, _finite(value))
        case {"type": "nullity", "column": {"name": str(column)}, "is_null": bool(missing)}:
            return Missing(column, missing)
        case {"type": "and" | "or" as word, "conditions": [_, *_] as parts}:
            return Joined(word, tuple(_of_mapping(part) for part in parts))
        case {"type": "pass_through", "pass_through_filter": str(text)}:
            return _of_text(text, own=False)
    raise UnfitError(f"{written!r} is no condition of great_expectations. {_FORMS}")


def _of_text(written: str, own: bool) -> Condition:
    """Read a text for pandas, or in great_expectations' own form."""
    names: dict[str, str] = {}

    def plain(token: re.Match[str]) -> str:
        text, column, sign = token.groups()
        if column is not None:
            name = f"_column_{len(names)}"
            names[name] = column
            return name
        return text or {"&": " and ", "|": " or "}[sign]

    try:
        tree = ast.parse(_TOKENS.sub(plain, written).strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise UnfitError(
            f"{written!r} does not parse. {_FORMS}; a column whose name is no plain word goes in backticks"
        ) from None
    return _Reader(written, names, own).condition(tree)


@dataclass(frozen=True)
class _Reader:
    """Python's syntax tree of a condition, and the columns that stood in backticks."""

    written: str
    names: Mapping[str, str]
    own: bool

    def condition(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(op=op, values=values):
                word: Literal["and", "or"] = "and" if isinstance(op, ast.And) else "or"
                return Joined(word, tuple(map(self.condition, values)))
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return Negated(self.condition(operand))
            case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[], keywords=[]) if (
                attr in _MISSING
            ):
                return Missing(self._column(value), _MISSING[attr])
            case ast.Compare(left=left, ops=ops, comparators=right):
                sides = [left, *right]
                parts = [
                    self._comparison(sides[place], sign, sides[place + 1]) for place, sign in enumerate(ops)
                ]
                return parts[0] if len(parts) == 1 else Joined("and", tuple(parts))
        raise self._refusal()

    def _comparison(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(sign, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
            values = [self._constant(item) for item in right.elts]
            return _one_of(self._column(left), values, isinstance(sign, ast.NotIn), self.written)
        if type(sign) not in _OF_SYNTAX:
            raise self._refusal()
        symbol = _OF_SYNTAX[type(sign)]
        if self._is_column(left):
            return Compared(self._column(left), symbol, self._constant(right))
        return Compared(self._column(right), _MIRRORED[symbol], self._constant(left))

    def _is_column(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call if self.own else ast.Name)

    def _column(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name) if not self.own:
                return self.names.get(name, name)
            case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))], keywords=[]) if (
                self.own
            ):
                return name
        raise self._refusal()

    def _constant(self, node: ast.expr) -> Constant:
        try:
            value = ast.literal_eval(node)
        except ValueError:
            raise self._refusal() from None
        if not isinstance(value, Constant):
            raise self._refusal()
        return _finite(value)

    def _refusal(self) -> UnfitError:
        columns = 'a column as col("x")' if self.own else "a column as a bare word, or in backticks"
        return UnfitError(f"{self.written!r} is not understood. {_FORMS}, and {columns}")


def _one_of(column: str, values: Sequence[Any], negated: bool, written: object) -> Condition:
    if not values or not all(isinstance(value, Constant) for value in values):
        raise UnfitError(f"{written!r} needs a list of constants to look into")
    sign, word = ("!=", "and") if negated else ("==", "or")
    parts = tuple(Compared(column, sign, _finite(value)) for value in values)
    return parts[0] if len(parts) == 1 else Joined("and" if word == "and" else "or", parts)


def _finite(value: Constant) -> Constant:
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError(f"{value!r} cannot be compared with; write x.isnull() for what is missing")
    return value
