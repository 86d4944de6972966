"""A connection that is cut, or falls silent, at a chosen moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs.errors import DatabaseUnusable
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.faults.network import Fault, Network
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


def test_a_description_that_is_cut_short_is_told_in_a_sentence(far: PostgresStorage, network: Network) -> None:
    network.arm(Fault.RESET, Way.ANSWERS, 0)
    assert far.schema.describe()["exists"]
    for moment in (network.passed - 1, network.passed):
        network.arm(Fault.RESET, Way.ANSWERS, moment)
        with pytest.raises(DatabaseUnusable, match=r"cannot be reached: .*closed the connection"):
            far.schema.describe()
