"""Programs as jobs: one run of a program is one attempt. What is promised stands in ``docs/commands.md``."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from forge_jobs.clock import monotonic
from forge_jobs.config import command_environment
from forge_jobs.context import JobContext
from forge_jobs.errors import InvalidValue
from forge_jobs.model.outcome import Dead, Failed
from forge_jobs.model.stops import JobStopped
from forge_jobs_supervisor.shipped.rules import Rules, check_command
from forge_jobs_supervisor.shipped.tail import Tail
from forge_jobs_supervisor.unix.processes import Ending
from forge_jobs_supervisor.unix.programs import Program
from forge_jobs_supervisor.unix.usage import oom_kills

GRACE = 4.0
"""Seconds between SIGTERM and SIGKILL: less than the handler's own grace, and than what the end of a farm gives."""

LINGER = 1.0
"""Seconds that what a program has left behind may still write to its outputs."""

TICK = 5.0
"""Seconds between two looks at what has ended among the adopted, while nothing is printed."""

SHOWN_EVERY = 0.25
TOLD = 2_000
"""Bytes of output in the message of a failed attempt."""

_EXIT_CODE = re.compile(r"exit code (\d+)\b")


class Commands:
    """Runs programs by the rules of this host."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def run(
        self,
        ctx: JobContext,
        argv: list[str],
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        pass_env: list[str] | None = None,
        stdin: str = "",
        success_codes: list[int] | None = None,
    ) -> dict[str, Any]:
        """Run a program, without a shell, and return how it ended and the end of what it printed."""
        try:
            check_command(argv, env, pass_env, success_codes)
        except InvalidValue as error:
            raise Dead(str(error)) from None
        out, err = Tail(), Tail()
        program: Program | None = None
        before, kills = monotonic(), oom_kills()
        try:
            with ctx.shield():  # nothing is started of which nobody knows
                program = self._start(ctx, argv, cwd, env or {}, pass_env or (), stdin, out, err)
            _attend(program, ctx, out, err)
            with ctx.shield():
                ending = program.finish(LINGER)
        except JobStopped:
            if program is None:
                raise
            raise Failed(_told(program.stop(GRACE), out, err)) from None
        except BaseException:
            if program is not None:
                program.stop(0.0)
            raise
        if ending.exit_code not in (success_codes or (0,)):
            for_memory = ending.signal == "SIGKILL" and (oom_kills() or 0) > (kills or 0)
            raise Failed(_told(ending, out, err, ", the kernel had no memory left" if for_memory else ""))
        return _result(ending, out, err, monotonic() - before)

    def _start(
        self, ctx: JobContext, argv: Sequence[str], cwd: str | None, env: Mapping[str, str], pass_env: Sequence[str],
        stdin: str, out: Tail, err: Tail,
    ) -> Program:  # fmt: skip
        environment, path = command_environment(pass_env)
        missing = [name for name in pass_env if name not in environment]
        if missing:
            raise Failed(f"the worker has no environment variable {missing[0]!r} to pass on")
        job = {"FORGE_JOB_ID": ctx.id, "FORGE_ATTEMPT": str(ctx.attempt)}
        directory = self._open(cwd)
        try:
            return Program(
                [argument.encode() for argument in argv],
                executable=self._found(argv[0], directory, path),
                directory=directory,
                environment={os.fsencode(k): os.fsencode(v) for k, v in environment.items()}
                | {k.encode(): v.encode() for k, v in {**env, **job}.items()},
                stdin=stdin.encode(),
                take_out=out.take,
                take_err=err.take,
            )
        except OSError as error:
            raise Failed(f"{argv[0]!r} cannot be started: {error.strerror}") from None
        finally:
            os.close(directory)

    def _open(self, cwd: str | None) -> int:
        """Return the directory to run in, open, so that it is the one that was looked at."""
        place = os.path.join(self._rules.root or "", cwd or "") or "."  # noqa: PTH118
        try:
            directory = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise Failed(f"the cwd {place!r} cannot be used on this host: {error.strerror}") from None
        refusal = self._rules.refusal_of_directory(_path_of(directory))
        if refusal is not None:
            os.close(directory)
            raise Dead(refusal)
        return directory

    def _found(self, name: str, directory: int, path: str) -> str:
        """Return the program that is meant; the job's own PATH decides nothing, so that the rules hold."""
        if "/" in name:
            program = os.path.join(_path_of(directory), name)  # noqa: PTH118
        else:
            found = shutil.which(name, path=path)
            if found is None:
                raise Failed(f"there is no program {name!r} on the PATH of this host's workers ({path})")
            program = os.path.abspath(found)  # noqa: PTH100 - its links are not to be followed
        refusal = self._rules.refusal_of_program(program, path)
        if refusal is not None:
            raise Dead(refusal)
        return program


def exit_code_of(message: str) -> int | None:
    """Return the exit code that the message of a failed attempt tells of, None if it is none of a program's."""
    told = _EXIT_CODE.match(message)
    return int(told[1]) if told else None


def _attend(program: Program, ctx: JobContext, out: Tail, err: Tail) -> None:
    """Wait for the end of a program; meanwhile its last line is the job's progress."""
    shown_at, shown = 0.0, 0
    while not program.has_ended:
        seen = err.total
        program.step(TICK)
        if out.total + err.total > shown and monotonic() - shown_at > SHOWN_EVERY:
            shown_at, shown = monotonic(), out.total + err.total
            ctx.progress(shown, None, (err if err.total > seen else out).last_line())


def _path_of(directory: int) -> str:
    return os.readlink(f"/proc/self/fd/{directory}")  # noqa: PTH115


def _result(ending: Ending, out: Tail, err: Tail, seconds: float) -> dict[str, Any]:
    return {
        "exit_code": ending.exit_code,
        "seconds": round(seconds, 6),
        "cpu_seconds": round(ending.cpu_seconds, 6),
        "peak_memory": ending.peak_memory,
        "stdout_tail": out.text(),
        "stderr_tail": err.text(),
        "stdout_bytes": out.total,
        "stderr_bytes": err.total,
        "truncated": out.cut or err.cut,
    }


def _told(ending: Ending, out: Tail, err: Tail, why: str = "") -> str:
    tail = err if err.text(TOLD).strip() else out
    text = tail.text(TOLD).strip()
    cut = "…" if tail.total > TOLD else ""
    return f"{ending}{why}: {cut}{text}" if text else f"{ending}{why}"
