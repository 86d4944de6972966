"""The jobs of this application."""

from math import isqrt

from forge_jobs import ForgeJobs

jobs = ForgeJobs()


@jobs.handler
def count_primes(below: int) -> int:
    """Count the primes below a number, the slow way: work for a CPU."""
    return sum(all(n % d for d in range(2, isqrt(n) + 1)) for n in range(2, below))
