"""What handing in ends leaves to be done besides the rows: counts, places that are free, events, metrics."""

from __future__ import annotations

from collections import Counter

from forge_jobs.storage.admission import Key
from forge_jobs.storage.announcing import End
from forge_jobs.storage.observing import Observations

Tally = Counter[tuple[str, str]]
"""By how much the numbers of ended jobs changed, by (queue, outcome)."""


class Noted:
    """Filled as ends are recorded: ``tally``, the keys of places that were ``freed``, ends to be ``told``, ``seen``."""

    def __init__(self, seen: Observations) -> None:
        self.tally: Tally = Counter()
        self.freed: set[Key] = set()
        self.told: list[End] = []
        self.seen = seen

    def give_back(self, queue: str, kind: str, limit_key: str | None) -> None:
        """Note a claim that was never started."""
        self.seen.given_back(queue, kind)
        self.free(kind, limit_key)

    def free(self, kind: str, limit_key: str | None) -> None:
        """Note that a job has left its places, if its kind has limits."""
        if limit_key is not None:
            self.freed.add((kind, limit_key))
