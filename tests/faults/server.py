"""A PostgreSQL server that does not last: restarted, crashed, killed, full, cut off, or replaced by its standby.

What it acknowledges is on two machines, as far as servers on one are: it waits for a synchronous standby.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from forge_jobs.errors import DatabaseError
from tests.support.postgres import Server, having
from tests.support.until import until


class Fault(StrEnum):
    """What becomes of the server."""

    RESTARTED = "restarted in good order"
    CRASHED = "crashed"
    KILLED = "killed with all its processes"
    SOME_ENDED = "some sessions ended"
    ALL_ENDED = "all sessions ended"
    FULL = "no connection left for seconds"
    WAITING = "standby killed, commits wait for seconds"
    REPLACED = "killed and replaced by its standby"


ODDS = {
    Fault.RESTARTED: 10, Fault.CRASHED: 15, Fault.KILLED: 20, Fault.SOME_ENDED: 25, Fault.ALL_ENDED: 10,
    Fault.FULL: 8, Fault.WAITING: 8, Fault.REPLACED: 15,
}  # fmt: skip
"""How often each comes, once there was one of each."""

EVERY = (0.5, 8.0)
"""Seconds from the end of one fault to the next."""

AT_FIRST = (0.2, 2.0)
"""The same until there was one of each: a short run has all of them."""

AWAY = (0.0, 3.0)
"""Seconds for which a server is not there, beside the time that its start takes."""

TAKEN = (0.5, 6.0)
"""Seconds without a connection. A worker waits for four, and a host that was silent for five is taken for dead."""

SETTINGS = {
    "max_connections": 80,
    "synchronous_standby_names": "walreceiver",
    "wal_retrieve_retry_interval": "200ms",
    "wal_keep_size": "512MB",  # the standby may be away for as long as this lasts
}
"""Of the primary and of the standby, which may be the primary a moment later. A standby calls itself walreceiver."""

PATIENCE = 60.0
T = TypeVar("T")

OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'forge-jobs'"


class Pair:
    """A primary and its synchronous standby, each a server of its own. ``hits`` counts what became of them.

    Clients go by one URL, which names the places of both: whoever is the primary then is found.
    """

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self._enough = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self._places = Path(tempfile.mkdtemp(prefix="fj-pair-"))
        self.primary = Server(durable=True, settings=SETTINGS)
        self.standby = Server(durable=True, settings=SETTINGS, of=self.primary)
        self._place_of = {self.primary: self._places / "a", self.standby: self._places / "b"}
        for server, place in self._place_of.items():
            place.symlink_to(server.directory)
        places = ",".join(str(place) for place in self._place_of.values())
        self.url = having(f"postgresql://forge@/postgres?host={places}", target_session_attrs="read-write")

    def lie(self, seed: str) -> None:
        """Let something happen now and then from now on."""
        self._thread = threading.Thread(target=self._lie, args=[random.Random(f"{seed}/server")], daemon=True)
        self._thread.start()

    @property
    def has_done_all(self) -> bool:
        """Whether there was one of each."""
        return self._failed is not None or self.hits.keys() >= set(Fault)

    def calm(self) -> None:
        """Let nothing happen any more; both are there then."""
        self._enough.set()
        if self._thread is not None:
            self._thread.join()
        if self._failed is not None:
            raise self._failed
        self._in_step()

    def close(self) -> None:
        """Stop both and remove them."""
        self._enough.set()
        if self._thread is not None:
            self._thread.join()
        for server in (self.primary, self.standby):
            server.kill()
            server.close()
        shutil.rmtree(self._places)

    def _lie(self, chance: random.Random) -> None:
        try:
            for fault in _drawn(chance):
                if self._enough.wait(chance.uniform(*(EVERY if self.has_done_all else AT_FIRST))):
                    return
                self._happens(fault, chance)
                self.hits[fault] += 1
        except BaseException as error:  # told by whoever calms it
            self._failed = error

    def _happens(self, fault: Fault, chance: random.Random) -> None:
        away = chance.uniform(*AWAY)
        match fault:
            case Fault.SOME_ENDED | Fault.ALL_ENDED:
                self._end_sessions(chance if fault is Fault.SOME_ENDED else None)
            case Fault.FULL:
                self._take_all_connections(chance.uniform(*TAKEN))
            case Fault.WAITING:
                self.standby.kill()
                self._enough.wait(away)
                self.standby.start()
            case Fault.REPLACED:
                self._replace(away)
            case _:
                down = {Fault.RESTARTED: Server.stop, Fault.CRASHED: Server.crash, Fault.KILLED: Server.kill}
                down[fault](self.primary)
                self._enough.wait(away)
                self.primary.start()

    def _end_sessions(self, chance: random.Random | None) -> None:
        with self._operator() as operator:
            pids = [pid for (pid,) in operator.execute(OURS).fetchall()]
            some = pids if chance is None else [pid for pid in pids if chance.random() < 0.4]
            operator.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (some,))

    def _take_all_connections(self, seconds: float) -> None:
        """End all sessions and take their places, and each one that becomes free meanwhile."""
        over = threading.Event()
        timer = threading.Timer(seconds, over.set)
        with self._operator() as operator, contextlib.ExitStack() as stack:
            timer.start()
            operator.execute(f"SELECT pg_terminate_backend(pid) FROM ({OURS}) AS ours")
            while not over.wait(0.01):
                with contextlib.suppress(psycopg.OperationalError):
                    while True:
                        stack.enter_context(contextlib.closing(psycopg.connect(self.primary.url)))

    def _replace(self, away: float) -> None:
        """Kill the primary, promote its standby, and make a new one of it.

        Only a standby that is in step may be promoted: what a primary commits while it has none, it does not
        acknowledge, but after a crash it shows it, and so it does when it ends a session that waits for one.
        """
        self._in_step()
        dead, self.primary = self.primary, self.standby
        dead.kill()
        self._enough.wait(away)
        self.primary.promote()
        place = self._place_of.pop(dead)
        dead.close()
        self.standby = Server(durable=True, settings=SETTINGS, of=self.primary)
        self._place_of[self.standby] = place
        new = place.with_suffix(".new")
        new.symlink_to(self.standby.directory)
        new.replace(place)

    def _in_step(self) -> None:
        """Wait until the standby has everything that can be seen on the primary now."""
        with self._operator() as operator:
            ((there,),) = operator.execute("SELECT pg_current_wal_insert_lsn()::text").fetchall()
            wanted = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= %s::pg_lsn"
            until(lambda: operator.execute(wanted, (there,)).fetchall(), within=PATIENCE, told="the standby in step")

    @contextlib.contextmanager
    def _operator(self) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection to the primary, as soon as there is one to be had."""
        with until(self._connected, within=PATIENCE, told="a connection") as connection:
            yield connection

    def _connected(self) -> psycopg.Connection[Any] | None:
        with contextlib.suppress(psycopg.OperationalError):
            return psycopg.connect(self.primary.url, autocommit=True)
        return None


def _drawn(chance: random.Random) -> Iterator[Fault]:
    """Give one of each, in any order, then others by their odds."""
    yield from chance.sample(list(Fault), len(Fault))
    for _ in itertools.count():
        yield from chance.choices(list(ODDS), list(ODDS.values()))


def patiently(asked: Callable[[], T]) -> T:
    """Ask the database until it answers; it may be away for as long as its server is."""
    answers: list[T] = []

    def answered() -> bool:
        with contextlib.suppress(DatabaseError):
            answers.append(asked())
        return bool(answers)

    until(answered, within=PATIENCE, told="the database to answer")
    return answers[0]
