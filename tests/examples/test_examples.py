"""The examples, run as a reader would run them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.code_census.compare import first_difference

ROOT = Path(__file__).resolve().parents[2]
FORGE_JOBS = str(Path(sysconfig.get_path("scripts"), "forge-jobs"))
LONG = 120
"""Seconds within which anything here has ended, on the slowest machine."""

pytestmark = pytest.mark.processes


@contextmanager
def started(command: Sequence[str], directory: Path, **streams: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a program; it has ended when the block is left, whatever happened in it."""
    with subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, text=True, **streams) as program:
        try:
            yield program
        finally:
            program.terminate()
            try:
                program.wait(LONG)
            except subprocess.TimeoutExpired:
                program.kill()


def census(*arguments: str | Path, code: int = 0) -> str:
    """Run the census to its end; return what it printed."""
    command = [sys.executable, "-m", "examples.code_census", *map(str, arguments)]
    with started(command, ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        out, err = program.communicate(timeout=LONG)
    assert program.returncode == code, out + err
    return out + err


def cells(line: str) -> list[str]:
    """Return the cells of one line of a table."""
    return re.split(r" {2,}", line.strip())


def row(text: str, first: str) -> list[str]:
    """Return the row of a table that begins with ``first``, without it."""
    return next(found[1:] for found in map(cells, text.splitlines()) if found[0] == first)


# --- quickstart -------------------------------------------------------------------------------------------------


@pytest.fixture
def quickstart(tmp_path: Path) -> Path:
    """A copy of the example, without a database that somebody may have made in it."""
    copy = tmp_path / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", copy, ignore=shutil.ignore_patterns("*.sqlite*", "__pycache__"))
    return copy


def test_quickstart_enqueued_first_and_drained(quickstart: Path) -> None:
    farm = [FORGE_JOBS, "supervise", "--app", "tasks:jobs", "--workers", "2", "--drain"]
    with started([sys.executable, "-u", "enqueue.py"], quickstart, stdout=subprocess.PIPE) as producer:
        assert producer.stdout
        assert producer.stdout.readline() == "10 jobs stored\n"
        drained = subprocess.run(farm, cwd=quickstart, capture_output=True, text=True, timeout=LONG, check=False)
        out, _ = producer.communicate(timeout=LONG)
    assert drained.returncode == 0, drained.stderr
    assert "done 10, attempts tried again 0, dead 0" in drained.stdout
    assert producer.returncode == 0
    assert out.splitlines()[0] == "20,000: 2,262 primes below"
    assert out.splitlines()[-1] == "200,000: 17,984 primes below"
    assert (quickstart / "queue.sqlite").exists(), "the example keeps its database beside itself"


def test_quickstart_with_a_farm_that_waits(quickstart: Path) -> None:
    farm = [FORGE_JOBS, "supervise", "--app", "tasks:jobs", "--workers", "2"]
    with started(farm, quickstart, stderr=subprocess.PIPE) as supervisor:
        with started([sys.executable, "enqueue.py"], quickstart, stdout=subprocess.PIPE) as producer:
            out, _ = producer.communicate(timeout=LONG)
        assert producer.returncode == 0
        assert len(out.splitlines()) == 11
        supervisor.send_signal(signal.SIGTERM)
        _, log = supervisor.communicate(timeout=LONG)
    assert supervisor.returncode == 0, log


# --- code_census ------------------------------------------------------------------------------------------------


def test_census_of_the_standard_library_equals_the_serial_answer() -> None:
    told = census("--limit", "60", "--workers", "3")
    assert "60 files, 3 worker processes" in told
    assert "done 60, attempts tried again 0, dead 0" in told
    assert re.search(r"equals the serial answer: [\d,]+ figures compared, 0 differ", told)
    assert row(told, "all")[0] == "60"


@pytest.fixture
def odd_files(tmp_path: Path) -> Path:
    """A directory of files as they come."""
    directory = tmp_path / "odd"
    (directory / "inner" / "__pycache__").mkdir(parents=True)
    (directory / "inner" / "site-packages").mkdir()
    (directory / "empty.py").write_bytes(b"")
    (directory / "broken.py").write_text("def f(:\n")
    (directory / "not_utf8.py").write_bytes("x = 'Größe'\n".encode("latin-1"))
    (directory / "latin.py").write_bytes("# coding: latin-1\n# Größe\n".encode("latin-1"))
    (directory / "nul.py").write_bytes(b"x = '\0'\n")
    (directory / "deep.py").write_text(f"x = {'-' * 50_000}1\n")
    (directory / "inner" / "busy.py").write_text(
        "class Shop:\n"
        "    def open(self, day, hours):\n"
        "        if day and (day > 0 or hours):\n"  # if, and, or
        "            return [h for h in hours if h]\n"  # for, if
        "        def later(): return 1 if day else 2\n"  # counts by itself
        "        while day: day -= 1\n"  # while
        "        return lambda: 1 if day else 2\n"  # if
    )
    (directory / "inner" / "__pycache__" / "cached.py").write_text("")
    (directory / "inner" / "site-packages" / "installed.py").write_text("")
    (directory / "inner" / "text.txt").write_text("no source\n")
    return directory


def test_census_reports_what_cannot_be_parsed(odd_files: Path) -> None:
    told = census(odd_files, "--workers", "2")
    assert "7 files, 2 worker processes" in told
    assert "4 of 7 files cannot be read or parsed:" in told
    assert re.search(r"odd/broken\.py: line 1: ", told)
    assert re.search(r"odd/not_utf8\.py: line \d+: .*utf-8", told)
    assert "odd/nul.py: " in told
    assert "odd/deep.py: nested too deeply to be parsed" in told
    assert "0 differ" in told
    assert row(told, "Shop.open") == ["odd/inner/busy.py:2", "8"]
    assert row(told, "Shop.open.later") == ["odd/inner/busy.py:5", "2"]
    assert row(told, "odd/inner")[0] == "1"


def test_census_of_nothing_is_a_usage_error(tmp_path: Path) -> None:
    assert f"there is no *.py file in {tmp_path}" in census(tmp_path, code=2)


def test_census_keeps_its_database_where_it_is_told_to(odd_files: Path, tmp_path: Path) -> None:
    told = census(odd_files, "--workers", "1", "--skip-serial", "--keep", tmp_path / "kept")
    assert "serial" not in told
    listed = subprocess.run(
        [FORGE_JOBS, "status", "--json", "--database", f"sqlite:///{tmp_path}/kept/queue.sqlite"],
        cwd=tmp_path, capture_output=True, text=True, timeout=LONG, check=True,
    )  # fmt: skip
    assert '"done": 7' in listed.stdout


def test_census_shows_its_progress_on_a_terminal() -> None:
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "examples.code_census", "--limit", "30", "--workers", "2", "--skip-serial"]
    with started(command, ROOT, stdout=end, stderr=end) as program:
        os.close(end)
        seen = all_of(terminal)
        assert program.wait(LONG) == 0, seen
    assert re.search(r"jobs .*\d+/30", seen)


def all_of(terminal: int) -> str:
    """Return everything that is written to a terminal until its last writer has left."""
    seen = b""
    try:
        while more := os.read(terminal, 65536):
            seen += more
    except OSError:  # how Linux says so
        pass
    finally:
        os.close(terminal)
    return seen.decode(errors="replace")


def test_census_ends_its_farm_when_it_is_stopped(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.code_census", "--workers", "2", "--keep", str(tmp_path / "kept")]
    with started(command, ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as program:
        assert program.stderr
        assert any("kinds census" in line for line in program.stderr), "the farm never said what it runs"
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=LONG)  # to the end of the stream: the farm, which writes to it too, has ended
    assert program.returncode == 128 + signal.SIGTERM


def test_the_first_difference_is_named() -> None:
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}) is None
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == (
        "['a'][1]['b']: the farm says 2, one process says 3"
    )
    assert first_difference([1], [1, 2]) == ": the farm says [1], one process says [1, 2]"
