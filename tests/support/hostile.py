"""Values that nobody means well with, and what every refusal has to be like."""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from forge_jobs.errors import ForgeJobsError
from forge_jobs.showing import one_line

LONGEST = 1000
"""Characters of a refusal: one sentence, with no more of a value than tells which it is."""


class Evil:
    """Looks at which nothing good comes of."""

    def __repr__(self) -> str:
        raise RuntimeError("no look")

    __str__ = __repr__


class Forger:
    """Shows itself as a command to the terminal, without an end."""

    def __repr__(self) -> str:
        return "\x1b[2J" * 100_000

    __str__ = __repr__


class Zero(enum.IntEnum):
    """A number that is none."""

    ZERO = 0


class Nowhere(tzinfo):
    """A zone that does not work."""


def circle() -> list[Any]:
    """Return a list that is in itself."""
    made: list[Any] = []
    made.append({"in": made})
    return made


def deep(levels: int) -> list[Any]:
    """Return lists in lists."""
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


ODD = [
    "", " ", "\0", "\x1b[31mred", "a\nb", "\ud800", "\u202eabc", "'; DROP TABLE job; --", "%s%n{}", "../../etc/passwd",
    "x" * 100_000, b"", b"\xff\xfe", True, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**5000, float("nan"), float("inf"),
    -float("inf"), 1e300, -0.0, Decimal("NaN"), Zero.ZERO, [], {}, (), set(), circle(), deep(2000), object(), Evil(),
    Forger(), int, datetime.min, datetime.max, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC),
    datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=-23, minutes=-59, seconds=-59))),
    datetime(2030, 1, 1, tzinfo=Nowhere()), timedelta.max, timedelta(0),
]  # fmt: skip
"""For every argument that there is."""

texts = st.text(st.characters(exclude_categories=()), max_size=30)
numbers = st.integers() | st.integers(-(2**70), 2**70) | st.floats()
moments = st.datetimes() | st.datetimes(timezones=st.timezones())
odd = st.integers(0, len(ODD) - 1).map(ODD.__getitem__) | texts | numbers | moments


def check_refusal(error: BaseException, longest: int = LONGEST) -> None:
    """Fail unless a refusal is one of ours, in a sentence that any terminal can be given."""
    assert isinstance(error, (ForgeJobsError, TypeError)), f"{type(error).__name__}: {one_line(str(error))[:300]}"
    told = str(error)
    assert 0 < len(told) <= longest
    assert told == one_line(told)
