from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sources import ROOT, sources


def _sort_key(name: str) -> tuple[int, str]:
    """Constants, classes, the rest, as linters sort them."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    return kind, name


def _targets(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (name.id for t in node.targets for name in ast.walk(t) if isinstance(name, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
    elif isinstance(node, ast.If | ast.Try | ast.For | ast.With):
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.stmt):
                yield from _targets(inner)


def _bound(tree: ast.Module) -> set[str]:
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return imported | {name for node in tree.body for name in _targets(node)}


def _exported(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        names = list(_targets(node))
        if names == ["__all__"] and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_public_names_are_listed_sorted_and_complete(path: Path) -> None:
    """`__all__` lists every public name that a module defines, nothing that is not there, once each, in order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    exported = _exported(tree)
    assert exported is not None, "no __all__"
    assert exported == sorted(set(exported), key=_sort_key)
    assert set(exported) <= _bound(tree)
    public = {name for node in tree.body for name in _targets(node) if not name.startswith("_")}
    assert public - set(exported) == set(), "public, but not in __all__: list it or begin its name with an underscore"
