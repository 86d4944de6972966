"""A program that a worker runs for a job: its outputs, its end, and the end of everything that it started.

It stays in the worker's process group, so it dies with the worker whatever kills that: the supervisor, or when that is
gone too the coordinator, kills the whole group. While it runs, the worker adopts its orphans (PR_SET_CHILD_SUBREAPER,
see prctl(2)): so what the program leaves behind can be found and ended, even in a session of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

import psutil

from forge_jobs.clock import monotonic
from forge_jobs_supervisor.unix.processes import Ending, ending_of, wait_until_gone

_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)
_CHUNK = 64 * 1024
_SWEEP = 2.0
"""Seconds within which killed processes are gone; what the kernel does not let go in time is left to it."""

_DEAD = os.WEXITED | os.WNOHANG | os.WNOWAIT


class Program:
    """One running program. Raises OSError where it cannot be started. In a single-threaded process only."""

    def __init__(
        self,
        argv: Sequence[bytes],
        *,
        executable: str,
        directory: int,
        environment: Mapping[bytes, bytes],
        stdin: bytes,
        take_out: Callable[[bytes], None],
        take_err: Callable[[bytes], None],
    ) -> None:
        """Start it in the directory that is open as a descriptor; its outputs are given to the functions."""
        self._mine = {child.pid for child in _children()}
        self._poll = select.poll()
        self._pidfds: set[int] = set()
        self._readers: dict[int, Callable[[bytes], None]] = {}
        self._unwritten = memoryview(stdin)
        self._main: int | None = None
        self._cpu_seconds, self._peak_memory = 0.0, 0
        self._ended: Ending | None = None
        self._ending: Ending | None = None
        _adopt_orphans(True)
        try:
            self._process = subprocess.Popen(
                argv,
                executable=executable,
                cwd=f"/proc/self/fd/{directory}",
                env=environment,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except BaseException:
            _adopt_orphans(False)
            raise
        try:
            self._attend(take_out, take_err)
        except BaseException:
            self.stop(0.0)
            raise

    def _attend(self, take_out: Callable[[bytes], None], take_err: Callable[[bytes], None]) -> None:
        self._main = self._watch(self._process.pid)  # there is one: it is not collected yet
        for pipe, take in ((self._process.stdout, take_out), (self._process.stderr, take_err)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._readers[pipe.fileno()] = take
            self._poll.register(pipe.fileno(), select.POLLIN)
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
            self._poll.register(self._process.stdin.fileno(), select.POLLOUT)

    @property
    def has_ended(self) -> bool:
        """Whether the program itself has ended; what it started may still run."""
        return self._main is not None and self._main not in self._pidfds

    def step(self, seconds: float) -> None:
        """Wait at most so long for something to happen, and attend to it."""
        for fd, _event in self._poll.poll(max(seconds, 0.0) * 1000):
            if fd in self._pidfds:
                self._forget(fd)
            elif fd in self._readers:
                self._read(fd)
            elif self._unwritten:
                self._write(fd)
            else:
                self._poll.unregister(fd)  # a stop came between two lines that belong together
        self._collect_orphans()

    def finish(self, linger: float) -> Ending:
        """End what the program, which has ended, left behind, and return how it ended and what all of it used.

        Processes that still write to its outputs have ``linger`` seconds to finish; the others are killed at once.
        """
        if self._ending is None:
            deadline = monotonic() + linger
            while self._readers and (left := deadline - monotonic()) > 0:
                self.step(left)
            if self.has_ended:
                self._ended = self._collect(self._process.pid)
            self._kill_all()
            self._ended = self._ended or self._collect(self._process.pid)
            self._end(self._ended)
        assert self._ending is not None
        return self._ending

    def stop(self, grace: float) -> Ending:
        """End the program and all that it started: ask by SIGTERM, after ``grace`` seconds kill; return its end."""
        if self._ending is not None:
            return self._ending
        self._write_no_more()
        deadline = monotonic() + grace
        if grace > 0:
            for process in self._family():
                if process.pid != self._process.pid:
                    self._watch(process.pid)
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGTERM)
                    process.send_signal(signal.SIGCONT)  # who stands still does not hear
        while self._pidfds and (left := deadline - monotonic()) > 0:
            self.step(left)
        return self.finish(0.0)

    def _watch(self, pid: int) -> int | None:
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return None
        self._pidfds.add(pidfd)
        self._poll.register(pidfd, select.POLLIN)
        return pidfd

    def _forget(self, pidfd: int) -> None:
        self._pidfds.discard(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)

    def _read(self, fd: int) -> None:
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._readers[fd](chunk)
        else:
            del self._readers[fd]
            self._poll.unregister(fd)

    def _write(self, fd: int) -> None:
        """Write what goes into the pipe; a program that reads no more is no error."""
        try:
            self._unwritten = self._unwritten[os.write(fd, self._unwritten[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unwritten = self._unwritten[:0]
        if not self._unwritten:
            self._write_no_more()

    def _write_no_more(self) -> None:
        self._unwritten = self._unwritten[:0]
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._process.stdin)
            self._process.stdin.close()

    def _family(self) -> list[psutil.Process]:
        """Return the program and all that descends from it and lives."""
        found = []
        for child in _children():
            if child.pid not in self._mine:
                found.append(child)
                with contextlib.suppress(psutil.Error):
                    found += child.children(recursive=True)
        return [process for process in found if _lives(process)]

    def _kill_all(self) -> None:
        deadline = monotonic() + _SWEEP
        while monotonic() < deadline and _has_children() and (family := self._family()):
            for process in family:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            wait_until_gone([process.pid for process in family], seconds=deadline - monotonic())
            self._collect_orphans()

    def _collect_orphans(self) -> None:
        """Collect those of the adopted who have ended."""
        with contextlib.suppress(ChildProcessError):
            while (seen := os.waitid(os.P_ALL, 0, _DEAD)) is not None:
                if seen.si_pid == self._process.pid or seen.si_pid in self._mine:
                    return
                self._collect(seen.si_pid)

    def _collect(self, pid: int) -> Ending:
        _pid, status, usage = os.wait4(pid, 0)
        ending = ending_of(status, usage)
        self._cpu_seconds += ending.cpu_seconds
        self._peak_memory = max(self._peak_memory, ending.peak_memory)
        return ending

    def _end(self, ended: Ending) -> None:
        """Read what is left, and give everything back."""
        for fd in list(self._readers):
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(fd, _CHUNK):
                    self._readers[fd](chunk)
        self._process.returncode = -1 if ended.exit_code is None else ended.exit_code  # Popen is told: it is collected
        for child in _children():
            if child.pid not in self._mine and not _lives(child):
                self._collect(child.pid)
        _adopt_orphans(False)
        for pidfd in list(self._pidfds):
            self._forget(pidfd)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        self._ending = ended._replace(cpu_seconds=self._cpu_seconds, peak_memory=self._peak_memory)


def _children() -> list[psutil.Process]:
    return psutil.Process().children() if _has_children() else []


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, _DEAD)
    except ChildProcessError:
        return False
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _adopt_orphans(adopts: bool) -> None:
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0)
