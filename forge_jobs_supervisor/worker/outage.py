"""Whether the database is away: what is told of that, and how long to wait before the next try."""

from __future__ import annotations

import logging

from forge_jobs.errors import DatabaseError

_log = logging.getLogger(__name__)
_RETRY_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds at most before the next try, and half of that at least."""


class Outage:
    """Counts the exchanges that have failed since one succeeded; that something else was answered ends no outage."""

    def __init__(self) -> None:
        self.failures = 0

    def goes_on(self, error: DatabaseError, process_id: int) -> float:
        """Take one more failure, tell of the first, and return how many seconds to wait."""
        if not self.failures:
            _log.error("%s; trying again until it answers", error, extra={"event": "database.away"})
        longest = _RETRY_PAUSES[min(self.failures, len(_RETRY_PAUSES) - 1)]
        self.failures += 1
        return longest * (0.5 + process_id % 1024 / 2048)  # process ids are random: not all come at once

    def is_over(self) -> None:
        """Tell that an exchange has succeeded, if any had failed."""
        if self.failures:
            _log.info("the database is back", extra={"event": "database.back"})
        self.failures = 0
