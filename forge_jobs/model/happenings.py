"""What happens to jobs, as one sees it who looks at the rows now and then."""

from __future__ import annotations

import msgspec

from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Status

NAMES = {
    Status.PENDING: "enqueued",
    Status.IN_PROGRESS: "started",
    Status.DONE: "done",
    Status.FAILED: "failed",
    Status.DEAD: "dead",
}
"""How it is called that a job came to this status."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was seen in one status. ``at`` is when it came to it, ``next_at`` when it is due again."""

    seq: int
    id: str
    kind: str
    queue: str
    attempt: int
    at: int
    started_at: int | None = None
    next_at: int | None = None
    claim: tuple[int | None, int | None] = (None, None)
    error: ErrorEntry | None = None


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """A job came to a status, at an instant in microseconds since the epoch."""

    status: Status
    job: Sighting

    @property
    def name(self) -> str:
        """Enqueued, started, done, failed or dead."""
        return NAMES[self.status]

    @property
    def at(self) -> int:
        """When: of a failed attempt, when it failed."""
        error = self.job.error
        return error.at if self.status is Status.FAILED and error is not None else self.job.at
