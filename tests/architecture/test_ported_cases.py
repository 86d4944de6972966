"""The table in ``tests/README.md`` is whole, and everything it names exists."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import ROOT

PAGE = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| ((?:SQ|PG|RT|UT|AP)[-\w.]+) \| (.+) \|$", PAGE, re.MULTILINE))
NAMED = sorted({(case, ref) for case, row in ROWS.items() for ref in re.findall(r"`([\w/]+\.py(?:::\w+)?)`", row)})


def numbered(prefix: str, last: int, width: int = 1) -> list[str]:
    return [f"{prefix}{number:0{width}}" for number in range(1, last + 1)]


EVERY_CASE = [
    *numbered("SQ", 39, 2),
    *numbered("PG", 17, 2),
    "RT-e2e-1",
    *numbered("RT-cancel-", 2),
    *numbered("RT-clean-", 5),
    *numbered("RT-cron-", 6),
    *numbered("RT-aff-", 3),
    *numbered("RT-reap-", 5),
    *numbered("RT-reb-", 10),
    *numbered("UT-retry-", 8),
    *numbered("UT-share-", 3),
    *numbered("UT-stretry-", 4),
    *numbered("UT-evbuf-", 2),
    *numbered("UT-cfg-", 8),
    "UT-rl-storage-1..6",
    "UT-rl-runtime-1..3",
    "UT-cronsleep",
    "UT-dbt-1..3",
    "UT-cmd-1..7",
    "UT-pool-1..8",
    "UT-route-1..3",
    "UT-met-1..8",
    "UT-legacy",
    *numbered("AP-", 6),
]


def test_no_case_is_missing_and_none_is_invented() -> None:
    assert sorted(ROWS) == sorted(EVERY_CASE)


@pytest.mark.parametrize("case", EVERY_CASE)
def test_each_case_has_a_test_or_a_reason(case: str) -> None:
    assert "::" in ROWS[case] or re.search(r"→ issue \d|as (SQ|PG)\d\d|\w{4,}", ROWS[case])


@pytest.mark.parametrize(("case", "reference"), NAMED)
def test_what_is_named_exists(case: str, reference: str) -> None:
    file, _, name = reference.partition("::")
    path = ROOT / "tests" / file
    assert path.is_file(), f"{case}: there is no {path}"
    functions = {
        node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
    }
    assert not name or name in functions, f"{case}: there is no {name} in {file}"
