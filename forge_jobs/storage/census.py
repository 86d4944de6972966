"""Who of those that are registered, or hold claims, is dead."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.storage.records import HostRecord


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Who is gone and who holds claims, by process id; ``dead_hosts`` by host id."""

    dead: Sequence[int]
    dead_hosts: Sequence[str]
    holding: frozenset[int]


HOST_TO_COME = 10 * MICROSECONDS
"""For how long a worker whose host is not there is not dead: one that begins anew may be quicker than its host."""


def census_of(
    processes: Sequence[tuple[int, str | None, int | None, bool]],
    hosts: Sequence[HostRecord],
    host_id: str,
    living: Sequence[int],
    now: int,
) -> Census:
    """Return who is dead, given (process id, host id, since when, whether it holds claims) of each, and all hosts."""
    alive = {host.host_id: host.alive for host in hosts} | {host_id: False}

    def is_dead(process_id: int, host: str | None, since: int | None) -> bool:
        if process_id in living:
            return False
        if host is not None and since is not None and host not in alive:
            return now - since > HOST_TO_COME
        return not alive.get(host or "", False)

    return Census(
        dead=sorted(p for p, host, since, _holds in processes if isinstance(p, int) and is_dead(p, host, since)),
        dead_hosts=[host.host_id for host in hosts if not host.alive and host.host_id != host_id],
        holding=frozenset(process_id for process_id, _host, _since, holds in processes if holds),
    )
