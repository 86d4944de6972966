"""An application whose jobs take too long, or too much memory. Run beside application.py."""

import hashlib
from pathlib import Path

from application import jobs, note, pause

from forge_jobs import JobContext

GRACE = 0.3
MEBIBYTE = 2**20
ENOUGH = 3000
"""Mebibytes at which a job stops by itself, where nothing stops it."""


@jobs.handler(timeout=0.3, cancel_grace=GRACE)
def too_slow(path: Path, where: str) -> str:
    note(path, where)
    if where == "C code":
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2**31 - 1)
    elif where == "sleep":
        pause(3600)
    elif where == "at first":
        if path.read_text().count(where) == 1:
            pause(3600)
        return "in time"
    while True:
        pass


@jobs.handler(timeout=0.2)
def half_a_second() -> str:
    pause(0.5)
    return "in time"


@jobs.handler
def for_ever(ctx: JobContext, path: Path) -> None:
    """Work in small steps until stopped, and note the steps."""
    while True:
        pause(0.05)
        note(path, f"step {ctx.attempt}")


@jobs.handler(timeout=2.0)
def work(ctx: JobContext, path: Path, steps: int) -> str:
    """Work for so many twentieths of a second, of two seconds that are allowed."""
    for _ in range(steps):
        pause(0.05)
        note(path, f"step {ctx.id}")
    return "in time"


def take(mebibytes_a_second: int | None, path: Path) -> None:
    """Take memory at this rate, or as fast as can be."""
    taken: list[bytes] = []
    while len(taken) < ENOUGH:
        taken.append(b"x" * MEBIBYTE)
        if mebibytes_a_second is not None:
            pause(1 / mebibytes_a_second)
    note(path, "enough")


@jobs.handler(memory_limit="256MB")
def take_slowly(path: Path) -> None:
    take(100, path)


@jobs.handler(memory_limit="256MB")
def take_quickly(path: Path) -> None:
    take(None, path)


@jobs.handler(memory_limit="256MB")
def take_at_once(path: Path) -> None:
    """Take all of it in one call of C code."""
    whole = b"x" * (ENOUGH * MEBIBYTE)
    note(path, f"enough {len(whole)}")


@jobs.handler(memory_limit="256MB")
def take_and_clean_up(path: Path) -> None:
    try:
        take(1000, path)
    except BaseException as stop:
        note(path, type(stop).__name__)
        raise


@jobs.handler(memory_limit="256MB")
def take_what_is_allowed() -> int:
    taken = [b"x" * MEBIBYTE for _ in range(150)]
    pause(0.2)
    return len(taken)


@jobs.handler(queue="narrow")
def take_on_narrow(path: Path) -> None:
    take(1000, path)


@jobs.handler(queue="narrow", memory_limit="512MB")
def take_more_on_narrow() -> int:
    """Take more than the queue allows, but not more than the handler says."""
    return len(b"x" * (128 * MEBIBYTE))


@jobs.handler
def take_everything(path: Path) -> None:
    """Take memory with no limit but the kernel's."""
    take(None, path)
