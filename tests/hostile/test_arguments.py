"""Every argument of every other call: it does what it says or is refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from forge_jobs import ForgeJobs
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.schedule import Cron
from tests.support.hostile import ODD, check_refusal

Call = Callable[[ForgeJobs, Any], Any]

FILTERS = ("status", "queue", "kind", "error", "older_than")
CALLS: dict[str, Call] = {
    "get": lambda jobs, x: jobs.get(x),
    "cancel": lambda jobs, x: jobs.cancel(x),
    "retry": lambda jobs, x: jobs.retry(x),
    "delete": lambda jobs, x: jobs.delete(x),
    "run_now": lambda jobs, x: jobs.run_now(x),
    "move": lambda jobs, x: jobs.move(kind="nothing", to=x),
    "edit payload": lambda jobs, x: jobs.edit("0" * 32, payload=x),
    "edit priority": lambda jobs, x: jobs.edit(kind="nothing", priority=x),
    "edit run_at": lambda jobs, x: jobs.edit(kind="nothing", run_at=x),
    "why": lambda jobs, x: jobs.why(x),
    "clean": lambda jobs, x: list(jobs.clean(x)),
    "list limit": lambda jobs, x: jobs.list(limit=x),
    "list before": lambda jobs, x: jobs.list(before=x),
    "set_queue": lambda jobs, x: jobs.set_queue(x, paused=False),
    "pause_queue": lambda jobs, x: jobs.pause_queue(x),
    "rate_limit scope": lambda jobs, x: jobs.rate_limit(x, capacity=1, per_second=1),
    "rate_limit capacity": lambda jobs, x: jobs.rate_limit("a", capacity=x, per_second=1),
    "rate_limit per_day": lambda jobs, x: jobs.rate_limit("a", capacity=1, per_day=x),
    "limiter scopes": lambda jobs, x: jobs.limiter.acquire(x),
    "database": lambda jobs, x: ForgeJobs(x).location,
    "config": lambda jobs, x: ForgeJobs(config=x).location,
    "expression": lambda jobs, x: Cron(x),
    "zone": lambda jobs, x: Cron("* * * * *", x),
}
CALLS |= {f"list {f}": lambda jobs, x, f=f: jobs.list(**{f: x}) for f in FILTERS}
CALLS |= {f"count {f}": lambda jobs, x, f=f: jobs.count(**{f: x}) for f in FILTERS}
CALLS |= {f"retry {f}": lambda jobs, x, f=f: jobs.retry(**{f: x}) for f in FILTERS}
CALLS |= {
    f"queue {s}": lambda jobs, x, s=s: jobs.set_queue("default", **{s: x}) for s in QueueSettings.__struct_fields__[1:]
}
CALLS |= {
    f"handler {o}": lambda jobs, x, o=o: ForgeJobs().handler(**{o: x})(lambda **_all: None)
    for o in ("kind", "queue", "max_attempts", "priority", "timeout", "memory_limit", "cancel_grace", "max_running",
              "max_running_per_key", "concurrency_key", "rate_limit", "rate_cost", "max_throttles")
}  # fmt: skip
CALLS |= {
    f"cron {o}": lambda jobs, x, o=o: jobs.cron.add(
        **({"name": "s", "expression": "* * * * *", "kind": "k"} | {o: x})
    )
    for o in ("name", "kind", "expression", "payload", "queue", "priority", "max_attempts", "timezone", "overlap",
              "misfire", "jitter")
}  # fmt: skip
CALLS |= {
    f"cron {verb}": lambda jobs, x, v=verb: getattr(jobs.cron, v)(x)
    for verb in ("get", "enable", "disable", "remove", "trigger", "next", "fires")
}
CALLS |= {f"stats {o}": lambda jobs, x, o=o: jobs.stats(**{o: x}) for o in ("since", "until", "queue", "kind", "by")}


@pytest.mark.parametrize("name", CALLS)
def test_every_argument_takes_what_is_good_and_refuses_the_rest(both: Mapping[str, ForgeJobs], name: str) -> None:
    for value in ODD:
        told = []
        for jobs in both.values():
            try:
                CALLS[name](jobs, value)
            except Exception as error:
                check_refusal(error)
                told.append(type(error))
            else:
                told.append(None)
        assert told[0] is told[1]
