"""An application with middleware, hooks of its workers and a library that logs. Copied beside its database."""

import logging
import os
import threading
from pathlib import Path

from application import note, pause

from forge_jobs import ForgeJobs, JobContext

jobs = ForgeJobs()
library = logging.getLogger("a.library")
NOTES = Path("notes").absolute()


def say(text: str) -> None:
    note.function(NOTES, text)


@jobs.worker_start
def start() -> None:
    """Start what a parent must not have: a thread."""
    threading.Thread(target=threading.Event().wait, daemon=True).start()
    say("start")


@jobs.worker_stop
def stop() -> None:
    say("stop")


@jobs.middleware
def around(ctx: JobContext, call_next):
    if ctx.kind == "refused":
        raise RuntimeError("not today")
    if ctx.kind == "held_before":
        wait(Path(f"{ctx.id}.go"))
    say(f"before {ctx.kind}")
    try:
        return call_next()
    finally:
        say(f"after {ctx.kind}")
        if ctx.kind == "held_after":
            wait(Path(f"{ctx.id}.go"))


def wait(path: Path) -> None:
    Path(f"{path}.waits").touch()
    while not path.exists():
        pause(0.005)


@jobs.handler
def logs(text: str) -> int:
    library.warning("says %s", text)
    thread = threading.Thread(target=library.warning, args=("thread says %s", text))
    thread.start()
    thread.join()
    return os.getpid()


@jobs.handler
def refused() -> None:
    say("never")


@jobs.handler
def held_before() -> str:
    return "ran"


@jobs.handler
def held_after() -> str:
    return "ran"


@jobs.handler
def dies() -> None:
    os._exit(9)
