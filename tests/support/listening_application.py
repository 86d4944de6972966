"""An application that listens for everything that may become of its jobs. Copied beside its database."""

import os
from pathlib import Path

from application import doomed, fail, note, pause

from forge_jobs import ForgeJobs, JobContext, JobEvent

jobs = ForgeJobs()
NOTES = Path("notes").absolute()

for handler in (doomed, fail):
    jobs.handler(handler.kind)(handler.function)


def listen(event: JobEvent) -> None:
    note.function(NOTES, f"{event.event} {event.job_id} {event.error.cause if event.error else ''}".strip())


for name in ("done", "failed", "dead", "cancelled", "crashed"):
    jobs.on(name, listen)


@jobs.on("dead", kind="doomed")
def faulty(event: JobEvent) -> None:
    raise ValueError("a listener")


@jobs.handler
def waits(path: Path) -> None:
    Path(f"{path}.waits").touch()
    while not path.exists():
        pause(0.005)


@jobs.handler
def commits(ctx: JobContext) -> None:
    with ctx.transaction() as transaction:
        transaction.result = os.getpid()


@jobs.handler
def noop() -> None:
    pass
