"""The code as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("forge_jobs", "forge_jobs_supervisor")


@cache
def files() -> tuple[str, ...]:
    """Return every Python file of the packages, relative to the root."""
    return tuple(sorted(str(path.relative_to(ROOT)) for package in PACKAGES for path in (ROOT / package).rglob("*.py")))


@cache
def text(file: str) -> str:
    """Return a file's text."""
    return (ROOT / file).read_text(encoding="utf-8")


@cache
def tree(file: str) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(text(file))


def imported(file: str) -> set[str]:
    """Return the modules a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def dotted(file: str) -> Iterator[tuple[str, int]]:
    """Give every ``module.name`` that a file uses, by import or by attribute, with its line."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}", node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def strings(file: str) -> Iterator[tuple[str, int]]:
    """Give every string constant of a file that is not a docstring, with its line."""
    docstrings = set()
    for node in ast.walk(tree(file)):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            docstrings |= {id(s.value) for s in body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)}
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value, node.lineno
