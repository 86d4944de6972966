"""How a total is split among equals."""

from __future__ import annotations


def fair_shares(total: int, among: int) -> list[int]:
    """Split ``total`` into ``among`` whole parts that differ by at most one, the larger ones first."""
    if among <= 0:
        return []
    part, rest = divmod(max(total, 0), among)
    return [part + (1 if i < rest else 0) for i in range(among)]
