"""A database with jobs in every state, and with everything that a job, a queue, a limit and a schedule can have."""

from __future__ import annotations

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.limits import KindRules, RateLimit
from forge_jobs.storage import Storage
from tests.support.builders import a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.schedules import add, fire

LARGE = b'"' + "ü".encode() * 3000 + b'"'


def fill(storage: Storage, clock: FakeClock) -> None:
    """Store jobs in every state, with everything that a job can have."""
    a_queue(storage, paused=False, backoff_base=2.5, max_workers=7, memory_limit=2**40)
    a_queue(storage, "media", keep_done=0.5)
    enqueue(storage, payload=LARGE, unique_key="large", priority=-3, expires_at=clock.now() + MICROSECONDS)
    enqueue(storage, payload=b'{"a": [1, 2.50, "\\u0000"]}', run_at=clock.now() + 5 * MICROSECONDS, time_limit=7)
    enqueue_some(storage, 6, queue="media")
    hand = Hand(storage, queue="media")
    hand.finish()
    hand.fail(wait=3)
    hand.bury_one()
    claim = hand.take()
    hand.hand_in(msgspec.structs.replace(hand.done(claim), result=LARGE, cpu_time=5, peak_memory=6))
    running = hand.take()
    storage.operator.cancel(only(running.id), 1, 0)
    storage.limits.declare(
        [KindRules(kind="limited", max_running=1, max_running_per_key=1, concurrency_key="tenant", events=("dead",))],
        [RateLimit(scope="api", capacity=5, refill=0.1)],
    )
    storage.limits.acquire(["api", "api:7"], 2)
    enqueue_some(storage, 2, "limited", payload=b'{"tenant":"a"}', trace="00-1-2-01")
    add(storage, "a/b", payload=b'{"a":"\xc3\xbc"}', misfire="all", overlap="allow", jitter=0.5)
    add(storage, "hourly", expression="0 * * * *", timezone="Europe/Berlin", queue="media", priority=-1)
    clock.advance(300)
    fire(storage)
