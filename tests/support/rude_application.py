"""An application whose jobs behave badly, and neighbours that look what they find. Run beside application.py."""

import ctypes
import functools
import gc
import hashlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TextIO

from application import jobs, note, pause, wait_for

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


def close_descriptors() -> None:
    os.closerange(3, 4096)


def close_streams() -> None:
    sys.stdout.close()
    sys.stderr.close()
    for fd in (1, 2):
        os.closerange(fd, fd + 1)


def dirty_stdout() -> None:
    print("no end of line, and \udcff", end="", flush=False)
    os.write(1, b"\xff\x00 not a text")
    sys.stdout = sys.stderr


def speak_out_of_turn() -> None:
    for path in list(Path("/proc/self/fd").iterdir()):
        if not path.is_socket():
            continue
        with socket.socket(fileno=os.dup(int(path.name))) as line:
            if line.type == socket.SOCK_SEQPACKET:
                for words in (b"{", b'{"type":"Nobody"}', b"\xff", b"[" * 60_000):
                    line.send(words)


def spread_out() -> None:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert sum(pool.map(abs, [-1] * 8)) == 8
    multiprocessing.get_context("fork").Process(target=pause, args=(3600,)).start()


def leave_threads() -> None:
    for _ in range(3):
        threading.Thread(target=wait_for, args=(Path("never"),)).start()


def take_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, lambda _number, _frame: None)


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def block_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())


def leave_alarm() -> None:
    """Have the process killed in a tenth of a second."""
    signal.setitimer(signal.ITIMER_REAL, 0.1)


def leave_alarm_that_raises() -> None:
    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError("somebody else's alarm")

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.1)


def leave_profiling_alarm() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0.05)


def join_supervisors_group() -> None:
    os.setpgid(0, os.getpgid(os.getppid()))


def lead_session() -> None:
    join_supervisors_group()
    os.setsid()


def move_away() -> None:
    os.chdir("/")
    os.umask(0o777)


def leave_cycles() -> None:
    gc.disable()
    for _ in range(300_000):
        cycle: list[object] = []
        cycle.append(cycle)
    gc.enable()


kept: list[TextIO] = []
RUDE: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(7),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "closed descriptors": close_descriptors,
    "closed streams": close_streams,
    "dirty stdout": dirty_stdout,
    "fork": os.fork,
    "multiprocessing": spread_out,
    "threads": leave_threads,
    "changed signals": take_signals,
    "ignored signals": ignore_signals,
    "blocked signals": block_signals,
    "alarm": leave_alarm,
    "alarm that raises": leave_alarm_that_raises,
    "profiling alarm": leave_profiling_alarm,
    "another group": join_supervisors_group,
    "another session": lead_session,
    "another directory": move_away,
    "cycles": leave_cycles,
    "niceness": lambda: os.nice(5),
    "out of turn": speak_out_of_turn,
    "recursion limit": lambda: sys.setrecursionlimit(150),
}


@jobs.handler
def be_rude(how: str, path: Path) -> None:
    note(path, how)
    RUDE[how]()


@jobs.handler
def close_descriptor(path: Path, fd: int) -> bool:
    """Close one of the worker's descriptors, if there is such a one, and let a file of one's own have its number."""
    if not Path(f"/proc/self/fd/{fd}").is_symlink():
        return False
    os.close(fd)
    kept.append(path.open("w", buffering=1))
    print("mine", file=kept[-1])
    return True


@jobs.handler
def be_deaf_until(path: Path, name: str, go: Path) -> None:
    ignore_signals()
    note(path, name)
    wait_for(go)


@jobs.handler
def overflow() -> int:
    """Recurse through C code until the stack is used up."""
    sys.setrecursionlimit(2**30)
    return functools.reduce(lambda _one, _other: overflow(), [1, 2])


@jobs.handler
def look_round(path: Path, seconds: float) -> dict[str, object]:
    """Work for a moment, print, and return what another job may have left."""
    note(path, "neighbour")
    print("a line", flush=True)
    print("a line", file=sys.stderr, flush=True)
    end = monotonic() + seconds
    while monotonic() < end:
        pass
    umask = os.umask(0o077)
    os.umask(umask)
    return {
        "directory": str(Path.cwd()),
        "umask": umask,
        "leads its group": os.getpgrp() == os.getpid(),
        "blocked signals": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "signals": [str(signal.getsignal(number)).partition(" at ")[0] for number in (*SIGNALS, signal.SIGALRM)],
        "timers": [signal.getitimer(which)[0] > 0 for which in range(3)],
    }


@jobs.handler(cancel_grace=0.3)
def be_rude_for_ever(how: str, path: Path) -> None:
    """Behave badly, and then stay in C code."""
    RUDE[how]()
    note(path, how)
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2**31 - 1)


@jobs.handler
def compute_for_ever(path: Path) -> None:
    note(path, "begun")
    while True:
        pass
