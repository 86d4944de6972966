"""The line in which writers wait."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseBusy
from forge_jobs.storage import open_storage
from forge_jobs.storage.sqlite.database import turnstile_file
from forge_jobs.storage.sqlite.turnstile import Turnstile, turnstile_of
from tests.support.builders import enqueue
from tests.support.forking import in_child
from tests.support.holding import holding
from tests.support.until import until


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "turnstile"


def can_lock(lock: Path) -> bool:
    """Return whether another process gets the lock at once."""

    def attempt() -> str:
        try:
            turnstile_of(lock).enter(0.0, lambda _fd, _seconds: False)
        except DatabaseBusy:
            return "busy"
        return "got it"

    return in_child(attempt) == "got it"


def test_one_may_enter_again_and_again(lock: Path) -> None:
    turnstile = Turnstile(lock)
    for _ in range(3):
        turnstile.enter(1.0, None)
        turnstile.leave()


def test_while_one_is_inside_no_other_process_enters(lock: Path) -> None:
    turnstile = turnstile_of(lock)
    turnstile.enter(1.0, None)
    assert not can_lock(lock)
    turnstile.leave()
    assert can_lock(lock)


def test_who_cannot_enter_in_time_is_told_which_process_is_inside(lock: Path) -> None:
    with holding(lock) as holder, pytest.raises(DatabaseBusy) as told:
        Turnstile(lock).enter(0.02, None)

    assert str(told.value) == (
        f"no turn to write within 0.02 s: process {holder.pid} holds the lock {lock}; end it if it hangs, or try again"
    )


def test_who_waits_enters_when_the_other_leaves(lock: Path) -> None:
    turnstile = Turnstile(lock)
    with holding(lock) as holder:
        inside = threading.Event()
        waiting = threading.Thread(target=lambda: (turnstile.enter(30.0, None), inside.set()))
        waiting.start()
        until(lambda: turnstile._straggler is not None)
        assert not inside.is_set()
        holder.release()
        assert inside.wait(10.0)
        waiting.join()

    assert not can_lock(lock)
    turnstile.leave()


def test_a_wait_that_was_given_up_gives_the_lock_back_when_it_comes(lock: Path) -> None:
    turnstile = Turnstile(lock)
    with holding(lock) as holder:
        with pytest.raises(DatabaseBusy):
            turnstile.enter(0.01, None)
        holder.release()

    until(lambda: can_lock(lock))


def test_the_next_wait_takes_over_one_that_was_given_up(lock: Path) -> None:
    turnstile = Turnstile(lock)
    threads = threading.active_count()
    with holding(lock) as holder:
        for _ in range(3):
            with pytest.raises(DatabaseBusy):
                turnstile.enter(0.01, None)
        assert threading.active_count() == threads + 1
        holder.release()
        turnstile.enter(10.0, None)

    assert not can_lock(lock)
    turnstile.leave()
    assert can_lock(lock)


def test_who_waits_in_another_way_meanwhile_leaves_no_lock_behind(lock: Path) -> None:
    """The thread that was given up is not wanted because of a wait that does not go through it."""
    turnstile = Turnstile(lock)
    with holding(lock) as holder:
        for wait in (None, lambda _fd, _seconds: False):
            with pytest.raises(DatabaseBusy):
                turnstile.enter(0.01, wait)
        holder.release()

    until(lambda: can_lock(lock))


def test_the_lock_is_had_through_the_thread_that_waits_for_it(lock: Path) -> None:
    """Beside it, it would be given back by that thread while somebody writes."""
    turnstile = Turnstile(lock)
    asked: list[float] = []
    with holding(lock) as holder:
        with pytest.raises(DatabaseBusy):
            turnstile.enter(0.01, None)
        threading.Thread(target=holder.release).start()
        turnstile.enter(10.0, lambda _fd, seconds: asked.append(seconds) or True)

    assert asked == []
    assert not can_lock(lock)
    turnstile.leave()
    assert can_lock(lock)


def test_a_thread_of_the_same_process_waits_too(lock: Path) -> None:
    turnstile = Turnstile(lock)
    turnstile.enter(1.0, None)
    told: list[str] = []

    def attempt() -> None:
        try:
            turnstile.enter(0.01, None)
        except DatabaseBusy as error:
            told.append(str(error))

    other = threading.Thread(target=attempt)
    other.start()
    other.join()
    turnstile.leave()

    assert told == [f"another thread of this process has been writing to {lock} for 0.01 s"]


def test_a_process_may_bring_its_own_way_to_wait(lock: Path) -> None:
    asked: list[float] = []

    def never(_fd: int, seconds: float) -> bool:
        asked.append(seconds)
        return False

    with holding(lock), pytest.raises(DatabaseBusy):
        Turnstile(lock).enter(5.0, never)

    assert len(asked) == 1
    assert 4.0 < asked[0] <= 5.0


def test_after_a_wait_that_failed_the_threads_are_not_locked_out(lock: Path) -> None:
    turnstile = Turnstile(lock)
    with holding(lock), pytest.raises(DatabaseBusy):
        turnstile.enter(0.0, lambda _fd, _seconds: False)

    turnstile.enter(5.0, None)
    turnstile.leave()


def test_there_is_one_turnstile_for_a_file_in_a_process(lock: Path) -> None:
    assert turnstile_of(lock) is turnstile_of(lock.parent / "." / lock.name)


def test_a_file_that_was_removed_and_made_again_gets_a_turnstile_of_its_own(lock: Path) -> None:
    before = turnstile_of(lock)
    lock.unlink()

    assert turnstile_of(lock) is not before


def test_a_client_that_cannot_write_in_time_is_told_so_and_can_go_on_later(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}", deadline=0.05)
    storage.schema.create()
    with holding(turnstile_file(path)) as holder:
        before = monotonic()
        with pytest.raises(DatabaseBusy, match=f"process {holder.pid} holds the lock"):
            enqueue(storage)
        assert monotonic() - before < 5.0

    storage = open_storage(f"sqlite:///{path}")
    assert enqueue(storage)
    storage.close()


def test_readers_do_not_stand_in_the_line(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}", deadline=0.05)
    job_id = enqueue(storage)
    with holding(turnstile_file(path)):
        assert storage.operator.get(job_id) is not None
        assert storage.operator.counts()["default"].pending == 1
        assert storage.upkeep.look("host-a").next_due is None
    storage.close()
