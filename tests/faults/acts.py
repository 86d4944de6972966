"""Every kind of transaction of a storage, a database in which there is something for each, and what is to hold after.

What makes disks and networks fail does so in the middle of these, on whichever kind of database it is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forge_jobs.model.checks import Level
from forge_jobs.model.metrics import Gauges
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from forge_jobs.verifying import verify
from tests.support.builders import ALL, a_host, a_queue, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.schedules import add, fire

Act = Callable[[], object]
Digest = list[tuple[Any, ...]]

WAITING = JobFilter(status=Status.PENDING)


def settled(storage: Storage, how: str) -> Act:
    """Return a hand-in of two claims that were made before, with a claim of one more."""
    hand = Hand(storage)
    ends = [getattr(hand, how)(claim) for claim in hand.claim(rows=2)]
    return lambda: hand.exchange(*ends)


def buried(storage: Storage) -> Act:
    hand = Hand(storage)
    ends = [hand.failed(claim) for claim in hand.claim(rows=2)]
    return lambda: storage.registry.bury(hand.process_id, ends, "host-a")


def claimed(storage: Storage) -> Act:
    hand = Hand(storage)
    return lambda: hand.claim(rows=3)


def given_back(storage: Storage) -> Act:
    hand = Hand(storage)
    hand.claim(rows=2)
    return lambda: storage.worker_queue.give_back_unknown(hand.process_id, [])


def completed(storage: Storage) -> Act:
    hand = Hand(storage)
    end = hand.done(hand.take())

    def act() -> None:
        with storage.worker_queue.completing(lambda: end):
            pass  # what a handler does here itself is told in its database's own words

    return act


ACTS: dict[str, Callable[[Storage], Act]] = {
    "enqueue one": lambda s: lambda: enqueue(s),
    "enqueue a large one": lambda s: lambda: enqueue(s, payload=b'{"text":"' + b"x" * 20_000 + b'"}'),
    "enqueue many": lambda s: lambda: enqueue_some(s, 200),
    "enqueue with a key": lambda s: lambda: enqueue(s, unique_key="k"),
    "claim": claimed,
    "hand in done": lambda s: settled(s, "done"),
    "hand in failed": lambda s: settled(s, "failed"),
    "hand in dead": lambda s: settled(s, "dead"),
    "give back": lambda s: settled(s, "back"),
    "give back what is not known": given_back,
    "commit a handler's transaction": completed,
    "bury a worker": buried,
    "cancel": lambda s: lambda: s.operator.cancel(WAITING, 100, 0),
    "retry": lambda s: lambda: s.operator.retry(ALL, 100, 0),
    "delete": lambda s: lambda: s.operator.delete(ALL, 100, 0),
    "run now": lambda s: lambda: s.operator.run_now(ALL, 100, 0),
    "move": lambda s: lambda: s.operator.move(WAITING, 100, 0, "other"),
    "pause": lambda s: lambda: s.queue_config.ensure_queue(QueueSettings(name="third")),
    "open due": lambda s: _later(s, lambda: s.upkeep.open_due(100)),
    "expire": lambda s: _later(s, lambda: s.upkeep.expire(100)),
    "prune": lambda s: _later(s, lambda: s.upkeep.prune(100)),
    "announce a host": lambda s: lambda: s.registry.announce_host(a_host("host-b")),
    "announce a worker": lambda s: lambda: Hand(s),
    "beat": lambda s: lambda: s.registry.beat("host-a", []),
    "retire a host": lambda s: lambda: s.registry.retire_host("host-a"),
    "lead": lambda s: lambda: s.leadership.lead("host-a", 15.0),
    "fire a schedule": lambda s: _later(s, lambda: fire(s)),
    "add a schedule": lambda s: lambda: add(s, "another"),
    "fold metrics": lambda s: lambda: s.metrics.fold(100),
    "note a gauge": lambda s: lambda: s.metrics.note(Gauges(host_id="host-a", values={"x": 1.0})),
}
"""Every kind of transaction: what prepares it, which returns what does it."""


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
    storage.registry.announce_host(a_host("host-a"))
    hand = Hand(storage)
    enqueue_some(storage, 20)
    for how in (hand.done, hand.failed, hand.dead):
        hand.hand_in(how(hand.take()))
    enqueue(storage, run_at=storage.clock.now() + 10_000_000)
    enqueue(storage, expires_at=storage.clock.now() + 10_000_000)
    add(storage)


def digest(storage: Storage) -> Digest:
    """Return what the database holds, without what is drawn or depends on the time."""
    jobs, _ = storage.operator.find(ALL, 1000, None)
    rows: Digest = [
        ("job", j.queue, j.status, j.gate is None, j.attempts, j.unique_key, len(j.payload), len(j.error_history))
        for j in jobs
    ]
    rows += [("host", host.host_id) for host in storage.registry.hosts()]
    rows += [("schedule", s.name, s.last_fire_at) for s in storage.schedules.all()]
    rows += [("queue", q.name) for q in storage.queue_config.queues()]
    rows += [("counts", q, c.done, c.dead, c.failed) for q, c in storage.operator.counts().items()]
    return sorted(rows, key=repr)


def rules_hold(storage: Storage) -> None:
    """Fail where rows do not fit together."""
    assert [c for c in verify(storage.checkup) if c.level is Level.PROBLEM] == []


def is_whole(storage: Storage, acknowledged: bool, before: Digest, after: Digest) -> None:
    """What was acknowledged is there; what was not is there whole or not at all."""
    found = digest(storage)
    assert found == after if acknowledged else found in (before, after)
