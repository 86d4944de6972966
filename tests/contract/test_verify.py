"""What ``forge-jobs verify`` holds of every database, and that it sees when something is broken by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forge_jobs.model.checks import Level
from forge_jobs.storage import Storage
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
    "a supervisor is removed": ("DELETE FROM {p}host", {"processes"}),
    "a schedule is removed": ("DELETE FROM {p}schedule", {"schedules"}),
    "a result is removed": ("UPDATE {p}job SET result = NULL WHERE status = 'done'", {"bodies"}),
}  # fmt: skip


@pytest.mark.parametrize("hand", HANDS)
def test_what_a_hand_has_broken_is_seen(
    storage: Storage, backend: Backend, clock: FakeClock, hand: str, tables: Callable[[str], str]
) -> None:
    lived_in(storage, backend, clock)
    statement, rules = HANDS[hand]
    backend.connection().execute(tables(statement))
    assert broken(storage) == rules


@pytest.fixture
def tables(backend: Backend) -> Callable[[str], str]:
    """Return a statement with the prefix of the backend's tables."""
    _, _, schema = backend.url.partition("schema=")
    prefix = f"{schema}." if schema else ""
    return lambda statement: statement.replace("{p}", prefix)
