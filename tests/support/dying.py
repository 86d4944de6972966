"""A process that is killed just before its n-th statement reaches the database."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import apsw
import psycopg

from tests.support.forking import fork


def dies_at(number: int, act: Callable[[], object]) -> bool:
    """Let a forked child do ``act``, which opens its own connections; return whether it died of its n-th statement.

    What ``act`` raises fails the test. Each row of an ``executemany`` is a statement to SQLite and none to PostgreSQL.
    """

    def child() -> str:
        statements = 0

        def count(*_statement: Any) -> bool:
            nonlocal statements
            statements += 1
            if statements == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return True

        _watch(count)
        act()
        return "passed"

    return fork(child, may_die=signal.SIGKILL)() != "passed"


def _watch(count: Callable[..., bool]) -> None:
    """Call ``count`` before every statement of connections that are opened from now on; in a child that ends soon."""

    def trace(connection: apsw.Connection) -> None:
        connection.exec_trace = count

    apsw.connection_hooks.append(trace)
    for method in ("execute", "executemany"):
        _count_before(psycopg.Cursor, method, count)


def _count_before(owner: type, method: str, count: Callable[..., bool]) -> None:
    call = getattr(owner, method)

    def counted(*arguments: Any, **options: Any) -> Any:
        count()
        return call(*arguments, **options)

    setattr(owner, method, counted)
