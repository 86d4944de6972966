"""Databases of a process that is forked: none of their connections is open meanwhile.

SQLite keeps its lock table in process memory: a child forked while a connection is open inherits locks that do not
exist, and even its own fresh connection believes them.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Forkable(Protocol):
    """A database that is told of forks."""

    def close_idle(self) -> None:
        """Close the connection unless it is in the middle of a write."""

    def before_fork(self) -> None:
        """Let no other thread use the connection, and close it."""

    def after_fork(self, *, in_child: bool) -> None:
        """Let them go on; in the child, begin anew."""


class Opening:
    """Opening and closing, one at a time: a file amid that looks like one of another library's."""

    lock = threading.Lock()


class _Forking(threading.local):
    """What one thread has stopped for its fork: several may fork at once."""

    def __init__(self) -> None:
        self.databases: list[Forkable] = []


databases: weakref.WeakSet[Forkable] = weakref.WeakSet()
_forking = _Forking()


def _before_fork() -> None:
    for database in sorted(databases, key=id):  # in one order, so that no two threads wait for each other
        database.before_fork()
        _forking.databases.append(database)
    Opening.lock.acquire()


def _after_fork(*, in_child: bool) -> None:
    while _forking.databases:
        _forking.databases.pop().after_fork(in_child=in_child)


def _after_fork_in_parent() -> None:
    Opening.lock.release()
    _after_fork(in_child=False)


def _after_fork_in_child() -> None:
    Opening.lock = threading.Lock()
    _after_fork(in_child=True)


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
