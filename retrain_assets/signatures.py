"""What classes and functions of Python take and define, read from their files: nothing is imported."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator, Sequence
from itertools import chain, dropwhile
from typing import Any, NamedTuple

from retrain_assets.declaration import module_file
from retrain_assets.references import bound_names, statements


class _Class(NamedTuple):
    """A class or one that it derives from, in so many steps; without a block where it cannot be read."""

    name: str
    block: ast.ClassDef | None
    depth: int


def signature(module: str, name: str) -> inspect.Signature | None:
    """Read what a class or a function can be called with.

    Parameters
    ----------
    module
        Dotted path of the module.
    name
        The class or function at the top of it, defined there or imported from elsewhere.

    Returns
    -------
    inspect.Signature or None
        Names of the parameters and which of them have a default, whose value is not read; None where reading files
        cannot tell: a compiled or decorated one, or a class that is made in another way than by ``__init__``.
    """
    found = _definition(module, name)
    if found is None:
        return None
    where, node = found
    if isinstance(node, ast.FunctionDef):
        return None if node.decorator_list else inspect.Signature(list(_parameters(node.args)))
    classes = [_Class(name, node, 0), *_bases(where, node)]
    for place, each in enumerate(classes):
        block = each.block
        if block is None or block.decorator_list or _has_metaclass(block):
            return None
        makers = [item for item in block.body if {"__init__", "__new__"} & bound_names(item)]
        if makers:
            return _init_signature(makers) if _comes_first(each, classes[place + 1 :]) else None
    return inspect.Signature()


def _has_metaclass(block: ast.ClassDef) -> bool:
    return any(
        keyword.arg == "metaclass" and "ABCMeta" not in ast.unparse(keyword) for keyword in block.keywords
    )


def _init_signature(makers: Sequence[ast.stmt]) -> inspect.Signature | None:
    """What ``__init__`` takes, where it is all that makes an object and nothing changes it."""
    match makers:
        case [ast.FunctionDef(name="__init__", decorator_list=[]) as init]:
            return inspect.Signature(list(_parameters(init.args))[1:])
    return None


def _comes_first(base: _Class, after: Sequence[_Class]) -> bool:
    """Whether Python asks a base before all that come after it here: it may be a base of one of these, too."""
    later = list(dropwhile(lambda each: each.depth > base.depth, after))
    names = {None if each.block is None else each.block.name for each in later}
    return names.isdisjoint({None, base.block and base.block.name})


def ancestors(module: str, name: str) -> Iterator[str]:
    """Names of the classes that a class derives from, nearest first, as far as reading files can tell."""
    found = _definition(module, name)
    if found is not None and isinstance(found[1], ast.ClassDef):
        yield from (base.name for base in _bases(found[0], found[1]))


def defines(module: str, name: str, method: str) -> bool | None:
    """Tell whether a class or one that it derives from defines a method; None where reading files cannot tell."""
    found = _definition(module, name)
    if found is None or not isinstance(found[1], ast.ClassDef):
        return None
    open_ended = False
    for block in chain([found[1]], (base.block for base in _bases(found[0], found[1]))):
        open_ended |= block is None or bool(block.decorator_list)
        if block is not None and any({method, "__getattr__"} & bound_names(item) for item in block.body):
            return True
    return None if open_ended else False


def _definition(
    module: str, name: str, seen: frozenset[tuple[str, str]] = frozenset()
) -> tuple[str, ast.ClassDef | ast.FunctionDef] | None:
    """Find where a name is defined, and how, by following what modules import from each other."""
    file = module_file(module)
    if file is None or file.suffix != ".py" or (module, name) in seen:
        return None
    try:
        body = statements(file)
    except SyntaxError:
        return None
    for node in reversed(body):
        if {name, "*"}.isdisjoint(bound_names(node)):
            continue
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                return module, node
            case ast.ImportFrom(module=str(source), names=aliases, level=level) if node.names[0].name != "*":
                original = next(each.name for each in aliases if (each.asname or each.name) == name)
                package = module if file.name == "__init__.py" else module.rpartition(".")[0]
                source = importlib.util.resolve_name("." * level + source, package)
                return _definition(source, original, seen | {(module, name)})
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
        return None
    return None


def _bases(
    module: str, node: ast.ClassDef, depth: int = 1, seen: frozenset[str] = frozenset()
) -> Iterator[_Class]:
    """The classes that a class derives from, each followed by those that it derives from."""
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else ast.unparse(base)
        if name == "object":
            continue
        # A class may have the name of one that it derives from.
        known = seen | {f"{module}.{node.name}"}
        found = None if f"{module}.{name}" in known else _definition(module, name)
        if found is None or not isinstance(found[1], ast.ClassDef):
            yield _Class(name, None, depth)
        else:
            yield _Class(name, found[1], depth)
            yield from _bases(found[0], found[1], depth + 1, known)


def _parameters(declared: ast.arguments) -> Iterator[inspect.Parameter]:
    named = [*declared.posonlyargs, *declared.args]
    least = len(named) - len(declared.defaults)
    for place, argument in enumerate(named):
        kind = (
            inspect.Parameter.POSITIONAL_ONLY
            if place < len(declared.posonlyargs)
            else inspect.Parameter.POSITIONAL_OR_KEYWORD
        )
        yield _parameter(argument, kind, has_default=place >= least)
    if declared.vararg is not None:
        yield _parameter(declared.vararg, inspect.Parameter.VAR_POSITIONAL, has_default=False)
    for argument, default in zip(declared.kwonlyargs, declared.kw_defaults, strict=True):
        yield _parameter(argument, inspect.Parameter.KEYWORD_ONLY, has_default=default is not None)
    if declared.kwarg is not None:
        yield _parameter(declared.kwarg, inspect.Parameter.VAR_KEYWORD, has_default=False)


def _parameter(argument: ast.arg, kind: Any, *, has_default: bool) -> inspect.Parameter:
    return inspect.Parameter(argument.arg, kind, default=... if has_default else inspect.Parameter.empty)
