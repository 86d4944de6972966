"""Each transaction over a network that fails at its first message, then at its second, and so on until none is left.

Whatever happens, a transaction is there whole or not at all, what was acknowledged is there, the rows fit together, a
call raises nothing but a sentence and ends in time, the same program goes on, and the server keeps nothing locked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseError
from forge_jobs.storage import Storage
from forge_jobs.storage.postgres.schema import TABLES
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.faults.acts import ACTS, CALLERS, STEPS, Act, is_whole, live_in
from tests.faults.network import Fault, Network
from tests.faults.rows import OWN, Digest, digest, rules_hold
from tests.support.builders import enqueue
from tests.support.clock import FakeClock
from tests.support.postgres import server_url
from tests.support.proxy import Way
from tests.support.until import until

EACH = "FORGE_TEST_EACH" in os.environ
"""Whether acts are tried at many messages, instead of three, and all of them with silence."""

DEADLINE, SHORT = 10.0, 2.0
"""Seconds that a call has; and where nothing is said any more, so that it takes all of them."""

BUSY = 5.0
"""Seconds longer that it may take on a machine that is busy."""


def connected(storage: Storage) -> Act:
    """Return an enqueue for which a connection is opened first."""
    storage.close()
    return lambda: enqueue(storage)


HERE: dict[str, Callable[[Storage], Act]] = ACTS | {
    "open a connection": connected,
    "schema.describe": lambda s: s.schema.describe,
}
NAMES = list(HERE)
NO_DEADLINE = {CALLERS, "archive.store", "archive.store_rest"}
"""On a program's own connection it waits for ever, unless the program has given that another time; and to move house
takes as long as it takes, on both sides."""


class Whole(NamedTuple):
    """An act over a good network: its messages one way, and all rows before and after it."""

    messages: int
    before: Digest
    after: Digest


class House:
    """A database in which there is something for every act; it is brought back after each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.schema = f"t{os.urandom(6).hex()}"
        self._server = psycopg.connect(url, autocommit=True)
        self.looking = PostgresStorage(url, clock=FakeClock(), schema=self.schema)
        self.looking.schema.create()
        live_in(self.looking)
        self._execute(f"CREATE SCHEMA {self.schema}_before")
        self.good: dict[tuple[str, Way], Whole] = {}
        for table in (*TABLES, OWN):
            self._execute(f"CREATE TABLE {self.schema}_before.{table} AS TABLE {self.schema}.{table}")

    def restore(self) -> None:
        """Bring back what was there at first."""
        for table in (*TABLES, OWN):
            name, before = f"{self.schema}.{table}", f"{self.schema}_before.{table}"
            self._execute(f"DELETE FROM {name}; INSERT INTO {name} OVERRIDING SYSTEM VALUE SELECT * FROM {before}")

    def lets_go(self) -> bool:
        """Return whether the server keeps nothing locked for a program that may be gone."""
        found = self._execute(
            "SELECT 1 FROM pg_locks JOIN pg_class ON pg_class.oid = relation "
            f"WHERE relnamespace = '{self.schema}'::regnamespace AND mode LIKE '%Exclusive%'"
        )
        return not found.fetchall()

    def _execute(self, text: str) -> psycopg.Cursor:
        return self._server.execute(text)  # type: ignore[call-overload]  # made here, of nothing from outside

    def close(self) -> None:
        """Remove it."""
        self.looking.close()
        self._execute(f"DROP SCHEMA {self.schema} CASCADE; DROP SCHEMA {self.schema}_before CASCADE")
        self._server.close()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    made = House(server_url())
    yield made
    made.close()


@pytest.fixture(scope="module")
def network(house: House) -> Iterator[Network]:
    made = Network(house.url)
    yield made
    made.close()


class Trial:
    """One act over the network, on the database as it was at first."""

    def __init__(self, house: House, network: Network, name: str, deadline: float = DEADLINE) -> None:
        house.restore()
        self.house, self.network, self.deadline = house, network, deadline
        url = network.through(house.url)
        self.storage = PostgresStorage(url, clock=FakeClock(), deadline=deadline, schema=house.schema)
        self.act = HERE[name](self.storage)

    def acted(self) -> bool:
        """Return whether the act was acknowledged; it raises nothing but a sentence, and in time."""
        begun, told = monotonic(), self.storage.location
        try:
            self.act()
        except DatabaseError as error:
            acknowledged, told = False, str(error)
        else:
            acknowledged = True
        assert monotonic() - begun < self.deadline + BUSY
        assert self.storage.location in told
        return acknowledged

    def close(self) -> None:
        self.storage.close()
        self.network.drop_all()
        until(self.house.lets_go)


def whole(house: House, network: Network, name: str, way: Way) -> Whole:
    """Do an act over a good network, once for all faults; it must be seen in the rows unless it only reads."""
    if (name, way) not in house.good:
        with contextlib.closing(Trial(house, network, name)) as trial:
            before = digest(house.looking)
            network.arm(Fault.LATE, way, 0)
            assert trial.acted()
            house.good[name, way] = Whole(network.passed, before, digest(house.looking))
        assert house.good[name, way].after != before or name == "schema.describe"
    return house.good[name, way]


def moments(name: str, messages: int, fault: Fault, way: Way) -> list[int]:
    """Return at which messages there is a trial: the first, the last, and some between.

    Of silence each takes a deadline: one trial for some acts, in the middle or at the end.
    """
    number = NAMES.index(name)
    if fault is Fault.SILENT:
        if name in NO_DEADLINE or (number + (way is Way.ANSWERS)) % (1 if EACH else 9):
            return []
        return [messages if way is Way.ANSWERS or number % 2 else (messages + 1) // 2]
    middle = (messages + 1) // 2
    return sorted({1, middle, messages} | ({2, middle + 1, messages - 1} & set(range(1, messages)) if EACH else set()))


@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSED, Fault.HALF, Fault.UNHEARD, Fault.SILENT])
@pytest.mark.parametrize("name", HERE)
def test_a_transaction_over_a_network_that_fails(
    house: House, network: Network, name: str, fault: Fault, way: Way
) -> None:
    good = whole(house, network, name, way)
    for moment in moments(name, good.messages, fault, way):
        deadline = SHORT if fault is Fault.SILENT else DEADLINE
        with contextlib.closing(Trial(house, network, name, deadline)) as trial:
            network.arm(fault, way, moment)
            acknowledged = trial.acted()
            assert network.disarm() or acknowledged  # what goes in a pipeline takes a message more or less each time
            until(house.lets_go, within=BUSY + SHORT, told="the server to let go of what a dead program had locked")
            again = trial.act if name in STEPS else None
            is_whole(house.looking, acknowledged, good.before, good.after, again=again)
            job_id = enqueue(trial.storage)  # the program that was hit goes on
            assert house.looking.operator.get(job_id) is not None
            rules_hold(house.looking)
