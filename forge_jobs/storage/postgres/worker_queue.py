"""The WorkerQueue port: the heart of speed. One round trip hands in what has ended and claims what is next."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import psycopg

from forge_jobs.errors import ClaimLost
from forge_jobs.model.queue import QUIET, QueueSettings
from forge_jobs.model.states import Status
from forge_jobs.storage.claims import Claim, Ended, Exchanged, Want, given_back
from forge_jobs.storage.passing import callers_block, passing
from forge_jobs.storage.postgres.adapting import instant
from forge_jobs.storage.postgres.claiming import claim
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.doorbell import SOON, Bells
from forge_jobs.storage.postgres.errors import again
from forge_jobs.storage.postgres.hand_in import done_columns, hand_in, is_running, refused_of
from forge_jobs.storage.postgres.line import START, Claimed, Line, Place
from forge_jobs.storage.postgres.rows import claim_of, settings_of


class PostgresWorkerQueue:
    """Claims and hand-ins."""

    def __init__(self, database: Database, bells: Bells) -> None:
        self._database = database
        self._bells = bells
        self._line = Line()
        self._capped = False

    def exchange(self, process_id: int, ended: Sequence[Ended], want: Want | None) -> Exchanged | None:
        """Hand in what has ended and claim what is next; None if the process is not registered any more."""
        queue = want.queue if want else (ended[0].queue if ended else "")
        behind = self._line.behind()
        answer = self._answer(process_id, ended, queue, want, behind)
        if answer is None:
            return None
        self._capped = answer.capped
        if answer.settings.throttles and any(end.status is Status.DONE for end in ended):
            self._warm_up(queue)
        if want and answer.metered:
            claims = again(lambda: self._claim_in_turn(process_id, want))
            return Exchanged(claims=claims, refused=answer.refused, settings=answer.settings)
        if want and (self._line.learn(behind, answer.last) or (self._capped and not answer.in_turn)):
            anew = self.exchange(process_id, (), want)
            return None if anew is None else msgspec.structs.replace(anew, refused=answer.refused)
        return Exchanged(claims=answer.claims, refused=answer.refused, settings=answer.settings)

    def _answer(
        self, process_id: int, ended: Sequence[Ended], queue: str, want: Want | None, behind: Place | None
    ) -> _Answer | None:
        """Exchange in the way that takes least; None if the process is not registered any more."""
        now = self._database.clock.now()
        if want and want.rows == 1 and not ended and behind is None and not self._capped:
            answer = self._at_once("claim_one", (), queue, _one_values(process_id, want, now))
            if answer is None or not answer.metered:
                return answer
        asked = _claim_values(process_id, queue, want, now)
        if self._capped or any(_needs_steps(end, process_id) for end in ended):
            values = [*asked, *done_columns(()), *(behind or START)]
            return again(lambda: self._step_by_step(process_id, ended, queue, values))
        return self._at_once("exchange", ended, queue, [*asked, *done_columns(ended), *(behind or START), False])

    def _at_once(self, name: str, ended: Sequence[Ended], queue: str, values: Sequence[object]) -> _Answer | None:
        """Do all in one statement: nothing has to be known before it."""
        with self._database.single() as connection:
            header, claimed = self._exchanged(connection, name, values)
            if header[0] is None:
                return None
            refused = refused_of(self._database, connection, ended, header[1])
        return _Answer(queue, header, claimed, refused, in_turn=False)

    def _step_by_step(
        self, process_id: int, ended: Sequence[Ended], queue: str, values: Sequence[object]
    ) -> _Answer | None:
        """Do one after the other: what becomes of a failure depends on what the row says."""
        database = self._database
        with database.writing() as connection:
            registered = database.run(connection, "registered_shared", (process_id,))
            if not registered:
                return None
            in_turn = bool(database.run(connection, "queue_turn", (queue,)))  # queues are locked before kinds
            handed_in = hand_in(database, connection, ended, registered[0][0])
            header, claimed = self._exchanged(connection, "exchange", [*values, in_turn])
            handed_in.ready.subtract({queue: len(claimed)})  # some of them may have been others: then one waker more
            self._ring(connection, ended, handed_in.ready)
        return _Answer(queue, header, claimed, handed_in.refused, in_turn=in_turn)

    def _claim_in_turn(self, process_id: int, want: Want) -> Sequence[Claim]:
        """Claim where some of those in line take tokens: a job is looked at, then its tokens are taken."""
        database = self._database
        nothing = msgspec.structs.replace(want, kinds=())
        with database.writing() as connection:
            if not database.run(connection, "registered_shared", (process_id,)):
                return []
            in_turn = bool(database.run(connection, "queue_turn", (want.queue,)))
            values = [*_claim_values(process_id, want.queue, nothing, database.clock.now()), *done_columns(()), *START]
            header, _none = self._exchanged(connection, "exchange", [*values, in_turn])
            allowed = _Answer(want.queue, header, [], [], in_turn=in_turn).allowed
            return claim(database, connection, process_id, want) if allowed else []

    def _exchanged(
        self, connection: psycopg.Connection[Any], name: str, values: Sequence[object]
    ) -> tuple[list[Any], list[Any]]:
        """Return what ``exchange.sql``, or one like it, says of the process and the queue; and its claims."""
        first, *claimed = self._database.run(connection, name, values)
        return msgspec.json.decode(first[0]), claimed

    def _warm_up(self, queue: str) -> None:
        with self._database.single() as connection:
            self._database.run(connection, "warm_up", (queue, instant(self._database.clock.now() - QUIET)))

    def _ring(self, connection: psycopg.Connection[Any], ended: Sequence[Ended], ready: Counter[str]) -> None:
        """Let it be known when jobs are due again, and that others have got places of limits."""
        self._bells.ring_all(connection, ready)
        for end in ended:
            if end.scheduled_at is not None and end.scheduled_at < end.finished_at + SOON:
                self._bells.ring(connection, end.queue, 0, end.scheduled_at)

    @contextlib.contextmanager
    def completing(self, end: Callable[[], Ended]) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection for the caller's own statements, in a transaction that then records ``end()`` too."""
        database = self._database
        with passing(), database.lending() as lent:
            with callers_block():
                yield lent
                ended = end()
            ours = database.back(lent)
            registered = database.run(ours, "registered_shared", (ended.process_id,))
            if not registered or not is_running(database, ours, ended):
                raise ClaimLost(ended.id)
            handed_in = hand_in(database, ours, [ended], registered[0][0])
            if handed_in.refused:  # it was lost since
                raise ClaimLost(ended.id)
            database.run(ours, "warm_up", (ended.queue, instant(ended.finished_at - QUIET)))
            self._bells.ring_all(ours, handed_in.ready)

    def give_back_unknown(self, process_id: int, known: Sequence[int]) -> int:
        """Give back, attempt too, every claim of the process whose number is not in ``known``; return how many."""
        now = self._database.clock.now()
        with self._database.writing() as connection:
            held = map(claim_of, self._database.run(connection, "claims_of", (process_id,)))
            strays = [given_back(claim, process_id, now) for claim in held if claim.claim_no not in known]
            self._bells.ring_all(connection, hand_in(self._database, connection, strays, None).ready)
        return len(strays)


def _needs_steps(end: Ended, process_id: int) -> bool:
    """Whether recording an end takes more than one statement: what follows depends on what the rows say."""
    return end.status is not Status.DONE or end.limited or end.heard or end.process_id != process_id


class _Answer:
    """What ``exchange.sql`` says: about the process and the queue, then a row for each job that was claimed."""

    def __init__(self, queue: str, header: Any, claimed: list[Any], refused: list[int], *, in_turn: bool) -> None:
        self.settings = QueueSettings(name=queue) if header[4] is None else settings_of(header[4:18])
        claimed.sort(key=itemgetter(4))  # by claim number, so in the order of the line
        self.claims = [
            Claim(
                seq, job_id, kind, queue, claim_no, attempts, max_attempts, crashes, payload, 0, time_limit, expires_at,
                limit_key, throttles, trace,
            )
            for (
                _, seq, job_id, kind, claim_no, attempts, max_attempts, crashes, payload, time_limit, expires_at,
                limit_key, throttles, trace, *_place,
            ) in claimed
        ]  # fmt: skip
        self.last = None
        if claimed:
            _, seq, *_rest, priority, due, took = claimed[-1]
            self.last = Claimed(priority, due, seq, took)
        self.allowed, self.metered = bool(header[2]), bool(header[3])
        self.refused = refused
        self.in_turn = in_turn
        self.capped = header[11] is not None  # by what the statement read, whatever became of it since


def _claim_values(process_id: int, queue: str, want: Want | None, now: int) -> tuple[object, ...]:
    if want is None:
        return (process_id, queue, None, 0, 0.0, 0, instant(now), None, None, 0)
    ahead = want.rows > 1  # the first job is taken whatever it costs
    costs = (list(want.costs), [float(cost) for cost in want.costs.values()]) if ahead else (None, None)
    return (
        *(process_id, queue, list(want.kinds), want.rows, want.budget, want.size, instant(now), *costs),
        want.first_claim_no,
    )


def _one_values(process_id: int, want: Want, now: int) -> tuple[object, ...]:
    return (process_id, want.queue, list(want.kinds), instant(now), want.first_claim_no)
