"""What a process uses: CPU time, memory, and the peak of it, from /proc and getrusage."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Iterator

from forge_jobs_supervisor.unix.descriptors import lifted

_PAGE = resource.getpagesize()
OOM_SCORE = 200
"""Added to a worker's oom_score_adj (proc(5)): as if it used a fifth of the memory more."""


class Meter:
    """What this process uses for one job after another.

    The kernel's high-water mark of memory is reset before a job, where it allows that (``/proc/self/clear_refs``, see
    proc(5)); where it does not, a job's peak is the highest so far.
    """

    def __init__(self) -> None:
        self._reset: int | None = None
        self._mark = 0
        """Kilobytes at which the high-water mark stood when it was reset."""
        self._risen = True
        with contextlib.suppress(OSError):
            self._reset = lifted(os.open("/proc/self/clear_refs", os.O_WRONLY | os.O_CLOEXEC))

    def start(self, *, tiny: bool = False) -> int:
        """Begin with a job; return the microseconds of CPU time that this process has used before.

        Before a ``tiny`` one the mark is reset only if a job has raised it since it was.
        """
        if self._reset is not None and (self._risen or not tiny):
            try:
                os.pwrite(self._reset, b"5", 0)
                self._mark = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            except OSError:
                self._reset = None
        return time.process_time_ns() // 1000

    def stop(self, before: int) -> tuple[int, int]:
        """Return the microseconds of CPU time since ``before``, and the peak memory in bytes."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._risen = usage.ru_maxrss > self._mark
        return max(round((usage.ru_utime + usage.ru_stime) * 1e6) - before, 0), usage.ru_maxrss * 1024


def private_memory(pid: int | str = "self") -> int:
    """Return the bytes of memory that a process has for itself; raise OSError where it is gone.

    Resident pages less those of files and of shared memory: mapped files cost nothing that could not be had back, and
    pages shared with the parent since the fork count before the job as they do in it.
    """
    with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:  # noqa: PTH123 - sampled many times a second
        fields = file.read(128).split()
    return (int(fields[1]) - int(fields[2])) * _PAGE


def oom_kills() -> int | None:
    """Return how many processes the kernel has killed for want of memory; None: unknown.

    They are those of this process's own control group (cgroups(7)): what other services or containers lose is not
    counted. Where that cannot be read, they are those of the machine.
    """
    for path in (*_counts_of_own_group(), *_COUNTS):
        with contextlib.suppress(OSError), open(path, "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"oom_kill "):
                    return int(line.split()[1])
    return None


_COUNTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control", "/proc/vmstat")
"""Of a container that does not see the name of its own group, by version 2 and 1, and of the machine."""


def _counts_of_own_group() -> Iterator[str]:
    with contextlib.suppress(OSError), open("/proc/self/cgroup") as file:  # noqa: PTH123
        for line in file:
            _number, controllers, path = line.rstrip("\n").split(":", 2)
            if not controllers:
                yield f"/sys/fs/cgroup{path}/memory.events"
            elif "memory" in controllers.split(","):
                yield f"/sys/fs/cgroup/memory{path}/memory.oom_control"


def prefer_as_victim() -> None:
    """Let the kernel, when memory runs out, kill this process rather than its supervisor."""
    with contextlib.suppress(OSError, ValueError), open("/proc/self/oom_score_adj", "r+b", buffering=0) as file:  # noqa: PTH123
        file.write(str(min(int(file.read(16)) + OOM_SCORE, 1000)).encode())
