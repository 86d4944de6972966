"""Durations as histograms that can be added up, so that the percentiles of an hour are those of all its jobs.

Buckets grow by a constant factor, as in DDSketch (Masson, Rim and Lee, VLDB 2019, section 2): seven of them double the
value, so every whole power of two is a bucket's upper end, and what is told of a bucket is within 5 % of all in it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import msgspec

PER_DOUBLING = 7
GROWTH: float = 2.0 ** (1 / PER_DOUBLING)
RELATIVE_ERROR = (GROWTH - 1) / (GROWTH + 1)
"""How far a percentile may be from the value that has its rank: 4.95 %. (DDSketch, lemma 2.)"""

_log2, _ceil = math.log2, math.ceil


def bucket_of(microseconds: int) -> int:
    """Return the bucket of a duration: bucket i holds what is above GROWTH**(i-1) and at most GROWTH**i.

    Bucket 0 holds one microsecond and less; a negative duration, which a clock that was set can leave, counts as none.
    """
    return 0 if microseconds <= 1 else _ceil(_log2(microseconds) * PER_DOUBLING)


class Histogram(msgspec.Struct, omit_defaults=True):
    """How many durations fell into each bucket, their sum and the largest (microseconds)."""

    buckets: dict[int, int] = {}
    sum: int = 0
    max: int = 0

    @classmethod
    def of(cls, durations: Iterable[int]) -> Histogram:
        """Return the histogram of some durations (microseconds)."""
        made = cls()
        made.add(durations)
        return made

    def add(self, durations: Iterable[int]) -> None:
        """Count durations (microseconds)."""
        values = [max(0, value) for value in durations]
        if values:  # spelled out: a call of bucket_of for each would take as long again
            self._count(Counter([_ceil(_log2(value) * PER_DOUBLING) if value > 1 else 0 for value in values]))
            self.sum += sum(values)
            self.max = max(self.max, *values)

    def merge(self, other: Histogram) -> None:
        """Count all that ``other`` has counted too."""
        self._count(other.buckets)
        self.sum += other.sum
        self.max = max(self.max, other.max)

    def _count(self, buckets: dict[int, int]) -> None:
        for bucket, number in buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + number

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.buckets.values())

    @property
    def mean(self) -> float | None:
        """The mean in microseconds, exactly; None of nothing."""
        return self.sum / self.count if self.buckets else None

    def percentile(self, percent: float) -> float | None:
        """Return the duration of which ``percent`` of all are not above, in microseconds; None of nothing.

        By nearest rank: that of number ceil(percent · n / 100), within ``RELATIVE_ERROR``.
        """
        rank = max(math.ceil(percent * self.count / 100), 1)
        for bucket in sorted(self.buckets):
            rank -= self.buckets[bucket]
            if rank <= 0:  # the harmonic middle of both ends: equally far, as a ratio, from each
                middle = 2 * GROWTH**bucket / (GROWTH + 1) if bucket else 1.0
                return min(middle, float(max(self.max, 1)))
        return None

    def at_most(self, doublings: int) -> int:
        """Return how many durations were at most 2**``doublings`` microseconds, exactly."""
        return sum(number for bucket, number in self.buckets.items() if bucket <= doublings * PER_DOUBLING)
