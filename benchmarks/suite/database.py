"""A database of forge-jobs, looked into past the queue: what its rows say of times, and rows that are in the way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Protocol

import apsw
import psycopg

from benchmarks.peers.base import Arena, expect
from benchmarks.peers.ours import ForgeArena

Crowd = Literal["finished", "scheduled", "pending"]
"""Jobs that are done, that are due in a month, or that are ready but behind all others."""

URGENCY = 0
"""The priority of the jobs that are measured, the default."""

_BEHIND = 10
_STATUS: dict[Crowd, str] = {"finished": "done", "scheduled": "pending", "pending": "pending"}
_SQLITE = """
WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows),
     clock(now) AS (SELECT CAST(unixepoch('subsec') * 1000000 AS INTEGER))
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, attempts, max_attempts, payload,
                 result, process_id, claim_no, started_at, finished_at)
SELECT unhex(printf('%012x7%03x8%015x', (now - 20 * 86400000000) / 1000 + n / 1000, n % 4096, n)),
       'default', 'nothing', :status, :gate, :priority,
       now + iif(:gate = 1, 30, -20) * 86400000000 + n, now - 20 * 86400000000 + n, :ended, 5,
       '{}', iif(:ended, 'null', NULL), iif(:ended, 1, NULL), iif(:ended, n, NULL),
       iif(:ended, now - 3 * 86400000000 + n, NULL), iif(:ended, now - 3 * 86400000000 + n + 100, NULL)
FROM number, clock
"""
_POSTGRES = """
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, attempts, max_attempts, payload,
                 result, process_id, claim_no, started_at, finished_at)
SELECT (lpad(to_hex((1000 * extract(epoch FROM now() - interval '20 days'))::bigint + n / 1000), 12, '0')
        || '7' || lpad(to_hex(n %% 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid,
       'default', 'nothing', %(status)s, %(gate)s::smallint, %(priority)s,
       now() + interval '1 day' * CASE WHEN %(gate)s::smallint = 1 THEN 30 ELSE -20 END + n * interval '1 us',
       now() - interval '20 days' + n * interval '1 us', %(ended)s::integer, 5,
       '{}', CASE WHEN %(ended)s::integer = 1 THEN 'null'::json END, CASE WHEN %(ended)s::integer = 1 THEN 1 END,
       CASE WHEN %(ended)s::integer = 1 THEN n END,
       CASE WHEN %(ended)s::integer = 1 THEN now() - interval '3 days' + n * interval '1 us' END,
       CASE WHEN %(ended)s::integer = 1 THEN now() - interval '3 days' + (n + 100) * interval '1 us' END
FROM generate_series(1, %(rows)s) AS n
"""


def connect(url: str) -> Any:
    """Return a connection to a database of forge-jobs, in autocommit mode; what it asks a server does not log."""
    if not url.startswith("sqlite:"):
        return psycopg.connect(url, autocommit=True, options="-c search_path=forge_jobs -c log_statement=none")
    connection = apsw.Connection(url.removeprefix("sqlite:///"), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(10_000)
    return connection


class Drained(NamedTuple):
    """Of the measured jobs: how many are done, and the seconds from the first one's start to the last one's end."""

    jobs: int
    seconds: float

    @property
    def rate(self) -> float:
        """Jobs per second."""
        return self.jobs / self.seconds


class Database(Protocol):
    """The database of one arena."""

    def rows(self, sql: str) -> list[Any]:
        """Return the rows of a statement."""

    def drained(self, after: int) -> Drained:
        """Return what the rows say of the measured jobs that arrived after that one."""

    def fill(self, crowd: Crowd, rows: int) -> None:
        """Store rows by one statement, and do what a database that has had them for long has done by itself."""


class _Sqlite:
    def __init__(self, url: str) -> None:
        self._connection = connect(url)

    def rows(self, sql: str) -> list[Any]:
        return list(self._connection.execute(sql).fetchall())

    def drained(self, after: int) -> Drained:
        return _drained(self, after, "(max(finished_at) - min(started_at)) / 1e6")

    def fill(self, crowd: Crowd, rows: int) -> None:
        with self._connection:
            self._connection.execute(_SQLITE, _values(crowd, rows))
            _count(self, crowd, rows)
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, url: str) -> None:
        self._connection = connect(url)

    def rows(self, sql: str) -> list[Any]:
        cursor = self._connection.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []

    def drained(self, after: int) -> Drained:
        return _drained(self, after, "extract(epoch FROM max(finished_at) - min(started_at))::float8")

    def fill(self, crowd: Crowd, rows: int) -> None:
        with self._connection.transaction():
            self._connection.execute(_POSTGRES, _values(crowd, rows))
            _count(self, crowd, rows)
        self._connection.execute("VACUUM (ANALYZE) job")

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def looked_into(arena: Arena) -> Iterator[Database]:
    """Open the database of an arena of ours beside it, for the block."""
    with contextlib.closing(_opened(url_of(arena))) as database:
        yield database


def url_of(arena: Arena) -> str:
    """Return the URL of the database of an arena of ours."""
    assert isinstance(arena, ForgeArena)
    return arena.url


def _opened(url: str) -> _Sqlite | _Postgres:
    return _Sqlite(url) if url.startswith("sqlite:") else _Postgres(url)


def newest(database: Database) -> int:
    """Return the number of the job that arrived last; 0 if there is none."""
    ((newest,),) = database.rows("SELECT coalesce(max(seq), 0) FROM job")
    return int(newest)


def waiting(database: Database) -> int:
    """Return how many of the measured jobs have not been recorded yet: in line, or with a worker. Reads two indexes."""
    ((ready, running),) = database.rows(
        f"SELECT (SELECT count(*) FROM job WHERE gate = 0 AND queue = 'default' AND priority = {URGENCY}),"  # noqa: S608 - a constant
        f" (SELECT count(*) FROM job WHERE status = 'in_progress' AND priority = {URGENCY}"
        "   AND process_id IN (SELECT process_id FROM process))"
    )
    return int(ready + running)


def check_once_among(database: Database, jobs: int) -> None:
    """Raise NotOnce unless so many measured jobs are there and each was recorded once, as all others that ended."""
    ((rows, ids, done, attempts),) = database.rows(
        "SELECT count(*), count(DISTINCT id), count(CASE WHEN status = 'done' THEN 1 END), sum(attempts)"  # noqa: S608 - a constant
        f" FROM job WHERE priority = {URGENCY}"
    )
    ((others, recorded),) = database.rows(
        f"SELECT (SELECT count(*) FROM job WHERE status = 'done' AND priority <> {URGENCY}),"  # noqa: S608 - a constant
        " (SELECT coalesce(sum(change), 0) FROM tally WHERE outcome = 'done')"
    )
    expect(jobs, rows=rows, ids=ids, done=done, attempts=int(attempts or 0), recorded=int(recorded) - others)


def _drained(database: Database, after: int, seconds: str) -> Drained:
    ((jobs, taken),) = database.rows(
        f"SELECT count(*), {seconds} FROM job WHERE seq > {after:d} AND priority = {URGENCY} AND status = 'done'"  # noqa: S608 - constants
    )
    return Drained(int(jobs), float(taken))


def _values(crowd: Crowd, rows: int) -> dict[str, Any]:
    ended = crowd == "finished"
    gate = None if ended else int(crowd == "scheduled")
    return {"rows": rows, "status": _STATUS[crowd], "gate": gate, "priority": _BEHIND, "ended": int(ended)}


def _count(database: Database, crowd: Crowd, rows: int) -> None:
    if crowd == "finished":
        database.rows(f"INSERT INTO tally (queue, outcome, change) VALUES ('default', 'done', {rows:d})")  # noqa: S608 - a number
