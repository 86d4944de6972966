"""What a farm runs while its processes are killed: every job notes its beginning and its end in a ledger."""

import contextlib
import os
import time
from collections.abc import Iterator

from application import pause

from forge_jobs import ForgeJobs, JobContext

jobs = ForgeJobs()
jobs.rate_limit("tokens", capacity=1000, per_second=1000)
jobs.rate_limit("metered", capacity=1, per_second=20)
LEDGER = os.environ["TORTURE_LEDGER"]
EFFECTS = os.environ["TORTURE_EFFECTS"]
MANY = 1000
"""Attempts: a job whose process is killed again and again must still come to its end."""

PLACES, PLACES_OF_A_TENANT = 2, 1
OVER = 0.05
"""Seconds that are too many for the first attempt of ``overrun``."""

_CHILDREN = 10**12


def note(what: str, job: object, more: object = "-") -> None:
    """Append an event in one write: it is there once the write has returned, whoever is killed then."""
    fd = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(fd, f"{what} {job} {more} {os.getpid()} {time.monotonic_ns()}\n".encode())
    os.close(fd)


def work(ctx: JobContext, milliseconds: float, *, computes: bool = True) -> None:
    """Take the time between the two notes."""
    with told(ctx):
        passed("in a handler")
        end = time.monotonic() + milliseconds / 1000
        while time.monotonic() < end:
            if not computes:
                pause(milliseconds / 1000)


@contextlib.contextmanager
def told(ctx: JobContext) -> Iterator[None]:
    """Note the beginning and the end of an attempt, or that an exception has stopped it."""
    note("start", ctx.id, ctx.attempt)
    try:
        yield
    except BaseException:
        note("stop", ctx.id, ctx.attempt)
        raise
    note("end", ctx.id, ctx.attempt)


def passed(point: str) -> None:
    """Pass a point of one's own: nobody is killed where no points are installed."""


if points := os.environ.get("TORTURE_POINTS"):
    from tests.faults.points import installed

    passed = installed(jobs.storage, points, note)


@jobs.handler(max_attempts=MANY)
def compute(ctx: JobContext, number: int, milliseconds: float) -> int:
    work(ctx, milliseconds)
    return number


@jobs.handler(max_attempts=MANY)
def sleep(ctx: JobContext, number: int, milliseconds: float) -> int:
    work(ctx, milliseconds, computes=False)
    return number


@jobs.handler(max_attempts=MANY, max_running=PLACES)
def limited(ctx: JobContext, number: int, milliseconds: float) -> int:
    """Take a token now and then, or all that are left."""
    work(ctx, milliseconds, computes=False)
    if number % 4 == 0:
        scope = f"tokens:{number % 3}"
        ctx.rate_limit.try_acquire(scope)
        if number % 8 == 0:
            ctx.rate_limit.drain(scope)
    return number


@jobs.handler(max_attempts=MANY, max_throttles=MANY, rate_limit="metered")
def metered(ctx: JobContext, number: int, milliseconds: float) -> int:
    work(ctx, milliseconds)
    return number


@jobs.handler(max_attempts=MANY, max_running_per_key=PLACES_OF_A_TENANT, concurrency_key="tenant")
def tenant(ctx: JobContext, number: int, milliseconds: float, tenant: str) -> int:
    work(ctx, milliseconds, computes=False)
    return number


@jobs.handler(max_attempts=MANY, timeout=OVER)
def overrun(ctx: JobContext, number: int, milliseconds: float) -> int:
    """Take too long at the first attempt."""
    work(ctx, 0 if ctx.attempt > 1 else 10_000 * OVER, computes=bool(number % 2))
    return number


@jobs.handler(max_attempts=2)
def fail(ctx: JobContext, number: int, milliseconds: float) -> int:
    """Fail at the first attempt, and every third job for good."""
    work(ctx, milliseconds)
    if ctx.attempt == 1 or number % 3 == 0:
        raise ValueError(f"number {number} fails")
    return number


@jobs.handler(max_attempts=MANY)
def chain(ctx: JobContext, number: int, milliseconds: float) -> int:
    """Enqueue others in the middle: one, or two with keys."""
    with told(ctx):
        child = _CHILDREN + time.monotonic_ns()  # whoever is retried by an operator has its attempts once more
        children = (child,) if number % 2 else (child, -child)
        for each in children:
            note("offer", each)
        bulk = [("compute", {"number": n, "milliseconds": milliseconds}, _keyed(n, children)) for n in children]
        stored = jobs.enqueue_bulk(bulk) if len(children) > 1 else [ctx.enqueue(*bulk[0][:2])]
        for each, job in zip(children, stored, strict=True):
            note("ack", each, job.id)
    return number


def _keyed(number: int, numbers: tuple[int, ...]) -> dict[str, str]:
    return {"unique_key": f"child-{number}"} if len(numbers) > 1 else {}


@jobs.handler(max_attempts=MANY)
def transact(ctx: JobContext, number: int, milliseconds: float) -> int:
    """Have an effect in the transaction that ends the job: once, whatever happens."""
    with told(ctx):
        pause(milliseconds / 1000)
        passed("before a transaction")
        with ctx.transaction() as transaction:
            transaction.connection.execute(f"INSERT INTO {EFFECTS} VALUES ({number})")
            transaction.result = number
            passed("in a transaction")
        passed("after a transaction")
    return number


@jobs.cron("* * * * * *", misfire="all", overlap="allow", max_attempts=MANY)
def tick(ctx: JobContext) -> None:
    work(ctx, 0)


@jobs.cron("0 0 1 1 *")
def seldom(ctx: JobContext) -> None:
    work(ctx, 0)
