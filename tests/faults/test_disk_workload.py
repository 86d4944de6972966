"""A whole workload on a disk that fails at its first write, then at its second, … until all of it passes untouched.

After the fault the database is as it was before the step that was hit, or as after it, and as after it if the step was
acknowledged; the same program (after the power went: the next one) then goes on to the end, which is always the same.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forge_jobs.model.metrics import Gauges
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim
from forge_jobs.storage.records import Edit
from tests.faults.acts import WAITING
from tests.faults.disk import FAILURES, Disk, Fault
from tests.faults.disk_trial import Trial, rows_unless_told, sound
from tests.faults.rows import Digest, digest
from tests.support.builders import ALL, a_job, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import give_out
from tests.support.schedules import fire

EACH = int(os.environ.get("FORGE_TEST_DISK_EACH", str(2 * len(FAILURES))))
"""Of so many moments each way of failing is tried at one, so that together they meet every other; with 1, at all."""

PROCESS = 77


class Worker(Hand):
    """One that knows what it holds from the database alone, as one does that does not know what was committed."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.queue, self.kinds, self.process_id = storage, "default", ("work", "tight"), PROCESS
        self.last_claim_no = max((claim.claim_no for claim in self.held()), default=100)

    def held(self) -> list[Claim]:
        return self.storage.registry.claims_of([self.process_id])[self.process_id]

    def ends(self) -> None:
        """Hand in what is held, each in a way of its own, and claim what is next."""
        ways = itertools.cycle((self.done, self.failed, self.back, self.dead))
        self.exchange(*[way(claim) for way, claim in zip(ways, self.held(), strict=False)], rows=3)


def completed(storage: Storage) -> None:
    worker = Worker(storage)
    end = worker.done(worker.held()[0])
    with storage.worker_queue.completing(lambda: end) as connection:
        connection.execute("INSERT INTO bought VALUES (7)")


def later(storage: Storage, days: float) -> None:
    """Let time go by; a step that is done again is later still, in which there is nothing to do any more."""
    clock = storage.clock
    assert isinstance(clock, FakeClock)
    clock.advance(days=days)


def kept(storage: Storage) -> None:
    """Keep the log short, as a coordinator does."""
    with storage.upkeep._database.reading() as connection:  # type: ignore[attr-defined]
        connection.wal_checkpoint()


STEPS: list[Callable[[Storage], object]] = [
    lambda s: Hand(s, process_id=PROCESS),
    lambda s: enqueue_some(s, 30),
    lambda s: s.producer.enqueue([a_job("tight", payload=b'{"of":"x"}'), a_job(payload=b'"%s"' % (b"x" * 9000))]),
    lambda s: enqueue(s, unique_key="once"),
    lambda s: Worker(s).claim(rows=5),
    lambda s: Worker(s).ends(),
    completed,
    kept,
    lambda s: s.operator.retry(ALL, 100, 0),
    lambda s: Worker(s).ends(),
    lambda s: s.operator.edit(WAITING, 5, 0, Edit(priority=-1)),
    lambda s: give_out(s),
    lambda s: s.worker_queue.give_back_unknown(PROCESS, [claim.claim_no for claim in Worker(s).held()[:1]]),
    lambda s: s.operator.cancel(WAITING, 6, 0),
    lambda s: s.metrics.note(Gauges(host_id="host-a", values={"x": 1.0})),
    kept,
    lambda s: later(s, 1),
    lambda s: s.upkeep.open_due(100),
    lambda s: fire(s),
    lambda s: Worker(s).ends(),
    lambda s: s.metrics.fold(100),
    lambda s: later(s, 40),
    lambda s: s.upkeep.prune(100),
    lambda s: s.upkeep.expire(100),
    lambda s: s.registry.bury(PROCESS, [Worker(s).failed(claim) for claim in Worker(s).held()], "host-a"),
    lambda s: s.operator.delete(WAITING, 4, 0),
    kept,
]
"""Each is one transaction, or moves the log into the file. What it works on it finds in the database."""


@pytest.fixture(scope="module")
def states(disk: Disk, lived_in: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Digest]:
    """Return all rows before the first step and after each."""
    trial = Trial(disk, lived_in, tmp_path_factory.mktemp("workload") / "whole")
    found = [digest(trial.storage)]
    for step in STEPS:
        step(trial.storage)
        found.append(digest(trial.storage))
    trial.close()
    return found


def worked(trial: Trial, first: int) -> Iterator[int]:
    """Do the steps from ``first`` on to the end; give the number of each that is not acknowledged."""
    for number in range(first, len(STEPS)):
        if not trial.acknowledged(lambda step=STEPS[number]: step(trial.storage)):  # type: ignore[misc]
            yield number


def moments(fault: Fault) -> Iterator[int]:
    """Give the operations at which there is a trial."""
    number = FAILURES.index(fault) if fault in FAILURES else 0
    return itertools.count(1 + number * EACH // len(FAILURES), EACH)


@pytest.mark.parametrize("fault", FAILURES)
def test_a_workload_on_a_disk_that_fails(
    disk: Disk, lived_in: Path, tmp_path: Path, states: list[Digest], fault: Fault
) -> None:
    for moment in moments(fault):
        trial = Trial(disk, lived_in, tmp_path / str(moment))
        disk.arm(fault, moment)
        hit = next(worked(trial, 0), len(STEPS))
        passed = hit == len(STEPS) and disk.operations < moment
        storage = trial.storage
        if disk.power_is_off:
            storage = trial.reopened()
        disk.disarm()
        found = digest(storage)
        assert found in states[hit : hit + 2]
        if hit < len(STEPS):
            again = hit + (found == states[hit + 1] != states[hit])
            assert list(worked(trial, again)) == []
        assert digest(trial.storage) == states[-1]
        sound(trial.reopened())
        trial.close()
        if passed:
            return


def test_a_workload_on_a_disk_that_drops_what_it_confirms(
    disk: Disk, lived_in: Path, tmp_path: Path, states: list[Digest]
) -> None:
    """The power goes at the end: sound and as after one of the steps, or told, or with rows of several times."""
    for moment in moments(Fault.DROPPED):
        trial = Trial(disk, lived_in, tmp_path / str(moment))
        disk.arm(Fault.DROPPED, moment)
        assert list(worked(trial, 0)) == []  # nobody can know
        assert digest(trial.storage) == states[-1]
        passed = disk.operations < moment
        disk.lose_power()
        found = rows_unless_told(trial)
        assert found is None or set(found) <= set(itertools.chain(*states))
        trial.close()
        if passed:
            assert found == states[-1]
            return
