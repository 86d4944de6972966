"""Why a job waits, or how each of its attempts ended: from facts to sentences, each with a way out.

A reason has a ``code`` that stays the same, for programs. What holds a job up stands before what merely delays it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.durations import span
from forge_jobs.model.dying import Attempt, attempts_of, way_out_of
from forge_jobs.model.job import JobRecord
from forge_jobs.model.limits import Limited
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import WAITING, Gate, Status

COUNTED_TO = 10_000
"""How many jobs before one in line are counted: to know that it takes long, more is of no use."""


class HostSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A registered supervisor."""

    label: str
    queues: Sequence[str]
    kinds: Sequence[str]
    alive: bool = True


class WorkerSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A worker, as its host's board showed it at the last beat; ``idle`` has nothing to do."""

    host: str
    queue: str
    number: int
    pid: int
    idle: bool = False
    job_id: str | None = None
    progress: str | None = None


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whose claim a running job is; ``alive`` is its host."""

    host: str
    number: int
    pid: int
    alive: bool
    progress: str | None = None
    runs_another: bool = False


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of a job's situation, read in one snapshot. ``settings`` is None for a queue nobody created.

    ``before`` counts the ready jobs that are before it in line, to one more than COUNTED_TO; ``holder`` is None where
    no worker is registered that could hold its claim. ``limited`` is what holds up a job that waits for a place.
    """

    job: JobRecord
    now: int
    settings: QueueSettings | None = None
    hosts: Sequence[HostSeen] = ()
    workers: Sequence[WorkerSeen] = ()
    before: int = 0
    holder: Holder | None = None
    limited: Limited | None = None

    @property
    def serving(self) -> list[HostSeen]:
        """The live hosts that serve the job's queue."""
        return [host for host in self.hosts if host.alive and self.job.queue in host.queues]


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know, and what to do about it, if anything can be done."""

    code: str
    told: str
    way_out: str | None = None


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: the reasons, the weightiest first, and how the attempts ended that ended badly, oldest first."""

    id: str
    kind: str
    queue: str
    status: Status
    reasons: Sequence[Reason]
    attempts: Sequence[Attempt]


def why(facts: Facts) -> Why:
    """Return why a job is where it is."""
    job = facts.job
    if job.status in WAITING:
        reasons = [reason for rule in WAITING_RULES for reason in rule(facts)]
    elif job.status is Status.IN_PROGRESS:
        reasons = list(_running(facts))
    else:
        reasons = list(_finished(facts))
    return Why(id=job.id, kind=job.kind, queue=job.queue, status=job.status, reasons=reasons, attempts=attempts_of(job))


Rule = Callable[[Facts], Iterator[Reason]]


def _expired(facts: Facts) -> Iterator[Reason]:
    expires_at = facts.job.expires_at
    if expires_at is None:
        return
    if expires_at <= facts.now:
        told = f"it expired {_ago(facts, expires_at)}: it is not started any more, and ends dead"
        yield Reason(code="expired", told=told, way_out="enqueue it again, or retry it once it is dead")
    else:
        yield Reason(code="expires", told=f"it expires in {_until(facts, expires_at)}, if it has not begun by then")


def _paused(facts: Facts) -> Iterator[Reason]:
    queue = facts.job.queue
    if facts.settings is not None and facts.settings.paused:
        yield Reason(code="paused", told=f"queue {queue} is paused", way_out=f"forge-jobs queue resume {queue}")


def _unserved(facts: Facts) -> Iterator[Reason]:
    job, serving = facts.job, facts.serving
    if not serving:
        yield Reason(
            code="no_worker",
            told=f"no live supervisor serves queue {job.queue}",
            way_out=f"forge-jobs supervise --queue {job.queue}=N, or forge-jobs move {job.id} --to QUEUE",
        )
    elif not any(job.kind in host.kinds for host in serving):
        names = ", ".join(host.label for host in serving)
        yield Reason(
            code="unknown_kind",
            told=f"no supervisor of queue {job.queue} ({names}) has a handler of kind {job.kind}",
            way_out="start or reload one whose application has it (SIGHUP); mind the spelling of the kind",
        )


def _capped(facts: Facts) -> Iterator[Reason]:
    queue = facts.job.queue
    if facts.settings is not None and facts.settings.max_workers == 0:
        way_out = f"forge-jobs queue set {queue} --max-workers N"
        yield Reason(code="no_share", told=f"max_workers of queue {queue} is 0: nobody runs its jobs", way_out=way_out)
    elif facts.serving and not _of_queue(facts):
        told = f"the supervisors of queue {queue} have no worker for it just now: they start, or their share is 0"
        yield Reason(code="no_share", told=told, way_out="forge-jobs workers, forge-jobs queues")


def _not_due(facts: Facts) -> Iterator[Reason]:
    job = facts.job
    if job.gate is not Gate.WAITING:
        return
    if job.scheduled_at <= facts.now:
        yield Reason(code="due", told=f"its time came {_ago(facts, job.scheduled_at)}: a supervisor makes it ready")
        return
    wait = _until(facts, job.scheduled_at)
    if job.status is Status.FAILED:
        told = f"attempt {job.attempts} of {job.max_attempts} failed; the next one is in {wait}"
        yield Reason(code="retry_due", told=told, way_out=f"forge-jobs run-now {job.id}")
    else:
        told = f"it is scheduled, and due in {wait}"
        if job.throttles:
            told = f"it was throttled {job.throttles} times, and tries again in {wait}"
        yield Reason(code="scheduled", told=told, way_out=f"forge-jobs run-now {job.id}")


def _cooling(facts: Facts) -> Iterator[Reason]:
    settings = facts.settings
    if settings is not None and settings.throttled_until is not None and settings.cools_at(facts.now):
        told = (
            f"queue {settings.name} cools down for {_until(facts, settings.throttled_until)}, since a job was throttled"
        )
        yield Reason(code="cooling", told=told, way_out=f"forge-jobs queue set {settings.name} --no-cool-down")


def _for_key(facts: Facts) -> Iterator[Reason]:
    job, limited = facts.job, facts.limited
    if job.gate is not Gate.FOR_KEY or limited is None:
        return
    most = limited.rules.max_running_per_key
    told = f"it waits for a place of its concurrency key {job.limit_key!r}: at most {most} of kind {job.kind} at once"
    yield Reason(code="for_key", told=f"{told}; {_held_by(limited, len(limited.holders))}")


def _for_kind(facts: Facts) -> Iterator[Reason]:
    job, limited = facts.job, facts.limited
    if job.gate is not Gate.FOR_KIND or limited is None:
        return
    rules, tokens = limited.rules, list(_for_tokens(facts, limited))
    yield from tokens
    if rules.max_running is not None and limited.taken >= rules.max_running:
        told = f"it waits for a place of its kind: at most {rules.max_running} of kind {job.kind} at once"
        yield Reason(code="for_kind", told=f"{told}; {_held_by(limited, limited.taken)}")
    elif not tokens:
        yield Reason(code="for_kind", told="it waits for a place of its kind, which a supervisor gives it now")


def _for_tokens(facts: Facts, limited: Limited) -> Iterator[Reason]:
    rules, found = limited.rules, {bucket.scope: bucket for bucket in limited.buckets}
    for scope in rules.rate_limits:
        bucket = found.get(scope)
        if bucket is None:
            way_out = f"forge-jobs limits set {scope} --capacity N --per-minute N"
            yield Reason(
                code="no_rate_limit", told=f"there is no rate limit {scope!r}, which its kind needs", way_out=way_out
            )
        elif rules.rate_cost > bucket.capacity:
            told = f"a start takes {rules.rate_cost:g} tokens of rate limit {scope!r}, which never holds more than"
            yield Reason(
                code="rate_limit", told=f"{told} {bucket.capacity:g}", way_out=f"forge-jobs limits set {scope} ..."
            )
        elif (wait := bucket.wait(rules.rate_cost, facts.now)) > 0:
            drained = "is drained" if bucket.refilled_at > facts.now else "has too few tokens"
            told = f"rate limit {scope!r} {drained} ({bucket.available(facts.now):.1f} of {rules.rate_cost:g})"
            refill = f"has enough in {span(wait)}" if bucket.refill > 0 else "is not refilled by itself"
            yield Reason(code="rate_limit", told=f"{told}; it {refill}", way_out="forge-jobs limits list")


def _held_by(limited: Limited, taken: int) -> str:
    if not limited.holders:
        return "nobody has one, and a supervisor gives it one now"
    more = f" and {taken - len(limited.holders)} more" if taken > len(limited.holders) else ""
    return f"those of {', '.join(limited.holders)}{more} are taken"


def _in_line(facts: Facts) -> Iterator[Reason]:
    job, workers = facts.job, _of_queue(facts)
    if job.gate is not Gate.READY:
        return
    line = f"more than {COUNTED_TO:,} jobs are" if facts.before > COUNTED_TO else f"{facts.before:,} jobs are"
    line = f"{'1 job is' if facts.before == 1 else 'no job is' if not facts.before else line} before it in line"
    if not workers:
        yield Reason(code="in_line", told=f"it is ready; {line}")
        return
    free = sum(worker.idle for worker in workers)
    busy = f"all {len(workers)} workers of queue {job.queue} are busy" if len(workers) > 1 else "the one worker is busy"
    told = f"it is ready; {busy if not free else f'{free} of {len(workers)} workers are free'}; {line}"
    way_out = f"more workers, or forge-jobs edit {job.id} --priority -1" if facts.before and not free else None
    yield Reason(code="in_line", told=told, way_out=way_out)


WAITING_RULES: list[Rule] = [
    _paused, _unserved, _capped, _cooling, _for_key, _for_kind, _not_due, _in_line, _expired,
]  # fmt: skip
"""What may hold up a job that waits, in the order in which it is told."""


def _running(facts: Facts) -> Iterator[Reason]:
    job, holder = facts.job, facts.holder
    since = "" if job.started_at is None else f" for {span((facts.now - job.started_at) / MICROSECONDS)}"
    if holder is None or not holder.alive:
        whose = "no registered worker" if holder is None else f"a worker of host {holder.host}, which is gone"
        told = f"it is claimed{since} by {whose}: another supervisor gives it back when it is sure of that"
        way_out = None if any(host.alive for host in facts.hosts) else "start a supervisor: forge-jobs supervise"
        yield Reason(code="lost", told=told, way_out=way_out)
    else:
        where = f"worker {job.queue} #{holder.number} on {holder.host} (pid {holder.pid})"
        if holder.runs_another:
            told = f"it has been held{since} by {where}, which runs another job before it"
            yield Reason(code="held", told=told)
        else:
            progress = f", {holder.progress}" if holder.progress else ""
            told = f"attempt {job.attempts} of {job.max_attempts} has been running{since} on {where}{progress}"
            yield Reason(code="running", told=told, way_out=f"forge-jobs stack {holder.pid}")
    if job.cancel_requested_at is not None:
        told = f"its cancel was requested {_ago(facts, job.cancel_requested_at)}: it is being stopped"
        yield Reason(code="cancel_requested", told=told)


def _finished(facts: Facts) -> Iterator[Reason]:
    job = facts.job
    began, finished = job.started_at, job.finished_at
    ended = "at an unknown time" if finished is None else _ago(facts, finished)  # where a hand has changed the row
    if job.status is Status.DONE:
        took = "" if began is None or finished is None else f", in {span((finished - began) / MICROSECONDS)}"
        yield Reason(code="done", told=f"attempt {job.attempts} succeeded {ended}{took}")
        return
    attempts = attempts_of(job)
    last = f": {attempts[-1].told}" if attempts else ""
    used = f"after {job.attempts} of {job.max_attempts} attempts"
    way_out = way_out_of(job)
    yield Reason(code="dead", told=f"it ended dead {ended}, {used}{last}", way_out=way_out)


def _of_queue(facts: Facts) -> list[WorkerSeen]:
    return [worker for worker in facts.workers if worker.queue == facts.job.queue]


def _until(facts: Facts, instant: int) -> str:
    return span(max(instant - facts.now, 0) / MICROSECONDS)


def _ago(facts: Facts, instant: int) -> str:
    return f"{span(max(facts.now - instant, 0) / MICROSECONDS)} ago"
