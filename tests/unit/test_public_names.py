"""The names of the package are there at first use, and read by type checkers as plain imports."""

from __future__ import annotations

import ast

import pytest

import forge_jobs
from tests.architecture.source import tree


def imports_for_type_checkers() -> dict[str, set[str]]:
    """Return the names that are imported for type checkers only, by module."""
    for node in tree("forge_jobs/__init__.py").body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            imports = [statement for statement in node.body if isinstance(statement, ast.ImportFrom)]
            return {str(i.module).removeprefix("forge_jobs."): {alias.name for alias in i.names} for i in imports}
    return {}


@pytest.mark.parametrize("name", forge_jobs.__all__)
def test_each_public_name_is_there(name: str) -> None:
    found = getattr(forge_jobs, name)

    assert found.__name__ == name
    assert name in dir(forge_jobs)


def test_what_type_checkers_see_is_what_there_is() -> None:
    assert {home: set(names) for home, names in forge_jobs._HOMES.items()} == imports_for_type_checkers()


def test_every_name_that_comes_late_is_public() -> None:
    assert {name for names in forge_jobs._HOMES.values() for name in names} <= set(forge_jobs.__all__)


def test_a_name_that_is_not_there_is_refused_as_by_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'forge_jobs' has no attribute 'ForgeJob'"):
        forge_jobs.ForgeJob  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'ForgeJob' from 'forge_jobs'"):
        exec("from forge_jobs import ForgeJob")
