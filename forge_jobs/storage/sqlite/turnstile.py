"""The line in which writers wait: an fcntl lock on a file of its own, next to the database.

SQLite's own waiting sleeps between tries and starves writers for seconds; a lock that the kernel hands over does
not. It is an fcntl lock because flock would stay with a process that a handler forks, and it is opened once in a
process because closing any descriptor of the file drops the process's lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseBusy
from forge_jobs.locks import PID_AT, flock_record

WaitForLock = Callable[[int, float], bool]
"""Lock the descriptor exclusively, waiting at most so many seconds; False if it was not to be had."""


class Turnstile:
    """One writer at a time, over all processes and over the threads of this one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._fd = _out_of_the_way(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._straggler: _Straggler | None = None
        self._owner: object = None  # whose turn it is

    def enter(self, seconds: float, wait: WaitForLock | None, owner: object = True) -> None:
        """Wait for the lock; raise DatabaseBusy after ``seconds``, naming the process that holds it."""
        deadline = monotonic() + seconds
        if not self._threads.acquire(timeout=seconds):
            raise DatabaseBusy(f"another thread of this process has been writing to {self._path} for {seconds:g} s")
        try:
            self._lock(deadline, seconds, wait)
            self._owner = owner
        except BaseException:  # a signal's, too, after the lock was got
            self._give_up_turn()
            raise

    def _lock(self, deadline: float, seconds: float, wait: WaitForLock | None) -> None:
        if self._straggler is not None and self._straggler.is_over:
            self._straggler = None
        if self._straggler is None and _try_lock(self._fd):
            return
        left = max(deadline - monotonic(), 0.0)
        # While a straggler waits, the process does: a lock that was got beside it would be given back by it.
        if self._straggler is not None or wait is None or threading.current_thread() is not threading.main_thread():
            wait = self._wait_in_thread
        if not wait(self._fd, left):
            raise DatabaseBusy(
                f"no turn to write within {seconds:g} s: {self._holder()} holds the lock {self._path}; "
                "end it if it hangs, or try again"
            )

    def leave(self, owner: object = True) -> None:
        """Let the next one in, if it is this one's turn."""
        if self._owner is owner:
            self._give_up_turn()

    def _give_up_turn(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN)
        self._owner = None
        self._threads.release()

    def _wait_in_thread(self, _fd: int, seconds: float) -> bool:
        """Wait in the kernel's line without blocking this thread for ever.

        A blocking fcntl call has no time limit and the signals of a client belong to the client, so a short-lived
        thread does the waiting. If the time is over first, the thread stays behind as the straggler: it gives the
        lock back should it get it, and the next wait takes it over.
        """
        straggler = self._straggler
        if straggler is None or not straggler.adopt():
            straggler = _Straggler(self._fd)
        self._straggler = straggler
        if not straggler.wait(seconds):
            return False
        self._straggler = None
        return True

    def _holder(self) -> str:
        probe = fcntl.fcntl(self._fd, fcntl.F_GETLK, flock_record(0))
        pid = int.from_bytes(probe[PID_AT : PID_AT + 4], "little", signed=True)
        return f"process {pid}" if pid > 0 else "another process"


class _Straggler:
    """A thread that waits for the lock on another's behalf."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._wanted = True
        threading.Thread(target=self._run, daemon=True, name="forge-jobs turnstile").start()

    def _run(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        with self._mutex:
            if not self._wanted:
                fcntl.lockf(self._fd, fcntl.LOCK_UN)
            self._over.set()

    @property
    def is_over(self) -> bool:
        """Whether the thread has ended, and given back what nobody wanted."""
        with self._mutex:
            return self._over.is_set()

    def adopt(self) -> bool:
        """Want the lock again after a wait that was given up; False if the thread has ended meanwhile."""
        with self._mutex:
            self._wanted = not self._over.is_set()
            return self._wanted

    def wait(self, seconds: float) -> bool:
        """Return whether the lock was got in time; if not, the thread gives it back when it comes."""
        try:
            self._over.wait(seconds)
        except BaseException:
            with self._mutex:
                self._wanted = False
                if self._over.is_set():
                    fcntl.lockf(self._fd, fcntl.LOCK_UN)
            raise
        with self._mutex:
            self._wanted = self._over.is_set()
            return self._wanted


def _out_of_the_way(fd: int) -> int:
    """Return a high descriptor for the same file: who closes one of his own twice hits a low one."""
    with contextlib.suppress(OSError):  # the process may not have so many
        high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
        os.close(fd)
        return high
    return fd


def _try_lock(fd: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX lets a held lock answer either
        return False
    return True


_HIGH = 512

_open: dict[tuple[int, int], Turnstile] = {}  # one for each file: see the module's docstring
_opening = threading.Lock()


def turnstile_of(path: Path) -> Turnstile:
    """Return this process's one turnstile for a lock file."""
    with _opening:
        try:
            status = path.stat()
            key = (status.st_dev, status.st_ino)
        except FileNotFoundError:
            key = None
        if key is None or key not in _open:
            made = Turnstile(path)
            status = path.stat()
            key = (status.st_dev, status.st_ino)
            _open[key] = made
        return _open[key]


def _after_fork_in_child() -> None:
    global _opening
    _opening = threading.Lock()
    _open.clear()  # locks are not inherited; the descriptors are, and closing them here harms nobody


os.register_at_fork(after_in_child=_after_fork_in_child)
