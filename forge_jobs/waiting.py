"""Waiting for jobs to end: one poll a process for all the jobs its threads wait for.

There is no thread of its own: of the threads that wait, one polls for all and hands the work on when it leaves.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Collection, Mapping, Sequence

from forge_jobs.clock import monotonic
from forge_jobs.model.states import Status

FIRST_PAUSE = 0.001
LONGEST_PAUSE = 0.05
"""Seconds between polls: 1 ms at first, doubling to 50 ms."""


class _Gone:
    """The job is not there."""


class Waiters:
    """The waits of one process on one database."""

    GONE = _Gone()

    def __init__(self, look: Callable[[Sequence[str]], Mapping[str, Status]]) -> None:
        self._look = look
        self._begin()
        _all.add(self)

    def _begin(self) -> None:
        """Let nobody wait: also in a forked child, whoever did in its parent."""
        self._changed = threading.Condition()
        self._waiting: dict[str, int] = {}
        self._seen: dict[str, Status | _Gone] = {}
        self._polling = False
        self._pause = FIRST_PAUSE

    def wait(self, job_id: str, wanted: Collection[Status], timeout: float | None) -> Status | _Gone | None:
        """Wait for a job's status to be one of ``wanted``; None after ``timeout`` seconds; ``GONE``: no such job."""
        deadline = None if timeout is None else monotonic() + timeout
        with self._changed:
            self._waiting[job_id] = self._waiting.get(job_id, 0) + 1
            self._pause = FIRST_PAUSE
            try:
                while True:
                    self._poll_or_follow(job_id, deadline)
                    seen = self._seen.get(job_id)
                    if seen in wanted or seen is self.GONE:
                        return seen
                    if deadline is not None and monotonic() >= deadline:
                        return None
            finally:
                self._leave(job_id)

    def _poll_or_follow(self, job_id: str, deadline: float | None) -> None:
        left = None if deadline is None else max(deadline - monotonic(), 0.0)
        if self._polling:
            self._changed.wait(left)
            return
        self._polling = True
        ids = list(self._waiting)
        self._changed.release()
        try:
            found = self._look(ids)
        finally:
            self._changed.acquire()
            self._polling = False
            self._changed.notify_all()
        self._seen = {i: found.get(i, self.GONE) for i in ids}
        if self._seen.get(job_id) in (Status.PENDING, Status.IN_PROGRESS, Status.FAILED):
            self._polling = True  # others follow while this thread pauses
            try:
                self._changed.wait(self._pause if left is None else min(self._pause, left))
            finally:
                self._polling = False
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _leave(self, job_id: str) -> None:
        self._waiting[job_id] -= 1
        if not self._waiting[job_id]:
            del self._waiting[job_id]
            self._seen.pop(job_id, None)
        self._changed.notify_all()


_all: weakref.WeakSet[Waiters] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for waiters in list(_all):
        waiters._begin()


os.register_at_fork(after_in_child=_after_fork_in_child)
