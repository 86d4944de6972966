"""A line of code knows its room: what may be done, and where.

Each law names the rooms in which the thing is done, and every file outside of them that may do it too, with the reason.
"""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import ROOT, dotted, files, imported, strings

UNIX = "forge_jobs_supervisor/unix/"
SQLITE = "forge_jobs/storage/sqlite/"
POSTGRES = "forge_jobs/storage/postgres/"

CLOCKS = {
    *(f"time.{name}" for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")),
    *(f"time.{name}" for name in ("process_time", "clock_gettime", "clock_gettime_ns", "localtime", "gmtime")),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
}
SIGNALS_AND_PROCESSES = {
    *(f"os.{name}" for name in ("fork", "forkpty", "kill", "killpg", "wait", "wait3", "wait4", "waitid", "waitpid")),
    *(f"os.{name}" for name in ("setpgid", "setpgrp", "setsid", "nice", "setpriority", "execv", "execve", "execvp")),
    *(f"os.{name}" for name in ("posix_spawn", "spawnv", "popen", "system", "pidfd_open", "memfd_create")),
    *(f"signal.{name}" for name in ("signal", "sigaction", "pthread_sigmask", "pthread_kill", "raise_signal", "alarm")),
    *(f"signal.{name}" for name in ("setitimer", "set_wakeup_fd", "sigwait", "sigwaitinfo", "sigtimedwait", "pause")),
    *("signal.pidfd_send_signal", "signal.siginterrupt"),
}


PAUSES = {
    "forge_jobs_supervisor/cli/watching.py",  # for what hosts show when they are watched
    "forge_jobs_supervisor/cli/stack.py",  # for a host's answer
    "forge_jobs_supervisor/cli/top.py",  # between two pictures
    "forge_jobs_supervisor/cli/tail.py",  # between two looks
    "forge_jobs_supervisor/reloading.py",  # before new code is tried again
    "forge_jobs_supervisor/shipped/echo.py",  # a job that is asked to sleep
}


def elsewhere(names: set[str], rooms: tuple[str, ...], exceptions: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Return every use of the names outside of the rooms and their exceptions."""
    return [
        f"{file}:{line} {name}"
        for file in files()
        if not file.startswith(rooms) and file not in exceptions
        for name, line in dotted(file)
        if name in names
    ]


def test_only_the_clock_reads_clocks() -> None:
    allowed = {
        "forge_jobs/ids.py",  # stands beside the clock in the lowest layer, and puts the millisecond into every id
    }

    assert elsewhere(CLOCKS, ("forge_jobs/clock.py",), allowed) == []


def test_nobody_sleeps_by_the_clock() -> None:
    """Waiting is waiting for something: a descriptor, a lock, a condition; or another host's answer in the database."""
    assert elsewhere({"time.sleep"}, ("forge_jobs/clock.py",)) == []
    assert {f for f in files() if re.search(r"\bimport .*\bpause\b", (ROOT / f).read_text())} == PAUSES


def test_only_unix_sends_and_handles_signals_and_makes_processes() -> None:
    assert elsewhere(SIGNALS_AND_PROCESSES, (UNIX,)) == []


def test_signals_are_named_only_where_they_are_decided_upon() -> None:
    allowed = {
        "forge_jobs_supervisor/parent/supervisor.py",  # what each signal asks of the farm
        "forge_jobs_supervisor/worker/worker.py",  # which of them mean: leave
        "forge_jobs_supervisor/compose.py",  # which of them each child watches
    }

    named = {file for file in files() if "signal" in imported(file) and not file.startswith(UNIX)}

    assert named <= allowed


def test_a_process_ends_itself_only_when_there_is_nobody_to_return_to() -> None:
    allowed = {
        "forge_jobs_supervisor/worker/worker.py",  # its parent is gone
        "forge_jobs_supervisor/worker/runner.py",  # it is the child that a handler forked; its descriptors are gone
        "forge_jobs_supervisor/coordinator/coordinator.py",  # its parent is gone, and all is settled
    }

    assert elsewhere({"os._exit"}, (UNIX,), allowed) == []


def test_nobody_starts_processes_through_the_standard_library() -> None:
    allowed = {
        f"{UNIX}programs.py",  # starts a program in a directory without the functions that a fork of Python's calls
    }

    users = {f for f in files() if imported(f) & {"subprocess", "multiprocessing", "concurrent.futures", "pty"}}

    assert users == allowed


def test_file_locks_are_taken_only_where_they_mean_something() -> None:
    allowed = {
        "forge_jobs/locks.py",  # how the kernel is asked for them
        f"{SQLITE}turnstile.py",  # the line in which writers wait
        f"{SQLITE}lifelock.py",  # who is alive
        f"{SQLITE}doorbell.py",  # hanging up a bell while none is removed
    }

    assert {f for f in files() if "fcntl" in imported(f) and not f.startswith(UNIX)} <= allowed


def test_the_environment_is_read_only_by_the_configuration() -> None:
    allowed = {
        f"{SQLITE}doorbell.py",  # XDG_RUNTIME_DIR: where this user's sockets go on this machine; no setting of ours
        f"{UNIX}execution.py",  # what one run of this program tells the next
        f"{UNIX}systemd.py",  # systemd's protocol
    }

    names = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
    assert elsewhere(names, ("forge_jobs/config.py",), allowed) == []


SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bINSERT\s+(OR \w+ )?INTO\b|\bUPDATE\s+\w+\s+SET\b|\bDELETE\s+FROM\b"
    r"|\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|TRIGGER)\b|^(BEGIN|COMMIT|ROLLBACK|PRAGMA)\b",
    re.DOTALL,
)


def test_sql_stands_in_sql_files() -> None:
    allowed = {
        f"{SQLITE}database.py",  # transactions
        f"{SQLITE}migrating.py",  # the transaction of a migration, and which database this is
        f"{SQLITE}schema.py",  # emptying every table there is
        f"{POSTGRES}database.py",  # transactions
        f"{POSTGRES}migrating.py",  # the transaction of a migration, and which schema this is
        f"{POSTGRES}schema.py",  # creating, emptying and dropping what has a name of its own
    }

    found = [f"{f}:{line} {text}" for f in files() if f not in allowed for text, line in strings(f) if SQL.search(text)]

    assert found == []


def test_croniter_is_asked_in_one_place() -> None:
    assert [f for f in files() if "croniter" in imported(f)] == ["forge_jobs/model/schedule.py"]


def test_chance_is_drawn_in_the_composition_root() -> None:
    assert [f for f in files() if "random" in imported(f)] == ["forge_jobs_supervisor/compose.py"]


CLI = ("forge_jobs/terminal.py", "forge_jobs/db_cli.py", "forge_jobs_supervisor/cli/")


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("apsw", (SQLITE,)),
        ("psycopg", (POSTGRES,)),
        ("croniter", ("forge_jobs/model/schedule.py",)),
        ("click", CLI),
        ("rich", CLI),
        ("psutil", (UNIX, "forge_jobs_supervisor/coordinator/")),
        ("setproctitle", (UNIX,)),
        ("sqlite3", ()),
        ("pickle", ()),
    ],
)
def test_a_library_is_used_in_its_room(library: str, rooms: tuple[str, ...]) -> None:
    users = [f for f in files() if library in {name.partition(".")[0] for name in imported(f)}]

    assert [f for f in users if not f.startswith(rooms)] == []


def test_the_application_side_knows_nothing_of_the_machine_side() -> None:
    side = [f for f in files() if f.startswith("forge_jobs/")]

    assert [f for f in side if any(name.startswith("forge_jobs_supervisor") for name in imported(f))] == []


def test_the_parent_knows_no_storage() -> None:
    parent = [f for f in files() if f.startswith("forge_jobs_supervisor/parent/")]

    assert parent
    assert [f for f in parent if any(name.startswith("forge_jobs.storage") for name in imported(f))] == []


def test_the_model_is_pure() -> None:
    model = [f for f in files() if f.startswith("forge_jobs/model/")]
    impure = {"os", "sys", "io", "socket", "threading", "time", "logging", "pathlib", "subprocess"}

    assert model
    assert [f for f in model if imported(f) & impure] == []
