"""Programs as jobs, on a farm: whatever ends them ends all that they have started."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from forge_jobs import Job
from forge_jobs_supervisor.shipped import COMMAND, ECHO
from tests.support.farm import Farm, Supervised, eventually, farm_in_schema, gone
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes

SLEEPER = 'sh -c "echo \\$\\$ >> pids; exec sleep 600"'
TREE = f"{SLEEPER} & ({SLEEPER} &); sh -c '{SLEEPER} & wait' & echo $$ >> pids; echo told; wait"
"""A program that starts three others: one in the background, an orphan, and a grandchild."""

IN_SESSION = f"setsid {SLEEPER} & {TREE}"
"""The same with one in a session of its own, out of the process group."""


def submit(farm: Farm, script: str, **options: Any) -> Job:
    payload = {"argv": ["sh", "-c", script], "cwd": str(farm.directory)}
    return farm.jobs.enqueue(COMMAND, payload, **options)


def tree(farm: Farm, number: int) -> list[int]:
    """Wait until so many processes have noted their pids, and return these."""
    path = farm.directory / "pids"
    eventually(lambda: path.exists() and len(path.read_text().split()) == number, told=f"{number} processes")
    return [int(pid) for pid in path.read_text().split()]


def commands(farm: Farm, *options: str, workers: int = 1) -> Supervised:
    supervised = farm.supervise("--allow-commands", *options, workers=workers, app=None)
    supervised.staffed(workers)
    return supervised


def all_gone(pids: list[int]) -> None:
    eventually(lambda: all(gone(pid) for pid in pids), told="every process to be gone")


def ending(farm: Farm, job: Job) -> tuple[str, str, str | None, str]:
    farm.ended(job)
    (entry,) = job.refresh().error_history
    return job.status, entry.cause, entry.exit_signal, entry.message


def test_a_farm_without_an_application_runs_programs(farm: Farm) -> None:
    job = submit(farm, "echo $FORGE_ATTEMPT; pwd")
    echoed = farm.jobs.enqueue(ECHO, {"message": "hello", "sleep": 0})
    supervised = farm.supervise("--drain", "--allow-commands", app=None)
    assert supervised.wait() == 0
    assert job.refresh().value["stdout_tail"] == f"1\n{farm.directory}\n"
    assert echoed.refresh().value == "hello"
    assert "commands are allowed: any program, in any directory" in supervised.log


def test_programs_run_beside_an_application_whose_jobs_are_elsewhere(farm: Farm) -> None:
    farm.supervise("--allow-commands", app="application:jobs").staffed(4)
    assert submit(farm, "exit 0").result(timeout=60)["exit_code"] == 0
    assert farm.jobs.enqueue("noop").result(timeout=60) is None


def test_where_programs_are_not_allowed_they_wait(farm: Farm) -> None:
    job = submit(farm, "exit 0")
    farm.supervise("--queue", "default=1").staffed(1)
    eventually(lambda: farm.jobs.storage.upkeep.unserved(), told="the job to be unserved")
    (unserved,) = farm.jobs.storage.upkeep.unserved()
    assert (unserved.kind, unserved.reason) == (COMMAND, "no worker knows the kind")
    assert farm.jobs.enqueue(ECHO, {"sleep": 0}).result(timeout=60) == ""
    assert job.refresh().status == "pending"
    commands(farm)
    farm.ended(job)
    assert job.refresh().status == "done"


def test_a_farm_that_reloads_still_allows_them(farm: Farm) -> None:
    supervised = commands(farm, "--allow-command", "sh", "--commands-root", str(farm.directory))
    supervised.signal(signal.SIGHUP)
    eventually(lambda: supervised.log.count("commands are allowed: sh, in") == 2, told="the new code to take over")
    assert submit(farm, "echo new").result(timeout=60)["stdout_tail"] == "new\n"
    refused = farm.jobs.enqueue(COMMAND, {"argv": ["env"], "cwd": str(farm.directory)})
    assert "not among the programs" in ending(farm, refused)[3]
    outside = farm.jobs.enqueue(COMMAND, {"argv": ["sh"], "cwd": "/"})
    assert ending(farm, outside)[:2] == ("dead", "error")
    assert outside.attempts == 1


def test_a_cancelled_program_ends_with_all_that_it_started(farm: Farm) -> None:
    commands(farm)
    job = submit(farm, IN_SESSION)
    pids = tree(farm, 5)
    assert job.cancel() == "requested"
    status, cause, killed_by, message = ending(farm, job)
    assert (status, cause, killed_by) == ("dead", "cancelled", None)
    assert message == "cancelled while it was running; the handler ended so: killed by SIGTERM: told"
    all_gone(pids)


def test_a_program_that_runs_too_long_ends_with_all_that_it_started(farm: Farm) -> None:
    commands(farm)
    job = submit(farm, IN_SESSION, timeout=1, max_attempts=1)
    pids = tree(farm, 5)
    status, cause, killed_by, message = ending(farm, job)
    assert (status, cause, killed_by) == ("dead", "timeout", None)
    assert message.startswith("the job ran longer than its limit of 1 s; the handler ended so: killed by SIGTERM")
    all_gone(pids)


def test_a_program_has_time_to_clean_up(farm: Farm) -> None:
    commands(farm)
    job = submit(farm, "trap 'echo clean >&2; exit 5' TERM; echo $$ >> pids; while :; do sleep 0.01; done")
    tree(farm, 1)
    assert job.cancel() == "requested"
    message = ending(farm, job)[3]
    assert "the handler ended so: exit code 5: " in message
    assert message.endswith("clean")


@pytest.mark.parametrize("script", ["trap '' TERM; echo $$ >> pids; while :; do sleep 600; done", "kill -STOP $$"])
def test_a_program_that_does_not_listen_is_killed_and_its_worker_is_not(farm: Farm, script: str) -> None:
    commands(farm)
    job = submit(farm, f"{SLEEPER} & {script}")
    pids = tree(farm, 2 if "trap" in script else 1)
    assert job.cancel() == "requested"
    status, cause, killed_by, message = ending(farm, job)
    assert (status, cause, killed_by) == ("dead", "cancelled", None)
    assert message.endswith("killed by SIGKILL" if "trap" in script else "killed by SIGTERM")
    all_gone(pids)


def test_a_program_dies_with_its_worker(farm: Farm) -> None:
    supervised = commands(farm)
    job = submit(farm, TREE, max_attempts=1)
    pids = tree(farm, 4)
    os.kill(supervised.worker_of(job).pid, signal.SIGKILL)
    assert ending(farm, job)[:3] == ("dead", "crashed", "SIGKILL")
    all_gone(pids)


def test_a_program_dies_with_its_supervisor(farm: Farm) -> None:
    supervised = commands(farm)
    submit(farm, TREE)
    pids = tree(farm, 4)
    supervised.signal(signal.SIGKILL)
    all_gone(pids)


def test_at_the_end_of_the_farm_a_program_ends_and_its_job_goes_back(farm: Farm) -> None:
    supervised = commands(farm, "--grace", "0")
    job = submit(farm, IN_SESSION)
    pids = tree(farm, 5)
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert all(gone(pid) for pid in pids)
    assert (job.refresh().status, job.attempts, job.error_history) == ("pending", 0, ())


def test_endless_output_costs_no_memory(farm: Farm) -> None:
    commands(farm)
    small = farm.jobs.enqueue(COMMAND, {"argv": ["true"]})
    farm.ended(small)
    job = submit(farm, "head -c 300000000 /dev/zero")
    result = job.result(timeout=60)
    assert (result["stdout_bytes"], len(result["stdout_tail"]), result["truncated"]) == (300_000_000, 16384, True)
    assert job.refresh().record.peak_memory - small.refresh().record.peak_memory < 8_000_000


def test_every_byte_can_be_printed_on_every_database(tmp_path: Path) -> None:
    with farm_in_schema(tmp_path, server_url()) as farm:
        job = submit(farm, r"printf 'a\000\377\303\251'")
        failing = submit(farm, r"printf 'a\000\377' >&2; exit 1", max_attempts=1)
        assert farm.supervise("--drain", "--allow-commands", app=None).wait() == 1
        assert job.refresh().value["stdout_tail"] == "a\0\ufffdé"
        assert ending(farm, failing)[3] == "exit code 1: a\\x00\ufffd"


def test_many_orphans_are_collected_while_the_program_runs(farm: Farm) -> None:
    supervised = commands(farm)
    job = submit(farm, "for i in 1 2 3 4 5 6 7 8 9; do (true &); echo $i; done; echo $$ >> pids; sleep 600 & wait")
    tree(farm, 1)
    worker = supervised.worker_of(job)
    eventually(lambda: len(worker.children()) == 1, within=20, told="the orphans to be collected")
    job.cancel()
    farm.ended(job)


def test_the_next_job_finds_the_worker_as_it_was(farm: Farm) -> None:
    supervised = commands(farm)
    (worker,) = supervised.staffed(1)
    jobs = [submit(farm, f"cd /; umask 0; exit {code}", max_attempts=1) for code in (0, 1, 0)]
    farm.ended(*jobs)
    assert [job.refresh().status for job in jobs] == ["done", "dead", "done"]
    assert [w.pid for w in supervised.workers()] == [worker.pid]


def test_a_short_program_is_recorded_while_the_next_one_takes_its_time(farm: Farm) -> None:
    """However many short ones there were before: they say nothing of the next."""
    commands(farm)
    brief = [farm.jobs.enqueue(COMMAND, {"argv": ["true"]}) for _ in range(30)]
    long = submit(farm, SLEEPER)
    behind = [farm.jobs.enqueue(COMMAND, {"argv": ["true"]}) for _ in range(30)]
    tree(farm, 1)
    farm.ended(*brief)
    assert {job.refresh().status for job in behind} == {"pending"}
    assert long.cancel() == "requested"
    farm.ended(*behind)
