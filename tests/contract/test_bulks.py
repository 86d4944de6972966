"""A bulk stores what as many single enqueues would, whichever way its jobs are stored together."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import DatabaseError
from forge_jobs.ids import new_job_id
from forge_jobs.model.job import JobRecord, NewJob
from forge_jobs.storage import Storage
from forge_jobs.storage.alike import LONGEST
from tests.support.backends import Backend
from tests.support.builders import ALL, a_job, enqueue, record
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import declare, give_out
from tests.support.together import together

TEXTS = ["", "a", "é", "\U0001f600", "\0", "\x1f\x7f", 'say "no"', "back\\slash", "tab\tand\nline", "\\u0000", "',)}{"]
PAYLOADS = [
    *(msgspec.json.encode({"text": text}) for text in TEXTS),
    *(b'{ "spaces" : [1.0, 1e400, -0, 12345678901234567890123] }', b'{"a":1,"a":2}', b"null", b"[]", b'"x"', b"7"),
    b"[" * 900 + b"]" * 900,
]
"""JSON as it may come: what is stored is that text, not what it means."""


@pytest.mark.parametrize("number", [1, 3, 20])
def test_payloads_of_jobs_alike_are_stored_to_the_letter(storage: Storage, number: int) -> None:
    jobs = [a_job(payload=payload) for payload in PAYLOADS for _ in range(number)]

    for first in range(0, len(jobs), number):
        storage.producer.enqueue(jobs[first : first + number])
    storage.producer.enqueue(again := [msgspec.structs.replace(job, id=new_job_id()) for job in jobs])

    assert [record(storage, job.id).payload for job in jobs] == [job.payload for job in jobs]
    assert [record(storage, job.id).payload for job in again] == [job.payload for job in jobs]


TERMS: list[dict[str, Any]] = [
    {},
    {"kind": "other"},
    {"queue": "media"},
    {"priority": -3},
    {"max_attempts": 7},
    {"delay": 3600 * MICROSECONDS},
    {"run_at": 1},
    {"time_limit": 5},
    {"expires_at": 2**50},
    {"trace": "00-1-2-01"},
    {"payload": b'"' + b"x" * 5000 + b'"'},
    {"unique_key": "held"},
    {"kind": "limited", "payload": b'{"tenant":"a"}'},
    {"kind": "limited", "concurrency_key": "b"},
]


def seen(found: JobRecord) -> JobRecord:
    return msgspec.structs.replace(found, id="", unique_key=None)


@pytest.mark.parametrize("length", [1, 2, 3, 6, 50])
def test_each_job_of_a_mixed_bulk_is_what_it_would_be_alone(storage: Storage, length: int) -> None:
    declare(storage, "limited", max_running_per_key=1000, concurrency_key="tenant")
    alone = [record(storage, enqueue(storage, **terms)) for terms in TERMS if "unique_key" not in terms]
    bulk = [a_job(**terms) for terms in TERMS if "unique_key" not in terms for _ in range(length)]

    answers = storage.producer.enqueue(bulk)
    give_out(storage)

    assert [answer.id for answer in answers] == [job.id for job in bulk]
    alone = [record(storage, job.id) for job in alone]
    assert [seen(record(storage, job.id)) for job in bulk] == [seen(job) for job in alone for _ in range(length)]


def test_jobs_of_a_mixed_bulk_are_stored_in_the_order_given(storage: Storage) -> None:
    random = Random(7)
    bulk = [
        a_job(**({"unique_key": str(number)} if "unique_key" in terms else terms))
        for number in range(60)
        for terms in [random.choice(TERMS)] * random.choice([1, 1, 2, 9])
    ]

    stored = [job.id for job in bulk]
    duplicates = [a.id for a in storage.producer.enqueue(bulk) if a.deduplicated]

    found, _next = storage.operator.find(ALL, 1000, None)
    assert [job.id for job in reversed(found)] == stored_once(bulk)
    assert set(duplicates) <= set(stored)


def stored_once(bulk: list[NewJob]) -> list[str]:
    """Return the ids of all jobs but those whose key another had before."""
    keys: set[str] = set()
    once = []
    for job in bulk:
        if job.unique_key is None or job.unique_key not in keys:
            once.append(job.id)
        keys |= {job.unique_key} if job.unique_key else set()
    return once


def test_a_bulk_longer_than_a_run_is_whole_and_in_order(storage: Storage) -> None:
    bulk = [a_job() for _ in range(2 * LONGEST + 1)]

    answers = storage.producer.enqueue(bulk)

    assert [answer.id for answer in answers] == [job.id for job in bulk]
    assert storage.operator.counts()["default"].pending == len(bulk)
    assert [claim.id for claim in Hand(storage).claim(rows=256)] == [job.id for job in bulk[:256]]


@pytest.mark.parametrize("last", [{}, {"kind": "other"}])
def test_of_a_bulk_that_fails_late_nothing_is_left(storage: Storage, last: dict[str, Any]) -> None:
    bulk = [a_job() for _ in range(LONGEST + 10)]
    twin = msgspec.structs.replace(bulk[3], **last)

    with pytest.raises(DatabaseError):
        storage.producer.enqueue([*bulk, twin])

    assert storage.operator.find(ALL, 10, None)[0] == []
    assert storage.metrics.totals() == {}


def test_jobs_alike_of_a_kind_with_limits_wait_for_their_places(storage: Storage) -> None:
    declare(storage, "limited", max_running=2)

    storage.producer.enqueue([a_job("limited") for _ in range(20)])
    give_out(storage)

    assert len(Hand(storage, kinds=["limited"]).claim(rows=20)) == 2


def test_a_kind_that_gets_limits_while_it_is_enqueued_keeps_to_them(backend: Backend, clock: FakeClock) -> None:
    """Those that were stored before come under the limits when they are claimed."""
    storage = backend.open(clock)
    storage.producer.enqueue([a_job("limited") for _ in range(20)])
    declare(storage, "limited", max_running=2)
    storage.producer.enqueue([a_job("limited") for _ in range(20)])
    give_out(storage)
    hand = Hand(storage, kinds=["limited"])

    claimed = [hand.claim(rows=20) for _ in range(3)]

    assert sum(map(len, claimed)) == 2


ROUNDS = 30
KEYS = [f"key {number}" for number in range(12)]


def test_of_bulks_that_meet_each_key_is_stored_once(backend: Backend, clock: FakeClock) -> None:
    """In different orders, so that on PostgreSQL they wait for each other."""
    storage = backend.open(clock)
    answered: list[tuple[str, str]] = []

    def enqueue_bulks(mine: Storage) -> None:
        random = Random(id(mine))
        for _ in range(ROUNDS):
            keys = random.sample(KEYS, 6)
            answers = mine.producer.enqueue([a_job(unique_key=key) for key in keys])
            answered.extend(zip(keys, (answer.id for answer in answers), strict=True))

    together(backend, clock, enqueue_bulks)

    assert storage.operator.counts()["default"].pending == len(KEYS)
    assert len(set(answered)) == len(KEYS)


def test_a_holder_of_a_bulks_key_that_ends_meanwhile_is_told_or_followed(backend: Backend, clock: FakeClock) -> None:
    """Whoever is named has been there; where nobody held the key any more, the job was stored."""
    storage = backend.open(clock)
    gone: list[str] = []

    def work(mine: Storage) -> None:
        hand = Hand(mine)
        for _ in range(ROUNDS):
            jobs = [a_job(unique_key=key) for key in KEYS]
            for job, answer in zip(jobs, mine.producer.enqueue(jobs), strict=True):
                there = mine.operator.get(answer.id)
                if there is None or there.unique_key != job.unique_key:
                    gone.append(answer.id)
            hand.hand_in(*map(hand.done, hand.claim(rows=7)))

    together(backend, clock, work)

    assert gone == []
    live = [job.unique_key for job in storage.operator.find(ALL, 10_000, None)[0] if job.finished_at is None]
    assert len(live) == len(set(live))
