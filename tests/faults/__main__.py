"""The long modes: as many jobs and kills as one likes, with one's own seed and workload."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

import click
import msgspec

from forge_jobs.terminal import FAILURE
from tests.faults.producer import KINDS
from tests.faults.torture import Plan, torture_on

MINUTES = "Go on for so long, instead of --jobs and --kills, and see whether anything grows meanwhile."
KEPT = click.Path(file_okay=False, resolve_path=True, path_type=Path)


@click.command()
@click.option("--jobs", default=100_000, show_default=True, help="How many jobs must have ended.")
@click.option("--kills", default=1000, show_default=True, help="How many processes are killed meanwhile.")
@click.option("--seed", default="0", show_default=True, help="Of everything that is drawn.")
@click.option("--workload", default="mixed", show_default=True, type=click.Choice(sorted(KINDS)))
@click.option("--pause", nargs=2, type=float, default=(0.05, 0.4), show_default=True, help="Seconds between two kills.")
@click.option("--minutes", type=click.FloatRange(min=0.2), help=MINUTES)
@click.option("--freezes", is_flag=True, help="Stop processes for up to 40 seconds, too, as a suspension does.")
@click.option("--clocks", is_flag=True, help="Set wall clocks by up to an hour, too: the hosts', and the server's.")
@click.option("--network", is_flag=True, help="Let farms and producers reach PostgreSQL over a network that lies.")
@click.option("--server", is_flag=True, help="Restart, crash, kill, fill or replace a PostgreSQL of its own meanwhile.")
@click.option(
    "--points", is_flag=True, help="Let a process of each kind that passes a named point die there, too, once."
)
@click.option("--backend", "backends", multiple=True, type=click.Choice(["sqlite", "postgres"]), help="[default: both]")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Append the reports here.")
@click.option("--keep", type=KEPT, help="Work in this directory, and keep it.")
def main(
    jobs: int,
    kills: int,
    seed: str,
    workload: str,
    pause: tuple[float, float],
    minutes: float | None,
    points: bool,
    freezes: bool,
    clocks: bool,
    network: bool,
    server: bool,
    backends: tuple[str, ...],
    path: Path | None,
    keep: Path | None,
) -> None:
    """Kill workers, coordinators, supervisors, hosts, producers and operators while they work; then check everything.

    PostgreSQL is the server that FORGE_TEST_POSTGRES_URL names, or one that is started. Exit code 1 if anything is
    wrong; every line says what.
    """
    plan = Plan(
        jobs=jobs,
        kills=kills,
        seed=seed,
        workload=workload,
        pause=pause,
        minutes=minutes,
        points=points,
        freezes=freezes,
        clocks=clocks,
        network=network,
        server=server,
    )
    backends = backends or ("sqlite", "postgres")
    if network and "sqlite" in backends:
        raise click.UsageError("--network lies between PostgreSQL and its clients: say --backend postgres, too")
    if server and "sqlite" in backends:
        raise click.UsageError("--server is PostgreSQL's: say --backend postgres, too")
    if server and (network or clocks or minutes is not None):
        raise click.UsageError("--server goes with neither --network nor --clocks nor --minutes")
    if points and workload != "mixed":
        raise click.UsageError(f"--points needs the mixed workload: with {workload} nobody passes most of the points")
    for directory in [keep / backend for backend in backends if keep]:
        if directory.exists():
            raise click.UsageError(f"--keep: {directory} is there already: name another directory")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # whoever was started is ended, too
    wrong = 0
    for backend in backends:
        with tempfile.TemporaryDirectory(prefix="fj-torture-") as temporary:
            directory = (keep or Path(temporary)) / backend
            directory.mkdir(parents=True)
            wrong += _tortured(backend, directory, plan, path)
    sys.exit(FAILURE if wrong else 0)


def _tortured(backend: str, directory: Path, plan: Plan, path: Path | None) -> int:
    with torture_on(backend, directory, plan) as torture:
        report = torture.run()
    click.echo(f"{backend}: {report.told()}")
    for name, slope in report.slopes.items():
        click.echo(f"  {name}: {slope.mean:,.6g} in the mean, {slope.rise:+,.6g} over the run")
    for fault, times in sorted(report.outages.items()):
        click.echo(f"  {times:,} times {fault}")
    for told in report.wrong:
        click.echo(f"  {told}", err=True)
    if path is not None:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(report) + b"\n")
    return len(report.wrong)


if __name__ == "__main__":
    main(prog_name="python -m tests.faults")
