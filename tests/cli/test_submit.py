"""``forge-jobs submit`` as a user types it."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from forge_jobs_supervisor.shipped import COMMAND, ECHO
from tests.support.farm import COMMAND as FORGE_JOBS
from tests.support.farm import Farm, Supervised, eventually


def told(farm: Farm, *arguments: str, code: int = 0, **more: object) -> str:
    done = farm.run(*arguments, **more)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def commands(farm: Farm, *options: str) -> Supervised:
    supervised = farm.supervise("--allow-commands", *options, app=None)
    supervised.up(2)
    return supervised


def payload_of(farm: Farm, *arguments: str, **more: object) -> Any:
    return farm.jobs.get(told(farm, "submit", *arguments, **more).strip()).payload


def stored(farm: Farm) -> list[list[str]]:
    return [job.payload["argv"] for job in reversed(farm.jobs.list(kind=COMMAND, limit=1000))]


def test_a_program_is_stored_as_it_was_typed(farm: Farm) -> None:
    """Its own options are its own, with and without a ``--`` before it, and a second ``--`` is the program's."""
    here = str(farm.directory)
    assert payload_of(farm, "--", "ffmpeg", "-i", "a b.mp4", "--", "ü") == {
        "argv": ["ffmpeg", "-i", "a b.mp4", "--", "ü"], "cwd": here,
    }  # fmt: skip
    assert payload_of(farm, "ls", "--json", "-0") == {"argv": ["ls", "--json", "-0"], "cwd": here}


def test_every_option_is_stored(farm: Farm) -> None:
    (farm.directory / "sub").mkdir()
    job_id = told(
        farm, "submit", "--queue", "media", "--priority", "-2", "--delay", "60", "--unique-key", "k",
        "--max-attempts", "2", "--timeout", "1.5", "--cwd", "sub", "--env", "A=b=c", "--env", "E=",
        "--pass-env", "TOKEN", "--stdin", "text", "--success-codes", "0,3", "x",
    ).strip()  # fmt: skip
    job = farm.jobs.get(job_id)
    assert job.payload == {
        "argv": ["x"], "cwd": str(farm.directory / "sub"), "env": {"A": "b=c", "E": ""}, "pass_env": ["TOKEN"],
        "stdin": "text", "success_codes": [0, 3],
    }  # fmt: skip
    assert (job.queue, job.priority, job.unique_key, job.max_attempts) == ("media", -2, "k", 2)
    assert (job.scheduled_at - job.enqueued_at).total_seconds() == pytest.approx(60, abs=1)
    assert job.record.time_limit == 1_500_000
    again = json.loads(told(farm, "submit", "--unique-key", "k", "--json", "x"))
    assert again == {"id": job_id, "deduplicated": True}


def test_standard_input_is_stored(farm: Farm) -> None:
    assert payload_of(farm, "--stdin", "-", "cat", input="öne\ntwo")["stdin"] == "öne\ntwo"


def test_each_line_is_a_job(farm: Farm) -> None:
    assert told(farm, "submit", "--each", "--", "convert", "{}", "{}.png", input="a b\n\nc") == "2 jobs stored\n"
    assert stored(farm) == [["convert", "a b", "a b.png"], ["convert", "c", "c.png"]]


def test_without_a_place_for_it_the_line_is_the_last_argument(farm: Farm) -> None:
    told(farm, "submit", "--each", "-0", "gzip", "-9", input="a\nb\0c\0")
    assert stored(farm) == [["gzip", "-9", "a\nb"], ["gzip", "-9", "c"]]


def test_a_list_that_is_submitted_again_is_stored_once(farm: Farm) -> None:
    each = ("submit", "--each", "--json", "--unique-key", "gzip:{}", "gzip")
    assert json.loads(told(farm, *each, input="a\nb\n")) == {"stored": 2, "deduplicated": 0}
    assert json.loads(told(farm, *each, input="b\nc\n")) == {"stored": 1, "deduplicated": 1}
    assert told(farm, *each[:2], *each[3:], input="c\n") == "0 jobs stored, 1 were there already\n"


def test_lines_are_jobs_as_soon_as_they_are_written(farm: Farm) -> None:
    with subprocess.Popen(
        [*FORGE_JOBS, "submit", "--each", "echo"], cwd=farm.directory, env=farm.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stderr
        process.stdin.write("one\n")
        eventually(lambda: farm.jobs.storage.schema.describe()["exists"] and stored(farm), told="a job")
        process.stdin.write("two\n")
        eventually(lambda: len(stored(farm)) == 2, told="another job")
        process.send_signal(signal.SIGINT)
        assert "stored 2 jobs, of the lines up to 2" in process.stderr.read()
    assert process.returncode == 1


def test_what_was_stored_before_a_bad_line_is_told(farm: Farm) -> None:
    lines = farm.directory / "lines"
    lines.write_bytes(b"a\nb\n\xff\n")
    with lines.open() as stream:
        done = farm.run("submit", "--each", "echo", stdin=stream)
    assert done.returncode == 2
    assert "stored 2 jobs, of the lines up to 2" in done.stderr
    assert "line 3 is not UTF-8" in done.stderr
    assert stored(farm) == [["echo", "a"], ["echo", "b"]]


def test_who_waits_sees_the_output_and_gets_the_code(farm: Farm) -> None:
    commands(farm)
    done = farm.run("submit", "--wait", "sh", "-c", "echo out; echo err >&2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out\n", "err\n")
    done = farm.run("submit", "--wait", "--max-attempts", "1", "sh", "-c", "echo bad >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, "")
    assert "ended dead, error: exit code 7: bad" in done.stderr
    assert farm.run("submit", "--wait", "--success-codes", "3", "sh", "-c", "exit 3").returncode == 3
    assert farm.run("submit", "--wait", "--max-attempts", "1", "no-such-program").returncode == 1
    result = json.loads(told(farm, "submit", "--wait", "--json", "--", "true"))
    assert set(result) == {"id", "deduplicated", "value"}
    assert set(result["value"]) == {
        "exit_code", "seconds", "cpu_seconds", "peak_memory", "stdout_tail", "stderr_tail", "stdout_bytes",
        "stderr_bytes", "truncated",
    }  # fmt: skip


def test_who_submits_where_no_program_runs_is_told(farm: Farm) -> None:
    assert "no supervisor serves it and allows commands" in farm.run("submit", "true").stderr
    farm.supervise("--queue", "default=1").staffed(1)
    eventually(lambda: farm.jobs.storage.registry.hosts(), told="the host to be registered")
    assert "none of the supervisors that serve it allows commands" in farm.run("submit", "true").stderr
    commands(farm)
    assert farm.run("submit", "true").stderr == ""


def test_the_shipped_kinds_can_be_enqueued_by_name(farm: Farm) -> None:
    app = ("--app", "application:jobs")
    job_id = told(farm, "enqueue", ECHO, "--payload", '{"message": "hi"}', *app).strip()
    assert farm.jobs.get(job_id).payload == {"message": "hi"}
    assert "no kind 'forge.nothing'" in farm.run("enqueue", "forge.nothing", *app).stderr
    done = farm.run("enqueue", COMMAND, "--payload", '{"arg": []}', *app)
    assert (done.returncode, "unknown argument 'arg'" in done.stderr) == (2, True)


BAD = {
    "no program": (["submit"], "Missing argument"),
    "an empty program": (["submit", ""], "argv is empty"),
    "each with wait": (["submit", "--each", "--wait", "x"], "drop --wait"),
    "each with standard input": (["submit", "--each", "--stdin", "-", "x"], "drop --wait"),
    "NUL without each": (["submit", "-0", "x"], "it goes with --each"),
    "one key for all": (["submit", "--each", "--unique-key", "k", "x"], "needs a {}"),
    "a variable without a value": (["submit", "--env", "A", "x"], "--pass-env A"),
    "a variable without a name": (["submit", "--env", "=b", "x"], "cannot name an environment variable"),
    "codes that are none": (["submit", "--success-codes", "ok", "x"], "write numbers"),
    "a code out of range": (["submit", "--success-codes", "256", "x"], "success code 256"),
    "two times": (["submit", "--delay", "1", "--run-at", "+1h", "x"], "give run_at or delay"),
    "a bad queue": (["submit", "--queue", "a b", "x"], "queue name 'a b' is not valid"),
    "an argument that is no text": (["submit", "x", "\udcff"], "is not UTF-8"),
    "a root without commands": (["supervise", "--commands-root", "/", "--app", "application:jobs"], "--allow-commands"),
    "a root that is not there": (["supervise", "--allow-commands", "--commands-root", "gone"], "is not a directory"),
}


@pytest.mark.parametrize("situation", BAD)
def test_what_makes_no_sense_is_refused_in_one_sentence(farm: Farm, situation: str) -> None:
    arguments, sentence = BAD[situation]
    done = farm.run(*arguments, input="line\n")
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (farm.directory / "queue.sqlite").exists() or not farm.jobs.list()


def test_a_program_finds_its_files_where_it_was_submitted(farm: Farm, tmp_path: Path) -> None:
    commands(farm)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("found")
    done = subprocess.run(
        [*FORGE_JOBS, "submit", "--wait", "cat", "file"],
        cwd=tmp_path / "elsewhere", env=farm.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "found"
