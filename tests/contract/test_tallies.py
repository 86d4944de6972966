"""Upkeep.run_totals and fold_tallies: how attempts ended, by host, without counting history."""

from __future__ import annotations

from forge_jobs.storage import Storage
from forge_jobs.storage.records import RunTotals
from tests.support.backends import Backend
from tests.support.builders import a_living_host, enqueue, enqueue_some, only
from tests.support.hands import Hand


def test_a_host_that_has_done_nothing_has_totals_of_nothing(storage: Storage) -> None:
    assert storage.upkeep.run_totals("nobody") == RunTotals()


def test_totals_tell_how_the_attempts_of_a_host_ended(storage: Storage) -> None:
    enqueue_some(storage, 6)
    hand, other = Hand(storage, host_id="host-a"), Hand(storage, host_id="host-b")
    hand.finish()
    hand.finish()
    other.finish()
    hand.bury_one()
    hand.fail()
    hand.fail()
    hand.hand_in(hand.back(hand.take()))

    assert storage.upkeep.run_totals("host-a") == RunTotals(done=2, failed=2, dead=1)
    assert storage.upkeep.run_totals("host-b") == RunTotals(done=1)


def test_what_operators_do_is_no_hosts_doing(storage: Storage) -> None:
    enqueue_some(storage, 2)
    hand = Hand(storage)
    done = hand.finish()
    storage.operator.cancel(only(enqueue(storage)), 1, 0)
    storage.operator.delete(only(done), 1, 0)

    assert storage.upkeep.run_totals("host-a") == RunTotals(done=1)


def test_ends_recorded_for_a_dead_process_count_for_the_host_that_buried_it(storage: Storage) -> None:
    enqueue(storage)
    hand = Hand(storage, host_id="host-a")
    claim = hand.take()

    storage.registry.bury(hand.process_id, [hand.dead(claim)], "host-b")

    assert storage.upkeep.run_totals("host-b") == RunTotals(dead=1)


def many_ends(storage: Storage, host_id: str, queues: list[str], times: int) -> None:
    """Let jobs end one by one, so that each leaves a tally of its own."""
    for queue in queues:
        enqueue_some(storage, times, queue=queue)
        hand = Hand(storage, queue=queue, host_id=host_id)
        claim = hand.take()
        for _ in range(times - 1):
            (claim,) = hand.exchange(hand.done(claim)).claims
        hand.hand_in(hand.dead(claim))


def test_folding_changes_no_count_and_no_total(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    a_living_host(storage, backend, "host-b")
    many_ends(storage, "host-a", ["x", "y"], 300)
    many_ends(storage, "host-b", ["x", "y"], 300)
    hand = Hand(storage, host_id="host-a")
    enqueue(storage)
    hand.fail()
    before = [storage.operator.counts(), *(storage.upkeep.run_totals(h) for h in ("host-a", "host-b"))]

    storage.upkeep.fold_tallies()

    assert [storage.operator.counts(), *(storage.upkeep.run_totals(h) for h in ("host-a", "host-b"))] == before
    assert storage.operator.counts()["x"].done == 598
    hand.finish()
    assert storage.operator.counts()["default"].done == 1


def test_folding_forgets_whose_the_attempts_of_hosts_that_are_gone_were(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a")
    many_ends(storage, "host-a", ["x"], 1001)
    storage.registry.retire_host("host-a")

    storage.upkeep.fold_tallies()

    counts = storage.operator.counts()["x"]
    assert (counts.done, counts.dead) == (1000, 1)
    assert storage.upkeep.run_totals("host-a") == RunTotals()


def test_folding_a_few_changes_nothing(storage: Storage) -> None:
    many_ends(storage, "host-a", ["x"], 3)
    before = storage.operator.counts()

    storage.upkeep.fold_tallies()

    assert (storage.operator.counts(), storage.upkeep.run_totals("host-a").done) == (before, 2)
