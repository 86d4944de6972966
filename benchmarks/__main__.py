"""Everything: the bets of the schema, where a job's microseconds go, and what the farm delivers."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import farm, microseconds, schema_bets
from benchmarks.figures import show, store


@click.command()
@click.option("--full", is_flag=True, help="With a million rows, whole backlogs and more rounds: some twenty minutes.")
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here too.")
def main(full: bool, path: Path | None) -> None:
    """Run every benchmark: quickly, in under two minutes, unless --full is given."""
    bets = schema_bets.measure(schema_bets.ROWS if full else schema_bets.QUICK_ROWS, rounds=7 if full else 2)
    schema_bets.tell(bets)
    parts = microseconds.measure(rounds=7 if full else 2, times=1000 if full else 200)
    show("\nWhere a job's microseconds go", parts)
    farmed = farm.measure(farm.Size(quick=not full))
    show("\nThe farm", farmed)
    if path is not None:
        store(path, [*bets, *parts, *farmed])


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
