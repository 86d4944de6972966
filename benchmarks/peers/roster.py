"""All contestants, in the order of the tables."""

from __future__ import annotations

from benchmarks.peers.base import Contestant
from benchmarks.peers.celery import Celery
from benchmarks.peers.dramatiq import Dramatiq
from benchmarks.peers.executor import Executor
from benchmarks.peers.flexiq import Flexiq
from benchmarks.peers.huey import Huey
from benchmarks.peers.oban import Oban
from benchmarks.peers.ours import ForgePostgres, ForgeSqlite
from benchmarks.peers.pebble import Pebble
from benchmarks.peers.pgqueuer import Pgqueuer
from benchmarks.peers.pool import MultiprocessingPool
from benchmarks.peers.procrastinate import Procrastinate
from benchmarks.peers.rq import Rq

ROSTER: tuple[Contestant, ...] = (
    ForgeSqlite(),
    Huey(),
    Flexiq(),
    ForgePostgres(),
    Pgqueuer(batch=100, pace=12_000),
    Pgqueuer(batch=10, pace=6_000),
    Oban(),
    Procrastinate(),
    Rq(),
    Celery(),
    Dramatiq(),
    Executor(),
    MultiprocessingPool(),
    Pebble(),
)
