"""Limits as tests use them: declared, and their places given out as a coordinator does it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from forge_jobs.limiter import RateLimiter
from forge_jobs.model.limits import KindRules
from forge_jobs.storage import Storage
from forge_jobs.storage.limit_ports import Limits
from tests.support.builders import a_job


def give_out(storage: Storage) -> dict[str, int]:
    """Do what a coordinator does after a ring; return how many jobs got places, by queue."""
    ready: Counter[str] = Counter()
    while True:
        admitted = storage.limits.admit(100)
        ready.update(admitted.ready)
        if not admitted.more:
            return dict(ready)


def declare(storage: Storage, kind: str = "work", **rules: Any) -> None:
    """Declare the limits of a kind."""
    storage.limits.declare([KindRules(kind=kind, **rules)])
    give_out(storage)


def for_tenant(storage: Storage, tenant: str, number: int = 1, **options: Any) -> list[str]:
    """Enqueue jobs alike of a tenant, and return their ids in order."""
    payload = f'{{"tenant":"{tenant}"}}'.encode()
    jobs = [a_job(payload=payload, **options) for _ in range(number)]
    ids = [answer.id for answer in storage.producer.enqueue(jobs)]
    give_out(storage)
    return ids


def no_limits() -> RateLimiter:
    """Return the rate limits of a job that has no database."""

    def refuse() -> Limits:
        raise AssertionError("there are no rate limits here")

    return RateLimiter(refuse)
