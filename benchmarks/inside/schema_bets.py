"""The bets of the schema, checked with the product's own statements and many rows in place.

One table for live and finished jobs; large payloads beside the row; nothing that runs often reads history.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest import mock

import click

from benchmarks.figures import Figure, in_turn, matrix, say, show
from benchmarks.inside.store import KIND, QUEUE, Store
from forge_jobs.model.states import Status
from forge_jobs.storage.claims import Ended
from forge_jobs.storage.records import JobFilter
from forge_jobs.storage.sql import statement
from forge_jobs.storage.sqlite import hand_in, producer

ROWS = 1_000_000
QUICK_ROWS = 100_000
FAR = 365 * 86_400 * 1_000_000
"""Microseconds until a job is due that is not due while this runs."""

PRESENCE = "Milliseconds, with many rows present"
EMPTY = "empty"


def measure(rows: int, rounds: int) -> list[Figure]:
    """Return all figures."""
    with tempfile.TemporaryDirectory(prefix="schema-bets-") as directory:
        return [
            *one_table(Path(directory, "tables"), rows, rounds),
            *bodies(Path(directory, "bodies"), rounds),
            *presence(Path(directory, "presence"), rows, rounds),
        ]


# -- one table ----------------------------------------------------------------------------------------------------


def one_table(directory: Path, rows: int, rounds: int) -> list[Figure]:
    """Compare the table with a variant that moves finished rows to a second one, ``rows`` of them in place."""
    directory.mkdir()
    say(f"one table or two, {rows:,} finished rows")
    one, two = Store(directory / "one"), Store(directory / "two")
    make_second_table(two)
    one.fill(rows, Status.DONE)
    two.fill(rows, Status.DONE, table="job_ended")
    figures = []
    for batch, jobs in ((256, 10_240), (32, 3200), (1, 400)):
        contestants = {"one": partial(_rate, one, jobs, batch), "two": partial(_rate_moving, two, jobs, batch)}
        found = in_turn(rounds, contestants)
        figures.append(
            Figure(
                group=f"One table, {rows:,} finished rows: claim and hand in",
                name="one by one" if batch == 1 else f"{batch} at once", unit="jobs/s", than="moved to a second table",
                rounds=found["one"], against=found["two"],
            )
        )  # fmt: skip
    one.close()
    two.close()
    return figures


def _rate(store: Store, jobs: int, batch: int) -> float:
    """Return jobs a second by the median exchange, its share of the checkpoint counted in."""
    store.enqueue(jobs, each=1000)
    store.checkpoint()
    taken = store.work_off(batch)
    return batch / (median(taken) + store.checkpoint()[0] / len(taken))


def _rate_moving(store: Store, jobs: int, batch: int) -> float:
    with moving_at_hand_in():
        return _rate(store, jobs, batch)


def make_second_table(store: Store) -> None:
    """Give the variant its table of finished jobs, with the indexes that finished rows need; ``job`` loses them."""
    ((made,),) = store.raw.execute("SELECT sql FROM sqlite_schema WHERE name = 'job'").fetchall()
    store.raw.execute(str(made).replace("CREATE TABLE job", "CREATE TABLE job_ended"))
    for status in ("done", "dead"):
        store.raw.execute(f"DROP INDEX job_{status}")
        store.raw.execute(f"CREATE INDEX ended_{status} ON job_ended (queue, finished_at) WHERE status = '{status}'")


MOVE = """
INSERT INTO job_ended
    (id, queue, kind, status, priority, scheduled_at, enqueued_at, attempts, max_attempts, unique_key, payload,
     result, process_id, claim_no, started_at, finished_at)
SELECT id, queue, kind, 'done', priority, scheduled_at, enqueued_at, attempts, max_attempts, unique_key, payload,
       ?, process_id, claim_no, ?, ?
FROM job WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress';
DELETE FROM job WHERE seq = ? AND process_id = ? AND claim_no = ? AND status = 'in_progress' RETURNING seq
"""


@contextlib.contextmanager
def moving_at_hand_in() -> Iterator[None]:
    """Make the hand-in of a success move the row."""
    as_built = hand_in._done_row

    def row(end: Ended) -> tuple[object, ...]:
        return (*as_built(end), end.key, end.process_id, end.claim_no)

    def text(backend: str, name: str) -> str:
        return MOVE if name == "hand_in_done" else statement(backend, name)

    with mock.patch.object(hand_in, "_done_row", row), mock.patch.object(hand_in, "statement", text):
        yield


# -- large payloads beside the row --------------------------------------------------------------------------------


def bodies(directory: Path, rounds: int) -> list[Figure]:
    """Compare payloads over 1 KiB beside the row with all payloads in it."""
    directory.mkdir()
    say("large payloads beside the row")
    figures = []
    for size, jobs in ((200, 400), (2000, 400), (16_000, 200), (1_000_000, 20)):
        beside, inline = Store(directory / f"beside-{size}"), Store(directory / f"inline-{size}")
        for store in (beside, inline):
            with store.storage._database.reading() as connection:  # type: ignore[attr-defined]
                connection.wal_autocheckpoint(0)  # so that the log's size is what was written

        contestants = {
            "beside": partial(_body_rate, beside, size, jobs),
            "inline": partial(_inline, inline, size, jobs),
        }
        found = in_turn(rounds, contestants)
        for position, unit in enumerate(("jobs/s", "kB of log a job")):
            figures.append(
                Figure(
                    group="Large payloads beside the row: enqueue, claim and hand in one by one",
                    name=f"{size:,} bytes of payload", unit=unit, than="in the row",
                    rounds=[r[position] for r in found["beside"]], against=[r[position] for r in found["inline"]],
                )
            )  # fmt: skip
        beside.close()
        inline.close()
    return figures


def _body_rate(store: Store, size: int, jobs: int) -> tuple[float, float]:
    """Return jobs a second by the median of each step, the checkpoint counted in, and kilobytes of log a job."""
    store.checkpoint()
    enqueued = store.enqueue(jobs, payload=b'"' + b"x" * (size - 2) + b'"')
    exchanged = store.work_off(1)
    last, log = store.checkpoint()
    return 1 / (median(enqueued) + median(exchanged) + last / jobs), log / jobs / 1000


def _inline(store: Store, size: int, jobs: int) -> tuple[float, float]:
    with mock.patch.object(producer, "INLINE_BYTES", 1 << 30), mock.patch.object(hand_in, "INLINE_BYTES", 1 << 30):
        return _body_rate(store, size, jobs)


# -- the presence of many rows ------------------------------------------------------------------------------------


def presence(directory: Path, rows: int, rounds: int) -> list[Figure]:
    """Measure what runs often with many rows present, against the empty table."""
    directory.mkdir()
    stores: dict[str, Store] = {}
    for name, fill in _presences(rows).items():
        say(f"storing {name}")
        stores[name] = store = Store(directory / str(len(stores)))
        fill(store)
        store.enqueue(40 * 256 + 2000, each=1000)
        store.checkpoint()
    figures = []
    for name, probe in PROBES.items():
        say(name)
        found = in_turn(rounds, {who: partial(probe, store) for who, store in stores.items()})
        empty = found[EMPTY]
        figures += [
            Figure(
                group=name, name=who, unit="ms", rounds=taken, against=None if taken is empty else empty, than="empty"
            )
            for who, taken in found.items()
        ]
    for store in stores.values():
        store.close()
    return figures


def _presences(rows: int) -> dict[str, Callable[[Store], None]]:
    return {
        EMPTY: lambda _store: None,
        "1,000 finished": lambda store: store.fill(1000, Status.DONE),
        f"{rows:,} finished": lambda store: store.fill(rows, Status.DONE),
        f"{rows:,} scheduled": lambda store: store.fill(rows, Status.PENDING, due_in=FAR),
        f"{rows:,} pending": lambda store: store.fill(rows, Status.PENDING),
        f"{rows:,} of a kind nobody knows": lambda store: store.fill(rows, Status.PENDING, kind="unknown"),
    }


def _timed(act: Callable[[Store], Any], times: int) -> Callable[[Store], float]:
    """Return a probe: the median of several calls, in milliseconds."""

    def probe(store: Store) -> float:
        taken = []
        for _ in range(times):
            start = perf_counter()
            act(store)
            taken.append(perf_counter() - start)
        return median(taken) * 1000

    return probe


def _claim(rows: int) -> Callable[[Store], float]:
    def probe(store: Store) -> float:
        store.exchange(rows)
        taken = median(store.exchange(rows) for _ in range(30 if rows == 1 else 4))
        store.finish()
        return taken * 1000

    return probe


def _prune(store: Store) -> float:
    """Store 500 jobs whose time to be kept is over, and take the time of removing them."""
    store.fill(500, Status.DONE, days=15)
    start = perf_counter()
    removed = store.storage.upkeep.prune(500)
    assert 0 < removed <= 500
    taken = perf_counter() - start
    while store.storage.upkeep.prune(500):
        pass
    return taken * 1000


PROBES: dict[str, Callable[[Store], float]] = {
    "exchange one: hand in and claim": _claim(1),
    "exchange 256": _claim(256),
    "enqueue one": lambda store: median(store.enqueue(40)) * 1000,
    "look(), twice a second": _timed(lambda store: store.storage.upkeep.look("nobody"), 5),
    "counts(), forge-jobs status": _timed(lambda store: store.storage.operator.counts(), 3),
    "unfinished(), at the end of a drain": _timed(lambda store: store.storage.upkeep.unfinished([QUEUE], [KIND]), 3),
    "unserved(), every 5 s": _timed(lambda store: store.storage.upkeep.unserved(), 3),
    "find(): the newest 50 dead jobs, where there is none": _timed(
        lambda store: store.storage.operator.find(JobFilter(status=Status.DEAD), 50, None), 1
    ),
    "prune(500)": _prune,
}


def tell(figures: Sequence[Figure]) -> None:
    """Print the figures."""
    bets = [figure for figure in figures if figure.group not in PROBES]
    present = [figure for figure in figures if figure.group in PROBES]
    show("The bets of the schema", bets)
    matrix(PRESENCE, present, list(dict.fromkeys(figure.name for figure in present)))


@click.command()
@click.option("--rows", type=click.IntRange(1000), default=ROWS, show_default=True, help="How many rows are in place.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
def main(rows: int, rounds: int) -> None:
    """Check the bets of the schema and print the figures."""
    tell(measure(rows, rounds))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.inside.schema_bets")
