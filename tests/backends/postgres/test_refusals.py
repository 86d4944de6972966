"""Values that the server does not take: that is told as such, and nothing of the batch is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forge_jobs.errors import ValueRefused
from forge_jobs.storage.claims import Claim, Ended
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import a_job, enqueue_some, record
from tests.support.hands import Hand

TORN = b'{"rows": [1, 2'
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("payload", [TORN, b'"\x00"', b'"\xff"', DEEP])
def test_a_payload_that_is_no_json_for_the_server(storage: PostgresStorage, payload: bytes) -> None:
    with pytest.raises(ValueRefused, match="refuses a value: "):
        storage.producer.enqueue([a_job(), a_job(payload=payload)])

    assert storage.operator.counts() == {}


def test_a_text_with_a_character_that_the_server_has_not(storage: PostgresStorage) -> None:
    with pytest.raises(ValueRefused, match="NUL"):
        storage.producer.enqueue([a_job(queue="a\0b")])


ENDS: dict[str, Callable[[Hand, Claim], Ended]] = {
    "result": lambda hand, claim: hand.done(claim, result=TORN),
    "deep result": lambda hand, claim: hand.done(claim, result=DEEP),
    "rule": lambda hand, claim: hand.failed(claim, crashes=2**40),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_an_end_that_the_server_does_not_take(storage: PostgresStorage, end: Any) -> None:
    ids = enqueue_some(storage, 2)
    hand = Hand(storage)
    fine, odd = (hand.take() for _ in range(2))

    with pytest.raises(ValueRefused, match="refuses a value: "):
        hand.hand_in(hand.done(fine), end(hand, odd))

    assert [record(storage, job_id).status for job_id in ids] == ["in_progress"] * 2
    assert hand.hand_in(hand.done(fine), hand.dead(odd)) == []
