"""The handler that runs programs, called as a worker calls it; being stopped is tried on a farm."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from forge_jobs import Dead, Failed, JobContext
from forge_jobs_supervisor.shipped.command import Commands, exit_code_of
from forge_jobs_supervisor.shipped.rules import Rules
from forge_jobs_supervisor.shipped.tail import KEPT
from tests.support.farm import gone
from tests.support.limits import no_limits
from tests.support.until import until


def a_context(notes: list[str | None] | None = None) -> JobContext:
    return JobContext(
        job_id="the-id", kind="forge.command", queue="default", attempt=2, max_attempts=5,
        enqueue=lambda *_: None,  # type: ignore[arg-type,return-value]
        report=lambda _done, _total, note: None if notes is None else notes.append(note),
        completing=lambda _result: None,  # type: ignore[arg-type,return-value]
        rate_limit=no_limits(),
    )  # fmt: skip


def run(*argv: str, rules: Rules = Rules(), **more: Any) -> dict[str, Any]:  # noqa: B008 - frozen
    return Commands(rules).run(a_context(), list(argv), **more)


def shell(script: str, **more: Any) -> dict[str, Any]:
    return run("sh", "-c", script, **more)


def failure(*argv: str, **more: Any) -> str:
    with pytest.raises(Failed) as failed:
        run(*argv, **more)
    return failed.value.message


def test_an_empty_argv_can_never_run() -> None:
    with pytest.raises(Dead, match="argv"):
        run()


def test_a_program_that_ends_well_is_done_with_its_output() -> None:
    result = shell("echo out; echo err >&2")
    assert (result["exit_code"], result["stdout_tail"], result["stderr_tail"]) == (0, "out\n", "err\n")
    assert (result["stdout_bytes"], result["stderr_bytes"], result["truncated"]) == (4, 4, False)
    assert run("true")["stdout_tail"] == ""


def test_an_exit_code_is_a_failure_that_tells_what_was_printed() -> None:
    assert failure("false") == "exit code 1"
    assert failure("sh", "-c", "echo out; echo err >&2; exit 3") == "exit code 3: err"
    assert failure("sh", "-c", "echo out; exit 3") == "exit code 3: out"
    assert exit_code_of(failure("sh", "-c", "exit 42")) == 42


def test_long_output_is_cut_in_the_message() -> None:
    message = failure("sh", "-c", "seq 100000 >&2; exit 1")
    assert message.startswith("exit code 1: …")
    assert message.endswith("100000")
    assert len(message) < 2_100


def test_a_signal_is_named() -> None:
    assert failure("sh", "-c", "kill -SEGV $$") == "killed by SIGSEGV"
    assert exit_code_of("killed by SIGSEGV: exit code 3") is None


def test_other_codes_may_be_no_failure() -> None:
    assert shell("exit 3", success_codes=[0, 3])["exit_code"] == 3
    assert failure("true", success_codes=[1]) == "exit code 0"


def test_a_program_that_is_not_there_may_come_with_the_next_deploy(tmp_path: Path) -> None:
    assert "no program 'no-such-program'" in failure("no-such-program")
    assert failure("/no/such/program") == "'/no/such/program' cannot be started: No such file or directory"
    (tmp_path / "data").write_text("no program")
    assert "Permission denied" in failure("./data", cwd=str(tmp_path))


def test_a_directory_that_is_not_there_is_named() -> None:
    assert failure("true", cwd="/no/where") == (
        "the cwd '/no/where' cannot be used on this host: No such file or directory"
    )


def test_a_program_runs_in_its_directory(tmp_path: Path) -> None:
    assert run("pwd", cwd=str(tmp_path))["stdout_tail"] == f"{tmp_path.resolve()}\n"
    (tmp_path / "here").write_text("#!/bin/sh\necho here\n")
    (tmp_path / "here").chmod(0o755)
    assert run("./here", cwd=str(tmp_path))["stdout_tail"] == "here\n"


def test_a_directory_outside_of_the_root_is_refused_for_good(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/way-out").symlink_to("/etc")
    rules = Rules(root=str(tmp_path / "root"))
    for outside in ("/etc", "..", "way-out", str(tmp_path)):
        with pytest.raises(Dead, match="the cwd"):
            run("true", rules=rules, cwd=outside)
    (tmp_path / "root/in").mkdir()
    assert run("pwd", rules=rules)["stdout_tail"].strip() == str((tmp_path / "root").resolve())
    assert run("pwd", rules=rules, cwd="in")["stdout_tail"].strip() == str((tmp_path / "root/in").resolve())


def test_a_program_that_is_not_allowed_is_refused_for_good() -> None:
    assert run("true", rules=Rules(only=["true"]))["exit_code"] == 0
    with pytest.raises(Dead, match="not among the programs"):
        run("sh", rules=Rules(only=["true"]))


def test_the_jobs_own_path_finds_no_program(tmp_path: Path) -> None:
    (tmp_path / "true").write_text("#!/bin/sh\necho evil\n")
    (tmp_path / "true").chmod(0o755)
    assert run("true", env={"PATH": str(tmp_path)}, rules=Rules(only=["true"]))["stdout_tail"] == ""


def test_the_environment_is_a_small_base_and_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    monkeypatch.setenv("TOKEN", "t0ken")
    monkeypatch.setenv("LC_TIME", "C")
    lines = run("env", env={"MINE": "a b", "TZ": "Asia/Tokyo"}, pass_env=["TOKEN"])["stdout_tail"].splitlines()
    found = dict(line.split("=", 1) for line in lines)
    assert "SECRET" not in found
    base = {"PATH", "HOME", "LANG", "TZ", "USER", "TMPDIR"}
    assert {n for n in found if not n.startswith("LC_")} - base == {"MINE", "TOKEN", "FORGE_JOB_ID", "FORGE_ATTEMPT"}
    assert (found["MINE"], found["TOKEN"], found["LC_TIME"], found["TZ"]) == ("a b", "t0ken", "C", "Asia/Tokyo")
    assert (found["FORGE_JOB_ID"], found["FORGE_ATTEMPT"]) == ("the-id", "2")


def test_a_variable_that_the_worker_lacks_is_missed() -> None:
    assert failure("true", pass_env=["NOT_SET"]) == "the worker has no environment variable 'NOT_SET' to pass on"


def test_much_input_and_much_output_do_not_wait_for_each_other() -> None:
    result = run("tee", "/dev/stderr", stdin="x" * 900_000)
    assert (result["stdout_bytes"], result["stderr_bytes"], result["truncated"]) == (900_000, 900_000, True)
    assert result["stdout_tail"] == "x" * KEPT


def test_a_program_that_does_not_read_its_input_is_no_failure() -> None:
    assert run("true", stdin="x" * 900_000)["exit_code"] == 0
    assert run("cat")["stdout_tail"] == ""


def test_what_a_program_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """In the background, orphaned, in a session of its own, with the outputs open or closed."""
    pids = tmp_path / "pids"
    sleeper = f'sh -c "echo \\$\\$ >> {pids}; exec sleep 600"'
    shell(
        f"{sleeper} & ({sleeper} &) ; setsid {sleeper} & {sleeper} >/dev/null 2>&1 & "
        f"while [ $(wc -l < {pids}) -lt 4 ]; do :; done; echo started"
    )
    left = [int(pid) for pid in pids.read_text().split()]
    assert len(left) == 4
    assert all(gone(pid) for pid in left)
    assert [child.pid for child in psutil.Process().children(recursive=True) if child.pid in left] == []


def test_children_that_were_there_before_live_on() -> None:
    mine = os.posix_spawn("/bin/sleep", ["sleep", "600"], {})
    try:
        shell("sleep 600 &")
        assert not gone(mine)
    finally:
        os.kill(mine, signal.SIGKILL)
        os.waitpid(mine, 0)


def test_what_closes_its_outputs_a_moment_late_is_heard() -> None:
    assert "late" in shell("(seq 200000 > /dev/null; echo late) & exit 0")["stdout_tail"]


def test_the_time_and_memory_of_all_processes_are_told() -> None:
    busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    result = shell(f"sh -c '{busy}'; sh -c '{busy}'")
    assert result["cpu_seconds"] > 0.05
    assert result["seconds"] > 0.05
    assert result["peak_memory"] > 1_000_000


def test_no_descriptor_and_no_zombie_stays() -> None:
    run("true")
    before = sorted(fd.name for fd in Path("/proc/self/fd").iterdir())
    shell("(sleep 600 &) ; (true &) ; echo x", stdin="y")
    failure("/no/such/program")
    failure("no-such-program")
    failure("true", cwd="/no/where")
    assert sorted(fd.name for fd in Path("/proc/self/fd").iterdir()) == before
    until(lambda: not [c for c in psutil.Process().children() if c.name() in ("sleep", "true", "sh")])


def test_the_last_line_is_the_progress() -> None:
    notes: list[str | None] = []
    Commands(Rules()).run(a_context(notes), ["sh", "-c", "printf '1%%\\r50%%\\r'; exit 0"])
    assert notes == ["50%"]
