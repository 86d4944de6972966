"""A connection that is cut, or falls silent, at a chosen moment."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Iterator

import psycopg
import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseBusy, DatabaseUnusable
from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage.postgres.database import CLOCK_SECONDS
from forge_jobs.storage.postgres.doorbell import PostgresDoorbell
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.faults.network import Fault, Network
from tests.support.builders import enqueue
from tests.support.hands import Hand
from tests.support.postgres import server_url
from tests.support.proxy import Way
from tests.support.until import until

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

    at_first = 0

    def in_it(fault_at: int) -> None:
        nonlocal at_first
        with far.worker_queue.completing(lambda: end):
            at_first = network.passed  # what opens the connection and begins the transaction
            network.arm(Fault.SILENT, Way.ANSWERS, fault_at)
            raise ZeroDivisionError

    network.arm(Fault.SILENT, Way.ANSWERS, 0)
    begun = monotonic()
    with pytest.raises(ZeroDivisionError):
        in_it(1)
    assert network.disarm()
    assert in_time(begun)

    network.arm(Fault.SILENT, Way.ANSWERS, at_first)
    begun = monotonic()
    with pytest.raises(DatabaseBusy):
        in_it(0)
    assert in_time(begun)


def shown(connection: psycopg.Connection, name: str) -> str:
    found = connection.execute("SELECT current_setting($1)", (name,)).fetchone()
    assert found is not None
    return str(found[0])


def test_the_server_keeps_nothing_for_a_machine_that_has_vanished(far: PostgresStorage) -> None:
    with far._database.single() as connection:
        asked = "SELECT source FROM pg_settings WHERE name = 'tcp_keepalives_idle'"
        assert connection.execute(asked).fetchone() == ("client",)
        assert shown(connection, "idle_in_transaction_session_timeout") == "1s"
    with far.archive.locked(), far._database.joined() as connection:
        assert shown(connection, "idle_in_transaction_session_timeout") == "0", "moving house may take its time"
    with far._database.single() as connection:
        assert shown(connection, "idle_in_transaction_session_timeout") == "1s"


def test_nothing_is_stored_of_a_transaction_that_has_lost_its_connection(
    far: PostgresStorage, storage: PostgresStorage, network: Network
) -> None:
    def half() -> None:
        with far.archive.locked():
            network.drop_all()
            with contextlib.suppress(DatabaseUnusable):
                far.queue_config.queues()  # as one asks who can do without the answer: a clock, say
            far.archive.store_rest([QueueSettings(name="half")], [])

    with pytest.raises(DatabaseUnusable, match="lost in the middle of a transaction"):
        half()
    assert storage.queue_config.queues() == []
    assert far.queue_config.queues() == []


def test_the_first_call_of_a_program_ends_in_time_although_it_asks_for_the_time_before(
    storage: PostgresStorage, network: Network
) -> None:
    deadline = 2 * CLOCK_SECONDS
    far = PostgresStorage(network.through(server_url()), schema=storage._database.schema, deadline=deadline)
    network.cut()
    begun = monotonic()
    with pytest.raises(DatabaseUnusable):
        enqueue(far)
    assert monotonic() - begun < deadline + 1


def test_who_listens_in_vain_listens_anew(far: PostgresStorage, storage: PostgresStorage, network: Network) -> None:
    doorbell = PostgresDoorbell(far._database, prove_every=0.0)

    def rings() -> bool:
        doorbell.keep()
        enqueue(storage)
        return bool(select.select([doorbell.fileno()], [], [], 0.1)[0]) and bool(doorbell.rings())

    with contextlib.closing(doorbell):
        assert until(rings), "and it is heard beside the answers to what proves that"
        assert until(rings)
        network.cut()
        doorbell.keep()
        network.mend()
        assert until(rings, within=DEADLINE + 5)


def test_a_session_that_the_server_ends_in_a_transaction_is_a_database_that_is_away(storage: PostgresStorage) -> None:
    """So that no schedule is blamed for it, and no row is suspected."""

    def ended() -> None:
        with psycopg.connect(server_url(), autocommit=True) as operator, storage._database.writing() as connection:
            pid = connection.info.backend_pid
            assert operator.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnusable, match="has ended the session: terminating connection due to"):
        ended()
    assert enqueue(storage), "the next call has a new session"


def test_a_transaction_in_which_nothing_is_said_for_long_has_missed_its_deadline(storage: PostgresStorage) -> None:
    def silent() -> None:
        with storage._database.writing() as connection:
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 1")
            assert select.select([connection.fileno()], [], [], 10)[0], "the server's farewell"
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseBusy, match="within the deadline"):
        silent()
    assert enqueue(storage), "the next call has a new session"


def test_a_server_that_was_the_primary_takes_no_writes(storage: PostgresStorage) -> None:
    def written() -> None:
        with storage._database.writing() as connection:
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("CREATE TABLE nothing ()")

    with pytest.raises(DatabaseUnusable, match=r"takes no writes: .* in a read-only transaction"):
        written()
    assert enqueue(storage), "the next call has a new session"
