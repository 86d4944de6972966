"""The laws of the tests themselves."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import ROOT

TESTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py"))


def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", TESTS)
def test_a_test_waits_for_facts_and_never_for_a_time(file: str) -> None:
    """``tests/support/until.py`` waits for a fact. What a job of a farm under test does is its own affair."""
    waiting = [
        node.lineno
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        if (node.value.id, node.attr) == ("time", "sleep")
    ]

    assert not waiting or file == "tests/support/application.py"


@pytest.mark.parametrize("file", [f for f in TESTS if f.startswith("tests/contract/")])
def test_the_contract_suite_knows_no_database(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    modules = {
        name
        for node in ast.walk(tree(file))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
    }

    assert [m for m in modules if "sqlite" in m or "postgres" in m or m in ("apsw", "psycopg")] == []
    assert "._database" not in text


@pytest.mark.parametrize("file", [f for f in TESTS if f.rpartition("/")[2].startswith("test_")])
def test_a_test_file_says_what_it_is_about(file: str) -> None:
    assert ast.get_docstring(tree(file))
