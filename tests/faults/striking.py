"""Arming the points of ``points.py``, until each has killed a process of its kind."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.passages import KINDS
from tests.faults.points import MISHAPS, kind_of, points
from tests.faults.provoking import clear_away
from tests.support.farm import Farm

AT_ONCE = 12
"""Points of a kind of process that are armed at once."""

PATIENCE, MOST_PATIENCE = 1.0, 16.0
"""Seconds without a death after which somebody is killed, and longer each time: some points are passed only then."""

OF_SUPERVISORS = ("supervisor: *", "* leadership.resign", "* registry.retire_host")
"""Points that are passed when a supervisor is born, or has died."""

MISHAP_EVERY = 0.3

STUCK = 120.0

pause = threading.Event().wait


class Striker:
    """Lets processes kill themselves at each point; an operator works meanwhile, whose jobs are gone afterwards."""

    def __init__(self, farm: Farm, directory: Path, revive: Callable[[], None], hit: Callable[[str], None]) -> None:
        self._farm = farm
        self._directory = directory
        self._revive = revive
        self._hit = hit
        self._stop = directory / "stop"
        self._victims = itertools.cycle(("worker", "coordinator", "supervisor"))
        self._mishaps_at = 0.0
        self._patience = PATIENCE
        self._ever_armed: set[str] = set()
        self.struck: Counter[str] = Counter()
        """How many points each kind of process has died at."""

    def run(self) -> None:
        """Arm all points, some of each kind of process at a time, until each has struck."""
        left = points("sqlite" if self._farm.url.startswith("sqlite:") else "postgres")
        with self._provoker() as provoker:
            last = time.monotonic()
            while left:
                armed = self._armed(left)
                struck = [point for point in armed if (self._directory / "struck" / point).exists()]
                self.struck.update(map(kind_of, struck))
                left = [point for point in left if point not in struck]
                last = time.monotonic() if struck else last
                self._provoke(armed, time.monotonic() - last)
                assert time.monotonic() - last < STUCK, f"nobody has passed the points: {', '.join(left)}"
                assert provoker.poll() is None, "whoever provokes has ended: see provoking.txt"
                self._revive()
                pause(0.01)
        for mishap in MISHAPS:
            (self._directory / "armed" / mishap).unlink(missing_ok=True)
        clear_away(self._farm.jobs)

    def unlisted(self) -> list[str]:
        """Return, in words, the points that were passed and that no list has."""
        return [f"{path.name}: passed, and no such point is armed" for path in (self._directory / "unlisted").iterdir()]

    def _armed(self, left: list[str]) -> list[str]:
        """Arm the first points of each kind that are left; return those that are armed, or have struck."""
        first = [p for kind in KINDS for p in [p for p in left if kind_of(p) == kind][:AT_ONCE]]
        for point in first:
            if point not in self._ever_armed:
                self._ever_armed.add(point)
                (self._directory / "armed" / point).touch()
        return first

    def _provoke(self, armed: list[str], seconds: float) -> None:
        """Let mishaps happen that lead to what is armed; nobody having died for so long, kill somebody."""
        now = time.monotonic()
        if now > self._mishaps_at:
            self._mishaps_at = now + MISHAP_EVERY
            for mishap, leads_to in MISHAPS.items():
                if fnmatch.filter(armed, leads_to):
                    (self._directory / "armed" / mishap).touch()
        if seconds < PATIENCE:
            self._patience = PATIENCE
        elif seconds > self._patience:
            self._patience += min(self._patience, MOST_PATIENCE)
            victim = next(self._victims)
            if victim != "supervisor" or any(fnmatch.filter(armed, point) for point in OF_SUPERVISORS):
                self._hit(victim)

    @contextlib.contextmanager
    def _provoker(self) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "tests.faults.provoking", str(self._stop)]
        with (self._farm.directory / "provoking.txt").open("ab") as log:
            provoker = subprocess.Popen(command, env=self._farm.environment, cwd=self._farm.directory, stderr=log)
        try:
            yield provoker
        finally:
            self._stop.touch()
            provoker.wait()
