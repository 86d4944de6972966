"""The work itself: one source file in, one plain dict out. Nothing here knows of jobs."""

from __future__ import annotations

import ast
import hashlib
import lzma
import warnings
from pathlib import Path
from typing import TypedDict

TOP = 10
"""How many functions a file names, the most complex first; the ten of a whole report are always among them."""

# The highest level; its usual window of 64 MiB would cost more to set up for each small file than the work itself.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**20}]

_DECISIONS = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.Assert,
    ast.match_case,
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Function(TypedDict):
    """One function or method; ``name`` says what it stands in (``Class.method``)."""

    name: str
    line: int
    complexity: int


class FileCensus(TypedDict):
    """What one file holds. Where it could not be read or parsed, ``problem`` says why and the counts are 0."""

    file: str
    bytes: int
    lines: int
    sha256: str
    compressed: int
    functions: int
    complexity: int
    most_complex: list[Function]
    problem: str | None


def census_of(file: Path) -> FileCensus:
    """Hash, compress and parse one file. Whatever is wrong with the file is an answer, not an error."""
    try:
        source = file.read_bytes()
    except OSError as error:
        return _counted(file, b"", problem=f"cannot be read: {error.strerror}")
    try:
        tree = _parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _counted(file, source, problem=_told(error))
    return _counted(file, source, tree)


def functions_in(tree: ast.AST) -> list[Function]:
    """Return every function with its cyclomatic complexity: 1, and 1 for each decision in its own body.

    Decisions are ``if``, ``for``, ``while``, ``except``, ``case``, ``assert``, a conditional expression, each ``and``
    or ``or``, and each ``for`` and ``if`` of a comprehension. A function within a function is counted by itself; a
    lambda is part of the function it stands in.
    """
    found: list[Function] = []
    waiting: list[tuple[ast.AST, str, Function | None]] = [(tree, "", None)]
    while waiting:
        node, scope, owner = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            owner = {"name": scope + node.name, "line": node.lineno, "complexity": 1}
            found.append(owner)
        elif owner is not None:
            owner["complexity"] += _decisions(node)
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            scope += f"{node.name}."
        waiting.extend((child, scope, owner) for child in ast.iter_child_nodes(node))
    return found


def _decisions(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    return int(isinstance(node, _DECISIONS))


def _parsed(source: bytes) -> ast.AST:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a file does against today's manners is not ours to say
        return ast.parse(source)


def _told(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
    if isinstance(error, (RecursionError, MemoryError)):  # how the parser says so
        return "nested too deeply to be parsed"
    return f"{type(error).__name__}: {error}"


def _counted(file: Path, source: bytes, tree: ast.AST | None = None, problem: str | None = None) -> FileCensus:
    functions = functions_in(tree) if tree else []
    functions.sort(key=lambda function: (-function["complexity"], function["line"], function["name"]))
    return {
        "file": str(file),
        "bytes": len(source),
        "lines": len(source.splitlines()),
        "sha256": hashlib.sha256(source).hexdigest(),
        "compressed": len(lzma.compress(source, filters=_FILTERS)),
        "functions": len(functions),
        "complexity": sum(function["complexity"] for function in functions),
        "most_complex": functions[:TOP],
        "problem": problem,
    }
