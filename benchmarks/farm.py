"""What the farm delivers: drains, efficiency, enqueueing under pressure, pickup, idleness."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.synchronize import Barrier
from time import perf_counter
from typing import Any

import click
import psutil

from benchmarks.application import spin
from benchmarks.figures import Figure, in_turn, percentile, say, show
from benchmarks.ground import PATIENCE, PLACES, Drained, Ground

WORKERS = (1, 2, 4, 8)
NICE = 10
"""The niceness of a farm's workers, so also of the bare loop they are compared with."""

_processes = multiprocessing.get_context("fork")


class Size:
    """How much is measured."""

    def __init__(self, *, quick: bool) -> None:
        self.rounds = 2 if quick else 7
        self.backlog = 20_000
        self.twenty_ms_jobs = 200 if quick else 1000
        self.enqueuers = 16
        self.each_enqueues = 60 if quick else 500
        self.pickups = 150 if quick else 1000
        self.idle_seconds = 3.0 if quick else 20.0
        self.one_by_one = 500 if quick else 3000


def measure(size: Size, only: Sequence[str] = ()) -> list[Figure]:
    """Return the figures of the parts named, or of all."""
    return [figure for name, part in PARTS.items() if not only or name in only for figure in part(size)]


# -- drains -------------------------------------------------------------------------------------------------------


def drains(size: Size) -> list[Figure]:
    """Drain a backlog of jobs that do nothing with several numbers of workers."""
    say(f"draining {size.backlog:,} jobs that do nothing")
    found = in_turn(size.rounds, {str(n): partial(_drain, n, "nothing", {}, size.backlog) for n in WORKERS})
    figures = []
    for workers, drained in found.items():
        name = f"{workers} worker{'s' * (workers != '1')}"
        for figure, seconds in (("start to exit", [d.wall for d in drained]), ("at work", [d.busy for d in drained])):
            figures.append(
                Figure(
                    group=f"Drain of {size.backlog:,} no-op jobs", name=f"{name}, {figure}", unit="jobs/s",
                    rounds=[size.backlog / s for s in seconds],
                )
            )  # fmt: skip
    return figures


def _drain(workers: int, kind: str, payload: dict[str, object], jobs: int) -> Drained:
    with Ground() as ground:
        ground.enqueue(kind, payload, jobs)
        return ground.drain(workers, jobs)


# -- jobs of 20 ms ------------------------------------------------------------------------------------------------


def twenty_ms(size: Size) -> list[Figure]:
    """Compare a farm of two workers with the same loop in two bare processes."""
    say(f"{size.twenty_ms_jobs:,} jobs of 20 ms")
    turns = turns_of(0.020)
    jobs = size.twenty_ms_jobs

    def farm() -> tuple[float, float]:
        drained = _drain(2, "spin", {"turns": turns}, jobs)
        return drained.busy, drained.gap * 1000

    found = in_turn(size.rounds, {"farm": farm, "bare": lambda: (bare(2, jobs, turns), 0.0)})
    whole, gaps = zip(*found["farm"], strict=True)
    ideal, _none = zip(*found["bare"], strict=True)
    group = f"{jobs:,} jobs of 20 ms on 2 workers"
    return [
        Figure(
            group=group, name="first start to last end", unit="s", rounds=whole, against=ideal,
            than="bare loop in two processes",
        ),
        Figure(group=group, name="a job's end to the next one's start", unit="ms", rounds=gaps),
    ]  # fmt: skip


def turns_of(seconds: float) -> int:
    """Return how many turns of ``spin`` take so long here, by the fastest of several tries."""
    turns = 100_000
    fastest = min(_seconds(lambda: spin(turns)) for _ in range(10))
    return round(turns * seconds / fastest)


def _seconds(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


def bare(processes: int, jobs: int, turns: int) -> float:
    """Return the seconds that as many processes need for all jobs, taking the next one from a counter they share."""
    left = _processes.Value("i", jobs)

    def loop(barrier: Barrier) -> tuple[float, float]:
        os.nice(NICE)
        barrier.wait()
        start = perf_counter()
        while True:
            with left.get_lock():
                if left.value <= 0:
                    return start, perf_counter()
                left.value -= 1
            spin(turns)

    starts, ends = zip(*in_processes(processes, loop), strict=True)
    return float(max(ends) - min(starts))


def in_processes(number: int, act: Callable[[Barrier], Any]) -> list[Any]:
    """Run ``act`` in so many processes at once and return what each returned."""
    barrier = _processes.Barrier(number, timeout=60)
    lines = [_processes.Pipe(duplex=False) for _ in range(number)]

    def life(answer: Any) -> None:
        answer.send(act(barrier))

    children = [_processes.Process(target=life, args=(theirs,)) for _mine, theirs in lines]
    try:
        for child in children:
            child.start()
        answers = []
        for mine, theirs in lines:
            theirs.close()
            if not mine.poll(PATIENCE):
                raise TimeoutError(f"a process of the benchmark did not answer within {PATIENCE:g} s")
            answers.append(mine.recv())
        return answers
    finally:
        for child in children:
            child.join(timeout=10)
            if child.is_alive():
                child.kill()


# -- enqueueing ---------------------------------------------------------------------------------------------------


def enqueue_rates(size: Size) -> list[Figure]:
    """Store jobs one by one, and many in one transaction, from one process."""
    say("enqueueing")

    found = in_turn(
        size.rounds,
        {
            "one by one": partial(_enqueue_rate, 1, size.one_by_one),
            "one by one while the log grows": partial(_enqueue_rate, 1, size.one_by_one, fresh=True),
            "1,000 at once": partial(_enqueue_rate, 1000, 20),
            "20,000 at once": partial(_enqueue_rate, 20_000, 1),
        },
    )
    return [
        Figure(group="Enqueue from one process", name=name, unit="jobs/s", rounds=rates)
        for name, rates in found.items()
    ]


def _enqueue_rate(each: int, times: int, *, fresh: bool = False) -> float:
    with Ground() as ground:
        ground.enqueue("nothing", {}, 1)
        if not fresh:
            ground.grow_log()

        def enqueue() -> None:
            for _ in range(times):
                if each == 1:
                    ground.jobs.enqueue("nothing")
                else:
                    ground.enqueue("nothing", {}, each)

        return each * times / _seconds(enqueue)


def enqueuers(size: Size) -> list[Figure]:
    """Let many processes enqueue one by one, alone and while eight workers take what they store."""
    say(f"{size.enqueuers} processes enqueue")
    found = in_turn(
        size.rounds, {"alone": partial(_pressure, size, 0), "while 8 workers run": partial(_pressure, size, 8)}
    )
    figures = []
    for who, waits in found.items():
        for name, of in _SPREAD.items():
            figures.append(
                Figure(
                    group=f"Wait of one enqueue, {size.enqueuers} processes enqueue one by one", name=f"{who}, {name}",
                    unit="ms", rounds=[of(w) * 1000 for w in waits],
                )
            )  # fmt: skip
    return figures


_SPREAD: dict[str, Callable[[Sequence[float]], float]] = {
    "p50": lambda waits: percentile(waits, 50),
    "p90": lambda waits: percentile(waits, 90),
    "p99": lambda waits: percentile(waits, 99),
    "max": max,
}


def _pressure(size: Size, workers: int) -> list[float]:
    jobs = size.enqueuers * size.each_enqueues
    with Ground() as ground:

        def enqueue(barrier: Barrier) -> list[float]:
            ground.jobs.counts()
            barrier.wait()
            return [_seconds(lambda: ground.jobs.enqueue("nothing")) for _ in range(size.each_enqueues)]

        ground.jobs.counts()
        if workers:
            with ground.farm(workers):
                waits = in_processes(size.enqueuers, enqueue)
                ground.until(
                    lambda: ground.rows("SELECT count(*) FILTER (WHERE status = 'done') FROM job") == [(jobs,)],
                    "all jobs to end",
                )
            ground.check_once(jobs)
        else:
            waits = in_processes(size.enqueuers, enqueue)
            if ground.rows("SELECT count(*) FROM job WHERE status = 'pending'") != [(jobs,)]:
                raise RuntimeError("a job that was accepted is not there")
        return [wait for one in waits for wait in one]


# -- pickup and idleness ------------------------------------------------------------------------------------------


def pickup(size: Size) -> list[Figure]:
    """Enqueue 50 jobs a second for idle workers; from the call to the start of the handler."""
    say("pickup")
    found = in_turn(size.rounds, {str(workers): partial(_pickup, workers, size.pickups) for workers in (2, 8)})
    return [
        Figure(
            group="Pickup at 50 jobs/s, from enqueue to start", name=f"{workers} idle workers, p{percent}", unit="ms",
            rounds=[percentile(waits, percent) for waits in waited],
        )
        for workers, waited in found.items()
        for percent in (50, 99)
    ]  # fmt: skip


def _pickup(workers: int, jobs: int) -> list[float]:
    with Ground() as ground, ground.farm(workers):
        first = perf_counter() + 1.0
        for number in range(jobs):
            time.sleep(max(first + number / 50 - perf_counter(), 0.0))
            ground.jobs.enqueue("nothing")
        ground.until(
            lambda: ground.rows("SELECT count(*) FILTER (WHERE status = 'done') FROM job") == [(jobs,)],
            "all jobs to end",
        )
        ground.check_once(jobs)
        return [waited / 1000 for (waited,) in ground.rows("SELECT started_at - enqueued_at FROM job")]


def idle(size: Size) -> list[Figure]:
    """Watch eight workers that have nothing to do."""
    say("idleness")
    with Ground() as ground, ground.farm(8) as supervisor:
        crew = {"supervisor": [supervisor], "coordinator": [], "8 workers": []}
        for child in supervisor.children():
            crew["8 workers" if "worker" in " ".join(child.cmdline()) else "coordinator"].append(child)
        time.sleep(2.0)
        before = {who: _use(processes) for who, processes in crew.items()}
        time.sleep(size.idle_seconds)
        figures = []
        for who, processes in crew.items():
            cpu, wakes = (after - b for after, b in zip(_use(processes), before[who], strict=True))
            seconds = size.idle_seconds
            group = "A farm of 8 workers that has nothing to do"
            figures += [
                Figure(group=group, name=who, unit="% of a CPU", rounds=[100 * cpu / seconds]),
                Figure(group=group, name=who, unit="wake-ups/s", rounds=[wakes / seconds]),
            ]
        memory = sum(p.memory_full_info().pss for processes in crew.values() for p in processes) / 1e6
        return [*figures, Figure(group=group, name="all ten processes", unit="MB (PSS)", rounds=[memory])]


def _use(processes: Sequence[psutil.Process]) -> tuple[float, float]:
    """Return CPU seconds and voluntary context switches so far."""
    times = [p.cpu_times() for p in processes]
    return sum(t.user + t.system for t in times), sum(p.num_ctx_switches().voluntary for p in processes)


PARTS: dict[str, Callable[[Size], list[Figure]]] = {
    "drains": drains,
    "20ms": twenty_ms,
    "enqueue": enqueue_rates,
    "enqueuers": enqueuers,
    "pickup": pickup,
    "idle": idle,
}


@click.command()
@click.option("--quick", is_flag=True, help="Measure less, in about a minute.")
@click.option("--only", multiple=True, type=click.Choice(list(PARTS)), help="Measure this part; repeatable.")
@click.option(
    "--on", type=click.Choice(list(PLACES)), default="sqlite", help="The kind of database.", show_default=True
)
def main(quick: bool, only: tuple[str, ...], on: str) -> None:
    """Measure what the farm delivers and print one table."""
    Ground.kind = on
    show(f"The farm, on {on}", measure(Size(quick=quick), only))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.farm")
