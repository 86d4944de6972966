"""What is counted of a queue's kind, and adding it up."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.histogram import Histogram

MINUTE = 60 * MICROSECONDS
KEPT = 30 * 86_400 * MICROSECONDS
"""For how long minutes are kept, in microseconds."""


class Counts(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What happened, as numbers.

    ``enqueued``: jobs stored. ``claimed``: jobs taken by workers; of these ``unstarted`` were given back free.
    ``done``: jobs that succeeded. ``failed``: attempts that did not end well, whatever became of the job; of these
    ``retried`` are tried again, ``timed_out`` passed their time limit, ``out_of_memory`` their memory limit, and
    ``crashed`` ended with their worker. ``dead``: jobs that ended dead; of these ``cancelled`` and ``expired`` by that.
    ``put_back``: attempts that were given back after they began (throttled, snoozed, interrupted by a stop).
    ``cpu``: microseconds of CPU time of attempts that came to an end by themselves.
    """

    enqueued: int = 0
    claimed: int = 0
    unstarted: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    dead: int = 0
    cancelled: int = 0
    expired: int = 0
    timed_out: int = 0
    out_of_memory: int = 0
    crashed: int = 0
    put_back: int = 0
    cpu: int = 0

    @property
    def started(self) -> int:
        """Attempts begun: a claim counts at once, and no more when it is given back unstarted."""
        return self.claimed - self.unstarted


COUNTED = Counts.__struct_fields__


class Observed(Counts, omit_defaults=True, kw_only=True):
    """What one transaction did to the jobs of one kind; ``waits`` and ``runs`` are microseconds of each attempt."""

    waits: list[int] = []
    runs: list[int] = []


class Measure(Counts, omit_defaults=True, kw_only=True):
    """What happened in some time. ``wait``: from when an attempt might start to its start; ``run``: from there on."""

    wait: Histogram = msgspec.field(default_factory=Histogram)
    run: Histogram = msgspec.field(default_factory=Histogram)

    def take(self, observed: Observed) -> None:
        """Add what a transaction did."""
        self._sum(observed)
        self.wait.add(observed.waits)
        self.run.add(observed.runs)

    def merge(self, other: Measure) -> None:
        """Add what happened in some other time."""
        self._sum(other)
        self.wait.merge(other.wait)
        self.run.merge(other.run)

    def _sum(self, other: Counts) -> None:
        for name in COUNTED:
            if number := getattr(other, name):
                setattr(self, name, getattr(self, name) + number)


K = TypeVar("K")


def measure_at(measures: dict[K, Measure], key: K) -> Measure:
    """Return the measure under a key, which is there from now on."""
    found = measures.get(key)
    if found is None:
        found = measures[key] = Measure()
    return found


def minute_of(instant: int) -> int:
    """Return the instant at which the minute of an instant begins."""
    return instant - instant % MINUTE


class Gauges(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a host's coordinator saw in one minute: values by name, and how long the database took, by call.

    ``host_id`` and ``label`` are empty where the database itself was looked at.
    """

    host_id: str = ""
    label: str = ""
    values: dict[str, float] = {}
    latency: dict[str, Histogram] = {}
