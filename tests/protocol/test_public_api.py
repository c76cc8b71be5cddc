from __future__ import annotations

import ast
import inspect
import types
from itertools import pairwise
from pathlib import Path

import pytest

import relay.protocol

NAMES = relay.protocol.__all__
each_name = pytest.mark.parametrize("name", NAMES)


def place(name: str) -> tuple[int, str]:
    """Constants first, then classes, then functions and modules, each in order."""
    if name.isupper():
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)


def own_docstring(documented: object) -> str | None:
    """A docstring that somebody wrote: neither inherited nor made by a decorator."""
    docstring = getattr(documented, "__doc__", None)
    if isinstance(documented, type):
        docstring = vars(documented).get("__doc__")
        if docstring is not None and docstring.startswith(f"{documented.__name__}("):
            return None
    return docstring or None


def test_all_names_are_sorted_and_stand_once() -> None:
    assert sorted(set(NAMES), key=place) == NAMES


@each_name
def test_a_name_can_be_imported(name: str) -> None:
    assert hasattr(relay.protocol, name)


def test_nothing_else_is_public() -> None:
    submodules = {path.stem for path in Path(relay.protocol.__file__).parent.iterdir()}
    public = {name for name in vars(relay.protocol) if not name.startswith("_")}
    assert public - submodules == set(NAMES) - submodules


def documented_values() -> set[str]:
    """Names of the core's data and type aliases that have a docstring below them."""
    names = set()
    for path in Path(relay.protocol.__file__).parent.rglob("*.py"):
        for node, below in pairwise(ast.parse(path.read_text(encoding="utf-8")).body):
            if isinstance(node, ast.Assign) and isinstance(below, ast.Expr):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@each_name
def test_a_name_is_documented(name: str) -> None:
    value = getattr(relay.protocol, name)
    if isinstance(value, type | types.FunctionType | types.ModuleType):
        assert own_docstring(value)
    else:
        assert name in documented_values()


CLASSES = [name for name in NAMES if inspect.isclass(getattr(relay.protocol, name))]


@pytest.mark.parametrize("name", CLASSES)
def test_the_public_methods_of_a_class_are_documented(name: str) -> None:
    undocumented = [
        method
        for method, value in vars(getattr(relay.protocol, name)).items()
        if not method.startswith("_")
        and isinstance(value, types.FunctionType | property | classmethod | staticmethod)
        and not own_docstring(value)
    ]
    assert undocumented == []
