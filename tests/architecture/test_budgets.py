"""A file that wants more lines is two files; a function that wants more is two functions."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import files, text, tree

FILE = 320
FUNCTION = 45


@pytest.mark.parametrize("file", files())
def test_a_file_is_read_at_one_go(file: str) -> None:
    lines = len(text(file).splitlines())

    assert lines <= FILE


@pytest.mark.parametrize("file", files())
def test_a_function_is_seen_at_one_glance(file: str) -> None:
    functions = [node for node in ast.walk(tree(file)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = {f"{f.name}, line {f.lineno}": (f.end_lineno or f.lineno) - f.lineno + 1 for f in functions}

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION} == {}


@pytest.mark.parametrize("file", files())
def test_a_file_says_what_it_is_for(file: str) -> None:
    assert ast.get_docstring(tree(file)), "the first line of a file is its docstring"
