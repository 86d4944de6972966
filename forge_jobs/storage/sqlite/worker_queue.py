"""The WorkerQueue port: the heart of speed. One write transaction hands in what has ended and claims what is next."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import apsw

from forge_jobs.errors import ClaimLost
from forge_jobs.model.queue import QUIET, QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage.choosing import limited_kinds
from forge_jobs.storage.claims import Claim, Ended, Exchanged, Want, given_back
from forge_jobs.storage.observing import Observations
from forge_jobs.storage.passing import callers_block, passing
from forge_jobs.storage.sqlite.claiming import claim
from forge_jobs.storage.sqlite.database import Database
from forge_jobs.storage.sqlite.doorbell import Bells
from forge_jobs.storage.sqlite.errors import Damaged
from forge_jobs.storage.sqlite.hand_in import NotAllOurs, hand_in, hand_in_plain, hand_in_seen, is_plain, is_running
from forge_jobs.storage.sqlite.metrics import add_observed
from forge_jobs.storage.sqlite.quarantine import quarantine
from forge_jobs.storage.sqlite.rows import claim_of, settings_of


class SqliteWorkerQueue:
    """Claims and hand-ins."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells

    def exchange(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Hand in what has ended and claim what is next; None if the process is not registered any more."""
        try:
            return self._exchange(process_id, ended, want, at_once=True)
        except NotAllOurs:
            return self._exchange(process_id, ended, want, at_once=False)
        except Damaged:
            if not quarantine(self._database):
                raise
            return self._exchange(process_id, ended, want, at_once=False)

    def _exchange(
        self, process_id: int, ended: Sequence[Ended], want: Want | None, *, at_once: bool
    ) -> Exchanged | None:
        with self._database.writing() as connection:
            registered = self._database.run(connection, "registered", (process_id,))
            if not registered:
                return None
            limited = limited_kinds(self._database, connection)
            seen = Observations()
            plain = [end for end in ended if is_plain(end, limited)] if at_once else []
            others = [end for end in ended if not is_plain(end, limited)] if at_once else ended
            hand_in_plain(connection, plain, registered[0][0], seen)
            handed_in = hand_in_seen(self._database, connection, others, registered[0][0], seen)
            queue = want.queue if want else (ended[0].queue if ended else "")
            settings = self._settings(connection, queue)
            if settings.throttles and any(end.status is Status.DONE for end in ended):
                self._database.run(connection, "warm_up", (queue, self._database.clock.now() - QUIET))
            claims: list[Claim] = []
            if want and self._may_claim(connection, process_id, settings):
                claims = claim(self._database, connection, process_id, want, limited)
            seen.claimed(claims)
            add_observed(connection, self._database.clock.now(), seen)
        self._ring(ended, handed_in.ready, claims)
        return Exchanged(claims=claims, refused=handed_in.refused, settings=settings)

    def _ring(self, ended: Sequence[Ended], ready: Counter[str], claims: Sequence[Claim]) -> None:
        """Let it be known when jobs are due again, and that others have got places of limits."""
        for end in ended:
            if end.scheduled_at is not None:
                self._bells.ring(end.queue, 0, end.scheduled_at)
        if ready:
            ready.subtract(one.queue for one in claims if one.limit_key is not None)
            for queue, jobs in ready.items():
                if jobs > 0:
                    self._bells.ring(queue, jobs, None)

    @contextlib.contextmanager
    def completing(self, end: Callable[[], Ended]) -> Iterator[apsw.Connection]:
        """Give a connection for the caller's own statements, in a transaction that then records ``end()`` too."""
        with passing(), self._database.writing() as connection:
            with callers_block():
                yield connection
                ended = end()
            registered = self._database.run(connection, "registered", (ended.process_id,))
            if not registered or not is_running(self._database, connection, ended):
                raise ClaimLost(ended.id)
            handed_in = hand_in(self._database, connection, [ended], registered[0][0])
            self._database.run(connection, "warm_up", (ended.queue, ended.finished_at - QUIET))
        self._ring([], handed_in.ready, [])

    def give_back_unknown(self, process_id: int, known: Sequence[int]) -> int:
        """Give back, attempt too, every claim of the process whose number is not in ``known``; return how many."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            held = map(claim_of, self._database.run(connection, "claims_of", (process_id,)))
            strays = [given_back(claim, process_id, now) for claim in held if claim.claim_no not in known]
            handed_in = hand_in(self._database, connection, strays, None)
        self._ring([], handed_in.ready, [])
        return len(strays)

    def _settings(self, connection: apsw.Connection, queue: str) -> QueueSettings:
        row = self._database.run(connection, "queue_settings", (queue,))
        return settings_of(row[0]) if row else QueueSettings(name=queue)

    def _may_claim(self, connection: apsw.Connection, process_id: int, settings: QueueSettings) -> bool:
        """Return whether the queue gives out jobs, and its cap lets one more process run them."""
        if settings.paused or settings.cools_at(self._database.clock.now()):
            return False
        if settings.max_workers is None:
            return True
        ((others,),) = self._database.run(connection, "count_claimants", (settings.name, process_id))
        return bool(others < settings.max_workers)
