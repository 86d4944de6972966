"""A connection that is cut, or falls silent, at a chosen moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseBusy, DatabaseUnusable
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.faults.network import Fault, Network
from tests.support.builders import enqueue
from tests.support.hands import Hand
from tests.support.postgres import server_url
from tests.support.proxy import Way

DEADLINE = 1.0


@pytest.fixture
def network() -> Iterator[Network]:
    made = Network(server_url())
    yield made
    made.close()


@pytest.fixture
def far(storage: PostgresStorage, network: Network) -> Iterator[PostgresStorage]:
    """The same database, over the network."""
    made = PostgresStorage(network.through(server_url()), schema=storage._database.schema, deadline=DEADLINE)
    yield made
    made.close()


def in_time(begun: float) -> bool:
    """Return whether a call that began then has taken no longer than its deadline, on a machine that is busy."""
    return monotonic() - begun < DEADLINE + 2


def test_a_description_that_is_cut_short_is_told_in_a_sentence(far: PostgresStorage, network: Network) -> None:
    network.arm(Fault.RESET, Way.ANSWERS, 0)
    assert far.schema.describe()["exists"]
    for moment in (network.passed - 1, network.passed):
        network.arm(Fault.RESET, Way.ANSWERS, moment)
        with pytest.raises(DatabaseUnusable, match=r"cannot be reached: .*closed the connection"):
            far.schema.describe()


def test_a_handlers_transaction_begins_and_ends_in_time_although_the_server_is_silent(
    far: PostgresStorage, storage: PostgresStorage, network: Network
) -> None:
    enqueue(storage)
    hand = Hand(storage)
    end = hand.done(hand.take())

    network.arm(Fault.SILENT, Way.ANSWERS, 0)
    with pytest.raises(ZeroDivisionError), far.worker_queue.completing(lambda: end):
        at_first = network.passed  # what opens the connection and begins the transaction
        raise ZeroDivisionError
    network.arm(Fault.SILENT, Way.ANSWERS, at_first)
    begun = monotonic()
    with pytest.raises(DatabaseBusy), far.worker_queue.completing(lambda: end):
        pytest.fail("the transaction has not begun")
    assert in_time(begun)

    begun = monotonic()
    with pytest.raises(ZeroDivisionError), far.worker_queue.completing(lambda: end):
        network.arm(Fault.SILENT, Way.ANSWERS, 1)
        raise ZeroDivisionError
    assert in_time(begun)
