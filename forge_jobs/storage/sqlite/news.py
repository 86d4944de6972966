"""The News port: what has happened, by indexes only, a bounded number of rows at a look."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import apsw

from forge_jobs.errors import DatabaseUnusable
from forge_jobs.ids import first_id_at
from forge_jobs.model.happenings import Sighting
from forge_jobs.model.states import Status
from forge_jobs.storage.reading import error_of, record
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.rows import blob, text


class SqliteNews:
    """Each question is one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextlib.contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        """Give the connection; raise DatabaseUnusable where the file was removed: to open it would be to create it."""
        if not self._database.path.exists():
            raise DatabaseUnusable(f"database {self._database.path} is not there any more")
        with self._database.reading() as connection:
            yield connection

    def newest(self) -> int:
        """Return the key of the job that was stored last, 0 where there is none."""
        with self._reading() as connection:
            return int(self._database.run(connection, "newest_seq")[0][0])

    def key_at(self, moment: int) -> int:
        """Return a key after which stand the jobs whose ids are of an instant or later."""
        with self._reading() as connection:
            rows = self._database.run(connection, "seq_since", (blob(first_id_at(moment)),))
        return int(rows[0][0]) - 1 if rows else self.newest()

    def enqueued(self, after: int, limit: int) -> list[Sighting]:
        """Return the jobs stored after a key, in order."""
        return self._seen("seen_enqueued", (after, limit))

    def running(self, limit: int) -> list[Sighting]:
        """Return the jobs that are claimed."""
        return self._seen("seen_running", (limit,))

    def retrying(self, since: int, limit: int) -> list[Sighting]:
        """Return those that failed among the jobs that are due next after an instant."""
        return self._seen("seen_retrying", (since, limit))

    def finished(self, status: Status, queue: str, since: int, limit: int) -> list[Sighting]:
        """Return the jobs of a queue that are done, or dead, since an instant, in order."""
        return self._seen("seen_done" if status is Status.DONE else "seen_dead", (queue, since, limit))

    def queues(self) -> list[str]:
        """Return the queues in which jobs have ended."""
        with self._reading() as connection:
            return sorted({row[0] for row in self._database.run(connection, "count_ended")})

    def _seen(self, name: str, values: tuple[Any, ...]) -> list[Sighting]:
        with self._reading() as connection:
            return [_sighting(row) for row in self._database.run(connection, name, values)]


def _sighting(row: Any) -> Sighting:
    return record(
        Sighting,
        seq=row[0],
        id=text(row[1]),
        kind=row[2],
        queue=row[3],
        attempt=row[4],
        at=row[5],
        started_at=row[6],
        next_at=row[7],
        claim=(row[8], row[9]),
        error=None if row[10] is None else error_of(row[10]),
    )
