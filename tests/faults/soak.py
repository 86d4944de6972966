"""What a long run looks at now and then: whether anything grows that should not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import mean, median

import msgspec
import psutil

from tests.support.farm import Farm, Supervised

WARM_UP = 1 / 3
"""The part of a run that does not count: caches fill, and the log gets its size."""

FLAT = {
    "descriptors": 2.0, "memory": 4e6, "log": 8e6, "dead rows": 10_000.0, "latency": 0.05,
}  # fmt: skip
"""Growth over the rest of a run that is no growth: descriptors, bytes, bytes, rows, seconds."""

SOME = {"dead rows": 0.15, "latency": 0.15}
"""So much more than its mean is no growth either, of what goes with the load."""

SURE = 3.0
"""Standard errors of the line's slope within which its rise may be chance, as in a short run."""


class Slope(msgspec.Struct, kw_only=True):
    """How a measure went: its mean, and by how much it rose from the warm-up's end to the run's, by least squares."""

    mean: float
    rise: float
    flat: bool


class Sampler:
    """Looks at one farm, which nobody kills, and at the database."""

    def __init__(self, farm: Farm, supervised: Supervised, *, one_time: bool = True) -> None:
        self._farm = farm
        self._one_time = one_time
        self._root = psutil.Process(supervised.pid)
        self._samples: list[tuple[float, dict[str, float]]] = []

    def look(self, at: float) -> None:
        """Take a sample."""
        found = self._database()
        descriptors = memory = 0.0
        for process in [self._root, *self._root.children()]:
            with contextlib.suppress(psutil.Error):
                descriptors += process.num_fds()
                memory += process.memory_full_info().uss
        found |= {"descriptors": descriptors, "memory": memory}
        if self._one_time:
            found["latency"] = self._latency()
        self._samples.append((at, found))

    def _latency(self) -> float:
        """Return the wait of a job; where clocks are set there is no telling."""
        jobs = self._farm.jobs.list(status="done", limit=200)
        waits = [(job.started_at - job.scheduled_at).total_seconds() for job in jobs if job.started_at]
        return median(waits) if waits else 0.0

    def _database(self) -> dict[str, float]:
        if self._farm.url.startswith("sqlite:"):
            log = Path(f"{self._farm.directory / 'queue.sqlite'}-wal")
            return {"log": float(log.stat().st_size) if log.exists() else 0.0}
        with self._farm.jobs.storage.upkeep._database.single() as connection:
            ((dead,),) = connection.execute(
                "SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_user_tables WHERE schemaname = $1",
                (schema_of(self._farm),),
            ).fetchall()
        return {"dead rows": float(dead)}

    def slopes(self) -> Mapping[str, Slope]:
        """Return how each measure went."""
        first = self._samples[0][0] + (self._samples[-1][0] - self._samples[0][0]) * WARM_UP
        counted = [(at, found) for at, found in self._samples if at >= first]
        times = [at for at, _found in counted]
        return {name: slope(name, times, [found[name] for _at, found in counted]) for name in counted[0][1]}


def schema_of(farm: Farm) -> str:
    """Return the schema that a farm on PostgreSQL has to itself."""
    return farm.url.partition("schema=")[2].partition("&")[0]


def slope(name: str, times: Sequence[float], values: Sequence[float]) -> Slope:
    """Return how a measure rose over the time given."""
    middle, average = mean(times), mean(values)
    spread = sum((at - middle) ** 2 for at in times)
    steepness = sum((at - middle) * (v - average) for at, v in zip(times, values, strict=True)) / (spread or 1.0)
    length = times[-1] - times[0]
    off = sum((v - average - steepness * (at - middle)) ** 2 for at, v in zip(times, values, strict=True))
    error = sqrt(off / max(len(times) - 2, 1) / (spread or 1.0)) * length
    rise = steepness * length
    allowed = max(FLAT[name], SOME.get(name, 0.0) * average, SURE * error)
    return Slope(mean=average, rise=rise, flat=rise <= allowed)
