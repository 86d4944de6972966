"""Waiting for jobs to end: one poll at a time for all the threads of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from forge_jobs.clock import monotonic
from forge_jobs.errors import DatabaseError
from forge_jobs.model.states import FINISHED, Status
from forge_jobs.waiting import Waiters
from tests.support.forking import in_child
from tests.support.until import until

SOON = 5.0


class Jobs:
    """The statuses of some jobs, and who looked at them how."""

    def __init__(self) -> None:
        self.statuses: dict[str, Status] = {}
        self.looks: list[list[str]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.fail = False
        self._lock = threading.Lock()

    def look(self, job_ids: Sequence[str]) -> Mapping[str, Status]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.looks.append(list(job_ids))
            if self.fail:
                raise DatabaseError("away")
            return {i: self.statuses[i] for i in job_ids if i in self.statuses}
        finally:
            with self._lock:
                self.at_once -= 1

    def seen_together(self, *job_ids: str) -> Callable[[], bool]:
        return lambda: any(set(job_ids) <= set(look) for look in list(self.looks))


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def waiters(jobs: Jobs) -> Waiters:
    return Waiters(jobs.look)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=16) as pool:
        yield pool


def waits(threads: ThreadPoolExecutor, waiters: Waiters, job_id: str, timeout: float | None = SOON) -> Future[Any]:
    return threads.submit(waiters.wait, job_id, FINISHED, timeout)


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_a_job_that_has_ended_is_told_after_one_look(jobs: Jobs, waiters: Waiters, status: Status) -> None:
    jobs.statuses["a"] = status

    assert waiters.wait("a", FINISHED, None) is status
    assert jobs.looks == [["a"]]


def test_a_job_that_is_not_there_is_gone(waiters: Waiters) -> None:
    assert waiters.wait("a", FINISHED, None) is Waiters.GONE


def test_the_wait_is_over_after_its_time(jobs: Jobs, waiters: Waiters) -> None:
    jobs.statuses["a"] = Status.IN_PROGRESS
    before = monotonic()

    assert waiters.wait("a", FINISHED, 0.05) is None
    assert monotonic() - before >= 0.05


def test_a_wait_of_no_time_looks_once(jobs: Jobs, waiters: Waiters) -> None:
    jobs.statuses["a"] = Status.PENDING

    assert waiters.wait("a", FINISHED, 0) is None
    assert jobs.looks == [["a"]]


def test_the_end_is_told_when_it_comes(jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor) -> None:
    jobs.statuses["a"] = Status.PENDING
    waiting = waits(threads, waiters, "a")
    until(lambda: len(jobs.looks) > 3)
    jobs.statuses["a"] = Status.DONE

    assert waiting.result(SOON) is Status.DONE


def test_a_job_that_goes_away_meanwhile_is_gone(jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor) -> None:
    jobs.statuses["a"] = Status.PENDING
    waiting = waits(threads, waiters, "a")
    until(lambda: jobs.looks)
    del jobs.statuses["a"]

    assert waiting.result(SOON) is Waiters.GONE


def test_looks_become_rarer(jobs: Jobs, waiters: Waiters) -> None:
    jobs.statuses["a"] = Status.PENDING

    waiters.wait("a", FINISHED, 0.3)

    assert 2 <= len(jobs.looks) <= 14  # after 1, 2, 4, 8, 16, 32 ms, then every 50 ms


def test_one_look_serves_all_who_wait(jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor) -> None:
    names = [f"job-{n}" for n in range(10)]
    jobs.statuses = dict.fromkeys(names, Status.PENDING)
    waiting = [waits(threads, waiters, name) for name in names]
    until(jobs.seen_together(*names))
    jobs.statuses = dict.fromkeys(names, Status.DONE)

    assert [w.result(SOON) for w in waiting] == [Status.DONE] * 10
    assert jobs.most_at_once == 1


def test_who_looks_hands_on_when_its_own_job_has_ended(
    jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor
) -> None:
    jobs.statuses = {"a": Status.PENDING, "b": Status.PENDING}
    first = waits(threads, waiters, "a")
    until(lambda: jobs.looks)
    second = waits(threads, waiters, "b")
    until(jobs.seen_together("a", "b"))

    jobs.statuses["a"] = Status.DONE
    assert first.result(SOON) is Status.DONE
    jobs.statuses["b"] = Status.DEAD
    assert second.result(SOON) is Status.DEAD


def test_who_looks_hands_on_when_its_own_time_is_over(
    jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor
) -> None:
    jobs.statuses = {"a": Status.PENDING, "b": Status.PENDING}
    first = waits(threads, waiters, "a", 0.1)
    until(lambda: jobs.looks)
    second = waits(threads, waiters, "b")

    assert first.result(SOON) is None
    jobs.statuses["b"] = Status.DONE
    assert second.result(SOON) is Status.DONE


def test_one_whose_time_is_over_does_not_disturb_the_others(
    jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor
) -> None:
    jobs.statuses = {"a": Status.PENDING, "b": Status.PENDING}
    first = waits(threads, waiters, "a")
    until(lambda: jobs.looks)

    assert waits(threads, waiters, "b", 0.05).result(SOON) is None
    jobs.statuses["a"] = Status.DONE
    assert first.result(SOON) is Status.DONE


def test_several_may_wait_for_one_job(jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor) -> None:
    jobs.statuses["a"] = Status.PENDING
    waiting = [waits(threads, waiters, "a") for _ in range(5)]
    until(lambda: len(jobs.looks) > 2)
    jobs.statuses["a"] = Status.DONE

    assert [w.result(SOON) for w in waiting] == [Status.DONE] * 5


def test_a_database_that_fails_is_told_and_waiting_can_go_on_later(jobs: Jobs, waiters: Waiters) -> None:
    jobs.statuses["a"] = Status.DONE
    jobs.fail = True
    with pytest.raises(DatabaseError):
        waiters.wait("a", FINISHED, SOON)

    jobs.fail = False
    assert waiters.wait("a", FINISHED, SOON) is Status.DONE


def test_a_database_that_fails_is_told_to_all_who_wait(
    jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor
) -> None:
    jobs.statuses = {"a": Status.PENDING, "b": Status.PENDING}
    waiting = [waits(threads, waiters, name) for name in ("a", "b")]
    until(jobs.seen_together("a", "b"))
    jobs.fail = True

    for wait in waiting:
        assert isinstance(wait.exception(SOON), DatabaseError)


def test_what_was_seen_of_a_job_is_forgotten_when_nobody_waits_for_it(jobs: Jobs, waiters: Waiters) -> None:
    jobs.statuses["a"] = Status.DEAD
    waiters.wait("a", FINISHED, SOON)
    jobs.statuses["a"] = Status.PENDING  # an operator's retry

    assert waiters.wait("a", FINISHED, 0) is None


def test_a_forked_child_waits_by_itself_whoever_waits_in_its_parent(
    jobs: Jobs, waiters: Waiters, threads: ThreadPoolExecutor
) -> None:
    jobs.statuses = {"a": Status.PENDING, "b": Status.DONE}
    waiting = waits(threads, waiters, "a")
    until(lambda: jobs.looks)

    assert in_child(lambda: str(waiters.wait("b", FINISHED, SOON))) == str(Status.DONE)

    jobs.statuses["a"] = Status.DONE
    assert waiting.result(SOON) is Status.DONE
