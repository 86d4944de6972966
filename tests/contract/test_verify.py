"""What ``forge-jobs verify`` holds of every database, and that it sees when something is broken by hand."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from forge_jobs.model.checks import Level
from forge_jobs.model.states import Status
from forge_jobs.storage import Storage
from forge_jobs.storage.records import JobFilter, WorkerView
from forge_jobs.verifying import RULES, verify
from tests.support.backends import Backend
from tests.support.builders import ALL, a_living_host, a_queue, enqueue, enqueue_some, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.schedules import add, fire


def broken(storage: Storage) -> set[str]:
    """Return the rules that something breaks."""
    return {check.name for check in verify(storage.checkup) if check.level is Level.PROBLEM}


def lived_in(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    """Let jobs be in every state, and some of them end in every way."""
    a_living_host(storage, backend)
    a_queue(storage, "default")
    hand = Hand(storage)
    enqueue_some(storage, 8)
    enqueue(storage, run_at=clock.now() + 1_000_000)
    done, failed, dead, _running, back = hand.claim(rows=5)
    hand.hand_in(hand.done(done))
    hand.hand_in(hand.failed(failed, wait=60))
    hand.hand_in(hand.dead(dead))
    hand.hand_in(hand.back(back))
    cancelled = enqueue(storage, payload=b'{"text":"' + b"x" * 5000 + b'"}')
    storage.operator.cancel(only(cancelled), 1, 0)
    add(storage)
    clock.advance(60)
    fire(storage)


def test_a_database_in_which_everything_happens_is_whole(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    assert broken(storage) == set()
    lived_in(storage, backend, clock)
    checks = list(verify(storage.checkup))
    assert [(check.name, check.level) for check in checks] == [(name, Level.OK) for name in RULES]


def test_a_database_out_of_which_jobs_were_removed_is_whole(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    lived_in(storage, backend, clock)
    for job in storage.operator.find(ALL, 100, None)[0]:
        storage.operator.delete(only(job.id), 1, 0)
    clock.advance(400 * 86400)
    storage.upkeep.prune(1000)
    assert broken(storage) == set()


ENDED = "status IN ('done', 'dead')"
HANDS: dict[str, tuple[str, set[str]]] = {
    "a finished job is removed": ("DELETE FROM {p}job WHERE status = 'done'", {"tallies"}),
    "a job is said to be done": (
        "UPDATE {p}job SET status = 'done', gate = NULL, finished_at = scheduled_at WHERE gate = 0 AND attempts = 0",
        {"attempts", "bodies", "tallies"},
    ),
    "a claim is copied": (
        """UPDATE {p}job SET status = 'in_progress', gate = NULL, attempts = 1, process_id = running.process_id,
                            claim_no = running.claim_no
           FROM (SELECT process_id, claim_no FROM {p}job WHERE status = 'in_progress') AS running WHERE gate = 0""",
        {"claims"},
    ),
    "an error is removed": ("DELETE FROM {p}job_error", {"errors"}),
    "an error is moved": ("UPDATE {p}job_error SET seq = seq + 1000", {"errors"}),
    "a place is given": ("UPDATE {p}job SET gate = 5 WHERE gate = 0", {"places"}),
    "a supervisor is changed": ("UPDATE {p}host SET host_id = 'host-b' WHERE host_id = 'host-a'", {"processes"}),
    "a schedule is removed": ("DELETE FROM {p}schedule", {"schedules"}),
    "a result is removed": ("UPDATE {p}job SET result = NULL WHERE status = 'done'", {"bodies"}),
    "more attempts run than may": ("UPDATE {p}job SET attempts = 6 WHERE status = 'in_progress'", {"attempts"}),
    "more attempts ended than may": ("UPDATE {p}job SET attempts = 6 WHERE status = 'dead'", {"attempts"}),
    "no attempt is left": ("UPDATE {p}job SET attempts = 5 WHERE gate = 0", {"attempts"}),
    "fewer attempts than none": ("UPDATE {p}job SET attempts = -1 WHERE gate = 0", {"attempts"}),
    "no such status": ("UPDATE {p}job SET status = 'odd' WHERE gate = 0", {"states"}),
    "no gate": ("UPDATE {p}job SET gate = NULL WHERE gate = 0", {"states"}),
    "no such gate": ("UPDATE {p}job SET gate = 7 WHERE gate = 0", {"states"}),
    "a gate after the end": ("UPDATE {p}job SET gate = 1 WHERE status = 'done'", {"states"}),
    "done without an end": ("UPDATE {p}job SET finished_at = NULL WHERE status = 'done'", {"states"}),
    "dead without an end": ("UPDATE {p}job SET finished_at = NULL WHERE status = 'dead'", {"states"}),
    "an end before the end": ("UPDATE {p}job SET finished_at = scheduled_at WHERE gate = 0", {"states"}),
    "a claim of nobody": ("UPDATE {p}job SET claim_no = NULL WHERE status = 'in_progress'", {"states"}),
    "a cancel of what waits": ("UPDATE {p}job SET cancel_requested_at = scheduled_at WHERE gate = 0", {"states"}),
    "a cancel of what ended": (f"UPDATE {{p}}job SET cancel_requested_at = scheduled_at WHERE {ENDED}", {"states"}),
    "a result of a dead job": ("UPDATE {p}job SET result = '1' WHERE status = 'dead'", {"states"}),
    "a result of what waits": ("UPDATE {p}job SET result = '1' WHERE gate = 0", {"states"}),
    "a place of what ended": (f"UPDATE {{p}}job SET limit_key = 'k', holds_key = {{true}} WHERE {ENDED}", {"states"}),
    "a claim of a stranger": ("UPDATE {p}job SET process_id = 1 WHERE status = 'in_progress'", {"orphans"}),
}  # fmt: skip


@pytest.mark.parametrize("hand", HANDS)
def test_what_a_hand_has_broken_is_seen(
    storage: Storage, backend: Backend, clock: FakeClock, hand: str, change: Callable[[str], None]
) -> None:
    lived_in(storage, backend, clock)
    clock.advance(2)
    storage.registry.beat("host-a", [])  # and looks whom it has to bury
    statement, rules = HANDS[hand]
    change(statement)
    assert broken(storage) == rules


def test_who_dies_in_the_middle_of_a_claim_breaks_no_rule(
    storage: Storage, backend: Backend, clock: FakeClock, change: Callable[[str], None]
) -> None:
    lived_in(storage, backend, clock)
    clock.advance(2)
    change("DELETE FROM {p}process")
    assert broken(storage) == set()  # nobody has looked since
    storage.registry.beat("host-a", [])
    assert broken(storage) == {"orphans"}


def test_a_worker_that_a_board_shows_is_no_stranger(
    storage: Storage, backend: Backend, clock: FakeClock, change: Callable[[str], None]
) -> None:
    lived_in(storage, backend, clock)
    clock.advance(2)
    (running,) = storage.operator.find(JobFilter(status=Status.IN_PROGRESS), 2, None)[0]
    assert running.process_id is not None
    change("DELETE FROM {p}process")
    shown = WorkerView(process_id=running.process_id, queue="default", number=1, pid=777, state="running")
    storage.registry.beat("host-a", [shown])
    assert broken(storage) == set()


def test_a_worker_that_registers_after_its_supervisor_died_breaks_no_rule(
    storage: Storage, backend: Backend, clock: FakeClock
) -> None:
    a_living_host(storage, backend, "host-b")
    Hand(storage, host_id="gone")
    clock.advance(9)
    storage.registry.beat("host-b", [])
    assert broken(storage) == set()
    clock.advance(60)
    storage.registry.beat("host-b", [])
    assert broken(storage) == {"processes"}


@pytest.fixture
def change(backend: Backend) -> Callable[[str], None]:
    """Return who executes a statement past all CHECKs, with the prefix of the backend's tables."""
    _, _, schema = backend.url.partition("schema=")
    hand = backend.connection()
    if schema:
        checks = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass"
        for (name,) in hand.execute(checks, (f"{schema}.job",)).fetchall():
            hand.execute(f'ALTER TABLE {schema}.job DROP CONSTRAINT "{name}"')
    else:
        hand.execute("PRAGMA ignore_check_constraints = ON")
    words = {"{p}": f"{schema}." if schema else "", "{true}": "true" if schema else "1"}
    return lambda statement: hand.execute(re.sub("{p}|{true}", lambda found: words[found[0]], statement))
