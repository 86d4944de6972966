"""``forge-jobs submit``: a program as a job, or one for each line of standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.client import Job
from forge_jobs.errors import ForgeJobsError, InvalidValue, JobFailed, UsageError
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs.options import EnqueueOptions
from forge_jobs.payload import Parameters
from forge_jobs.places import working_directory
from forge_jobs.showing import one_line, quoted
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, opened
from forge_jobs_supervisor.cli.lines import batches
from forge_jobs_supervisor.cli.moments import moment
from forge_jobs_supervisor.shipped import COMMAND, shipped
from forge_jobs_supervisor.shipped.command import exit_code_of
from forge_jobs_supervisor.shipped.rules import Rules, check_command

PLACE = "{}"
"""What the line stands for with ``--each``."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("argv", nargs=-1, required=True, metavar="[--] PROGRAM [ARGUMENT]...")
@click.option("--queue", default=DEFAULT_QUEUE, show_default=True, help="The queue.")
@click.option("--priority", type=int, help="Lower runs first.")
@click.option("--delay", type=float, metavar="SECONDS", help="Not before so many seconds from now.")
@click.option("--run-at", metavar="WHEN", help="Not before: +10m, or an ISO 8601 time with its zone.")
@click.option("--unique-key", help="While a command with this key is live, nothing is stored. {} as in the arguments.")
@click.option("--max-attempts", type=int, help="After how many attempts the job ends dead [default: 5].")
@click.option("--timeout", type=float, metavar="SECONDS", help="The time limit of each attempt.")
@click.option("--cwd", metavar="DIR", help="The directory to run in, on the worker's host [default: this one].")
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="Set an environment variable; repeatable.")
@click.option("--pass-env", multiple=True, metavar="NAME", help="Pass a variable of the worker's on; repeatable.")
@click.option("--stdin", metavar="TEXT|-", help="What the program reads; - stores this command's standard input.")
@click.option("--success-codes", metavar="N,N...", help="The exit codes that are no failure [default: 0].")
@click.option("--each", is_flag=True, help="One job for each line of standard input: {} stands for the line.")
@click.option("-0", "--null", is_flag=True, help="With --each: lines end in NUL, as find -print0 writes them.")
@click.option("--wait", is_flag=True, help="Wait, print the end of its output, exit with its code.")
@json_option
@add_location_options
def submit(
    argv: tuple[str, ...], each: bool, null: bool, wait: bool, as_json: bool, run_at: str | None,
    app_name: str | None, database: str | None, config: str | None, **given: Any,
) -> None:  # fmt: skip
    """Store a program to be run as a job, and print the job's id.

    Options come before the program. It runs without a shell, on a host whose supervisor was started with
    --allow-commands, in this directory, with a small environment; it is tried again if it fails. With --each, {} in an
    argument is replaced by the line; without a {} the line is the last argument.
    """
    if each and (wait or given["stdin"] == "-"):
        raise UsageError("--each reads standard input and stores many jobs: drop --wait and --stdin -")
    if null and not each:
        raise UsageError("-0 says how lines end: it goes with --each")
    template = Template(argv, given, run_at)
    jobs = opened(app_name, database, config)
    if each:
        _store_each(jobs, template, b"\0" if null else b"\n", as_json=as_json)
        _tell_unserved(jobs, template.queue)
        return
    job = jobs.client.enqueue(COMMAND, *template.filled(None))
    if not wait:
        if as_json:
            print_json({"id": job.id, "deduplicated": job.deduplicated})
        else:
            echo(job.id)
    _tell_unserved(jobs, template.queue)
    if wait:
        sys.exit(_wait(job, as_json=as_json))


class Template:
    """A command as it was typed, every value checked; made into one job, or into one for each line."""

    def __init__(self, argv: Sequence[str], given: dict[str, Any], run_at: str | None) -> None:
        self.queue = given["queue"]
        self._argv = [_utf8(argument) for argument in argv]
        env = dict(_variable(text) for text in given["env"])
        codes = _codes(given["success_codes"])
        check_command(self._argv, env, given["pass_env"], codes)
        more = {
            "cwd": _utf8(str(working_directory() / (given["cwd"] or "."))),
            "env": env,
            "pass_env": list(given["pass_env"]),
            "stdin": _stdin(given["stdin"]),
            "success_codes": codes,
        }
        self._more = {name: value for name, value in more.items() if value}
        self._options = EnqueueOptions(
            run_at=None if run_at is None else moment(run_at),
            **{name: given[name] for name in ("queue", "priority", "delay", "unique_key", "max_attempts", "timeout")},
        )
        self._parameters: Parameters = shipped(ForgeJobs().client, Rules())[COMMAND].parameters
        self._has_place = any(PLACE in argument for argument in self._argv)

    def filled(self, line: str | None) -> tuple[bytes, EnqueueOptions]:
        """Return the payload and the options of the job for one line, or of the only one."""
        argv, options = self._argv, self._options
        if line is not None:
            argv = [argument.replace(PLACE, line) for argument in argv] if self._has_place else [*argv, line]
            check_command(argv)
            if options.unique_key is not None:
                key = options.unique_key.replace(PLACE, line)
                options = msgspec.structs.replace(options, unique_key=key)
        return self._parameters.encode({"argv": argv, **self._more}), options

    def check_each(self) -> None:
        """Raise UsageError where all lines would make the same job."""
        if self._options.unique_key is not None and PLACE not in self._options.unique_key:
            raise UsageError("with --each a --unique-key needs a {}: without, only one job would be stored")


def _store_each(jobs: ForgeJobs, template: Template, separator: bytes, *, as_json: bool) -> None:
    template.check_each()
    stored = there = last = 0
    try:
        for batch in batches(sys.stdin.fileno(), separator):
            found = jobs.client.enqueue_many([(COMMAND, *template.filled(line)) for _number, line in batch])
            deduplicated = sum(job.deduplicated for job in found)
            there += deduplicated
            stored += len(found) - deduplicated
            last = batch[-1][0]
    except (ForgeJobsError, KeyboardInterrupt):
        echo(f"forge-jobs: stored {stored} jobs, of the lines up to {last}", err=True)
        raise
    if as_json:
        print_json({"stored": stored, "deduplicated": there})
    else:
        echo(f"{stored} jobs stored" + (f", {there} were there already" if there else ""))


def _tell_unserved(jobs: ForgeJobs, queue: str) -> None:
    hosts = [host for host in jobs.storage.registry.hosts() if host.alive and queue in host.queues]
    if not any(COMMAND in host.kinds for host in hosts):
        who = "none of the supervisors that serve it allows" if hosts else "no supervisor serves it and allows"
        echo(f"forge-jobs: queue {quoted(queue)}: {who} commands now (--allow-commands); until then it waits", err=True)


def _wait(job: Job, *, as_json: bool) -> int:
    """Wait for the end and print it; return the exit code of the program, 1 where it has none."""
    try:
        result = job.result()
    except JobFailed as failed:
        echo(f"forge-jobs: {failed}", err=True)
        return exit_code_of(failed.entry.message if failed.entry else "") or FAILURE
    if as_json:
        print_json({"id": job.id, "deduplicated": job.deduplicated, "value": result})
    else:
        click.echo(result["stdout_tail"], nl=False)
        click.echo(result["stderr_tail"], nl=False, err=True)
    return int(result["exit_code"])


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidValue(f"{quoted(text)} is not UTF-8, and JSON holds nothing else") from None
    return text


def _variable(text: str) -> tuple[str, str]:
    name, separator, value = _utf8(text).partition("=")
    if not separator:
        raise InvalidValue(
            f"--env {quoted(text)}: write NAME=VALUE, or --pass-env {one_line(text)[:60]} to take it from the worker"
        )
    return name, value


def _codes(text: str | None) -> list[int]:
    if text is None:
        return []
    try:
        return [int(code) for code in text.split(",")]
    except ValueError:
        raise InvalidValue(f"--success-codes {quoted(text)}: write numbers with commas between, as in 0,1") from None


def _stdin(given: str | None) -> str:
    if given is None or given != "-":
        return _utf8(given or "")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise InvalidValue("standard input is not UTF-8, and JSON holds nothing else: write it to a file") from None
