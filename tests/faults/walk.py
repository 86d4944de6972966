"""Long walks through the verbs of the twins: `make twins`."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tests.faults.twins import Draw, Twins

WORLD = 1000
"""Verbs after which a walk begins anew."""

VERBS: dict[Callable[[Twins, Draw[Any]], None], int] = {
    Twins.let_time_go_by: 6,
    Twins.enqueue: 16,
    Twins.claim: 14,
    Twins.claim_unheard: 2,
    Twins.hand_in: 20,
    Twins.crash: 2,
    Twins.a_host_comes_or_goes: 1,
    Twins.operate_on_one: 8,
    Twins.operate_on_some: 3,
    Twins.move: 2,
    Twins.edit: 3,
    Twins.pause_or_resume: 2,
    Twins.clear: 1,
    Twins.open_due: 5,
    Twins.expire: 2,
    Twins.park: 2,
    Twins.fold: 1,
    Twins.prune: 2,
    Twins.acquire: 2,
    Twins.add_or_remove_a_schedule: 1,
    Twins.disable_or_enable_a_schedule: 1,
    Twins.fire: 2,
    Twins.lead: 2,
}
"""What may happen, and how often each comes."""

ANY_VERB = [verb for verb, often in VERBS.items() for _ in range(often)]


@click.command()
@click.option("--steps", default=100_000, show_default=True, help="How many verbs.")
@click.option("--seed", default="0", show_default=True, help="Of everything that is drawn.")
def main(steps: int, seed: str) -> None:
    """Do verbs in random order to SQLite, PostgreSQL and a plain dictionary, which must agree after each.

    Every thousand verbs the world begins anew, with a seed of its own, which is told where they differ. PostgreSQL is
    the server that FORGE_TEST_POSTGRES_URL names, or one that is started.
    """
    for first in range(0, steps, WORLD):
        with tempfile.TemporaryDirectory(prefix="fj-twins-") as directory:
            walk(Path(directory), f"{seed}/{first // WORLD}", min(WORLD, steps - first))
    click.echo(f"{steps:,} verbs: no difference")


def walk(directory: Path, seed: str, steps: int) -> None:
    """Do so many verbs in a world of its own; raise AssertionError where the three differ, with the last verbs."""
    chance, done = random.Random(seed), []
    twins = Twins(directory)
    try:
        for _step in range(steps):
            verb = chance.choice(ANY_VERB)
            done.append(verb.__name__)
            verb(twins, chance.choice)
            twins.check()
        twins.rows_fit()
    except Exception as error:
        raise AssertionError(f"seed {seed}, verb {len(done)}, after {', '.join(done[-5:])}: {error!r}") from error
    finally:
        twins.close()


if __name__ == "__main__":
    main(prog_name="python -m tests.faults.walk")
