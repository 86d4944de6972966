"""The port of limits. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from forge_jobs.model.limits import Admitted, Bucket, Granted, KindRules, Places, RateLimit


class Limits(Protocol):
    """Held by coordinators, handlers and operators: how many jobs run at once, and how often things are done."""

    def declare(self, kinds: Sequence[KindRules], rate_limits: Sequence[RateLimit] = ()) -> None:
        """Note what an application declares; put what is enqueued already under limits that are new.

        A rate limit that says what it said before changes nothing: an operator may have changed it since.
        """

    def rules(self) -> list[KindRules]:
        """Return what is declared of each kind, by name."""

    def sweep(self, limit: int) -> int:
        """Note that places are to be given out where jobs wait although nobody has one; return how many were noted.

        For what nothing else has noted: an operator's transaction, say, that had jobs locked and was rolled back.
        """

    def places(self, most: int) -> list[Places]:
        """Return how the places of each kind with limits are given out; jobs that wait are counted up to ``most``."""

    def admit(self, limit: int) -> Admitted:
        """Give out places for at most ``limit`` keys, and to jobs whose kinds have got tokens."""

    def acquire(self, scopes: Sequence[str], cost: float) -> Granted:
        """Take ``cost`` tokens of every rate limit, or of none.

        Raises InvalidValue for one that is not there, or that cannot hold so many. A scope such as "slack:7" is made at
        its first use, with the settings of "slack".
        """

    def drain(self, scope: str, wait: int) -> bool:
        """Empty a rate limit, to be refilled from ``wait`` microseconds on; False where it is not there."""

    def rate_limits(self) -> list[Bucket]:
        """Return all rate limits as they stand, by scope."""

    def restore(self, kinds: Sequence[KindRules], rate_limits: Sequence[Bucket]) -> None:
        """Store what another database had, inside of ``Archive.locked``."""

    def set_rate_limit(self, limit: RateLimit) -> None:
        """Create or change a rate limit; what is in it stays, as far as it fits."""

    def remove_rate_limit(self, scope: str) -> bool:
        """Remove a rate limit and the scopes that have its settings; False where it is not there."""

    def prune_rate_limits(self, unused_since: int, limit: int) -> int:
        """Remove at most ``limit`` scopes that were made by their use, are full and were not used since an instant."""
