"""The project's own source files, for tests that hold rules over all of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PACKAGES", "ROOT", "imports", "module_name", "sources"]

ROOT = Path(__file__).resolve().parent.parent
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
PACKAGES = ("detectors", "fallback", "monitor")


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(tree: ast.AST, *, inside_functions: bool = True) -> Iterator[tuple[str, int]]:
    """(module, line) of every import; `from a.b import c` gives a.b.c.

    With `inside_functions=False` only what runs when the module is imported.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{'.' * node.level}{node.module or ''}.{alias.name}", node.lineno) for alias in node.names)
        elif not inside_functions and (isinstance(node, _FUNCTIONS) or _is_for_checkers(node)):
            continue
        else:
            yield from imports(node, inside_functions=inside_functions)
