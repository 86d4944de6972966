"""All contestants, in the order of the tables."""

from __future__ import annotations

from benchmarks.peers.base import Contestant
from benchmarks.peers.executor import Executor
from benchmarks.peers.huey import Huey
from benchmarks.peers.ours import ForgePostgres, ForgeSqlite
from benchmarks.peers.pebble import Pebble
from benchmarks.peers.pgqueuer import Pgqueuer
from benchmarks.peers.pool import MultiprocessingPool
from benchmarks.peers.procrastinate import Procrastinate

ROSTER: tuple[Contestant, ...] = (
    ForgeSqlite(),
    Huey(),
    ForgePostgres(),
    Pgqueuer(batch=100, pace=12_000),
    Pgqueuer(batch=10, pace=6_000),
    Procrastinate(),
    Executor(),
    MultiprocessingPool(),
    Pebble(),
)
