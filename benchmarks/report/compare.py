"""What has become worse since a saved run, beyond what noise explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.figures import Figure, number

TOLERANCE = 0.15
"""Share of the saved median by which a median may be worse."""

MORE_IS_BETTER: Mapping[str, bool] = {
    "jobs/s": True, "ratio": True,
    "µs": False, "ms": False, "s": False, "MB": False, "%": False, "per s": False, "per job": False,
    "bytes per job": False,
}  # fmt: skip
"""By unit. Figures of other units are not judged."""


class Unreadable(Exception):
    """A saved run that is none."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A saved run, as ``figures.store`` writes it."""

    figures: list[Figure]
    machine: dict[str, Any] = {}


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two runs side by side. ``worse`` and ``better`` are pairs of the saved figure and the one measured now."""

    worse: list[tuple[Figure, Figure]]
    better: list[tuple[Figure, Figure]]
    new: list[Figure]
    missing: list[Figure]
    unjudged: list[Figure]


def load(path: Path) -> Run:
    """Read a saved run; raises Unreadable with one sentence if it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError) as error:
        raise Unreadable(f"{path} is not a saved run: {error}") from error


def compare(saved: Sequence[Figure], now: Sequence[Figure]) -> Comparison:
    """Put figures of the same key beside each other; those without a key or without rounds are left out."""
    before, after = _by_key(saved), _by_key(now)
    pairs = [(before[key], figure) for key, figure in after.items() if key in before]
    return Comparison(
        worse=[pair for pair in pairs if _fell(*pair)],
        better=[(old, new) for old, new in pairs if _fell(new, old)],
        new=[figure for key, figure in after.items() if key not in before],
        missing=[figure for key, figure in before.items() if key not in after],
        unjudged=[new for old, new in pairs if not _judged(old, new)],
    )


def told(comparison: Comparison) -> list[str]:
    """Return the lines that say it."""
    lines = []
    for word, pairs in (("worse", comparison.worse), ("better", comparison.better)):
        lines += [
            f"{word}: {new.key}: {number(old.median)} → {number(new.median)} {new.unit}" for old, new in pairs
        ]  # fmt: skip
    for word, figures in (
        ("only in this run", comparison.new),
        ("only in the saved run", comparison.missing),
        ("not judged, its unit is unknown or another", comparison.unjudged),
    ):
        lines += [f"{word}: {figure.key}" for figure in figures]
    return lines or ["neither worse nor better than the saved run"]


def _by_key(figures: Sequence[Figure]) -> dict[str, Figure]:
    return {figure.key: figure for figure in figures if figure.key and figure.rounds}


def _judged(old: Figure, new: Figure) -> bool:
    return old.unit == new.unit and new.unit in MORE_IS_BETTER


def _fell(old: Figure, new: Figure) -> bool:
    """Return whether the new median is worse than tolerated, and no round of the one is among those of the other."""
    if not _judged(old, new):
        return False
    if MORE_IS_BETTER[new.unit]:
        return new.median < old.median * (1 - TOLERANCE) and max(new.rounds) < min(old.rounds)
    return new.median > old.median * (1 + TOLERANCE) and min(new.rounds) > max(old.rounds)
