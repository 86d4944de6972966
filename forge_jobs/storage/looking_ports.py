"""The ports of those who only look: nothing here changes anything. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from forge_jobs.model.checks import Check
from forge_jobs.model.happenings import Sighting
from forge_jobs.model.states import Status
from forge_jobs.model.why import Facts


class Inspection(Protocol):
    """Held by clients: one job's situation."""

    def facts(self, job_id: str) -> Facts | None:
        """Return what is known of a job's situation, in one snapshot, or None."""


class Checkup(Protocol):
    """Held by ``forge-jobs doctor``: the database's own health."""

    def checks(self, *, deep: bool) -> Iterator[Check]:
        """Give what was found, one after the other; ``deep`` takes as long as the database is large.

        The database is there, and its schema is current.
        """

    def broken(self, rule: str, limit: int) -> list[tuple[str | None, str]]:
        """Return at most ``limit`` rows that break a rule of ``verifying``: the job's id, if it is one, and how."""


class News(Protocol):
    """Held by those who follow what happens. Every question reads a bounded number of rows, by an index."""

    def newest(self) -> int:
        """Return the key of the job that was stored last, 0 where there is none."""

    def key_at(self, moment: int) -> int:
        """Return a key after which stand the jobs whose ids are of an instant or later."""

    def enqueued(self, after: int, limit: int) -> list[Sighting]:
        """Return the jobs stored after a key, in order."""

    def running(self, limit: int) -> list[Sighting]:
        """Return the jobs that are claimed."""

    def retrying(self, since: int, limit: int) -> list[Sighting]:
        """Return those that failed among the ``limit`` jobs that are due next after an instant."""

    def finished(self, status: Status, queue: str, since: int, limit: int) -> list[Sighting]:
        """Return the jobs of a queue that are done, or dead, since an instant, in order."""

    def queues(self) -> list[str]:
        """Return the queues in which jobs have ended."""
