"""Two farms, two producers and an operator on one database, and somebody who kills them; then the checker.

``python -m tests.faults`` runs it for as many jobs and kills as one likes; the tests run a short one on each backend.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from forge_jobs.model.checks import Level
from forge_jobs.model.job import JobRecord
from forge_jobs.storage.records import JobFilter
from forge_jobs.verifying import verify
from tests.faults import points
from tests.faults.checker import Verdict, check
from tests.faults.clocks import Clocks
from tests.faults.effects import connected, effects_table
from tests.faults.history import History, read
from tests.faults.killer import Killer
from tests.faults.network import Network
from tests.faults.producer import BACKLOG, SMALL_BACKLOG
from tests.faults.server import Pair, patiently
from tests.faults.soak import Sampler, Slope
from tests.faults.striking import Striker
from tests.support.farm import Farm, Supervised, farm_in_schema, farms
from tests.support.postgres import Server, server_url
from tests.support.until import until
from tests.support.wall_clock import WallClock

pause = threading.Event().wait
"""Lets time go by, at whose end somebody is killed."""

FARMS, WORKERS, PRODUCERS = 2, 2, 2
PLACES = {"limited": 2, "tenant": 1}
APART = 10**9
"""Numbers between what one producer and the next offer."""

STEP = 1.0
"""Seconds between two looks at who is gone, and whose time has come."""

SAMPLE_EVERY = 2.0
FIRES_EVERY = 20.0
STUCK = 120.0
"""Seconds in which some job must end."""

ROOT = Path(__file__).resolve().parents[2]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is to happen. ``pause`` are the shortest and the longest time between two kills, in seconds.

    With ``minutes`` it goes on for so long, and the first farm is killed no more: its growth is measured.
    """

    jobs: int
    kills: int
    seed: str = "0"
    workload: str = "mixed"
    pause: tuple[float, float] = (0.05, 0.4)
    points: bool = False
    """Whether each named point is armed in turn, besides."""

    minutes: float | None = None
    freezes: bool = False
    """Whether processes are also stopped for a while, past their lease too."""

    clocks: bool = False
    """Whether wall clocks are set meanwhile, by up to an hour."""

    network: bool = False
    """Whether farms and producers reach the server over a network that lies; on PostgreSQL."""

    server: bool = False
    """Whether the server is restarted, killed, full or replaced by its standby meanwhile; on PostgreSQL."""


class Report(msgspec.Struct, kw_only=True):
    """What happened. ``broken``: rules of ``forge-jobs verify``; ``lies``: the network's; ``outages``: the server's.

    ``points`` says at how many points processes of each kind died; who was ``prodded`` was killed so that others passed
    them. Neither is one of the ``kills``.
    """

    url: str
    plan: Plan
    seconds: float
    kills: dict[str, int]
    points: dict[str, int] = {}
    prodded: dict[str, int] = {}
    clocks_set: int
    verdict: Verdict
    broken: list[str]
    slopes: dict[str, Slope] = {}
    lies: dict[str, int] = {}
    outages: dict[str, int] = {}

    @property
    def wrong(self) -> list[str]:
        """Return everything that is wrong, in words."""
        grown = [f"{name} rose by {s.rise:g} (mean {s.mean:g})" for name, s in self.slopes.items() if not s.flat]
        return self.verdict.wrong + self.broken + grown

    def told(self) -> str:
        """Return it in a line."""
        v = self.verdict
        struck = f", deaths at {sum(self.points.values()):,} points" if self.points else ""
        lies = f" and {sum(self.lies.values()):,} lies of the network" if self.lies else ""
        lies += f" and {sum(self.outages.values()):,} outages of the server" if self.outages else ""
        return (
            f"{v.done + v.dead:,} jobs, {v.attempts:,} attempts of which {v.cut_short:,} were cut short by "
            f"{sum(self.kills.values()):,} kills{struck}{lies} in {self.seconds:.0f} s: {len(v.lost)} lost, "
            f"{len(v.duplicated)} recorded twice, {len(v.overlapping)} overlapping, {len(self.wrong)} wrong in all"
        )


@contextlib.contextmanager
def torture_on(backend: str, directory: Path, plan: Plan) -> Iterator[Torture]:
    """Give a torture on an empty database; on PostgreSQL where clocks are set, on a server of its own."""
    with contextlib.ExitStack() as stack:
        clock = stack.enter_context(contextlib.closing(WallClock())) if plan.clocks else None
        if backend == "sqlite":
            yield Torture(stack.enter_context(contextlib.contextmanager(farms)(directory)), plan, clock)
            return
        servers_clock = stack.enter_context(contextlib.closing(WallClock())) if plan.clocks else None
        pair = stack.enter_context(contextlib.closing(Pair())) if plan.server else None
        if pair:
            url = pair.url
        elif servers_clock:
            url = stack.enter_context(contextlib.closing(Server(environment=servers_clock.environment))).url
        else:
            url = server_url()
        yield Torture(stack.enter_context(farm_in_schema(directory, url)), plan, clock, servers_clock, pair=pair)


class Torture:
    """One database with all who work on it; started again when they are killed."""

    def __init__(self, farm: Farm, plan: Plan, *clocks: WallClock | None, pair: Pair | None = None) -> None:
        self.farm = farm
        self.plan = plan
        self._clocks = Clocks(plan.seed, [clock for clock in clocks if clock])
        self._ledger = farm.directory / "ledger"
        self._killer = Killer(plan.seed, self._ledger, freezes=plan.freezes)
        self._stop = farm.directory / "stop"
        self._points = farm.directory / "points"
        points.prepare(self._points)
        self._striker = Striker(farm, self._points, self._revive, self._hit)
        self._prodded: Counter[str] = Counter()
        self._effects = effects_table(farm)
        self._network: Network | None = None
        self._pair = pair
        farm.environment |= {
            "TORTURE_LEDGER": str(self._ledger),
            "TORTURE_EFFECTS": self._effects,
            "TORTURE_POINTS": str(self._points) if plan.points else "",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(farm.directory)]),
        }
        if self._clocks.all:
            farm.environment |= self._clocks.all[0].environment
        self._supervised: list[Supervised] = []
        self._producers: list[subprocess.Popen[bytes]] = []
        self._operators: list[subprocess.Popen[bytes]] = []
        self._sampler: Sampler | None = None
        self._fires: dict[int, str | None] = {}
        self._fires_at = 0.0

    def run(self) -> Report:
        """Let everything happen, then drain, stop and check."""
        begun = time.monotonic()
        self._create_effects()
        with contextlib.ExitStack() as stack:
            if self.plan.network:
                stack.callback(self._lay_network().close)
            if self._pair:
                self._pair.lie(self.plan.seed)
            stack.callback(self._end_clients)
            stack.callback(self._killer.thaw, everybody=True)
            self._supervised = [self._supervise() for _ in range(FARMS)]
            self._producers = [self._produce(number) for number in range(PRODUCERS)]
            self._operators = [self._operate()]
            if self.plan.points:
                self._strike_every_point()
                self._revive()
            if self.plan.minutes is not None:
                self._supervised[0].up(WORKERS)
                self._sampler = Sampler(self.farm, self._supervised[0], one_time=not self.plan.clocks)
            self._kill_until_enough(begun)
            self._drain()
            for supervised in self._supervised:
                supervised.signal(signal.SIGTERM)
                supervised.wait()
        return self._report(time.monotonic() - begun)

    def _lay_network(self) -> Network:
        """Let everybody but this process reach the database over a network that lies from now on."""
        self._network = Network(self.farm.url)
        self.farm.environment["FORGE_DATABASE_URL"] = self._network.through(self.farm.url)
        self._network.lie(self.plan.seed)
        return self._network

    # -- who works ------------------------------------------------------------------------------------------------

    def _supervise(self) -> Supervised:
        return self.farm.supervise(
            "--queue", f"default={WORKERS}", app="tortured_application:jobs", workers=WORKERS
        )  # fmt: skip

    def _produce(self, number: int) -> subprocess.Popen[bytes]:
        first = max((n for n in self._offered() if n // APART == number), default=number * APART) + 1
        backlog = BACKLOG if self.plan.minutes is None else SMALL_BACKLOG
        if self._pair:  # each commit waits for two disks
            backlog = min(backlog, self.plan.jobs)
        arguments = [str(first), str(self._stop), self.plan.workload, f"{self.plan.seed}/{first}", str(backlog)]
        return self._client("producer", *arguments, log=f"producer-{number}.txt")

    def _operate(self) -> subprocess.Popen[bytes]:
        return self._client("operator", str(self._stop), f"{self.plan.seed}/{time.monotonic()}", log="operator.txt")

    def _client(self, module: str, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"tests.faults.{module}", *arguments]
        with (self.farm.directory / log).open("ab") as stream:
            return subprocess.Popen(command, env=self.farm.environment, cwd=self.farm.directory, stderr=stream)

    def _offered(self) -> Iterator[int]:
        return (int(event.whom) for event in read(self._ledger) if event.what == "offer")

    def _revive(self) -> None:
        """Start whoever is gone again."""
        self._note_fires()
        for place, supervised in enumerate(self._supervised):
            if supervised.process.poll() is not None:
                self._supervised[place] = self._supervise()
        for place, producer in enumerate(self._producers):
            if producer.poll() is not None and not self._stop.exists():
                self._producers[place] = self._produce(place)
        for place, operator in enumerate(self._operators):
            if operator.poll() is not None and not self._stop.exists():
                self._operators[place] = self._operate()

    def _end_clients(self) -> None:
        self._stop.touch()
        for client in self._producers + self._operators:
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.wait(timeout=30)
            client.kill()
            client.wait()

    # -- who kills themselves ---------------------------------------------------------------------------------------

    def _strike_every_point(self) -> None:
        """Let processes die at each named point; whoever is killed for that does not count as killed at random."""
        self._striker.run()
        self._prodded, self._killer.hits = self._killer.hits, Counter()

    # -- who kills ------------------------------------------------------------------------------------------------

    def _is_enough(self, begun: float) -> bool:
        if self.plan.minutes is not None:
            return time.monotonic() - begun > 60 * self.plan.minutes
        if self._pair and not self._pair.has_done_all:
            return False
        return self._killer.all_hits >= self.plan.kills and self._ended() >= self.plan.jobs

    def _kill_until_enough(self, begun: float) -> None:
        """Kill at random moments until there were enough kills and enough jobs, or the time is over."""
        ended, seen_at, sampled_at = -1, time.monotonic(), begun
        while not self._is_enough(begun):
            self._let_work(self._killer.chance.uniform(*self.plan.pause))
            if self._sampler and time.monotonic() - sampled_at > SAMPLE_EVERY:
                sampled_at = time.monotonic()
                self._sampler.look(sampled_at)
            if self.plan.minutes is not None or self._killer.all_hits < self.plan.kills:
                self._hit()
            self._revive()
            if self._ended() > ended:
                ended, seen_at = self._ended(), time.monotonic()
            elif time.monotonic() - seen_at > STUCK:
                raise AssertionError(f"no job has ended for {STUCK:g} s: {self.farm.jobs.counts()}")

    def _let_work(self, seconds: float) -> None:
        """Let time go by until the next kill; whoever is gone is started again, and whose time has come goes on."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            pause(min(rest, STEP))
            self._killer.thaw()
            self._clocks.look()
            self._revive()

    def _hit(self, victim: str | None = None) -> None:
        """Hit somebody of a sort, or of any; in a soak the first farm is spared."""
        supervisors = [one.pid for one in (self._supervised[1:] if self._sampler else self._supervised)]
        clients = {
            "producer": [one.pid for one in self._producers],
            "operator": [one.pid for one in self._operators],
        }
        if victim is None:
            self._killer.hit(supervisors, clients)
        else:
            self._killer.hit_a(victim, supervisors, clients)

    def _note_fires(self, *, by_now: bool = False) -> None:
        """Remember the schedule's fires: the database keeps the newest hundred."""
        now = time.monotonic()
        if by_now or now - self._fires_at > FIRES_EVERY:
            self._fires_at = now
            found = patiently(lambda: self.farm.jobs.storage.schedules.fires("tick", 100))
            self._fires |= {fire.fire_at: fire.job_id for fire in found}

    # -- the end --------------------------------------------------------------------------------------------------

    def _ended(self) -> int:
        counts = patiently(self.farm.jobs.counts).get("default")
        return counts.done + counts.dead if counts else 0

    def _drain(self) -> None:
        """Let everything end that is still to be done; the schedule is switched off, which would go on for ever."""
        self._killer.thaw(everybody=True)
        self._clocks.run_late()
        if self._network:
            self._network.calm()
        if self._pair:
            self._pair.calm()
        self._end_clients()
        self._revive()
        self.farm.jobs.resume_queue("default")
        until(lambda: self.farm.jobs.storage.schedules.get("tick") is not None, within=STUCK)
        self.farm.jobs.cron.disable("tick")
        self._note_fires(by_now=True)
        last, seen_at = -1, time.monotonic()
        while any(c.pending + c.scheduled + c.failed + c.in_progress for c in self.farm.jobs.counts().values()):
            pause(0.1)
            self._revive()
            if self._ended() != last:
                last, seen_at = self._ended(), time.monotonic()
            elif time.monotonic() - seen_at > STUCK:
                return  # the checker tells which jobs have not ended

    def _report(self, seconds: float) -> Report:
        jobs = [(json.loads(job.payload).get("number"), job) for job in self._all_jobs()]
        history = History(read(self._ledger))
        verdict = check(
            history, jobs, effects=Counter(self._effects_had()), places=PLACES, fires=self._fires,
            every_second=not self.plan.clocks, leases=not self.farm.url.startswith("sqlite:"),
        )  # fmt: skip
        broken = [f"{c.name}: {c.told}" for c in verify(self.farm.jobs.storage.checkup) if c.level is not Level.OK]
        broken += self._striker.unlisted()
        return Report(
            url=self.farm.url.split("?", maxsplit=1)[0], plan=self.plan, seconds=seconds, kills=dict(self._killer.hits),
            points=dict(self._striker.struck), prodded=dict(self._prodded),
            clocks_set=self._clocks.sets, lies=dict(self._network.hits) if self._network else {}, verdict=verdict,
            broken=broken, slopes=dict(self._sampler.slopes()) if self._sampler else {},
            outages=dict(self._pair.hits) if self._pair else {},
        )  # fmt: skip

    def _all_jobs(self) -> Iterator[JobRecord]:
        """Give all jobs; with their errors where they have any."""
        operator, before = self.farm.jobs.storage.operator, None
        while True:
            found, before = operator.find(JobFilter(), 1000, before)
            for job in found:
                whole = operator.get(job.id) if job.attempts > 1 or job.status == "dead" else job
                yield whole or job
            if before is None:
                return

    # -- effects --------------------------------------------------------------------------------------------------

    def _create_effects(self) -> None:
        self.farm.jobs.counts()  # the database is made by its first use
        with connected(self.farm) as execute:
            execute(f"CREATE TABLE {self._effects} (number BIGINT NOT NULL)")

    def _effects_had(self) -> list[int]:
        with connected(self.farm) as execute:
            return [number for (number,) in execute(f"SELECT number FROM {self._effects}")]
