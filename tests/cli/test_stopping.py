"""``forge-jobs cancel``, ``queue``, ``top`` and ``stack`` as a user types them."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import uuid

import pytest

from forge_jobs.model.queue import QueueSettings
from tests.support.farm import COMMAND, Farm, eventually

NOBODY = str(uuid.UUID(int=1))


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    """Run a command, expect its exit code, and return what it said where it matters."""
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code == 2 else done.stdout


def test_cancel_says_what_became_of_each_job(farm: Farm) -> None:
    done = farm.jobs.enqueue("noop")
    running = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    supervised = farm.supervise()
    farm.ended(done)
    supervised.worker_of(running)
    waiting = farm.jobs.enqueue("noop", {}, delay=3600)
    answers = told(farm, "cancel", done.id, running.id, waiting.id, NOBODY, code=1).splitlines()
    assert set(answers) == {
        f"{waiting.id} cancelled",
        f"{running.id} requested",
        f"{done.id} already finished",
        f"{NOBODY} not found",
    }
    farm.ended(running)
    assert [entry.cause for entry in running.error_history] == ["cancelled"]


def test_cancel_by_filter_takes_what_has_not_finished(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 3 + [("spin", {"seconds": 1})] * 2)
    assert "this cancels 3 jobs (kind noop): without a terminal" in told(farm, "cancel", "--kind", "noop", code=2)
    assert told(farm, "cancel", "--kind", "noop", "--dry-run") == "this cancels 3 jobs (kind noop)\n"
    said = told(farm, "cancel", "--kind", "noop", "--yes").splitlines()
    assert said == ["this cancels 3 jobs (kind noop)", "cancelled 3, requested 0, already finished 0"]
    answer = json.loads(told(farm, "cancel", "--queue", "default", "--json", "--yes"))
    assert [len(answer[name]) for name in ("cancelled", "requested", "already_finished", "not_found")] == [2, 0, 0, 0]
    assert "cancel changes no job that is dead" in told(farm, "cancel", "--status", "dead", "--yes", code=2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cancel"], "which jobs? name ids, or say --status, --queue, --kind, --error or --older-than"),
        (["cancel", "seven"], "'seven' is not a job id"),
        (["queue", "set", "default"], "nothing to set"),
        (["queue", "pause", "nowhere"], "there is no queue 'nowhere'; known: default"),
        (["queue", "set", "default", "--backoff-base", "-1"], "backoff_base -1.0 is not valid"),
        (["queue", "set", "default", "--memory-limit", "lots"], "memory_limit 'lots' is not valid"),
        (["queue", "set", "default", "--max-workers", "many"], "'many' is not a valid"),
        (["stack"], "no worker is alive"),
        (["enqueue", "noop", "--timeout", "0"], "timeout 0.0 is out of range"),
        (["enqueue", "noop", "--expires-at", "soon"], "time 'soon' is not valid"),
    ],
)
def test_bad_input_gets_one_sentence(farm: Farm, arguments: list[str], said: str) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default"))
    assert said in told(farm, *arguments, code=2)


def test_queue_settings_are_set_and_shown(farm: Farm) -> None:
    farm.jobs.enqueue("noop")
    farm.supervise("--drain").wait()
    settings = ["--max-workers", "3", "--no-backoff", "--keep-done", "2.5", "--memory-limit", "512MB"]
    set_ = json.loads(told(farm, "queue", "set", "default", *settings, "--json"))
    assert (set_["max_workers"], set_["backoff_enabled"], set_["keep_done"]) == (3, False, 2.5)
    assert set_["memory_limit"] == 512 * 2**20
    told(farm, "queue", "pause", "default")
    assert "yes" in told(farm, "queues")
    told(farm, "queue", "set", "default", "--max-workers", "none", "--memory-limit", "none")
    (queue,) = (q for q in json.loads(told(farm, "queues", "--json"))["queues"] if q["name"] == "default")
    assert (queue["max_workers"], queue["memory_limit"], queue["paused"]) == (None, None, True)
    told(farm, "queue", "resume", "default")
    assert farm.jobs.queues()[0].paused is False


def test_show_tells_what_an_attempt_used(farm: Farm) -> None:
    job = farm.jobs.enqueue("spin", {"seconds": 0.05})
    failed = farm.jobs.enqueue("fail", {}, max_attempts=1)
    farm.supervise("--drain").wait()
    shown = json.loads(told(farm, "show", job.id, "--json"))
    assert shown["cpu_seconds"] >= 0.05
    assert shown["wall_seconds"] >= 0.05
    assert shown["peak_memory"] > 2**20
    assert "peak memory" in told(farm, "show", failed.id)


def test_stack_shows_busy_and_idle_workers(farm: Farm) -> None:
    job = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    supervised = farm.supervise("--queue", "default=2")
    worker = supervised.worker_of(job)
    supervised.up(2)
    everybody = told(farm, "stack")
    assert "in wait_for" in everybody
    assert "in _sleep" in everybody
    for name in (str(worker.pid), job.id):
        one = told(farm, "stack", name)
        assert "in wait_for" in one
        assert "in _sleep" not in one
    (answer,) = json.loads(told(farm, "stack", job.id, "--json"))["workers"]
    assert (answer["pid"], answer["job_id"], answer["kind"]) == (worker.pid, job.id, "wait_for")
    assert "there is no live worker 'media#7'" in told(farm, "stack", "media#7", code=2)
    supervised.signal(signal.SIGUSR2)
    eventually(lambda: "in wait_for" in supervised.log, told="the stacks in the log")


def test_top_without_a_terminal_prints_once(farm: Farm) -> None:
    job = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    supervised = farm.supervise("--queue", "default=2")
    worker = supervised.worker_of(job)
    shown = told(farm, "top")
    (line,) = (line for line in shown.splitlines() if str(worker.pid) in line)
    assert "wait_for" in line
    assert job.id in line
    assert "%" in line


def test_top_is_refreshed_in_place_and_fits_80_columns(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=2")
    supervised.up(2)
    main, side = pty.openpty()
    environment = {**farm.environment, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with subprocess.Popen(
        [*COMMAND, "top", "--interval", "0.2"], cwd=farm.directory, env=environment, stdin=side, stdout=side
    ) as process:
        os.close(side)
        job = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
        seen = b""
        while (b"wait_for" not in seen or seen.count(b"default #1") < 3) and select.select([main], [], [], 30)[0]:
            seen += os.read(main, 65536)
        process.send_signal(signal.SIGINT)
        while process.poll() is None and select.select([main], [], [], 30)[0]:
            try:
                seen += os.read(main, 65536)
            except OSError:
                break
        assert process.wait(30) == 0
    os.close(main)
    assert job.refresh().status == "in_progress"
    text = seen.decode()
    assert "\x1b[?1049h" in text
    assert "Traceback" not in text
