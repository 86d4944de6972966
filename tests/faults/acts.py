"""Every kind of transaction of a storage, a database in which there is something for each, and what is to hold after.

What makes disks and networks fail does so in the middle of these, on whichever kind of database it is for. An act has
the name of the method of a port that it calls; ``test_acts.py`` sees to it that there is one for every method that
writes, and that each changes something.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw
import msgspec
import psycopg

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import DatabaseError
from forge_jobs.ids import new_job_id
from forge_jobs.model.limits import Bucket, KindRules, RateLimit
from forge_jobs.model.metrics import Gauges
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.postgres.storage import PostgresStorage
from forge_jobs.storage.records import ArchivedJob, Edit, JobFilter, WorkerView
from tests.faults.rows import OWN, Digest, digest, execute, table
from tests.support.builders import ALL, a_host, a_job, a_queue, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import give_out
from tests.support.schedules import add, fire

Act = Callable[[], object]
Prepare = Callable[[Storage], Act]
"""What makes ready for an act, and returns what does it."""

WAITING = JobFilter(status=Status.PENDING)
MANY_TALLIES = 1000
"""From so many on they are summed up."""

TIGHT = KindRules(kind="tight", max_running=3, max_running_per_key=1, concurrency_key="of", events=("dead",))
METERED = KindRules(kind="metered", rate_limits=("slack",))
VIEW = WorkerView(process_id=7, queue="default", number=1, pid=777, state="idle")


def settled(storage: Storage, how: str, **hand: Any) -> Act:
    """Return a hand-in of two claims that were made before, with a claim of one more."""
    worker = Hand(storage, **hand)
    ends = [getattr(worker, how)(claim) for claim in worker.claim(rows=2)]
    assert len(ends) == 2
    return lambda: worker.exchange(*ends)


def metered(storage: Storage) -> Hand:
    """Return a worker of jobs that take tokens. Beside such PostgreSQL claims in a transaction of its own."""
    storage.limits.declare([METERED])
    enqueue_some(storage, 3, "metered")
    give_out(storage)
    return Hand(storage, kinds=("metered",))


def claimed_with_tokens(storage: Storage) -> Act:
    hand = metered(storage)
    return lambda: hand.claim(rows=2)


def failed_with_tokens(storage: Storage) -> Act:
    hand = metered(storage)
    ends = [hand.failed(claim) for claim in hand.claim(rows=2)]
    return lambda: hand.hand_in(*ends)


def buried(storage: Storage) -> Act:
    hand = Hand(storage)
    ends = [hand.failed(claim) for claim in hand.claim(rows=2)]
    return lambda: storage.registry.bury(hand.process_id, ends, "host-a")


def claimed(storage: Storage, **worker: Any) -> Act:
    hand = Hand(storage, **worker)
    return lambda: hand.claim(rows=3)


def given_back(storage: Storage) -> Act:
    hand = Hand(storage, kinds=("work", "tight"))
    hand.claim(rows=4)
    return lambda: storage.worker_queue.give_back_unknown(hand.process_id, [])


def completed(storage: Storage, **hand: Any) -> Act:
    """Return the transaction of a handler, which writes into a table of its own."""
    worker = Hand(storage, **hand)
    end, text = worker.done(worker.take()), f"INSERT INTO {table(storage, OWN)} VALUES (1)"

    def act() -> None:
        with storage.worker_queue.completing(lambda: end) as connection:
            connection.execute(text)

    return act


def in_a_callers_transaction(storage: Storage) -> Act:
    """Return an enqueue of jobs of several kinds in a transaction of a program's own, with a write of its own."""
    connection: Any
    if isinstance(storage, PostgresStorage):
        connection = psycopg.connect(storage.upkeep._database.url, autocommit=True)
    else:
        connection = apsw.Connection(storage.location)
        connection.pragma("synchronous", "FULL")
    text = f"INSERT INTO {table(storage, OWN)} VALUES (1)"

    def act() -> None:
        try:
            connection.execute("BEGIN")
            connection.execute(text)
            storage.producer.enqueue([a_job(unique_key="k"), a_job("tight", payload=b'{"of":"x"}')], connection)
            connection.execute("COMMIT")
        except (apsw.Error, psycopg.Error) as error:  # of the program's own statements, in its driver's words
            raise DatabaseError(f"{storage.location}: {error}") from error
        finally:
            connection.close()

    return act


def widened(storage: Storage) -> Act:
    """Return the giving out of places for which jobs wait."""
    rules = msgspec.structs.replace(TIGHT, max_running=9, max_running_per_key=5)
    storage.limits.declare([rules])
    return lambda: storage.limits.admit(100)


def stranded(storage: Storage) -> Act:
    """Return the search for keys whose jobs wait although nobody has a place of theirs."""
    enqueue_some(storage, 3, "tight", payload=b'{"of":"z"}')
    execute(storage, f"DELETE FROM {table(storage, 'admission')}")
    return lambda: storage.limits.sweep(100)


def idle(storage: Storage) -> Act:
    storage.limits.acquire(["slack:7"], 1)
    return _later(storage, lambda: storage.limits.prune_rate_limits(storage.clock.now(), 100))


def unserved(storage: Storage) -> Act:
    """Return the parking of jobs whose kind nobody knows."""
    enqueue_some(storage, 3, "strange")
    return lambda: storage.upkeep.park_unserved(100)


def many_tallies(storage: Storage) -> Act:
    with storage.archive.locked():
        rows = [("default", "done", 1), ("default", "done", -1)] * (MANY_TALLIES // 2)
        storage.archive.store_rest([], rows)
    return lambda: storage.upkeep.fold_tallies()


def old_metrics(storage: Storage) -> Act:
    storage.metrics.fold(100)
    storage.metrics.note(Gauges(host_id="host-a", values={"x": 1.0}))
    return _later(storage, lambda: storage.metrics.forget(storage.clock.now(), 100))


def answered(storage: Storage) -> Act:
    number = storage.control.ask("host-a", 7, "stack")
    return lambda: storage.control.answer(number, "in the middle of it")


def asked_again(storage: Storage) -> Act:
    """Return a question after one that is so old that it is forgotten."""
    storage.control.ask("host-a", 7, "stack")
    return _later(storage, lambda: storage.control.ask("host-a", None, "watch"))


def resigned(storage: Storage) -> Act:
    storage.leadership.lead("host-a", 15.0)
    return lambda: storage.leadership.resign("host-a")


def moved_in(storage: Storage, store: Callable[[], object]) -> Act:
    """Return what a copy does: it writes while nobody else can."""

    def act() -> None:
        with storage.archive.locked():
            store()

    return act


def jobs_moved_in(storage: Storage) -> Act:
    found = [job for _key, job in storage.archive.jobs(0, 100) if job.record.status is Status.PENDING]
    new = [msgspec.structs.replace(job.record, id=new_job_id()) for job in found if job.record.kind == "work"]
    return moved_in(storage, lambda: storage.archive.store([ArchivedJob(record=job, crashes=0) for job in new]))


def rest_moved_in(storage: Storage) -> Act:
    queues, tallies = [QueueSettings(name="moved")], [("moved", "done", 1), ("moved", "done", -1)]
    return moved_in(storage, lambda: storage.archive.store_rest(queues, tallies))


def limits_moved_in(storage: Storage) -> Act:
    rules = msgspec.structs.replace(TIGHT, kind="moved")
    bucket = Bucket(scope="moved", capacity=5, refill=1, tokens=2, refilled_at=storage.clock.now())
    return moved_in(storage, lambda: storage.limits.restore([rules], [bucket]))


def schedules_moved_in(storage: Storage) -> Act:
    clock = storage.clock
    assert isinstance(clock, FakeClock)
    clock.advance(120)
    fire(storage)
    kept = [
        (msgspec.structs.replace(s, name="moved"), storage.schedules.fires(s.name, 9)) for s in storage.schedules.all()
    ]
    return moved_in(storage, lambda: storage.schedules.restore(kept))


def metrics_moved_in(storage: Storage) -> Act:
    rows = [(minute, "moved", kind, entry) for minute, _queue, kind, entry in storage.metrics.archived()]
    return moved_in(storage, lambda: storage.metrics.store_archived(rows))


def damaged(storage: Storage) -> Act:
    """Return the end of a job whose row a hand has damaged (SQLite's: PostgreSQL lets nothing so bad in)."""
    execute(storage, "UPDATE job SET throttles = -1 WHERE seq = (SELECT max(seq) FROM job WHERE kind = 'work')")
    return lambda: storage.upkeep.quarantine()


def cooling(storage: Storage) -> Act:
    """Return a hand-in that stops a whole queue for a while."""
    storage.queue_config.change_queue("default", {"cool_down": True})
    hand = Hand(storage)
    end = hand.back(hand.take(), wait=30, throttled=True)
    return lambda: hand.exchange(end)


def declared(storage: Storage) -> Act:
    """Return the declaration of limits for a kind of which jobs are there: that is more than one transaction."""
    hand = Hand(storage)
    hand.claim(rows=2)
    rules = KindRules(kind="work", max_running=3, rate_limits=("fresh",))
    return lambda: storage.limits.declare([rules], [RateLimit(scope="fresh", capacity=5, refill=1)])


CALLERS = "producer.enqueue in a caller's transaction"

ACTS: dict[str, Prepare] = {
    "producer.enqueue": lambda s: lambda: enqueue(s),
    "producer.enqueue a large one": lambda s: lambda: enqueue(s, payload=b'{"text":"' + b"x" * 20_000 + b'"}'),
    "producer.enqueue many": lambda s: lambda: enqueue_some(s, 200),
    "producer.enqueue with a key": lambda s: lambda: enqueue(s, unique_key="k"),
    "producer.enqueue under limits": lambda s: lambda: enqueue_some(s, 3, "tight", payload=b'{"of":"x"}'),
    CALLERS: in_a_callers_transaction,
    "worker_queue.exchange: claim": claimed,
    "worker_queue.exchange: claim under limits": lambda s: claimed(s, kinds=("tight",)),
    "worker_queue.exchange: done": lambda s: settled(s, "done"),
    "worker_queue.exchange: failed": lambda s: settled(s, "failed"),
    "worker_queue.exchange: dead": lambda s: settled(s, "dead"),
    "worker_queue.exchange: back": lambda s: settled(s, "back"),
    "worker_queue.exchange: done under limits": lambda s: settled(s, "done", kinds=("tight",)),
    "worker_queue.exchange: failed under limits": lambda s: settled(s, "failed", kinds=("tight",)),
    "worker_queue.exchange: dead under limits": lambda s: settled(s, "dead", kinds=("tight",)),
    "worker_queue.exchange: claim with tokens": claimed_with_tokens,
    "worker_queue.exchange: failed with tokens": failed_with_tokens,
    "worker_queue.exchange: throttled": cooling,
    "worker_queue.give_back_unknown": given_back,
    "worker_queue.completing": completed,
    "worker_queue.completing under limits": lambda s: completed(s, kinds=("tight",)),
    "operator.cancel": lambda s: lambda: s.operator.cancel(WAITING, 100, 0),
    "operator.retry": lambda s: lambda: s.operator.retry(ALL, 100, 0),
    "operator.delete": lambda s: lambda: s.operator.delete(ALL, 100, 0),
    "operator.run_now": lambda s: lambda: s.operator.run_now(ALL, 100, 0),
    "operator.move": lambda s: lambda: s.operator.move(WAITING, 100, 0, "other"),
    "operator.edit": lambda s: lambda: s.operator.edit(WAITING, 100, 0, Edit(payload=b'{"of":"y"}', priority=3)),
    "queue_config.ensure_queue": lambda s: lambda: s.queue_config.ensure_queue(QueueSettings(name="third")),
    "queue_config.change_queue": lambda s: lambda: s.queue_config.change_queue("default", {"paused": True}),
    "control.ask": asked_again,
    "control.answer": answered,
    "upkeep.open_due": lambda s: _later(s, lambda: s.upkeep.open_due(100)),
    "upkeep.expire": lambda s: _later(s, lambda: s.upkeep.expire(100)),
    "upkeep.prune": lambda s: _later(s, lambda: s.upkeep.prune(100)),
    "upkeep.clean": lambda s: _later(s, lambda: s.upkeep.clean(100, "default")),
    "upkeep.park": lambda s: lambda: s.upkeep.park("default", "work", 100),
    "upkeep.park_unserved": unserved,
    "upkeep.fold_tallies": many_tallies,
    "registry.announce_host": lambda s: lambda: s.registry.announce_host(a_host("host-b")),
    "registry.announce_worker": lambda s: lambda: Hand(s),
    "registry.beat": lambda s: lambda: s.registry.beat("host-a", [VIEW]),
    "registry.bury": buried,
    "registry.retire_host": lambda s: lambda: s.registry.retire_host("host-a"),
    "leadership.lead": lambda s: lambda: s.leadership.lead("host-a", 15.0),
    "leadership.resign": resigned,
    "limits.declare": declared,
    "limits.admit": widened,
    "limits.sweep": stranded,
    "limits.acquire": lambda s: lambda: s.limits.acquire(["other", "slack"], 1),
    "limits.drain": lambda s: lambda: s.limits.drain("slack", 60 * MICROSECONDS),
    "limits.set_rate_limit": lambda s: lambda: s.limits.set_rate_limit(RateLimit(scope="slack", capacity=3, refill=2)),
    "limits.remove_rate_limit": lambda s: lambda: s.limits.remove_rate_limit("other"),
    "limits.prune_rate_limits": idle,
    "limits.restore": limits_moved_in,
    "schedules.edit": lambda s: lambda: add(s, "another"),
    "schedules.edit one that is there": lambda s: lambda: s.schedules.edit("report", _disabled),
    "schedules.remove": lambda s: lambda: s.schedules.remove("report"),
    "schedules.fire": lambda s: _later(s, lambda: fire(s)),
    "schedules.note_error": lambda s: lambda: s.schedules.note_error("report", "no such zone"),
    "schedules.restore": schedules_moved_in,
    "metrics.fold": lambda s: lambda: s.metrics.fold(100),
    "metrics.note": lambda s: lambda: s.metrics.note(Gauges(host_id="host-a", values={"x": 1.0})),
    "metrics.forget": old_metrics,
    "metrics.store_archived": metrics_moved_in,
    "archive.store": jobs_moved_in,
    "archive.store_rest": rest_moved_in,
    "schema.reset": lambda s: lambda: s.schema.reset(),
}
"""What prepares each kind of transaction, and returns what does it. The name begins with the method."""

SQLITE_ACTS: dict[str, Prepare] = {"upkeep.quarantine": damaged}
"""What only SQLite has to do."""

STEPS = {
    "limits.declare": "rules first, then the jobs that are there, in slices",
    "metrics.forget": "minutes first, then gauges, on PostgreSQL",
}
"""Acts of several transactions. Cut short they are done in part, and whoever does them again comes to the same end."""


def _disabled(record: Any) -> Any:
    return msgspec.structs.replace(record, enabled=False, next_fire_at=None)


def _later(storage: Storage, act: Act) -> Act:
    clock = storage.clock
    assert isinstance(clock, FakeClock)

    def later() -> object:
        clock.advance(40 * 86_400)
        return act()

    return later


def live_in(storage: Storage) -> None:
    """Put something for every act into a database."""
    a_queue(storage, "default")
    execute(storage, f"CREATE TABLE {table(storage, OWN)} (n integer)")
    storage.registry.announce_host(a_host("host-a", kinds=("work", "tight", "metered")))
    hand = Hand(storage)
    enqueue_some(storage, 20)
    for how in (hand.done, hand.failed, hand.dead):
        hand.hand_in(how(hand.take()))
    enqueue(storage, run_at=storage.clock.now() + 10_000_000)
    enqueue(storage, expires_at=storage.clock.now() + 10_000_000)
    add(storage)
    storage.limits.declare(
        [TIGHT, METERED], [RateLimit(scope=scope, capacity=50, refill=1) for scope in ("slack", "other")]
    )
    for key in ("a", "b", "c", "d"):
        enqueue_some(storage, 3, "tight", payload=b'{"of":"%s"}' % key.encode())
    give_out(storage)


def is_whole(storage: Storage, acknowledged: bool, before: Digest, after: Digest, *, again: Act | None = None) -> None:
    """What was acknowledged is there; what was not is there whole or not at all, or is so when it is done ``again``."""
    if again is not None and not acknowledged:
        again()
        acknowledged = True
    found = digest(storage)
    assert found == after if acknowledged else found in (before, after)
