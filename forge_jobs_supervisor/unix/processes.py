"""Forking, killing and waiting: the one place where processes are made and collected."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import NamedTuple

from forge_jobs.clock import monotonic

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
BOOT_FAILED = 3
"""The exit code of a child that could not boot, and of a supervisor whose farm never came up."""

LOST_DESCRIPTORS = 71
"""The exit code of a worker whose handler closed its file descriptors: it must not touch the database any more."""


class Ending(NamedTuple):
    """How a child ended: its exit code, or the signal's name; its CPU seconds and its peak memory in bytes."""

    exit_code: int | None
    signal: str | None
    cpu_seconds: float
    peak_memory: int

    def __str__(self) -> str:
        """Return how, in words."""
        return f"killed by {self.signal}" if self.signal else f"exit code {self.exit_code}"


def fork(child: Callable[[], int], *, close: Callable[[], None], dies_with_parent: bool, niceness: int) -> int:
    """Fork a child that runs ``child`` and leaves by ``os._exit`` with what it returns; return its pid.

    The child leads a process group of its own. All signals are blocked from before the fork; in the child they stay
    so until ``child`` calls ``unblock_signals``, when it has its own dispositions and its own wake-up descriptor.
    Before that ``close`` closes what belongs to the parent and to the siblings.
    """
    parent = os.getpid()
    _flush()
    everything = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        pid = os.fork()
    except OSError:
        signal.pthread_sigmask(signal.SIG_SETMASK, everything)
        raise
    if pid:
        with contextlib.suppress(OSError):  # the child does the same: whoever comes first
            os.setpgid(pid, pid)
        signal.pthread_sigmask(signal.SIG_SETMASK, everything)
        return pid
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        _default_signals()
        _ignore_terminal()
        close()
        os.setpgid(0, 0)
        if dies_with_parent:
            _die_with(parent)
        _read_nothing()
        if niceness:
            os.nice(niceness)
        code = child()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing may unwind into the parent's frames
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _default_signals() -> None:
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGCHLD,
        signal.SIGALRM,
    ):
        signal.signal(number, signal.SIG_DFL)


def _ignore_terminal() -> None:
    for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)


def _die_with(parent: int) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request was made
        os._exit(70)


def forget_role_in_forks(close: Callable[[], None]) -> None:
    """See to it that a process which a handler forks is no worker: default signals, and ``close`` is called in it."""

    def in_child() -> None:
        signal.set_wakeup_fd(-1)
        _default_signals()
        close()

    os.register_at_fork(after_in_child=in_child)


def block_signals(numbers: Iterable[signal.Signals]) -> None:
    """Keep signals waiting, through an exec too."""
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)


def stop_is_pending() -> bool:
    """Return whether a signal that asks this process to stop waits behind the block."""
    return bool({signal.SIGTERM, signal.SIGINT} & signal.sigpending())


def unblock_signals() -> None:
    """Let signals in: a child calls this once it is ready for them."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _read_nothing() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def freeze_memory() -> None:
    """Move everything that exists out of the collector's sight, so that children share it copy-on-write."""
    gc.collect()
    gc.freeze()


def collect(pids: Iterable[int], *, strangers: bool = False, others: Iterable[int] = ()) -> list[tuple[int, Ending]]:
    """Return those of ``pids`` that have ended, without waiting.

    The whole group of each is killed before its leader's number can be used again. With ``strangers``, for the loop
    that knows all its children (``others`` are some that it collects later), process 1 collects orphans too.
    """
    ours = set(pids)
    ended = []
    for pid in ours:
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                kill_group(pid)
                _pid, status, usage = os.wait4(pid, 0)
                ended.append((pid, ending_of(status, usage)))
    if strangers and os.getpid() == 1:
        _collect_strangers(ours | set(others))
    return ended


def _collect_strangers(ours: set[int]) -> None:
    with contextlib.suppress(ChildProcessError):
        while (seen := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
            if seen.si_pid in ours:
                return
            os.waitpid(seen.si_pid, os.WNOHANG)


def ending_of(status: int, usage: object) -> Ending:
    """Return how a process ended, of what ``os.wait4`` told."""
    code = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime  # type: ignore[attr-defined]
    peak = usage.ru_maxrss * 1024  # type: ignore[attr-defined]
    return Ending(None if code < 0 else code, signal_name(-code) if code < 0 else None, cpu, peak)


def signal_name(number: int) -> str:
    """Return a signal's name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def ask_to_leave(pid: int) -> None:
    """Send SIGTERM to one process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def interrupt(pid: int) -> None:
    """Send SIGUSR1 to one process: it looks into its mailbox."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)


def ask_for_stack(pid: int) -> None:
    """Send SIGUSR2 to one process: it writes down its stack."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR2)


def kill(pid: int) -> None:
    """Send SIGKILL to one process."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def kill_group(leader: int) -> None:
    """Send SIGKILL to a worker, and to its process group: whatever its handlers started."""
    if leader > 1:
        for send in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(leader, signal.SIGKILL)


def stop_on_terminate() -> None:
    """Let SIGTERM end this process like Ctrl-C does, until a farm takes it: process 1 would not hear it otherwise."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal: then SIGHUP says that it was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def most_descriptors() -> int:
    """Return how many files this process may have open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def own_cpu_seconds() -> float:
    """Return the CPU seconds of this process and of all its children that have ended."""
    mine = resource.getrusage(resource.RUSAGE_SELF)
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def wait_until_gone(pids: Iterable[int], *, seconds: float) -> None:
    """Wait until none of these processes, which need not be children, exists; at most ``seconds``."""
    watch = select.poll()
    open_fds = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # gone already, or no descriptor is to be had: then without waiting
            fd = os.pidfd_open(pid)
            open_fds.add(fd)
            watch.register(fd, select.POLLIN)
    deadline = monotonic() + seconds
    while open_fds and (left := deadline - monotonic()) > 0:
        for fd, _event in watch.poll(left * 1000):
            watch.unregister(fd)
            open_fds.discard(fd)
            os.close(fd)
