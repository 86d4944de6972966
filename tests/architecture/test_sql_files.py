"""One statement a file, with a comment that says what it promises, named by the method that runs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source import ROOT, files, strings, tree

BACKENDS = sorted(folder.parent.name for folder in (ROOT / "forge_jobs" / "storage").glob("*/sql"))
EVERY = [(backend, path.stem) for backend in BACKENDS for path in (ROOT / "forge_jobs/storage" / backend).glob("sql/*")]


OWN = {
    "sqlite": {
        *("body_of", "body_payload", "body_result", "remove_body"),  # PostgreSQL keeps large values apart by itself
        *("queue_settings", "registered", "fold_tallies_clear", "count_claimants"),
        *("damaged_jobs", "bury_damaged", "remove_damaged_admissions"),  # the server's types keep such rows out
        "integrity_check",  # the server looks after its files by itself
        *("metric_entries_sum", "metric_entries_clear"),
        *("hand_in_plain", "claim_state"),  # in a process of its own a statement costs little more than its rows
        "enqueue_plain",  # row by row: there is no round trip to save
    },
    "postgres": {
        *("clock", "notify"),  # the server's time; rings travel in the transaction
        *("lock_all", "held_snapshots", "dead_rows", "server_state"),
        *("registered_shared", "queue_settings_locked", "schedule_locked", "lock_jobs", "lock_buckets"),
        *("exchange", "claim_one", "queue_turn", "claim_states"),
        *("enqueue_many", "unique_holders"),  # in one round trip what SQLite does job by job
        *("take_time", "end_in_time"),  # what a server keeps locked for a program that is out of reach
        *("lock_metrics", "metric_entries_take", "database_sizes"),
        *("surplus_done", "surplus_dead"),  # where others write meanwhile, it is counted and chosen as of one instant
    },
}
"""Statements that only one kind of database has."""


def sql(backend: str, name: str) -> str:
    return (ROOT / "forge_jobs" / "storage" / backend / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def code_of(backend: str) -> list[str]:
    """Return the backend's own files, and those that run statements of every backend."""
    return [file for file in files() if re.match(rf"forge_jobs/storage/({backend}/|\w+\.py)", file)]


def patterns(backend: str) -> Iterator[str]:
    """Give, as regular expressions, the names that the backend's code could ask for."""
    for file in code_of(backend):
        yield from (re.escape(text) for text, _line in strings(file) if re.fullmatch(r"[a-z_]+", text))
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else "[a-z_]+" for p in node.values]
                if len(parts) > 1 and re.fullmatch(r"[a-z_]+", parts[0].replace("\\", "")):
                    yield "".join(parts)


def asked_for(backend: str) -> Iterator[tuple[str, str]]:
    """Give every name that is plainly asked for, with its place: ``run(_, "name")`` and ``statement(_, "name")``."""
    for file in code_of(backend):
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and len(node.args) >= 2 and isinstance(node.args[1], ast.Constant):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in ("run", "statement") and isinstance(node.args[1].value, str):
                    yield node.args[1].value, f"{file}:{node.lineno}"


def test_there_are_statements() -> None:
    assert "sqlite" in BACKENDS
    assert len(EVERY) > 50


@pytest.mark.parametrize(("backend", "name"), EVERY)
def test_a_statement_begins_with_a_comment_and_is_one(backend: str, name: str) -> None:
    lines = sql(backend, name).splitlines()
    code = "\n".join(line for line in lines if not line.startswith("--"))

    assert re.match(r"-- \S.*[.)]?$", lines[0])
    assert code.strip()
    assert ";" not in code
    assert sql(backend, name).endswith("\n")
    assert not sql(backend, name).endswith("\n\n")


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_statement_is_used(backend: str) -> None:
    known = [re.compile(pattern) for pattern in patterns(backend)]

    unused = [name for b, name in EVERY if b == backend and not any(p.fullmatch(name) for p in known)]

    assert unused == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_statement_that_is_asked_for_is_there(backend: str) -> None:
    there = {name for b, name in EVERY if b == backend}

    assert [(name, place) for name, place in asked_for(backend) if name not in there] == []


def test_all_backends_have_the_same_statements() -> None:
    by_backend = {backend: {name for b, name in EVERY if b == backend} for backend in BACKENDS}

    for backend, own in OWN.items():
        assert by_backend[backend] >= own, "what is listed is there"
    assert by_backend["sqlite"] - OWN["sqlite"] == by_backend["postgres"] - OWN["postgres"]
