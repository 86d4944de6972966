"""What a coordinator says of its host's work fits a datagram, whatever is in the database."""

from __future__ import annotations

import pytest

from forge_jobs.storage.records import NO_WORKER, UNKNOWN_KIND, Unserved
from forge_jobs_supervisor.coordinator.reporting import MOST_UNSERVED, told_unserved
from forge_jobs_supervisor.messages import Farewell, encoded
from forge_jobs_supervisor.unix.lifeline import MAX_DATAGRAM


def waiting(number: int, name: str = "media") -> list[Unserved]:
    return [Unserved(queue=name, kind=f"kind-{n}{name}", jobs=n, reason=NO_WORKER) for n in range(1, number + 1)]


def test_what_nobody_serves_is_told_by_queue_and_kind() -> None:
    unserved = [Unserved(queue="media", kind="thumbnail", jobs=3, reason=UNKNOWN_KIND)]

    assert told_unserved(unserved) == ["3 of kind thumbnail in queue media (no worker knows the kind)"]
    assert told_unserved([]) == []


def test_of_many_the_first_are_told_and_how_many_more_there_are() -> None:
    assert len(told_unserved(waiting(MOST_UNSERVED))) == MOST_UNSERVED

    told = told_unserved(waiting(MOST_UNSERVED + 1950))

    assert told[:MOST_UNSERVED] == told_unserved(waiting(MOST_UNSERVED))
    assert told[MOST_UNSERVED:] == ["and 1,950 more kinds in queues: forge-jobs status names all"]


@pytest.mark.parametrize("name", ["n" * 64, "n" * 100_000, "\x01" * 1000, "\U0001f600" * 1000, '"\\' * 1000])
def test_whatever_the_names_a_farewell_fits_a_datagram(name: str) -> None:
    told = told_unserved(waiting(5000, name))

    assert len(encoded(Farewell(done=2**62, failed=2**62, dead=2**62, unserved=told))) <= MAX_DATAGRAM
