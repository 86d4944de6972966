"""The application that the measured farms run."""

from forge_jobs import ForgeJobs

jobs = ForgeJobs()


@jobs.handler
def nothing() -> None:
    """Do nothing: what is left is the price of a job."""


@jobs.handler
def spin(turns: int) -> int:
    """Work for a length of CPU time that is set by the number of turns."""
    total = 0
    for turn in range(turns):
        total = (total + turn * turn) % 1_000_003
    return total
