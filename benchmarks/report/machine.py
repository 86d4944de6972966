"""What the figures were measured on, and with which contestants."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import apsw
import psycopg

from benchmarks import servers
from benchmarks.peers.base import Contestant

_BLOCK = 8192
_SYNCS = 200


def machine(results: Path, contestants: Iterable[Contestant], *, quick: bool) -> dict[str, Any]:
    """Return what matters of the machine, the libraries and the contestants; ``results`` is where the disk is tried."""
    return {
        "mode": "quick" if quick else "full",
        "cpus": len(os.sched_getaffinity(0)),
        "model": _model(),
        "architecture": platform.machine(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": f"{apsw.sqlite_lib_version()} (peers: {sqlite3.sqlite_version})",
        "postgres": _postgres(),
        "fsync_ms": fsync_time(results) * 1000,
        "contestants": [_contestant(contestant) for contestant in contestants],
    }


def fsync_time(directory: Path) -> float:
    """Return the median seconds that writing 8 kB to a file there, and fsync, take."""
    block = os.urandom(_BLOCK)
    with tempfile.TemporaryFile(dir=directory) as file:
        taken = []
        for _ in range(_SYNCS):
            start = perf_counter()
            os.pwrite(file.fileno(), block, 0)
            os.fsync(file.fileno())
            taken.append(perf_counter() - start)
    return statistics.median(taken)


def block(found: Mapping[str, Any]) -> str:
    """Return it in Markdown: a line for the machine, and a table of the contestants."""
    measured = (
        f"Measured ({found['mode']} run) on {found['cpus']} CPUs ({found['model']}, {found['architecture']}), "
        f"{found['kernel']}, Python {found['python']}, SQLite {found['sqlite']}, PostgreSQL {found['postgres']}; "
        f"writing 8 kB and fsync takes {found['fsync_ms']:.2f} ms."
    )
    lines = [
        measured,
        "",
        "| contestant | version | store | settings |",
        "|---|---|---|---|",
    ]
    for one in found["contestants"]:
        keeps = one["store"] if one["durable"] or one["store"] == "memory" else f"{one['store']}, not durable"
        settings = f"*not measured: {one['missing']}*" if one["missing"] else one["settings"]
        lines.append(f"| {one['name']} | {one['version'] or '–'} | {keeps} | {_cell(settings)} |")
    return "\n".join(lines)


def _contestant(contestant: Contestant) -> dict[str, Any]:
    missing = contestant.missing()
    return {
        "name": contestant.name, "store": contestant.store, "durable": contestant.durable,
        "settings": contestant.settings, "version": None if missing else contestant.version(), "missing": missing,
    }  # fmt: skip


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(named, "model unknown")


def _postgres() -> str:
    missing = servers.no_postgres()
    if missing:
        return f"not there ({missing})"
    with psycopg.connect(servers.postgres().url) as connection:
        return str(connection.info.parameter_status("server_version"))
