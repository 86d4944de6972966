"""From what was counted to what is told: rows for tables and JSON, in seconds and per minute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.model.histogram import Histogram
from forge_jobs.model.metrics import COUNTED, MINUTE, Gauges, Measure, measure_at
from forge_jobs.showing import quoted

STEPS = {"minute": MINUTE, "hour": 60 * MINUTE, "day": 1440 * MINUTE}
GROUPS = ("queue", "kind", *STEPS)
"""What rows may be told by; stretches of time begin at whole minutes, hours and days of UTC."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds: the percentiles within 5 %, mean and max exactly."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


class StatsRow(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one stretch of time, of one queue and kind; None where rows are not told apart by it.

    ``at`` is the instant at which the stretch begins. The numbers are those of ``forge_jobs.model.metrics.Counts``;
    ``done_per_minute`` is the mean over the stretch.
    """

    at: int | None
    queue: str | None
    kind: str | None
    enqueued: int
    started: int
    done: int
    failed: int
    retried: int
    dead: int
    cancelled: int
    expired: int
    timed_out: int
    out_of_memory: int
    crashed: int
    put_back: int
    done_per_minute: float
    cpu_seconds: float
    wait: Spread | None
    run: Spread | None


class HostStats(msgspec.Struct, frozen=True, kw_only=True):
    """What one host looked like, or the database itself (``host_id`` empty): means over its minutes, and the last ones.

    ``latency`` is how long calls of the coordinator to the database took.
    """

    host_id: str
    host: str
    last_at: int
    mean: Mapping[str, float]
    last: Mapping[str, float]
    latency: Mapping[str, Spread]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What happened between two instants. ``hosts`` has the database itself, if it was looked at, as the first."""

    since: int
    until: int
    rows: Sequence[StatsRow]
    hosts: Sequence[HostStats] = ()


def checked_groups(by: str | Sequence[str]) -> tuple[str, ...]:
    """Return what rows are to be told by, at most one stretch of time among it; raise InvalidValue."""
    names = (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in GROUPS:
            raise InvalidValue(f"by {quoted(name)} is not valid: use {', '.join(GROUPS)}")
    if len(set(names) & set(STEPS)) > 1:
        raise InvalidValue(f"by {', '.join(names)} names more than one of {', '.join(STEPS)}: use one")
    return names


def step_of(groups: Sequence[str]) -> int:
    """Return the length of the stretches in microseconds; 0 where rows are not told by time."""
    return next((STEPS[name] for name in groups if name in STEPS), 0)


def rows_of(
    measures: Mapping[tuple[int, str, str], Measure], groups: Sequence[str], since: int, until: int
) -> list[StatsRow]:
    """Return the rows, in order of time, queue and kind."""
    step = step_of(groups)
    by: dict[tuple[int, str, str], Measure] = {}
    for (at, queue, kind), measure in measures.items():
        key = (at, queue if "queue" in groups else "", kind if "kind" in groups else "")
        measure_at(by, key).merge(measure)
    return [_row(key, measure, step, since, until) for key, measure in sorted(by.items(), key=lambda item: item[0])]


def _row(key: tuple[int, str, str], measure: Measure, step: int, since: int, until: int) -> StatsRow:
    at, queue, kind = key
    begins, ends = (max(at, since), min(at + step, until)) if step else (since, until)
    minutes = max(ends - begins, MICROSECONDS) / MINUTE
    numbers = {name: getattr(measure, name) for name in COUNTED if name not in ("cpu", "claimed", "unstarted")}
    return StatsRow(
        at=at if step else None,
        queue=queue or None,
        kind=kind or None,
        started=measure.started,
        done_per_minute=measure.done / minutes,
        cpu_seconds=measure.cpu / MICROSECONDS,
        wait=spread(measure.wait),
        run=spread(measure.run),
        **numbers,
    )


def spread(histogram: Histogram) -> Spread | None:
    """Return what is told of durations; None where there are none."""
    if not histogram.buckets:
        return None
    p50, p95, p99 = ((histogram.percentile(p) or 0.0) / MICROSECONDS for p in (50, 95, 99))
    return Spread(
        count=histogram.count,
        mean=(histogram.mean or 0.0) / MICROSECONDS,
        p50=p50,
        p95=p95,
        p99=p99,
        max=histogram.max / MICROSECONDS,
    )


def hosts_of(gauges: Iterable[tuple[int, Gauges]]) -> list[HostStats]:
    """Return what hosts looked like, from their gauges by minute."""
    by_host: dict[str, list[tuple[int, Gauges]]] = {}
    for minute, seen in gauges:
        by_host.setdefault(seen.host_id, []).append((minute, seen))
    return sorted((_host(seen) for seen in by_host.values()), key=lambda host: (host.host_id != "", host.host))


def _host(seen: Sequence[tuple[int, Gauges]]) -> HostStats:
    last_at, last = max(seen, key=lambda item: item[0])
    values: dict[str, list[float]] = {}
    calls: dict[str, Histogram] = {}
    for _minute, gauges in seen:
        for name, value in gauges.values.items():
            values.setdefault(name, []).append(value)
        for call, histogram in gauges.latency.items():
            calls.setdefault(call, Histogram()).merge(histogram)
    spreads = {call: spread(histogram) for call, histogram in calls.items()}
    return HostStats(
        host_id=last.host_id,
        host=last.label,
        last_at=last_at,
        mean={name: sum(all_of) / len(all_of) for name, all_of in values.items()},
        last=last.values,
        latency={call: told for call, told in spreads.items() if told is not None},
    )
