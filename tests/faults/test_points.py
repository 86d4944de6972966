"""The tables of points: no method of a port is forgotten, none is taken for what it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from forge_jobs.storage import open_storage
from tests.faults import passages, points
from tests.faults.__main__ import main
from tests.faults.passages import IN_ONE_STATEMENT, KINDS, LEFT_OUT, PASSED, READING

METHODS = sorted(passages.of_ports())
STORAGES = {
    "sqlite": open_storage("sqlite:///nowhere.sqlite"),
    "postgres": open_storage("postgresql://nobody@localhost/nothing"),
}
"""They open nothing before the first call, and none is made."""


def is_written_by(backend: str, name: str) -> bool:
    port, _, method = name.partition(".")
    return passages.writes(type(getattr(STORAGES[backend], port)), method)


def test_every_port_is_seen() -> None:
    assert len({name.partition(".")[0] for name in METHODS}) == 16
    assert {"worker_queue.exchange", "limits.sweep", "archive.locked", "news.newest"} < set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_reads_or_has_points_or_has_a_reason_to_have_none(name: str) -> None:
    tables = [name in table for table in (PASSED, LEFT_OUT, READING)]

    assert sum(tables) == 1 or (name in PASSED and name in READING), f"{name}: see tests/faults/passages.py"


def test_the_tables_name_nothing_else() -> None:
    assert {*PASSED, *LEFT_OUT, *READING} == set(METHODS)
    assert all(names <= PASSED.keys() for names in IN_ONE_STATEMENT.values())
    assert {kind for kinds in PASSED.values() for kind in kinds} <= set(KINDS)


@pytest.mark.parametrize("backend", STORAGES)
@pytest.mark.parametrize("name", METHODS)
def test_who_begins_a_transaction_to_write_is_taken_for_a_writer(backend: str, name: str) -> None:
    writes = is_written_by(backend, name)

    assert not (writes and name in READING)
    assert not (writes and name in IN_ONE_STATEMENT[backend])


@pytest.mark.parametrize("backend", STORAGES)
@pytest.mark.parametrize("name", PASSED)
def test_whatever_writes_in_a_transaction_has_a_point_in_it(backend: str, name: str) -> None:
    inside = {f"{kind}: in {name}" for kind in PASSED[name]}
    found = inside & set(points.points(backend))

    assert found == (inside if is_written_by(backend, name) else set())


def test_a_point_is_named_once() -> None:
    for backend in STORAGES:
        names = points.points(backend)
        assert len(names) == len(set(names))
        assert {points.kind_of(name) for name in names} == set(KINDS)


@pytest.mark.parametrize("workload", ["tiny", "slow"])
def test_points_that_a_workload_never_passes_are_refused_before_anything_starts(workload: str, tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["--points", "--workload", workload, "--keep", str(tmp_path / "kept")])

    assert told.exit_code == 2
    assert f"--points needs the mixed workload: with {workload} nobody passes most of the points" in told.output
    assert not (tmp_path / "kept").exists()
