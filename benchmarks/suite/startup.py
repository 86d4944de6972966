"""How long the library takes to import, and the command to answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.figures import Figure, in_turn, say
from benchmarks.peers.base import Contestant
from benchmarks.suite.size import Size

TITLE = "Starting up"
_ROOT = Path(__file__).resolve().parents[2]
_HELP = "import sys; from forge_jobs_supervisor.cli import main; sys.argv = ['forge-jobs', '--help']; main()"


def measure(size: Size, _contestants: Sequence[Contestant]) -> list[Figure]:
    """Return the milliseconds of an import, without those of an interpreter that does nothing, and of ``--help``."""
    say(TITLE)
    found = in_turn(
        5 if size.quick else 15,
        {"nothing": lambda: _run("pass"), "import": lambda: _run("import forge_jobs"), "help": lambda: _run(_HELP)},
    )
    imports = [max(whole - bare, 0.0) for whole, bare in zip(found["import"], found["nothing"], strict=True)]
    return [
        Figure(group=TITLE, name="import forge_jobs", unit="ms", rounds=imports, key="startup/import"),
        Figure(group=TITLE, name="forge-jobs --help", unit="ms", rounds=found["help"], key="startup/help"),
    ]


def _run(code: str) -> float:
    """Return the milliseconds that a fresh interpreter takes for the code, with compiled modules."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = perf_counter()
    subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=environment, stdout=subprocess.DEVNULL, check=True, timeout=60
    )
    return (perf_counter() - start) * 1000
