"""Figures that nobody measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.figures import Figure
from benchmarks.report.tables import Result

SQLITE, POSTGRES = "forge-jobs (SQLite)", "forge-jobs (Postgres)"


def figure(key: str, *rounds: float, unit: str = "jobs/s") -> Figure:
    return Figure(group="made up", name=key, unit=unit, rounds=rounds, key=key)


def contestant(name: str, *, store: str = "sqlite", durable: bool = True, missing: str | None = None) -> dict[str, Any]:
    version = None if missing else "1.0"
    return {
        "name": name, "store": store, "durable": durable, "settings": "defaults", "version": version,
        "missing": missing,
    }  # fmt: skip


def result(figures: Sequence[Figure]) -> Result:
    machine = {
        "mode": "quick", "cpus": 2, "model": "a model", "architecture": "x86_64", "kernel": "Linux 6.1",
        "python": "3.11.7", "sqlite": "3.50", "postgres": "18.0", "fsync_ms": 0.11,
        "contestants": [
            contestant(SQLITE), contestant(POSTGRES, store="postgres"), contestant("huey"),
            contestant("pebble", store="memory", durable=False), contestant("rq", store="redis", missing="no server"),
        ],
    }  # fmt: skip
    return Result(figures=figures, machine=machine)
