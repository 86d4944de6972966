"""Who is alive: whoever has given a sign of life lately, by the server's clock."""

from __future__ import annotations

from typing import NamedTuple

from forge_jobs.clock import MICROSECONDS, Clock

STALE_AFTER = 60.0
"""Seconds without a beat after which a host is taken for dead."""

SHORTEST_STALE = 5.0

BEATS_WATCHED = 3
"""Looks, at different times, at which the same old beat must have been seen before a host is declared dead."""

WATCHED_FOR = 6 * MICROSECONDS
"""From the first of them to the last: the time of three beats."""


class _Watched(NamedTuple):
    beat_no: int
    looks: int
    first_look: int
    last_look: int


class Liveness:
    """Judges hosts by their beats. Remembers what it has seen, so that an outage or a clock's step kills nobody."""

    def __init__(self, clock: Clock, stale_after: float = STALE_AFTER) -> None:
        self._clock = clock
        self._stale_after = stale_after
        self._watched: dict[str, _Watched] = {}

    def is_alive(self, host_id: str, beat_at: int, beat_no: int, *, dead: bool, patient: bool) -> bool:
        """Return whether a host is to be taken for alive.

        ``patient``, for those who act on it: a host is not dead before the same old beat was seen several times. After
        an outage of the database everybody looks late at first.
        """
        now = self._clock.now()
        if dead:
            return False
        if now - beat_at <= self._stale_after * MICROSECONDS:
            self._watched.pop(host_id, None)
            return True
        if not patient:
            return False
        seen = self._watched.get(host_id)
        if seen is None or seen.beat_no != beat_no:
            seen = self._watched[host_id] = _Watched(beat_no, 1, now, now)
        elif now - seen.last_look >= MICROSECONDS:
            seen = self._watched[host_id] = seen._replace(looks=seen.looks + 1, last_look=now)
        return seen.looks < BEATS_WATCHED or now - seen.first_look < WATCHED_FOR
