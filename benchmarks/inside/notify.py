"""What ringing costs: NOTIFY takes a lock in the server that lets commits through one after the other."""

from __future__ import annotations

import contextlib
from functools import partial
from multiprocessing.synchronize import Barrier

import click

from benchmarks import servers
from benchmarks.figures import Figure, in_turn, percentile, say, show
from benchmarks.processes import in_processes
from forge_jobs import ForgeJobs
from forge_jobs.clock import monotonic
from forge_jobs.storage import open_storage
from forge_jobs.storage.postgres.database import Database

ENQUEUERS = 16


def measure(rounds: int, each: int) -> list[Figure]:
    """Let many processes enqueue one by one while somebody listens, with rings and without."""
    say(f"{ENQUEUERS} processes enqueue on PostgreSQL, with rings and without")
    with servers.database() as url, contextlib.closing(open_storage(url)) as storage:
        storage.schema.create()
        with contextlib.closing(storage.doorbell("benchmark")):
            found = in_turn(rounds, {name: partial(_enqueue, url, each, rings=rings) for name, rings in _WAYS.items()})
    group = f"{ENQUEUERS} processes enqueue one by one"
    return [
        figure
        for name, answers in found.items()
        for figure in (
            Figure(group=group, name=f"{name}, together", unit="jobs/s", rounds=[rate for rate, _waits in answers]),
            Figure(group=group, name=f"{name}, p50", unit="ms", rounds=[_ms(waits, 50) for _rate, waits in answers]),
            Figure(group=group, name=f"{name}, p99", unit="ms", rounds=[_ms(waits, 99) for _rate, waits in answers]),
        )
    ]


_WAYS = {"with NOTIFY": True, "without": False}


def _ms(waits: list[float], percent: int) -> float:
    return 1000 * percentile(waits, percent)


def _enqueue(url: str, each: int, *, rings: bool) -> tuple[float, list[float]]:
    def enqueue(barrier: Barrier) -> list[float]:
        if not rings:
            text = Database.text
            quiet = "concat($13::text, $14::text)"
            Database.text = lambda self, name: text(self, name).replace("pg_notify($13, $14)", quiet)  # type: ignore[method-assign]
        jobs = ForgeJobs(url)
        jobs.enqueue("nothing")
        barrier.wait()
        waits = []
        for _ in range(each):
            before = monotonic()
            jobs.enqueue("nothing")
            waits.append(monotonic() - before)
        jobs.close()
        return waits

    before = monotonic()
    waits = [wait for one in in_processes(ENQUEUERS, enqueue) for wait in one]
    return ENQUEUERS * each / (monotonic() - before), waits


@click.command()
@click.option("--rounds", default=7, show_default=True)
@click.option("--each", default=500, show_default=True, help="Jobs that each process enqueues.")
def main(rounds: int, each: int) -> None:
    """Measure what NOTIFY costs and print one table."""
    show("NOTIFY", measure(rounds, each))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.inside.notify")
