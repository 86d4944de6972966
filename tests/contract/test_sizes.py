"""Payloads, results and error texts of every size and sort come back as they were."""

from __future__ import annotations

import pytest

from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter
from tests.support.builders import ALL, a_job, enqueue, record
from tests.support.hands import Hand

SIZES = [2, 1023, 1024, 1025, 4096, 1024 * 1024]
"""Bytes; what is over 1 KiB may stand beside the row."""


def json_of(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_comes_back(storage: Storage, size: int) -> None:
    job_id = enqueue(storage, payload=json_of(size))

    assert record(storage, job_id).payload == json_of(size)
    assert Hand(storage).take(size=10).payload == json_of(size)
    assert record(storage, job_id).payload == json_of(size)


@pytest.mark.parametrize("payload", SIZES)
@pytest.mark.parametrize("result", SIZES)
def test_a_result_comes_back_beside_its_payload(storage: Storage, payload: int, result: int) -> None:
    enqueue(storage, payload=json_of(payload))

    found = record(storage, Hand(storage).finish(result=json_of(result)))

    assert (found.payload, found.result) == (json_of(payload), json_of(result))


def test_a_payload_is_there_for_every_attempt(storage: Storage) -> None:
    enqueue(storage, payload=json_of(5000))
    hand = Hand(storage)
    hand.fail()

    assert hand.take().payload == json_of(5000)


def test_payloads_of_all_sizes_in_one_bulk_come_back_in_order(storage: Storage) -> None:
    storage.producer.enqueue([a_job(payload=json_of(size)) for size in SIZES])

    claims = Hand(storage).claim(rows=len(SIZES), size=10**9)

    assert [claim.payload for claim in claims] == [json_of(size) for size in SIZES]


def test_results_of_all_sizes_in_one_exchange_come_back(storage: Storage) -> None:
    storage.producer.enqueue([a_job() for _ in SIZES])
    hand = Hand(storage)
    claims = hand.claim(rows=len(SIZES))

    hand.hand_in(*(hand.done(c, result=json_of(size)) for c, size in zip(claims, SIZES, strict=True)))

    assert [record(storage, c.id).result for c in claims] == [json_of(size) for size in SIZES]


@pytest.mark.parametrize("text", ['"\\u0000"', '"é 漢 \U0001f40d"', '"a\\nb"', "[1e308, -0.0, 12345678901234567890]"])
def test_json_is_not_changed_on_its_way(storage: Storage, text: str) -> None:
    job_id = enqueue(storage, payload=text.encode())

    assert record(storage, job_id).payload == text.encode()
    assert record(storage, Hand(storage).finish(result=text.encode())).result == text.encode()


def test_error_texts_are_not_changed_on_their_way(storage: Storage) -> None:
    told = "é 漢 \U0001f40d \\x00 \n'; DROP TABLE job; --"
    enqueue(storage)

    job_id = Hand(storage).bury_one(message=told)

    assert record(storage, job_id).error_history[0].message == told


def test_a_listing_leaves_large_payloads_out(storage: Storage) -> None:
    storage.producer.enqueue([a_job(payload=json_of(1024)), a_job(payload=json_of(5000))])

    found, _cursor = storage.operator.find(ALL, 10, None)

    assert [job.payload for job in found] == [b"null", json_of(1024)]


def test_a_large_payload_goes_with_its_job(storage: Storage) -> None:
    job_id = enqueue(storage, payload=json_of(5000))
    storage.operator.delete(JobFilter(ids=[job_id]), 1, 0)
    enqueue(storage, payload=b"{}")

    claim = Hand(storage).take()

    assert (claim.payload, record(storage, claim.id).status) == (b"{}", Status.IN_PROGRESS)
