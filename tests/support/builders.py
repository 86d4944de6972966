"""Short ways to say what a test is about: jobs, queues, hosts."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import Any

from forge_jobs.ids import new_job_id
from forge_jobs.model.job import JobRecord, NewJob
from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage import Storage
from forge_jobs.storage.records import HostRecord, JobFilter
from forge_jobs_supervisor.unix.board import Board
from tests.support.backends import Backend

ALL = JobFilter()
"""Every job there is."""


def a_job(kind: str = "work", *, queue: str = "default", payload: bytes = b"{}", **options: Any) -> NewJob:
    """Return a job to be stored."""
    return NewJob(id=new_job_id(), queue=queue, kind=kind, payload=payload, **options)


def enqueue(storage: Storage, kind: str = "work", **options: Any) -> str:
    """Store one job and return its id, or that of the job that holds its key."""
    return storage.producer.enqueue([a_job(kind, **options)])[0].id


def enqueue_some(storage: Storage, number: int, kind: str = "work", **options: Any) -> list[str]:
    """Store several jobs alike in one call and return their ids in order."""
    return [answer.id for answer in storage.producer.enqueue([a_job(kind, **options) for _ in range(number)])]


def record(storage: Storage, job_id: str) -> JobRecord:
    """Return a job that must be there."""
    found = storage.operator.get(job_id)
    assert found is not None, f"job {job_id} is gone"
    return found


def only(*job_ids: str) -> JobFilter:
    """Return the filter that means these jobs."""
    return JobFilter(ids=job_ids)


def a_queue(storage: Storage, name: str = "default", **settings: Any) -> QueueSettings:
    """Create a queue and return its settings."""
    made = QueueSettings(name=name, **settings)
    storage.queue_config.ensure_queue(made)
    return made


def a_host(
    host_id: str, *, queues: Sequence[str] = ("default",), kinds: Sequence[str] = ("work",), life_lock: int = 0
) -> HostRecord:
    """Return a host to be announced; without a ``life_lock`` it is dead."""
    return HostRecord(
        host_id=host_id,
        hostname="machine",
        pid=4242,
        label=f"label of {host_id}",
        version="1.2.3",
        queues=list(queues),
        kinds=list(kinds),
        life_lock=life_lock,
    )


def a_living_host(
    storage: Storage,
    backend: Backend,
    host_id: str = "host-a",
    *,
    queues: Sequence[str] = ("default",),
    kinds: Sequence[str] = ("work",),
) -> HostRecord:
    """Announce a host that lives, and return it."""
    host = a_host(host_id, queues=queues, kinds=kinds, life_lock=backend.give_life())
    storage.registry.announce_host(host)
    return host


def a_board(slots: int) -> Board:
    """Make a board whose descriptor is closed when nobody needs it any more; a farm has one, the tests have many."""
    board = Board.create(slots)
    weakref.finalize(board, os.close, board.fd)
    return board
