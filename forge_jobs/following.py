"""Following what happens to jobs, by looking now and then: nobody has to tell, so it costs the farm nothing.

What comes and goes between two looks is told by its end alone: a short job by "done", without "started".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.happenings import Happening, Sighting
from forge_jobs.model.states import Status

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

PAGE = 1000
"""How many rows one question reads."""

RUNNING = 10_000
KEYS_BACK = 1000
TIME_BACK = 3 * MICROSECONDS
"""How far is looked back, in keys and in time: what was begun earlier may be committed later."""

_FINISHED = (Status.DONE, Status.DEAD)
_ALL = frozenset(Status)

Key = tuple[object, ...]


class Follower:
    """Remembers what it has told. ``since`` is the instant from which on things are told; by default, now."""

    def __init__(
        self,
        storage: Storage,
        *,
        since: int | None = None,
        queue: str | None = None,
        kind: str | None = None,
        statuses: Collection[Status] = _ALL,
    ) -> None:
        self._news = storage.news
        self._clock = storage.clock
        self._since = self._clock.now() if since is None else since
        self._queue = queue
        self._kind = kind
        self._statuses = frozenset(statuses) or _ALL
        self._key = self._news.newest() if since is None else self._news.key_at(since)
        self._unsaid: list[Happening] = []  # what was seen before the database went away in the middle of a look
        self._told_stored: dict[str, int] = {}
        self._before = self._key
        self._told_claims: set[Key] = set()
        self._told_failures: set[Key] = set()
        self._ended: dict[tuple[str, Status], _Ends] = {}

    def look(self) -> tuple[list[Happening], bool]:
        """Return what has happened since the last look, in order, and whether there is more at once.

        Raises DatabaseError; what was not told then is told later.
        """
        found = self._unsaid
        more = False
        if Status.PENDING in self._statuses:
            more |= self._look_for_new(found)
        if Status.IN_PROGRESS in self._statuses:
            self._look_for_started(found)
        if Status.FAILED in self._statuses:
            self._look_for_failed(found)
        for status in _FINISHED:
            if status in self._statuses:
                more |= self._look_for_ended(found, status)
        self._unsaid = []
        return sorted((h for h in found if self._is_meant(h.job)), key=lambda h: h.at), more

    def _is_meant(self, job: Sighting) -> bool:
        return self._queue in (None, job.queue) and self._kind in (None, job.kind)

    def _look_for_new(self, found: list[Happening]) -> bool:
        newest = self._news.newest()
        if newest < self._key:  # the last ones were removed, and their keys are given again
            self._key = newest
        after = max(self._key - KEYS_BACK, min(self._before, self._key))
        seen = self._news.enqueued(after, PAGE + KEYS_BACK)
        found += [Happening(status=Status.PENDING, job=job) for job in seen if job.id not in self._told_stored]
        self._told_stored |= {job.id: job.seq for job in seen}
        if seen:
            self._key = max(self._key, seen[-1].seq)
        oldest = self._key - KEYS_BACK
        self._told_stored = {job_id: key for job_id, key in self._told_stored.items() if key > oldest}
        return len(seen) == PAGE + KEYS_BACK

    def _look_for_started(self, found: list[Happening]) -> None:
        seen = {(job.id, *job.claim): job for job in self._news.running(RUNNING)}
        for key, job in seen.items():
            if key not in self._told_claims and job.at >= self._since:
                found.append(Happening(status=Status.IN_PROGRESS, job=job))
        self._told_claims = set(seen)

    def _look_for_failed(self, found: list[Happening]) -> None:
        seen = {}
        for job in self._news.retrying(self._clock.now(), PAGE):
            if job.error is not None and job.error.at >= self._since:
                seen[job.id, job.attempt, job.error.at] = Happening(status=Status.FAILED, job=job)
        found += [happening for key, happening in seen.items() if key not in self._told_failures]
        self._told_failures = {*seen, *(self._told_failures if len(self._told_failures) < RUNNING else ())}

    def _look_for_ended(self, found: list[Happening], status: Status) -> bool:
        more = False
        for queue in self._news.queues() if self._queue is None else [self._queue]:
            ends = self._ended.setdefault((queue, status), _Ends(self._since))
            seen = self._news.finished(status, queue, ends.from_, PAGE)
            found += [Happening(status=status, job=job) for job in ends.new(seen)]
            more |= len(seen) == PAGE
        return more


class _Ends:
    """How far the ends of one queue have been told, in order of time, and what of them may be seen once more."""

    def __init__(self, since: int) -> None:
        self._since = since
        self.from_ = since
        self._told: dict[Key, int] = {}

    def new(self, seen: list[Sighting]) -> Iterator[Sighting]:
        """Give those that have not been told, and go on behind them; but stay a little behind the last."""
        fresh = [job for job in seen if (job.id, job.at) not in self._told]
        self._told |= {(job.id, job.at): job.at for job in seen}
        if len(seen) == PAGE:  # there is more: to stay behind would be to see these again and again
            self.from_ = seen[-1].at + (not fresh)
        elif seen:
            self.from_ = max(self._since, seen[-1].at - TIME_BACK)
        self._told = {key: at for key, at in self._told.items() if at >= self.from_}
        return iter(fresh)
