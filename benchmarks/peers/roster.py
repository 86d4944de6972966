"""All contestants, in the order of the tables."""

from __future__ import annotations

from benchmarks.peers.base import Contestant
from benchmarks.peers.executor import Executor
from benchmarks.peers.huey import Huey
from benchmarks.peers.ours import ForgePostgres, ForgeSqlite
from benchmarks.peers.pebble import Pebble
from benchmarks.peers.pool import MultiprocessingPool

ROSTER: tuple[Contestant, ...] = (
    ForgeSqlite(),
    Huey(),
    ForgePostgres(),
    Executor(),
    MultiprocessingPool(),
    Pebble(),
)
