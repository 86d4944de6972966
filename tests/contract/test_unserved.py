"""Jobs that nobody alive will run: they are reported, and do not stand in anybody's way."""

from __future__ import annotations

from forge_jobs.model.states import Gate
from forge_jobs.storage import Storage
from forge_jobs.storage.records import NO_WORKER, UNKNOWN_KIND, UNPARK_SLICE, Unserved
from tests.support.backends import Backend
from tests.support.builders import a_host, a_job, a_living_host, enqueue, enqueue_some, only, record
from tests.support.hands import Hand


def told(storage: Storage) -> list[tuple[str, str, int, str]]:
    return [(u.queue, u.kind, u.jobs, u.reason) for u in storage.upkeep.unserved()]


def test_jobs_that_somebody_will_run_are_not_told(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    enqueue(storage, "work")

    assert told(storage) == []
    assert storage.upkeep.park_unserved(10) == []


def test_jobs_of_a_queue_that_nobody_serves_are_told_and_stay_ready(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, queues=["default"], kinds=["work"])
    job_id = enqueue(storage, "work", queue="lonely")

    assert told(storage) == [("lonely", "work", 1, NO_WORKER)]
    storage.upkeep.park_unserved(10)
    assert record(storage, job_id).gate is Gate.READY


def test_jobs_of_a_kind_that_nobody_knows_are_told_and_parked(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    strange = enqueue_some(storage, 2, "strange")

    assert storage.upkeep.park_unserved(10) == [Unserved(queue="default", kind="strange", jobs=2, reason=UNKNOWN_KIND)]
    assert [record(storage, i).gate for i in strange] == [Gate.UNSERVED] * 2
    assert told(storage) == [("default", "strange", 2, UNKNOWN_KIND)]


def test_telling_changes_nothing(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    job_id = enqueue(storage, "strange")

    assert told(storage) == told(storage)
    assert record(storage, job_id).gate is Gate.READY


def test_a_host_that_knows_the_kind_of_very_many_frees_them_slice_by_slice(storage: Storage, backend: Backend) -> None:
    """All at once would take longer than a coordinator may take for one call: it would never come up."""
    a_living_host(storage, backend, kinds=["work"])
    more = 3
    storage.producer.enqueue([a_job("strange") for _ in range(UNPARK_SLICE + more)])
    assert park_all(storage) == UNPARK_SLICE + more

    a_living_host(storage, backend, "host-b", kinds=["strange"])
    assert park_all(storage) == UNPARK_SLICE

    for _ in range(2):
        storage.upkeep.park_unserved(10)
    assert park_all(storage) == UNPARK_SLICE + more


def park_all(storage: Storage) -> int:
    """Park what is ready, and return how many that were."""
    return storage.upkeep.park("default", "strange", 2 * UNPARK_SLICE)


def test_no_more_of_a_kind_than_the_limit_are_parked_at_once(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    strange = enqueue_some(storage, 5, "strange")

    storage.upkeep.park_unserved(2)
    assert [record(storage, i).gate for i in strange].count(Gate.UNSERVED) == 2
    assert told(storage) == [("default", "strange", 5, UNKNOWN_KIND)]

    storage.upkeep.park_unserved(0)
    assert [record(storage, i).gate for i in strange].count(Gate.UNSERVED) == 2


def test_a_kind_is_known_only_where_a_host_that_knows_it_serves(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, "host-a", queues=["a"], kinds=["one"])
    a_living_host(storage, backend, "host-b", queues=["b"], kinds=["other"])
    for queue in ("a", "b"):
        for kind in ("one", "other"):
            enqueue(storage, kind, queue=queue)

    assert told(storage) == [("a", "other", 1, UNKNOWN_KIND), ("b", "one", 1, UNKNOWN_KIND)]


def test_what_a_dead_host_knew_is_known_no_more(storage: Storage, backend: Backend) -> None:
    host = a_living_host(storage, backend)
    enqueue(storage)
    assert told(storage) == []

    backend.take_life(host.life_lock)

    assert told(storage) == [("default", "work", 1, NO_WORKER)]


def test_parked_jobs_count_as_pending_and_are_not_claimed(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    enqueue(storage, "strange")
    storage.upkeep.park_unserved(10)

    assert storage.operator.counts()["default"].pending == 1
    assert Hand(storage, kinds=["strange"]).claim() == []


def test_a_new_host_that_knows_the_kind_makes_them_claimable(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    strange = enqueue(storage, "strange")
    stranger = enqueue(storage, "stranger")
    storage.upkeep.park_unserved(10)

    a_living_host(storage, backend, "host-b", kinds=["strange"])

    assert [c.id for c in Hand(storage, kinds=["strange", "stranger"]).claim(rows=5)] == [strange]
    assert record(storage, stranger).gate is Gate.UNSERVED


def test_a_new_host_frees_jobs_of_its_own_queues_only(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, queues=["a", "b"], kinds=["work"])
    here, there = enqueue(storage, "strange", queue="a"), enqueue(storage, "strange", queue="b")
    storage.upkeep.park_unserved(10)

    storage.registry.announce_host(a_host("host-b", queues=["a"], kinds=["strange"]))

    assert record(storage, here).gate is Gate.READY
    assert record(storage, there).gate is Gate.UNSERVED


def test_jobs_that_were_parked_although_their_kind_is_known_are_freed(storage: Storage, backend: Backend) -> None:
    """As when a host announces itself just between the look at the hosts and the parking."""
    a_living_host(storage, backend, kinds=["work"])
    host = a_living_host(storage, backend, "host-b", kinds=["strange"])
    backend.take_life(host.life_lock)
    job_id = enqueue(storage, "strange")
    storage.upkeep.park_unserved(10)
    backend.revive(host.life_lock)

    assert storage.upkeep.park_unserved(10) == []

    assert record(storage, job_id).gate is Gate.READY
    assert Hand(storage, kinds=["strange"]).take().id == job_id


def test_parked_jobs_can_be_cancelled_and_deleted(storage: Storage, backend: Backend) -> None:
    a_living_host(storage, backend, kinds=["work"])
    one, other = enqueue_some(storage, 2, "strange")
    storage.upkeep.park_unserved(10)

    assert storage.operator.cancel(only(one), 1, 0).changed == [one]
    assert storage.operator.delete(only(other), 1, 0).changed == [other]
    assert told(storage) == []
