"""``forge-jobs retry``, ``delete``, ``run-now``, ``move``, ``edit`` and ``purge`` as an operator types them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys

import pytest

from forge_jobs import Job
from tests.support.farm import PATIENCE, Farm
from tests.support.hands import Hand

NOBODY = "01a20c43-72a6-765a-b8d8-ab0b21b3e9aa"
APP = ("--app", "application:jobs")


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    """Run a command, expect its exit code, and return what it said where it matters."""
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr if code == 2 else done.stdout


def dead(farm: Farm, number: int, message: str = "KeyError: 'user'") -> list[Job]:
    """Enqueue jobs that have ended dead."""
    jobs = farm.jobs.enqueue_bulk([("noop",)] * number)
    hand = Hand(farm.jobs.storage, kinds=["noop"])
    for _ in jobs:
        hand.bury_one(message=message)
    return jobs


def test_a_verb_by_id_says_what_became_of_each(farm: Farm) -> None:
    (job,) = dead(farm, 1)
    waiting = farm.jobs.enqueue("noop", {}, queue="other")

    said = told(farm, "retry", job.id, waiting.id, NOBODY, code=1).splitlines()

    assert said == [f"{job.id} retried", f"{waiting.id} skipped: it is pending", f"{NOBODY} not found"]
    assert told(farm, "run-now", job.id) == f"{job.id} skipped: it does not wait for its time\n"
    assert told(farm, "delete", job.id) == f"{job.id} deleted\n"
    assert json.loads(told(farm, "delete", job.id, "--json", code=1)) == {
        "changed": [], "skipped": [], "not_found": [job.id],
    }  # fmt: skip


def test_a_verb_by_filter_counts_first_and_wants_to_be_told_yes(farm: Farm) -> None:
    dead(farm, 3)
    dead(farm, 1, message="no space left")

    refused = told(farm, "retry", "--error", "KeyError", "--queue", "default", code=2)
    assert "this retries 3 jobs (queue default, error KeyError): without a terminal to ask on, pass --yes" in refused
    assert told(farm, "retry", "--error", "KeyError", "--dry-run") == "this retries 3 jobs (error KeyError)\n"
    assert json.loads(told(farm, "retry", "--error", "KeyError", "--dry-run", "--json")) == {
        "jobs": 3, "by_status": {"dead": 3}, "dry_run": True,
    }  # fmt: skip
    assert farm.jobs.counts()["default"].dead == 4

    said = told(farm, "retry", "--error", "KeyError", "--yes").splitlines()
    assert said == ["this retries 3 jobs (error KeyError)", "retried 3, skipped 0"]
    assert (farm.jobs.counts()["default"].pending, farm.jobs.counts()["default"].dead) == (3, 1)
    assert told(farm, "retry", "--error", "KeyError") == "no job to change matches (error KeyError)\n"


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("n\n", 2)])
def test_at_a_terminal_it_asks(farm: Farm, typed: str, left: int) -> None:
    dead(farm, 2)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "forge_jobs_supervisor", "delete", "--status", "dead"],
        cwd=farm.directory, env=farm.environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    os.write(ours, typed.encode())
    _out, err = process.communicate(timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)

    assert "this deletes 2 jobs (status dead). Go on? [y/N]" in err
    assert process.returncode == (0 if left == 0 else 2)
    assert farm.jobs.counts()["default"].dead == left


def test_running_jobs_are_left_by_delete_and_told_of(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop",)] * 3)
    Hand(farm.jobs.storage, kinds=["noop"]).take()

    said = told(farm, "delete", "--kind", "noop", "--yes").splitlines()

    assert said == ["this deletes 2 jobs (kind noop); 1 that run stay", "deleted 2, skipped 0"]
    assert farm.jobs.counts()["default"].in_progress == 1


def test_old_jobs_are_purged(farm: Farm) -> None:
    dead(farm, 2)

    assert told(farm, "purge", "--status", "dead", "--older-than", "1h", "--yes") == (
        "no job to change matches (status dead, older than 1h)\n"
    )
    assert told(farm, "purge", "--status", "dead", "--yes").endswith("removed 2, skipped 0\n")
    assert "say --status dead|done|failed|pending" in told(farm, "purge", "--yes", code=2)
    assert "changes no job that is in_progress" in told(farm, "purge", "--status", "in_progress", "--yes", code=2)


def test_jobs_move_to_another_queue_with_a_warning_where_nobody_serves_it(farm: Farm) -> None:
    job = farm.jobs.enqueue("noop")

    done = farm.run("move", job.id, "--queue", "other")

    assert (done.returncode, done.stdout) == (0, f"{job.id} moved\n")
    assert "warning: no live supervisor serves queue other: jobs wait there until one does" in done.stderr
    assert job.refresh().queue == "other"
    farm.supervise().up(4)
    done = farm.run("move", "--queue", "nowhere", "--to", "other", "--dry-run")
    assert (done.stdout, done.stderr) == ("this moves to other 0 jobs (queue nowhere)\n", "")
    assert "where to? say --to QUEUE" in told(farm, "move", "--queue", "other", "--yes", code=2)


def test_a_job_is_edited(farm: Farm) -> None:
    job = farm.jobs.enqueue("spin", {"seconds": 1})

    assert told(farm, "edit", job.id, "--payload", '{"seconds": 2}', "--priority", "-4", *APP) == f"{job.id} edited\n"
    assert (job.refresh().payload, job.priority) == ({"seconds": 2}, -4)
    told(farm, "edit", "--kind", "spin", "--run-at", "+1w", "--yes")
    assert farm.jobs.counts()["default"].scheduled == 1

    assert "at `seconds`" in told(farm, "edit", job.id, "--payload", '{"seconds": "x"}', *APP, code=2)
    assert "is not JSON" in told(farm, "edit", job.id, "--payload", "{x", code=2)
    assert "a payload is one job's" in told(farm, "edit", "--kind", "spin", "--payload", "{}", "--yes", code=2)
    assert "what is to be changed?" in told(farm, "edit", job.id, code=2)
    assert job.refresh().payload == {"seconds": 2}


BAD = {
    "no jobs": (["retry"], "which jobs? name ids, or say --status"),
    "an age that is none": (["delete", "--older-than", "old", "--yes"], "older_than 'old' is not valid"),
    "a dry run by id": (["delete", NOBODY, "--dry-run"], "--dry-run counts what filters match"),
    "an id that is none": (["run-now", "7"], "'7' is not a job id"),
    "a bad queue": (["move", NOBODY, "--to", "a b"], "queue name 'a b' is not valid"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_sentence(farm: Farm, what: str) -> None:
    farm.jobs.counts()
    arguments, sentence = BAD[what]
    said = told(farm, *arguments, code=2)
    assert sentence in said
    assert len(said.strip().splitlines()) == 1


def test_jobs_are_listed_by_error_and_age(farm: Farm) -> None:
    (job,) = dead(farm, 1, message="no such bucket")
    dead(farm, 1)

    assert [j["id"] for j in json.loads(told(farm, "jobs", "--error", "bucket", "--json"))["jobs"]] == [job.id]
    assert json.loads(told(farm, "jobs", "--older-than", "2d", "--json"))["jobs"] == []
