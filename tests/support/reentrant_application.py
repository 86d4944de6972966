"""An application whose jobs are hit in the places where Python swallows an exception, or somebody else's code runs."""

import asyncio
import ctypes
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import apsw
from application import jobs, note

from forge_jobs import JobContext

Comparison = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def compute(seconds: float) -> None:
    end = monotonic() + seconds
    while monotonic() < end:
        pass


def for_ever() -> None:
    while True:
        pass


class Slow:
    """Takes long to be thrown away: what is raised meanwhile is printed and forgotten."""

    def __del__(self) -> None:
        compute(0.5)


def in_del(begin: Callable[[], object]) -> None:
    slow = Slow()
    begin()
    del slow
    for_ever()


def in_except(begin: Callable[[], object]) -> None:
    try:
        int("something else")
    except ValueError:
        begin()
        for_ever()


def in_key_function(begin: Callable[[], object]) -> None:
    def key(number: int) -> int:
        compute(0.001)
        return -number

    begin()
    sorted(range(10_000_000), key=key)


def in_callback(begin: Callable[[], object]) -> None:
    """Sort in C: what a comparison raises is printed and forgotten."""

    def compare(_one: int, _other: int) -> int:
        compute(0.0005)
        return 0

    numbers = (ctypes.c_int * 128)()
    begin()
    ctypes.CDLL(None).qsort(numbers, len(numbers), ctypes.sizeof(ctypes.c_int), Comparison(compare))
    for_ever()


def in_import(begin: Callable[[], object]) -> None:
    """Import a module that takes its time, where there is no file named quick."""
    Path("slow_module.py").write_text(
        "from pathlib import Path\nbegun = True\nwhile not Path('quick').exists():\n    pass\nended = True\n"
    )
    sys.path_importer_cache.clear()
    begin()
    importlib.import_module("slow_module")


def in_rows(begin: Callable[[], object]) -> None:
    connection = apsw.Connection(f"rows-{os.getpid()}.sqlite")
    rows = connection.execute("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n")
    begin()
    for _row in rows:
        pass


def in_query(begin: Callable[[], object]) -> None:
    """Be in one statement for ever, inside a transaction."""
    connection = apsw.Connection(f"query-{os.getpid()}.sqlite")
    connection.execute("CREATE TABLE t(x); BEGIN IMMEDIATE; INSERT INTO t VALUES (1)")
    begin()
    connection.execute("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")


def in_event_loop(begin: Callable[[], object]) -> None:
    """Be in an event loop, whose tasks take a moment to clean up."""

    async def wait() -> None:
        begin()
        try:
            await asyncio.sleep(3600)
        finally:
            for _ in range(10):
                await asyncio.sleep(0.01)

    asyncio.run(wait())


PLACES: dict[str, Callable[[Callable[[], object]], None]] = {
    "__del__": in_del,
    "except": in_except,
    "key function": in_key_function,
    "callback": in_callback,
    "import": in_import,
    "event loop": in_event_loop,
    "apsw rows": in_rows,
    "apsw query": in_query,
}


@jobs.handler(cancel_grace=60)
def be_hit_in(place: str, path: Path) -> None:
    """Be where an exception ends it in the end, however busy the machine is."""
    PLACES[place](lambda: note(path, place))


@jobs.handler(cancel_grace=2)
def be_killed_in(place: str, path: Path) -> None:
    """Be where nothing but a signal does."""
    PLACES[place](lambda: note(path, place))


@jobs.handler
def use_slow_module() -> bool:
    return bool(importlib.import_module("slow_module").ended)


@jobs.handler
def sum_up_apsw(path: Path) -> int:
    """Read what a killed statement's transaction left."""
    connection = apsw.Connection(str(path))
    return len(connection.execute("SELECT x FROM t").fetchall())


@jobs.handler
def enqueue_for_ever(ctx: JobContext, path: Path) -> None:
    """Enqueue jobs, and note each that is known to be stored."""
    number = 0
    while True:
        number += 1
        note(path, ctx.enqueue("with_number", {"number": number}).id)


@jobs.handler
def with_number(number: int) -> int:
    return number


@jobs.handler(cancel_grace=600)
def query_postgres(path: Path, conninfo: str) -> None:
    """Wait for a server; not in one call, but in code of C that begins its wait again at each signal."""
    import psycopg

    noticing = "-c client_connection_check_interval=100"  # that nobody is there any more
    with psycopg.connect(conninfo, autocommit=True, options=noticing) as connection:
        note(path, str(connection.info.backend_pid))
        connection.execute("SELECT pg_sleep(3600)")
