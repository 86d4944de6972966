"""What a job costs in writes: commits, rows and bytes of the log, from its enqueueing to its recorded end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.figures import Figure, say
from benchmarks.peers.base import Contestant, NotOnce
from benchmarks.suite.farms import Database, database
from benchmarks.suite.rounds import in_rounds
from benchmarks.suite.size import Size, ours
from benchmarks.suite.waiting import until
from benchmarks.suite.watching import log_of

TITLE = "Writes per job"
WORKERS = 2
RATE = 50

_UNITS = {"commits": "per job", "rows": "per job", "bytes": "bytes per job"}
_TOLD = {
    "one": f"enqueued one by one, {RATE} a second, for {WORKERS} idle workers",
    "enqueue": "enqueued one by one, without workers",
    "batch": "a backlog that was enqueued at once, its enqueueing included",
    "drain": "a backlog that was enqueued at once, its drain alone",
}


def measure(size: Size, contestants: Sequence[Contestant]) -> list[Figure]:
    """Return what a job that does nothing costs, by the way in which it comes.

    Rows are those inserted, updated and deleted, of all tables. Triggers count them, in a run of their own, in which a
    transaction may be of a few jobs more or less. A drain includes what its farm writes when it starts, and all but
    ``enqueue`` what it writes while it is idle, about once a second.
    """
    say(TITLE)
    few, many = (50, 5_000) if size.quick else (1_000, 50_000)
    found = in_rounds(TITLE, ours(contestants), lambda _: 1 if size.quick else 3, lambda one: _written(one, few, many))
    return [
        Figure(
            group=f"{TITLE}: {_TOLD[way]}", name=f"{name}, {what}", unit=_UNITS[what],
            rounds=[one[way, what] for one in rounds], key=f"writes/{way}/{name}/{what}",
        )
        for name, rounds in found.items()
        for way, what in rounds[0]
    ]  # fmt: skip


_Count = Callable[[], dict[str, int]]
"""Returns by name what has been counted so far."""

_Costs = dict[tuple[str, str], float]
"""By way and by what is counted."""


def _written(contestant: Contestant, few: int, many: int) -> _Costs:
    costs: _Costs = {}
    for counting in (_logged, _rows):
        with database(contestant) as place, counting(place) as count:
            costs |= _costs(place, count, few, many)
    return {(way, what): costs[way, what] for way in _TOLD for what in _UNITS}


def _costs(place: Database, count: _Count, few: int, many: int) -> _Costs:
    costs: _Costs = {}

    def note(way: str, jobs: int, before: dict[str, int], after: dict[str, int]) -> None:
        costs.update({(way, what): (after[what] - before[what]) / jobs for what in after})

    with place.client() as jobs:
        jobs.counts()
        start = count()
        for _ in range(few):
            jobs.enqueue("nothing")
        stored = count()
        note("enqueue", few, start, stored)
        jobs.enqueue_bulk([("nothing", {})] * many)
        backlog = count()
        with place.farm(WORKERS):
            _until_done(place, few + many)
            drained = count()
            note("drain", few + many, backlog, drained)
            in_bulk = {what: (backlog[what] - stored[what]) / many for what in stored}
            costs.update({("batch", what): costs["drain", what] + in_bulk[what] for what in stored})
            idle = count()
            for _ in range(few):
                jobs.enqueue("nothing")
                time.sleep(1 / RATE)
            _until_done(place, few + many + few)
            note("one", few, idle, count())
    return costs


def _until_done(place: Database, jobs: int) -> None:
    until(lambda: place.done() >= jobs, "all jobs to end", every=0.02)
    found = place.rows("SELECT count(*), count(DISTINCT id), sum(attempts) FROM job WHERE status = 'done'")
    if [tuple(map(int, row)) for row in found] != [(jobs, jobs, jobs)] or place.done() != jobs:
        raise NotOnce(f"{jobs} jobs were enqueued; done, ids, attempts: {found}, recorded: {place.done()}")


# -- counting -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _logged(place: Database) -> Iterator[_Count]:
    with log_of(place) as log:
        yield lambda: log.written()._asdict()


@contextlib.contextmanager
def _rows(place: Database) -> Iterator[_Count]:
    """Count rows by triggers."""
    sqlite = place.url.startswith("sqlite:")
    if sqlite:
        tables = place.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    else:
        tables = place.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'forge_jobs'")
    for statement in _SQLITE_COUNTER if sqlite else _POSTGRES_COUNTER:
        place.connection.execute(statement)
    for (table,) in tables:
        for statement in _SQLITE_TRIGGERS if sqlite else _POSTGRES_TRIGGERS:
            place.connection.execute(statement.format(table=table))

    def count() -> dict[str, int]:
        ((rows,),) = place.rows(_SQLITE_COUNTED if sqlite else _POSTGRES_COUNTED)
        return {"rows": int(rows)}

    yield count


_SQLITE_COUNTER = ("CREATE TABLE bench_rows (rows INTEGER NOT NULL)", "INSERT INTO bench_rows VALUES (0)")
_SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER bench_{{table}}_{event} AFTER {event} ON {{table}}"  # noqa: S608 - constants
    " BEGIN UPDATE bench_rows SET rows = rows + 1; END"
    for event in ("INSERT", "UPDATE", "DELETE")
)
_POSTGRES_COUNTER = (
    "CREATE SEQUENCE public.bench_rows",  # no transaction waits for another one's number
    """CREATE FUNCTION public.bench_count() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN PERFORM nextval(''public.bench_rows''); RETURN NULL; END'""",
)
_POSTGRES_TRIGGERS = (
    """CREATE TRIGGER bench AFTER INSERT OR UPDATE OR DELETE ON forge_jobs.{table}
       FOR EACH ROW EXECUTE FUNCTION public.bench_count()""",
)
_SQLITE_COUNTED = "SELECT rows FROM bench_rows"
_POSTGRES_COUNTED = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.bench_rows"
