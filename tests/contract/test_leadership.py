"""Leadership: one holder at a time, over as soon as it is given up, has run out, or its host is dead."""

from __future__ import annotations

from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_living_host
from tests.support.clock import FakeClock


def two_hosts(storage: Storage, backend: Backend) -> tuple[int, int]:
    return a_living_host(storage, backend, "one").life_lock, a_living_host(storage, backend, "other").life_lock


def test_the_first_to_ask_leads(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)

    assert storage.leadership.lead("one", 60)


def test_another_does_not_lead_while_the_lease_runs(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)
    storage.leadership.lead("one", 60)

    assert not storage.leadership.lead("other", 60)


def test_the_leader_may_renew_its_lease(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)
    storage.leadership.lead("one", 60)

    assert storage.leadership.lead("one", 60)
    assert not storage.leadership.lead("other", 60)


def test_a_lease_that_has_run_out_is_anybodys(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)
    storage.leadership.lead("one", 0)

    assert storage.leadership.lead("other", 60)
    assert not storage.leadership.lead("one", 60)


def test_the_lease_of_a_dead_host_is_over_at_once(storage: Storage, backend: Backend) -> None:
    one, _other = two_hosts(storage, backend)
    storage.leadership.lead("one", 3600)

    backend.take_life(one)

    assert storage.leadership.lead("other", 60)


def test_a_lease_that_is_given_up_is_anybodys(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)
    storage.leadership.lead("one", 3600)
    storage.leadership.resign("one")

    assert storage.leadership.lead("other", 60)


def test_only_the_holder_can_give_the_lease_up(storage: Storage, backend: Backend) -> None:
    two_hosts(storage, backend)
    storage.leadership.lead("one", 3600)
    storage.leadership.resign("other")

    assert not storage.leadership.lead("other", 60)


def test_nobody_need_have_led_to_resign(storage: Storage) -> None:
    storage.leadership.resign("one")


def test_the_lease_is_one_for_all_who_ask(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    two_hosts(storage, backend)
    elsewhere = backend.open(clock)
    storage.leadership.lead("one", 60)

    assert not elsewhere.leadership.lead("other", 60)
