"""The application that the process tests run. Copied beside their database and imported from there."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from forge_jobs import Dead, ForgeJobs, JobContext, Snoozed, Throttled

jobs = ForgeJobs()


def pause(seconds: float) -> None:
    """Sleep; for the handlers of the other applications, too."""
    time.sleep(seconds)


@jobs.handler
def note(path: Path, text: str = "ran") -> str:
    """Append one line in one write, so that runs can be counted."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{text} {os.getpid()}\n".encode())
    os.close(fd)
    return text


@jobs.handler
def noop() -> None:
    pass


@jobs.handler
def wait_for(path: Path, starts: Path | None = None) -> None:
    """Run until a file is there."""
    if starts is not None:
        note(starts, "start")
    while not path.exists():
        time.sleep(0.005)


@jobs.handler
def commit_and_wait(ctx: JobContext, path: Path) -> None:
    """Write and end the job in one transaction; then run on until a file is there."""
    with ctx.transaction() as transaction:
        transaction.connection.execute("INSERT INTO written VALUES (1)")
        transaction.result = "committed"
    wait_for(path)


@jobs.handler
def spin(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@jobs.handler(max_attempts=2)
def fail(message: str = "broken") -> None:
    raise RuntimeError(message)


@jobs.handler(max_attempts=1)
def doomed() -> None:
    raise Dead("never again")


@jobs.handler
def die(how: str = "SIGKILL") -> None:
    os.kill(os.getpid(), signal.Signals[how])


@jobs.handler
def die_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        os._exit(7)
    return "survived"


@jobs.handler
def leave() -> None:
    sys.exit(5)


@jobs.handler
def spawn_child(path: Path) -> None:
    """Start a process that would outlive everybody, note its pid, and wait."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    path.write_text(str(child.pid))
    child.wait()


@jobs.handler
def fork_and_return() -> int:
    """Come back twice: in the worker and in a forked child."""
    return os.fork()


@jobs.handler
def use_multiprocessing(number: int) -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(abs, [number] * 4))


@jobs.handler
def throttled_once(mark: Path) -> str:
    if not mark.exists():
        mark.touch()
        raise Throttled(0.05)
    return "let through"


@jobs.handler
def snoozed_once(ctx: JobContext, mark: Path) -> int:
    if not mark.exists():
        mark.touch()
        return Snoozed(delay=0.05)
    return ctx.attempt


@jobs.handler(queue="other")
def on_other_queue() -> str:
    return "other"


@jobs.handler
def chain(ctx: JobContext, left: int) -> str:
    ctx.progress(1, 1, "nearly")
    return ctx.enqueue("chain", {"left": left - 1}).id if left else "end"


@jobs.handler
def odd_texts(which: str) -> object:
    if which == "nul":
        return "a\0b"
    if which == "surrogate result":
        return "\ud800"
    if which == "nan":
        return float("nan")
    if which == "cut off":
        return {"cached": [msgspec.Raw(b'{"rows": [1, 2')]}
    if which == "big":
        return "x" * 2_000_000
    raise RuntimeError("\0 \ud800 " + "x" * 100_000)


@jobs.handler
def record_time() -> float:
    return time.time()
