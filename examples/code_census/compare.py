"""Whether two reports are equal in every figure, and where they first differ."""

from __future__ import annotations

from typing import Any


def first_difference(farm: Any, serial: Any, where: str = "") -> str | None:
    """Return one sentence on the first figure that differs; None where all are equal."""
    if isinstance(farm, dict) and isinstance(serial, dict) and farm.keys() == serial.keys():
        pairs = ((f"{where}[{key!r}]", farm[key], serial[key]) for key in farm)
    elif isinstance(farm, list) and isinstance(serial, list) and len(farm) == len(serial):
        pairs = ((f"{where}[{i}]", one, other) for i, (one, other) in enumerate(zip(farm, serial, strict=True)))
    else:
        return None if farm == serial else f"{where}: the farm says {farm!r}, one process says {serial!r}"
    return next(filter(None, (first_difference(one, other, place) for place, one, other in pairs)), None)


def figures(value: Any) -> int:
    """Return how many figures and texts there are to compare."""
    if isinstance(value, dict):
        return sum(map(figures, value.values()))
    return sum(map(figures, value)) if isinstance(value, list) else 1
