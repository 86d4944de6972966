"""An application whose jobs have to be stopped: in every place where that is hard. Run beside application.py."""

import contextlib
import fcntl
import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

from application import jobs, note, pause, wait_for

from forge_jobs import JobContext, JobStopped

GRACE = 0.3
NEVER = 2**31 - 1
"""Iterations of pbkdf2: half an hour and more in one call of C code."""


def spin_until(path: Path) -> None:
    """Compute until a file is there."""
    while not path.exists():
        sum(range(100))


def spawn(directory: Path) -> None:
    """Start processes that would outlive everybody, note their pids, and wait for them."""
    with (directory / "children").open("a") as file:
        children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(2)]
        for child in children:
            print(child.pid, file=file)
    for child in children:
        child.wait()


def join_thread(directory: Path) -> None:
    thread = threading.Thread(target=wait_for, args=(directory / "never",), daemon=True)
    thread.start()
    thread.join()


def loop() -> None:
    while True:
        pass


def shielded(ctx: JobContext) -> None:
    with ctx.shield():
        pause(3600)


SITUATIONS: dict[str, Callable[[JobContext, Path], object]] = {
    "loop": lambda _ctx, _directory: loop(),
    "sleep": lambda _ctx, _directory: pause(3600),
    "C code": lambda _ctx, _directory: hashlib.pbkdf2_hmac("sha256", b"password", b"salt", NEVER),
    "shield": lambda ctx, _directory: shielded(ctx),
    "spawn": lambda _ctx, directory: spawn(directory),
    "thread": lambda _ctx, directory: join_thread(directory),
}


@contextlib.contextmanager
def nobody_else(name: str, directory: Path) -> Iterator[None]:
    """Note it where a job runs twice at the same time. The lock goes with its process."""
    with (directory / f"{name}.lock").open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            note(directory / "twice", name)
        yield


@jobs.handler(cancel_grace=GRACE)
def be_in(ctx: JobContext, situation: str, directory: Path) -> str:
    """Be in a situation from which nothing but a stop leads; return at once when ``go`` is there."""
    with nobody_else(situation, directory):
        if not (directory / "go").exists():
            note(directory / "ledger", situation)
            SITUATIONS[situation](ctx, directory)
        return situation


@jobs.handler
def go_on(ctx: JobContext, situation: str, directory: Path) -> str:
    """Work in some way until ``go`` is there."""
    go = directory / "go"
    with nobody_else(situation, directory):
        note(directory / "ledger", situation)
        while not go.exists():
            if situation == "sleep":
                pause(0.2)
            elif situation == "C code":
                hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 200_000)
            elif situation == "shield":
                with ctx.shield():
                    spin_until(go)
            elif situation == "spawn":
                subprocess.run([sys.executable, "-c", ""], check=True)
        return situation


@jobs.handler
def brief(path: Path, name: str, go: Path | None = None) -> None:
    """Be short; with ``go``, long for once."""
    note(path, name)
    if go is not None:
        wait_for(go)


@jobs.handler
def tick(path: Path, number: int, milliseconds: float, computes: bool) -> int:
    """Take a few milliseconds, and note when that begins and ends."""
    note(path, f"start {number}")
    if computes:
        end = monotonic() + milliseconds / 1000
        while monotonic() < end:
            pass
    else:
        pause(milliseconds / 1000)
    note(path, f"end {number}")
    return number


@jobs.handler(cancel_grace=0.02)
def tick_in_shield(ctx: JobContext, path: Path, number: int) -> int:
    """Do not hear of a stop for longer than the grace."""
    note(path, f"start {number}")
    with ctx.shield():
        pause(0.25)
    note(path, f"end {number}")
    return number


# -- handlers that have their own mind about being stopped ------------------------------------------------------------


@jobs.handler
def swallow_once(path: Path) -> None:
    note(path, "begun")
    try:
        pause(3600)
    except:  # noqa: E722 - what people write
        note(path, "swallowed")
    loop()


@jobs.handler(cancel_grace=GRACE)
def never_leave_except(path: Path) -> None:
    note(path, "begun")
    try:
        pause(3600)
    except BaseException:
        note(path, "caught")
        loop()


@jobs.handler
def clean_up(path: Path) -> None:
    """Take a second of many small steps to clean up."""
    note(path, "begun")
    try:
        loop()
    finally:
        for _ in range(100):
            pause(0.01)
        note(path, "cleaned up")


@jobs.handler(cancel_grace=GRACE)
def finish_in_shield(ctx: JobContext, path: Path) -> None:
    """Need longer than the grace, and ask for it."""
    with ctx.shield(max=600):
        note(path, "begun")
        while not ctx.cancelled:
            pause(0.01)
        pause(3 * GRACE)
        note(path, "left the shield")
    note(path, "not stopped")


@jobs.handler
def stay_in_shield(ctx: JobContext, path: Path) -> None:
    """Ask for ten minutes, and need an hour."""
    with ctx.shield(max=600):
        note(path, "begun")
        while not ctx.cancelled:
            pause(0.01)
        note(path, "told")
        pause(3600)


@jobs.handler
def stop_where_it_likes(ctx: JobContext, path: Path, how: str, go: Path | None = None) -> str:
    """Let no signal in, and look for oneself; with ``go``, return only when that is there."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    note(path, "begun")
    while not ctx.cancelled:
        pause(0.01)
    if how == "check":
        ctx.check()
    note(path, "knows")
    while go is not None and not go.exists():
        pause(0.005)
    return "as far as it came"


@jobs.handler
def end_otherwise(path: Path, how: str) -> str:
    note(path, "begun")
    try:
        loop()
    except JobStopped:
        if how == "raise":
            raise ValueError("disturbed") from None
    return "done all the same"
