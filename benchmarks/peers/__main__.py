"""A smoke trial: every contestant runs ten jobs, and says what it is."""

from __future__ import annotations

import sys
import time

import click

from benchmarks import servers
from benchmarks.peers.base import Contestant, Job
from benchmarks.peers.roster import ROSTER
from benchmarks.suite.rounds import until_done

_JOBS = 10
_WORKERS = 2


@click.command()
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Try each contestant, or those whose name contains one of NAMES; exit code 1 if one failed."""
    servers.leave_in_order()
    chosen = [contestant for contestant in ROSTER if not names or any(name in contestant.name for name in names)]
    if not chosen:
        raise click.UsageError(f"there is none of that name; there are {', '.join(one.name for one in ROSTER)}")
    results = [_tried(contestant) for contestant in chosen]
    if not all(results):
        sys.exit(1)


def _tried(contestant: Contestant) -> bool:
    """Say how a contestant did; returns False if it failed, which one that cannot run here has not."""
    if reason := contestant.missing():
        click.echo(f"{contestant.name} takes no part: {reason}")
        return True
    told = f"{contestant.name} {contestant.version()} ({contestant.store}; {contestant.settings})"
    try:
        seconds = _run(contestant)
    except Exception as error:  # noqa: BLE001 - whatever a peer raises: the others go on
        click.echo(f"{told}\n  failed: {type(error).__name__}: {error}")
        return False
    click.echo(f"{told}\n  {_JOBS} jobs by {_WORKERS} workers, their start included: {seconds:.2f} s")
    return True


def _run(contestant: Contestant) -> float:
    """Have jobs enqueued, run and counted; returns the seconds from the start of the farm to the last job's end."""
    with contestant.ground() as arena:
        for number in range(_JOBS):
            arena.enqueue(Job("nothing", number))
        start = time.monotonic()
        with arena.farm(_WORKERS):
            until_done(arena, _JOBS)
            seconds = time.monotonic() - start
        arena.check_once(_JOBS)
    return seconds


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.peers")
