"""What a process uses: CPU time, memory, and the peak of it, measured on real processes."""

from __future__ import annotations

import mmap
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forge_jobs_supervisor.unix import usage
from forge_jobs_supervisor.unix.usage import Meter, oom_kills, private_memory
from tests.support.forking import in_child

MB = 2**20
LARGE = 64 * MB
ROUGHLY = 0.1 * LARGE
"""What else a process may take or give back meanwhile."""


def use(size: int) -> bytearray:
    """Return memory that was written to, so that it is really there."""
    return bytearray(b"x") * size


def peak_is_reset_here() -> bool:
    """Whether the kernel lets a process begin anew with its high-water mark."""

    def child() -> str:
        del_me = use(LARGE)
        del del_me
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return "refused"
        return str(before - resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > ROUGHLY / 1024)

    return in_child(child) == "True"


# -- CPU time --------------------------------------------------------------------------------------------------------


def test_cpu_time_is_that_of_the_job_and_not_of_what_was_before() -> None:
    meter = Meter()

    def spin(seconds: float) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    spin(0.1)
    before = meter.start()
    spin(0.05)
    cpu_time, _peak = meter.stop(before)

    assert before >= 100_000
    assert cpu_time >= 49_000
    assert cpu_time <= time.process_time_ns() // 1000 - before + 1000


def test_who_waits_for_others_uses_no_cpu_time() -> None:
    code = """
import time
while time.process_time() < 0.3: pass
print(time.process_time_ns() // 1000)
"""
    meter = Meter()
    before = meter.start()
    theirs = int(subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE).stdout)
    mine, _peak = meter.stop(before)

    assert mine < theirs / 2


# -- the peak --------------------------------------------------------------------------------------------------------


def test_the_peak_holds_what_the_job_had_and_gave_back() -> None:
    def child() -> str:
        meter = Meter()
        before = meter.start()
        lowest = private_memory()
        kept = use(LARGE)
        del kept
        _cpu, peak = meter.stop(before)
        return str(peak - lowest)

    assert int(in_child(child)) >= LARGE - ROUGHLY


def test_the_peak_is_that_of_the_job_and_not_of_the_one_before_where_the_kernel_allows() -> None:
    def child() -> str:
        meter = Meter()
        before = meter.start()
        kept = use(LARGE)
        del kept
        _cpu, first = meter.stop(before)
        before = meter.start()
        _cpu, second = meter.stop(before)
        return str(first - second)

    fallen = int(in_child(child))

    assert fallen >= LARGE - ROUGHLY if peak_is_reset_here() else fallen <= 0


@pytest.mark.parametrize("fails", ["open", "pwrite"])
def test_where_the_kernel_does_not_allow_it_the_peak_is_the_highest_so_far(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def refuse(*_arguments: object) -> int:
        raise PermissionError

    monkeypatch.setattr(usage.os, fails, refuse)
    meter = Meter()

    for _ in range(2):
        cpu_time, peak = meter.stop(meter.start())
        assert cpu_time >= 0
        assert peak == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# -- private memory --------------------------------------------------------------------------------------------------


def test_private_memory_grows_by_what_is_allocated_and_falls_when_it_is_given_back() -> None:
    before = private_memory()
    kept = use(LARGE)
    grown = private_memory() - before
    del kept
    fallen = before + grown - private_memory()

    assert abs(grown - LARGE) < ROUGHLY
    assert abs(fallen - LARGE) < ROUGHLY


def test_files_and_shared_memory_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * LARGE)
    before = private_memory()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[::4096].count(b"x") == LARGE // 4096
        with mmap.mmap(-1, LARGE) as shared:
            shared[:] = b"x" * LARGE
            grown = private_memory() - before

    assert grown < ROUGHLY


def test_the_memory_of_another_process_is_seen_as_that_process_sees_it() -> None:
    code = f"""
import sys
kept = bytearray(b"x") * {LARGE}
print(open("/proc/self/statm").read(), flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        fields = child.stdout.readline().split()
        seen = private_memory(child.pid)
        child.communicate("")

    there = (int(fields[1]) - int(fields[2])) * resource.getpagesize()
    assert seen >= LARGE
    assert abs(seen - there) < ROUGHLY


def test_a_process_that_is_gone_has_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    with pytest.raises(OSError, match=str(child.pid)):
        private_memory(child.pid)


# -- the kernel's own kills ------------------------------------------------------------------------------------------


def test_the_kernels_count_is_a_number_that_never_falls_or_not_known() -> None:
    first, second = oom_kills(), oom_kills()

    assert (first is None) == (second is None)
    assert first is None or (second is not None and 0 <= first <= second)


def test_a_worker_is_preferred_as_the_kernels_victim_and_no_further_than_it_goes() -> None:
    def child() -> str:
        path = Path("/proc/self/oom_score_adj")
        scores = []
        try:
            for before in (100, 900):
                path.write_text(str(before))
                usage.prefer_as_victim()
                scores.append(int(path.read_text()))
        except OSError:
            return "not allowed here"
        return str(scores)

    assert in_child(child) in (str([100 + usage.OOM_SCORE, 1000]), "not allowed here")
