"""An application that tells what its worker has imported since the fork. Copied beside its database."""

import os
import sys

from forge_jobs import Dead, ForgeJobs, JobContext

jobs = ForgeJobs()
inherited: set[str] = set()


def remember() -> None:
    inherited.update(sys.modules)


os.register_at_fork(after_in_child=remember)


@jobs.handler
def noop() -> None:
    pass


@jobs.handler
def fail() -> None:
    raise ValueError


@jobs.handler
def doomed() -> None:
    raise Dead("for a reason")


@jobs.handler
def busy(ctx: JobContext) -> str:
    """Do what handlers do."""
    ctx.progress(1, 2, "half")
    ctx.logger.info("half")
    return jobs.enqueue("noop").id


@jobs.handler
def imported() -> list[str]:
    """Return what was imported after the fork."""
    return sorted(set(sys.modules) - inherited)
