"""How a queue's cap is shared among the hosts that serve it."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32


def fair_shares(total: int, among: int) -> list[int]:
    """Split ``total`` into ``among`` whole parts that differ by at most one, the larger ones first."""
    if among <= 0:
        return []
    part, rest = divmod(max(total, 0), among)
    return [part + (1 if i < rest else 0) for i in range(among)]


def shares_of(queue: str, cap: int, hosts: Sequence[str]) -> dict[str, int]:
    """Return each host's share of a queue's cap; the same on every host that sees the same ones.

    Which hosts get the larger shares changes from queue to queue, so that the first does not get all of them.
    """
    in_line = sorted(hosts)
    first = crc32(queue.encode()) % len(in_line) if in_line else 0
    return dict(zip(in_line[first:] + in_line[:first], fair_shares(cap, len(in_line)), strict=True))
