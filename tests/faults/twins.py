"""The same verbs, in any order, on SQLite, on PostgreSQL and on a plain dictionary: all three must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from forge_jobs.errors import ClaimLost
from forge_jobs.model.checks import Level
from forge_jobs.model.crontab import Fire, Outcome
from forge_jobs.model.limits import KindRules, RateLimit
from forge_jobs.model.states import Status
from forge_jobs.schedules import adding, changed_by, firing_of
from forge_jobs.storage import Storage
from forge_jobs.storage.claims import Claim, Ended, given_back
from forge_jobs.storage.records import Edit, JobFilter
from forge_jobs.verifying import verify
from tests.faults.model import DAY, SECOND, WAITING, Expected
from tests.support.backends import BACKENDS
from tests.support.builders import ALL, a_host, a_job, a_queue, only
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.limits import give_out
from tests.support.schedules import a_schedule

T = TypeVar("T")

QUEUES = ("default", "other")
KINDS = ("work", "more")
LIMITED = "limited"
STRANGE = "strange"
"""A kind that no host knows, save one that comes and goes."""

PLACES, PLACES_OF_A_TENANT = 3, 1
KEEP = {"done": 1 * DAY, "dead": 2 * DAY}
TEN_MINUTES = 600 * SECOND
FIELDS = ("pending", "scheduled", "in_progress", "done", "failed", "dead")
SCHEDULES = ("first", "second")
SCOPE, TOKENS = "api", 3.0
LEASE = 1e8
"""Seconds: SQLite's lease runs on a clock that nobody sets, so it is not to end here on the other one either."""


SUITABLE = {
    "cancel": ("pending", "failed", "in_progress"),
    "retry": ("failed", "dead"),
    "run_now": WAITING,
    "delete": ("pending", "failed", "done", "dead"),
}
"""The verbs of an operator, and the statuses in which they do something."""

MANY = 200
"""Jobs at which most are removed now and then."""

Draw = Callable[[Sequence[T]], T]
"""Chooses one of some."""


class Held(NamedTuple):
    """A claim as each database gave it, by the workers that are the same one on both."""

    hands: tuple[Hand, ...]
    claims: tuple[Claim, ...]

    @property
    def claimant(self) -> tuple[int, int]:
        return self.hands[0].process_id, self.claims[0].claim_no

    @property
    def id(self) -> str:
        return self.claims[0].id


def failed(claim: Claim) -> str:
    """Return how a job ends whose attempt fails."""
    return "failed" if claim.attempt < claim.max_attempts else "dead"


class Twins:
    """One clock, one sequence of verbs, two databases, one dictionary."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock()
        self.backends = [BACKENDS[name](directory) for name in sorted(BACKENDS)]
        self.storages: list[Storage] = [backend.open(self.clock) for backend in self.backends]
        self.expected = Expected()
        self.given: list[Held] = []
        self.fires: dict[str, list[Fire]] = {}
        self.leader: str | None = None
        self.tokens, self.refilled_at = TOKENS, self.clock.now()
        for storage in self.storages:
            for queue in QUEUES:
                a_queue(storage, queue, keep_done=KEEP["done"] // DAY, keep_dead=KEEP["dead"] // DAY)
            limits = KindRules(kind=LIMITED, max_running=PLACES, max_running_per_key=PLACES_OF_A_TENANT)
            storage.limits.declare([limits], [RateLimit(scope=SCOPE, capacity=TOKENS, refill=1.0)])
        self.announce("host-a", [*KINDS, LIMITED])
        self.hands = {queue: self.new_hands(queue) for queue in QUEUES}

    def close(self) -> None:
        """Remove both databases."""
        for backend in self.backends:
            backend.close()

    # -- both, at once ----------------------------------------------------------------------------------------------

    def both(self, call: Callable[[Storage], T]) -> T:
        """Do the same to both databases, which must answer the same, and return that."""
        first, second = (call(storage) for storage in self.storages)
        assert first == second, f"{' and '.join(sorted(BACKENDS))} differ: {first!r}, {second!r}"
        return first

    def announce(self, host_id: str, kinds: list[str]) -> None:
        lives = [backend.give_life() for backend in self.backends]
        for storage, life in zip(self.storages, lives, strict=True):
            storage.registry.announce_host(a_host(host_id, queues=QUEUES, kinds=kinds, life_lock=life))
        known = {(queue, kind) for queue in QUEUES for kind in kinds}
        self.expected.served[host_id] = known
        self.expected.unpark(known)

    def new_hands(self, queue: str) -> tuple[Hand, ...]:
        """Return a new worker, which is the same one on both."""
        first = Hand(self.storages[0], queue=queue)
        return first, *(Hand(s, queue=queue, process_id=first.process_id) for s in self.storages[1:])

    # -- the world goes on ------------------------------------------------------------------------------------------

    def let_time_go_by(self, draw: Draw) -> None:
        """Let it go by, or let somebody set the clock back. The hosts give signs of life."""
        seconds = draw((0, 1, 90, 3600, 30 * 3600, -30, -3600))
        self.clock.advance(seconds)
        for host_id in self.expected.served:
            self.both(lambda storage, host_id=host_id: storage.registry.beat(host_id, []))

    def enqueue(self, draw: Draw) -> None:
        """Enqueue as many jobs as there are tenants, in one call."""
        queue = draw(QUEUES)
        kind = draw((*KINDS, LIMITED, STRANGE))
        key = draw((None, None, "a", "b"))
        priority = draw((0, 0, -1, 5))
        delay = draw((None, None, None, 0, 60, 3600))
        expires = draw((None, None, None, 7200))
        tenants = draw(("x", "yz", "xyzx"))
        now = self.clock.now()
        jobs = [
            a_job(
                kind, queue=queue, unique_key=key, priority=priority,
                concurrency_key=tenant if kind == LIMITED else None,
                run_at=None if delay is None else now + delay * SECOND,
                expires_at=None if expires is None else now + expires * SECOND,
            )
            for tenant in tenants
        ]  # fmt: skip
        answers = self.both(lambda storage: storage.producer.enqueue(jobs))
        for job, answer in zip(jobs, answers, strict=True):
            assert answer.id == self.expected.enqueue(job, now)
            assert answer.deduplicated == (answer.id != job.id)

    # -- workers ----------------------------------------------------------------------------------------------------

    def claim(self, draw: Draw) -> None:
        """Claim, of kinds without limits what is first in line."""
        queue = draw(QUEUES)
        kinds = draw((KINDS, KINDS, KINDS[:1], (LIMITED,)))
        rows = draw((1, 2, 4))
        line = self.expected.in_line(queue, kinds, self.clock.now())
        given = self.claimed(self.hands[queue], kinds, rows)
        ids = [each.id for each in given]
        if LIMITED not in kinds:
            assert ids == line[:rows]
        assert set(ids) <= set(line)
        for each in given:
            self.expected.claim(each.id, each.claimant)
            assert {claim.attempt for claim in each.claims} == {self.expected.jobs[each.id].attempts}
        self.given += given

    def claimed(self, hands: tuple[Hand, ...], kinds: tuple[str, ...], rows: int) -> list[Held]:
        """Claim on both, and return what each gave."""
        costs = dict.fromkeys(kinds, 0.0)
        given = [hand.claim(rows, kinds=kinds, costs=costs) for hand in hands]
        first, second = ([msgspec.structs.replace(claim, key=0, since=None) for claim in claims] for claims in given)
        assert first == second
        return [Held(hands, claims) for claims in zip(*given, strict=True)]

    def claim_unheard(self, draw: Draw) -> None:
        """Claim, and never hear of it: the worker gives back what it does not know."""
        queue = draw(QUEUES)
        rows = draw((1, 3))
        hands, now = self.hands[queue], self.clock.now()
        known = [row.claim[1] for row in self.expected.held(hands[0].process_id).values() if row.claim]
        for each in self.claimed(hands, KINDS, rows):
            self.expected.claim(each.id, each.claimant)
            self.expected.hand_in(each.id, each.claimant, "given back", 0, now)
        self.both(lambda storage: storage.worker_queue.give_back_unknown(hands[0].process_id, known))

    def hand_in(self, draw: Draw) -> None:
        """Hand in a claim, or one of long ago: once more, or when its job was retried or removed, its worker buried."""
        late = draw((False, False, True))
        fit = [held for held in self.given if late or self.expected.holds(held.id, held.claimant)]
        if not fit:
            return
        held, now = draw(fit), self.clock.now()
        fails = failed(held.claims[0])
        how = draw(("done", fails, fails, "dead", "back", "given back", "in a transaction"))
        wait = draw((0, 1800))
        if how == "in a transaction":
            accepted = self.completed(held)
            assert accepted == self.expected.holds(held.id, held.claimant)
            if accepted:
                self.expected.hand_in(held.id, held.claimant, "done", 0, now)
            return
        answers = []
        for hand, claim in zip(held.hands, held.claims, strict=True):
            exchanged = hand.storage.worker_queue.exchange(hand.process_id, [self.ended(hand, claim, how, wait)], None)
            answers.append(exchanged and exchanged.refused)
        assert answers[0] == answers[1]
        if answers[0] is None:
            assert held.hands not in self.hands.values(), "only who is buried is not registered"
        elif not self.expected.hand_in(held.id, held.claimant, how, wait * SECOND, now):
            assert list(answers[0]) == [held.claimant[1]]

    def ended(self, hand: Hand, claim: Claim, how: str, wait: int) -> Ended:
        match how:
            case "done":
                return hand.done(claim)
            case "failed":
                return hand.failed(claim, wait=wait)
            case "dead":
                return hand.dead(claim)
            case "back":
                return hand.back(claim, wait=wait)
        return given_back(claim, hand.process_id, self.clock.now())

    def completed(self, held: Held) -> bool:
        """Record a success in a transaction of the handler's, if the claim is still its own."""
        answers = []
        for hand, claim in zip(held.hands, held.claims, strict=True):
            try:
                with hand.storage.worker_queue.completing(lambda hand=hand, claim=claim: hand.done(claim)):
                    pass
                answers.append(True)
            except ClaimLost:
                answers.append(False)
        assert answers[0] == answers[1]
        return answers[0]

    def crash(self, draw: Draw) -> None:
        """Let a worker die, bury it, and let another one take its place; or all, with their host."""
        queue = draw(QUEUES)
        whole_host = draw((False, True))
        for each in QUEUES if whole_host else (queue,):
            hands, now = self.hands[each], self.clock.now()
            (process_id,) = {hand.process_id for hand in hands}
            held = self.expected.held(process_id)
            for hand in hands:
                claims = hand.storage.registry.claims_of([process_id])[process_id]
                assert [claim.id for claim in claims] == list(held)
                ends = [self.ended(hand, claim, failed(claim), 0) for claim in claims]
                hand.storage.registry.bury(process_id, ends, "host-a")
            for claim in claims:
                self.expected.hand_in(claim.id, (process_id, claim.claim_no), failed(claim), 0, now)
        if whole_host:
            self.both(lambda storage: storage.registry.retire_host("host-a"))
            self.announce("host-a", [*KINDS, LIMITED])
        for each in QUEUES if whole_host else (queue,):
            self.hands[each] = self.new_hands(each)

    def a_host_comes_or_goes(self, draw: Draw) -> None:
        """Let a host come that knows the strange kind, or go."""
        if "host-b" in self.expected.served:
            self.both(lambda storage: storage.registry.retire_host("host-b"))
            del self.expected.served["host-b"]
        else:
            self.announce("host-b", [STRANGE])

    # -- operators --------------------------------------------------------------------------------------------------

    def operate_on_one(self, draw: Draw) -> None:
        verb, whichever = draw(sorted(SUITABLE)), draw((False, False, False, True))
        fit = [i for i, row in self.expected.jobs.items() if whichever or row.status in SUITABLE[verb]]
        if fit:
            self.operate(verb, only(draw(fit)), 1)

    def operate_on_some(self, draw: Draw) -> None:
        wanted = JobFilter(
            status=draw((None, *Status)), queue=draw((None, *QUEUES)), kind=draw((None, *KINDS, LIMITED))
        )  # fmt: skip
        self.operate(draw(sorted(SUITABLE)), wanted, draw((1, 2, 4)))

    def clear(self, draw: Draw) -> None:
        """Remove most of what is there, if that is much."""
        if len(self.expected.jobs) > MANY:
            self.operate("delete", ALL, MANY)

    def move(self, draw: Draw) -> None:
        self.operate("move", JobFilter(queue=draw((None, *QUEUES))), draw((1, 2, 4)), draw(QUEUES))

    def edit(self, draw: Draw) -> None:
        fit = [job_id for job_id, row in self.expected.jobs.items() if row.status in WAITING]
        if fit:
            delay = draw((None, -60, 0, 600, 10_000))
            run_at = None if delay is None else self.clock.now() + delay * SECOND
            change = Edit(payload=draw((None, b'{"a":1}')), priority=draw((None, -3, 9)), run_at=run_at)
            self.operate("edit", only(draw(fit)), 1, change)

    def operate(self, verb: str, wanted: JobFilter, limit: int, *more: Any) -> None:
        """Let an operator do something to the newest jobs that match."""
        now, matching = self.clock.now(), self.expected.matching(wanted, limit)
        batch = self.both(
            lambda s: msgspec.structs.replace(getattr(s.operator, verb)(wanted, limit, 0, *more), next=None)
        )
        act = getattr(self.expected, verb)
        told: dict[str, list[str]] = {"changed": [], "requested": [], "skipped": []}
        for job_id in matching:
            told[act(job_id, *more) if verb == "move" else act(job_id, *more, now)].append(job_id)
        assert {name: sorted(getattr(batch, name)) for name in told} == {n: sorted(ids) for n, ids in told.items()}
        assert list(batch.missed) == []

    def pause_or_resume(self, draw: Draw) -> None:
        queue = draw(QUEUES)
        self.expected.paused ^= {queue}
        self.both(lambda s: s.queue_config.change_queue(queue, {"paused": queue in self.expected.paused}))

    # -- upkeep -----------------------------------------------------------------------------------------------------

    def open_due(self, draw: Draw) -> None:
        next_due = self.both(lambda storage: storage.upkeep.open_due(1000).next_due)
        self.expected.open_due(self.clock.now())
        assert next_due == self.expected.next_due()

    def expire(self, draw: Draw) -> None:
        assert self.both(lambda storage: storage.upkeep.expire(1000)) == self.expected.expire(self.clock.now())

    def park(self, draw: Draw) -> None:
        told = self.both(lambda storage: storage.upkeep.park_unserved(1000))
        assert {(each.queue, each.kind) for each in told} >= self.expected.park()

    def fold(self, draw: Draw) -> None:
        for storage in self.storages:
            storage.upkeep.fold_tallies()
            storage.metrics.fold(1000)

    def prune(self, draw: Draw) -> None:
        old = self.expected.past(KEEP, self.clock.now())
        assert self.both(lambda storage: storage.upkeep.prune(1000)) == len(old)
        for job_id in old:
            del self.expected.jobs[job_id]

    # -- limits -----------------------------------------------------------------------------------------------------

    def acquire(self, draw: Draw) -> None:
        """Take tokens; then an upstream may answer that all are to wait."""
        cost = draw((0.5, 1.0, 3.0))
        upstream = draw((None, None, 0, 5))
        now = self.clock.now()
        granted = self.both(lambda storage: storage.limits.acquire([SCOPE], cost).number)
        there = min(TOKENS, self.tokens + max(now - self.refilled_at, 0) / SECOND)
        assert granted == (there >= cost - 1e-9)
        if granted:
            self.tokens, self.refilled_at = there - cost, max(self.refilled_at, now)
        if upstream is not None:
            assert self.both(lambda storage: storage.limits.drain(SCOPE, upstream * SECOND))
            self.tokens, self.refilled_at = 0.0, max(self.refilled_at, now + upstream * SECOND)

    # -- schedules --------------------------------------------------------------------------------------------------

    def add_or_remove_a_schedule(self, draw: Draw) -> None:
        """Add a schedule that fires every ten minutes, or remove the one that is there."""
        name = draw(SCHEDULES)
        overlap = draw(("allow", "skip"))
        misfire = draw(("one", "all"))
        queue = draw(QUEUES)
        if name in self.fires:
            assert self.both(lambda storage: storage.schedules.remove(name))
            del self.fires[name]
        else:
            said = a_schedule(name, expression="*/10 * * * *", overlap=overlap, misfire=misfire, queue=queue)
            self.both(lambda storage: storage.schedules.edit(name, adding(said, self.clock.now())))
            self.fires[name] = []

    def disable_or_enable_a_schedule(self, draw: Draw) -> None:
        name = draw(SCHEDULES)
        enabled = draw((False, True))
        now = self.clock.now()
        self.both(lambda s: s.schedules.edit(name, lambda r: r and changed_by({"enabled": enabled}, r, now)))

    def fire(self, draw: Draw) -> None:
        """Fire what is due; then, as one would that is late, once more what was seen."""
        now = self.clock.now()
        for record in self.both(lambda storage: sorted(storage.schedules.due(now, 100), key=lambda due: due.name)):
            firing = firing_of(record, now)
            fires = self.both(lambda storage, firing=firing: storage.schedules.fire(firing))
            assert fires is not None
            assert [fire.fire_at for fire in fires] == self.times(record.next_fire_at or 0, now)
            for fire, (_time, job) in zip(fires, firing.times, strict=True):
                assert fire == self.expected_fire(fire.fire_at, job, now)
            self.fires[record.name] += fires
            assert self.both(lambda storage, firing=firing: storage.schedules.fire(firing)) is None

    def times(self, first: int, now: int) -> list[int]:
        """Return all whole ten minutes from the first one to now; of many the newest hundred."""
        return list(range(first, now + 1, TEN_MINUTES))[-100:]

    def expected_fire(self, fire_at: int, job: Any, now: int) -> Fire:
        if job is None:
            return Fire(fire_at=fire_at, outcome=Outcome.SKIPPED)
        job_id = self.expected.enqueue(job, now)
        outcome = Outcome.FIRED if job_id == job.id else Outcome.SKIPPED
        return Fire(fire_at=fire_at, outcome=outcome, job_id=job_id)

    # -- leaders ----------------------------------------------------------------------------------------------------

    def lead(self, draw: Draw) -> None:
        """Lead, unless another host does that lives; perhaps resign."""
        host_id = draw(("host-a", "host-b"))
        resigns = draw((False, True))
        if host_id in self.expected.served:
            leads = self.both(lambda storage: storage.leadership.lead(host_id, LEASE))
            assert leads == (self.leader == host_id or self.leader not in self.expected.served)
            self.leader = host_id if leads else self.leader
        if resigns:
            self.both(lambda storage: storage.leadership.resign(host_id))
            self.leader = None if self.leader == host_id else self.leader

    # -- what must be so after every verb ---------------------------------------------------------------------------

    def check(self) -> None:
        """Raise AssertionError unless all three agree."""
        for storage in self.storages:
            give_out(storage)
        self.counts_are_right()
        self.every_job_is_what_it_should_be()
        self.no_limit_is_passed()
        self.schedules_are_the_same()
        asked = self.both(lambda storage: sorted(storage.control.cancel_requests()))
        assert asked == sorted(j.claim for j in self.expected.jobs.values() if j.asked and j.claim)

    def counts_are_right(self) -> None:
        expected = {queue: dict.fromkeys(FIELDS, 0) for queue in QUEUES}
        for row in self.expected.jobs.values():
            scheduled = row.status == "pending" and row.gate == "waiting"
            expected[row.queue]["scheduled" if scheduled else row.status] += 1
        found = self.both(lambda storage: storage.operator.counts())
        assert {q: {f: getattr(c, f) for f in FIELDS} for q, c in found.items()} == expected

    def every_job_is_what_it_should_be(self) -> None:
        found, _cursor = self.both(lambda storage: storage.operator.find(ALL, 10_000, None))
        told = {j.id: (j.status, j.queue, j.priority, j.scheduled_at, j.attempts, j.expires_at) for j in found}
        assert told == {
            i: (j.status, j.queue, j.priority, j.due, j.attempts, j.expires) for i, j in self.expected.jobs.items()
        }

    def no_limit_is_passed(self) -> None:
        running = [j for j in self.expected.jobs.values() if j.kind == LIMITED and j.status == "in_progress"]
        assert len(running) <= PLACES
        assert all(sum(j.tenant == k for j in running) <= PLACES_OF_A_TENANT for k in "xyz")

    def schedules_are_the_same(self) -> None:
        records = self.both(lambda storage: storage.schedules.all())
        assert [record.name for record in records] == sorted(self.fires)
        for name, fires in self.fires.items():
            assert self.both(lambda storage, name=name: storage.schedules.fires(name, 100)) == fires[-100:][::-1]

    def rows_fit(self) -> None:
        """Raise AssertionError where a rule between tables is broken."""
        for storage in self.storages:
            broken = [f"{rule.name}: {rule.told}" for rule in verify(storage.checkup) if rule.level is not Level.OK]
            assert not broken, broken
