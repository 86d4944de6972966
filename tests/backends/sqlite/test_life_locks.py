"""A host lives while its supervisor holds its byte of the hosts file."""

from __future__ import annotations

from pathlib import Path

from forge_jobs.storage.sqlite.lifelock import LifeLocks, hosts_file, remove_if_nobody_lives
from forge_jobs_supervisor.unix.lifelock import LifeLock
from tests.support.forking import in_child
from tests.support.holding import holding

FAR = 2**54


def test_a_byte_that_nobody_holds_is_free(path: Path) -> None:
    locks = LifeLocks(hosts_file(path))

    assert not locks.held(0)
    assert not locks.held(FAR)
    locks.close()


def test_a_byte_is_held_by_another_process_until_that_ends(path: Path) -> None:
    locks = LifeLocks(hosts_file(path))
    with holding(hosts_file(path), FAR, 1):
        assert locks.held(FAR)
        assert not locks.held(FAR - 1)
        assert not locks.held(FAR + 1)

    assert not locks.held(FAR)
    locks.close()


def test_looking_does_not_take_the_lock(path: Path) -> None:
    locks = LifeLocks(hosts_file(path))
    locks.held(5)
    with holding(hosts_file(path), 5, 1):
        pass
    locks.close()


def test_a_supervisor_holds_a_byte_that_its_children_see(path: Path) -> None:
    life = LifeLock.take(hosts_file(path))

    def child() -> str:
        life.abandon()
        return str(LifeLocks(hosts_file(path)).held(life.byte))

    assert in_child(child) == "True"
    assert in_child(lambda: str(LifeLocks(hosts_file(path)).held(life.byte))) == "True"
    life.abandon()


def test_two_supervisors_hold_two_bytes(path: Path) -> None:
    life = LifeLock.take(hosts_file(path))

    other = int(in_child(lambda: str(LifeLock.take(hosts_file(path)).byte)))

    assert other != life.byte
    assert 0 <= life.byte < 2**55
    life.abandon()


def test_closing_twice_is_no_error(path: Path) -> None:
    locks = LifeLocks(hosts_file(path))
    locks.close()
    locks.held(1)
    locks.close()
    locks.close()


def test_a_supervisor_that_looks_at_hosts_itself_goes_on_living(path: Path) -> None:
    """An application may count jobs while the supervisor imports it."""
    life = LifeLock.take(hosts_file(path))
    locks = LifeLocks(hosts_file(path))

    assert locks.held(life.byte)
    locks.close()

    assert in_child(lambda: str(life.abandon() or LifeLocks(hosts_file(path)).held(life.byte))) == "True"
    life.abandon()


def test_who_looked_before_a_drop_sees_who_lives_in_the_new_file(path: Path) -> None:
    locks = LifeLocks(hosts_file(path))
    assert not locks.held(FAR)
    remove_if_nobody_lives(hosts_file(path))

    life = LifeLock.take(hosts_file(path))

    assert locks.held(life.byte)
    life.abandon()
    assert not locks.held(life.byte)
    locks.close()
