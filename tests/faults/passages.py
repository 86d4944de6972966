"""Which kind of process calls which method of the storage ports while it is tortured; why not, for all others.

``test_points.py`` holds these tables against the Protocols: a method that is new stands in one of them, or fails there.
The torture holds them against what its processes do: whoever passes what stands nowhere here is told of.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from forge_jobs.storage import ports
from forge_jobs.storage.ports import Storage

WORKER, COORDINATOR, SUPERVISOR, PRODUCER, OPERATOR = "worker", "coordinator", "supervisor", "producer", "operator"
KINDS = (WORKER, COORDINATOR, SUPERVISOR, PRODUCER, OPERATOR)
"""Kinds of processes. The operator is ``operator.py`` and ``provoking.py``; the others are as everywhere."""

PASSED: Mapping[str, tuple[str, ...]] = {
    "producer.enqueue": (WORKER, PRODUCER, OPERATOR),
    "worker_queue.exchange": (WORKER, COORDINATOR),
    "worker_queue.completing": (WORKER,),
    "worker_queue.give_back_unknown": (WORKER,),
    "operator.cancel": (OPERATOR,),
    "operator.retry": (OPERATOR,),
    "operator.delete": (OPERATOR,),
    "operator.run_now": (OPERATOR,),
    "operator.move": (OPERATOR,),
    "operator.edit": (OPERATOR,),
    "registry.announce_host": (COORDINATOR,),
    "registry.announce_worker": (WORKER,),
    "registry.beat": (COORDINATOR,),
    "registry.bury": (COORDINATOR,),
    "registry.retire_host": (COORDINATOR,),
    "queue_config.ensure_queue": (COORDINATOR, OPERATOR),
    "queue_config.change_queue": (OPERATOR,),
    "control.ask": (OPERATOR,),
    "control.answer": (COORDINATOR,),
    "upkeep.open_due": (COORDINATOR,),
    "upkeep.park_unserved": (COORDINATOR,),
    "upkeep.park": (COORDINATOR,),
    "upkeep.prune": (COORDINATOR,),
    "upkeep.clean": (OPERATOR,),
    "upkeep.expire": (COORDINATOR,),
    "upkeep.fold_tallies": (COORDINATOR,),
    "upkeep.quarantine": (COORDINATOR,),
    "upkeep.checkpoint": (COORDINATOR,),
    "leadership.lead": (COORDINATOR,),
    "leadership.resign": (COORDINATOR,),
    "schedules.edit": (COORDINATOR, OPERATOR),
    "schedules.remove": (OPERATOR,),
    "schedules.fire": (COORDINATOR,),
    "schedules.note_error": (COORDINATOR,),
    "limits.declare": (COORDINATOR,),
    "limits.sweep": (COORDINATOR,),
    "limits.admit": (COORDINATOR,),
    "limits.acquire": (WORKER,),
    "limits.drain": (WORKER,),
    "limits.set_rate_limit": (OPERATOR,),
    "limits.remove_rate_limit": (OPERATOR,),
    "limits.prune_rate_limits": (COORDINATOR,),
    "metrics.fold": (COORDINATOR,),
    "metrics.note": (COORDINATOR,),
    "metrics.forget": (COORDINATOR,),
    # These change nothing; what a coordinator does next follows from them.
    "registry.census": (COORDINATOR,),
    "upkeep.look": (COORDINATOR,),
}
"""Methods with points, and the kinds of processes that pass them."""

_COPIES = "only forge-jobs-db copy calls it: test_house.py kills that before each statement"
_HOUSE = "only forge-jobs-db calls it, and who opens a database first: test_house.py kills them before each statement"

LEFT_OUT: Mapping[str, str] = {
    "archive.locked": _COPIES,
    "archive.store": _COPIES,
    "archive.store_rest": _COPIES,
    "limits.restore": _COPIES,
    "schedules.restore": _COPIES,
    "metrics.store_archived": _COPIES,
    "schema.create": _HOUSE,
    "schema.migrate": _HOUSE,
    "schema.reset": _HOUSE,
    "schema.drop": _HOUSE,
}
"""Methods that write and have no points, each with the reason why no process of the torture passes it."""

READING = {
    "operator.get", "operator.statuses", "operator.find", "operator.counts", "operator.count",
    "inspection.facts", "checkup.checks", "checkup.broken",
    "news.newest", "news.key_at", "news.enqueued", "news.running", "news.retrying", "news.finished", "news.queues",
    "registry.hosts", "registry.workers", "registry.claims_of", "registry.claims_before", "registry.census",
    "queue_config.queues", "control.cancel_requests", "control.asked", "control.answer_of",
    "upkeep.look", "upkeep.unserved", "upkeep.unfinished", "upkeep.run_totals", "upkeep.troubles",
    "limits.rules", "limits.places", "limits.rate_limits",
    "schedules.all", "schedules.get", "schedules.fires", "schedules.due", "schedules.next_due",
    "metrics.between", "metrics.totals", "metrics.gauges", "metrics.sizes", "metrics.archived",
    "archive.jobs", "archive.tallies", "schema.describe",
}  # fmt: skip
"""Methods that change nothing."""

IN_ONE_STATEMENT: Mapping[str, set[str]] = {
    "sqlite": {"registry.census", "upkeep.look", "upkeep.checkpoint"},
    "postgres": {
        "registry.census", "upkeep.look", "upkeep.checkpoint", "registry.beat", "leadership.lead", "leadership.resign",
        "limits.acquire", "metrics.note", "metrics.forget", "upkeep.quarantine",
    },
}  # fmt: skip
"""Methods that have no inside: they read, or are statements each of which the server commits by itself."""


def of_ports() -> Iterator[str]:
    """Give every method of every port that a Storage has, as ``port.method``."""
    for port, held in vars(Storage).items():
        if isinstance(held, property):
            kind = typing.get_type_hints(held.fget, vars(ports))["return"]
            if getattr(kind, "_is_protocol", False) and port != "clock":
                yield from (f"{port}.{name}" for name in vars(kind) if not name.startswith("_"))


def writes(owner: type, method: str) -> bool:
    """Return whether a method, or what it calls in its class or its module, begins a write transaction."""
    todo: list[Any] = [getattr(owner, method)]
    seen: set[object] = set()
    while todo:
        call = inspect.unwrap(todo.pop())
        if not inspect.isfunction(call) or call in seen:
            continue
        seen.add(call)
        names = set(_names(call.__code__))
        if names & {"writing", "exclusive", "lending", "_calling"}:
            return True
        todo += [call.__globals__.get(name) for name in names]
        todo += [getattr(above, name, None) for name in names for above in owner.__mro__]  # by super(), too
    return False


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names(constant)
