"""Control: which running jobs are to be stopped, and questions to hosts with their answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs.storage.records import Request
from tests.support.backends import Backend
from tests.support.builders import ALL, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand

# -- cancels ---------------------------------------------------------------------------------------------------------


def requests(storage: Storage) -> list[tuple[int, int]]:
    return sorted(storage.control.cancel_requests())


def test_while_nobody_cancels_nothing_is_to_be_stopped(storage: Storage) -> None:
    enqueue_some(storage, 3)
    Hand(storage).claim(rows=2)

    assert requests(storage) == []


def test_the_running_claims_that_are_cancelled_are_to_be_stopped(storage: Storage) -> None:
    enqueue_some(storage, 6)
    one, other = Hand(storage), Hand(storage)
    first, _second, third = one.claim(rows=3)
    (fourth,) = other.claim()

    storage.operator.cancel(only(third.id, first.id, fourth.id), 10, 0)

    assert requests(storage) == sorted([(one.process_id, 1), (one.process_id, 3), (other.process_id, 1)])


def test_jobs_that_wait_need_not_be_stopped(storage: Storage) -> None:
    enqueue_some(storage, 2)
    Hand(storage).fail(wait=60)
    storage.operator.cancel(ALL, 10, 0)

    assert requests(storage) == []


def test_a_request_is_told_until_the_claim_has_ended_however_often_it_is_made(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    for _ in range(3):
        storage.operator.cancel(only(claim.id), 10, 0)
        assert requests(storage) == requests(storage) == [(hand.process_id, 1)]


End = Callable[[Storage, Hand, Claim], object]


def handed_in(ended: Callable[[Hand, Claim], Ended]) -> End:
    def end(_storage: Storage, hand: Hand, claim: Claim) -> None:
        assert hand.hand_in(ended(hand, claim)) == []

    return end


ENDS: dict[str, End] = {
    "done": handed_in(lambda hand, claim: hand.done(claim)),
    "failed": handed_in(lambda hand, claim: hand.failed(claim)),
    "dead": handed_in(lambda hand, claim: hand.dead(claim)),
    "given back to wait": handed_in(lambda hand, claim: hand.back(claim, wait=5)),
    "given back unstarted": handed_in(lambda hand, claim: given_back(claim, hand.process_id, claim.claimed_at)),
    "buried": lambda storage, hand, claim: storage.registry.bury(hand.process_id, [hand.failed(claim)], "host-a"),
    "given back unknown": lambda storage, hand, _claim: storage.worker_queue.give_back_unknown(hand.process_id, []),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_request_is_forgotten_when_the_claim_has_ended_in_whatever_way(storage: Storage, end: str) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(only(claim.id), 10, 0)

    ENDS[end](storage, hand, claim)

    assert requests(storage) == []


def test_a_request_does_not_concern_the_next_claim_of_the_job(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage)
    claim = hand.take()
    storage.operator.cancel(only(claim.id), 10, 0)
    hand.hand_in(hand.failed(claim))
    storage.operator.retry(only(claim.id), 10, 0)
    hand.take()

    assert requests(storage) == []


# -- questions -------------------------------------------------------------------------------------------------------


def test_a_question_is_asked_of_its_host_until_it_is_answered(storage: Storage) -> None:
    number = storage.control.ask("host-a", 2**62, "stack")

    asked = Request(number=number, process_id=2**62, verb="stack")
    assert storage.control.asked("host-a") == storage.control.asked("host-a") == [asked]
    assert storage.control.asked("host-b") == []
    assert storage.control.answer_of(number) is None

    storage.control.answer(number, "File x\n  é 漢")

    assert storage.control.asked("host-a") == []
    assert storage.control.answer_of(number) == "File x\n  é 漢"


def test_an_empty_answer_is_an_answer(storage: Storage) -> None:
    number = storage.control.ask("host-a", 1, "stack")
    storage.control.answer(number, "")

    assert storage.control.asked("host-a") == []
    assert storage.control.answer_of(number) == ""


def test_questions_are_told_in_the_order_in_which_they_were_asked(storage: Storage) -> None:
    first = storage.control.ask("host-a", None, "watch")
    second = storage.control.ask("host-a", 7, "stack")
    storage.control.ask("host-b", 8, "stack")
    third = storage.control.ask("host-a", 6, "stack")

    assert storage.control.asked("host-a") == [
        Request(number=first, process_id=None, verb="watch"),
        Request(number=second, process_id=7, verb="stack"),
        Request(number=third, process_id=6, verb="stack"),
    ]


def test_each_question_has_its_own_answer(storage: Storage) -> None:
    numbers = [storage.control.ask("host-a", 7, "stack") for _ in range(3)]
    storage.control.answer(numbers[1], "the second")

    assert [storage.control.answer_of(number) for number in numbers] == [None, "the second", None]


def test_questions_are_asked_and_answered_by_different_processes(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    operator = backend.open(clock)
    number = operator.control.ask("host-a", 7, "stack")
    (asked,) = storage.control.asked("host-a")
    storage.control.answer(asked.number, "told")

    assert operator.control.answer_of(number) == "told"


def test_an_old_question_is_not_asked_any_more_for_nobody_waits_for_its_answer(
    storage: Storage, clock: FakeClock
) -> None:
    old = storage.control.ask("host-a", 7, "stack")
    clock.advance(9.999_999)
    assert [request.number for request in storage.control.asked("host-a")] == [old]
    clock.advance(0.000_001)
    new = storage.control.ask("host-a", 7, "stack")

    assert [request.number for request in storage.control.asked("host-a")] == [new]


def test_questions_and_their_answers_are_not_kept_for_ever(storage: Storage, clock: FakeClock) -> None:
    answered, other = (storage.control.ask("host-a", 7, "stack") for _ in range(2))
    storage.control.answer(answered, "told")
    clock.advance(30)
    recent = storage.control.ask("host-a", 8, "stack")
    storage.control.answer(recent, "just now")
    assert storage.control.answer_of(answered) == "told"

    clock.advance(31)
    storage.control.ask("host-a", 9, "stack")

    assert [storage.control.answer_of(number) for number in (answered, other, recent)] == [None, None, "just now"]


def test_an_answer_that_comes_when_its_question_is_forgotten_is_no_error(storage: Storage, clock: FakeClock) -> None:
    number = storage.control.ask("host-a", 7, "stack")
    clock.advance(31)
    storage.control.ask("host-a", 8, "stack")
    clock.advance(31)
    storage.control.ask("host-a", 9, "stack")

    storage.control.answer(number, "late")

    assert storage.control.answer_of(number) is None


def test_a_question_that_was_never_asked_has_no_answer(storage: Storage) -> None:
    assert storage.control.answer_of(12345) is None
    assert storage.control.asked("nobody") == []
