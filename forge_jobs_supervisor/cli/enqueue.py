"""``forge-jobs enqueue``: store one job from the shell."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from forge_jobs.app import ForgeJobs
from forge_jobs.errors import JobFailed, PayloadError, UsageError
from forge_jobs.model.names import RESERVED
from forge_jobs.showing import quoted
from forge_jobs.terminal import FAILURE, echo, print_json
from forge_jobs_supervisor.cli.common import add_location_options, json_option, opened
from forge_jobs_supervisor.cli.moments import moment


@click.command()
@click.argument("kind")
@click.option(
    "--payload",
    default="{}",
    metavar="JSON|@FILE|-",
    help="The arguments as a JSON object; @FILE reads a file, - standard input.",
)
@click.option("--queue", help="The queue [default: the handler's own].")
@click.option("--priority", type=int, help="Lower runs first.")
@click.option("--run-at", metavar="WHEN", help="Not before: +10m, or an ISO 8601 time with its zone.")
@click.option("--unique-key", help="While a job of this kind with this key is live, that one is returned.")
@click.option("--concurrency-key", help="Of which only so many run at once [default: what its handler finds].")
@click.option("--max-attempts", type=int, help="After how many attempts the job ends dead.")
@click.option("--timeout", type=float, metavar="SECONDS", help="The time limit of each attempt.")
@click.option("--expires-at", metavar="WHEN", help="From then on no attempt is begun: +10m, or an ISO 8601 time.")
@click.option("--wait", is_flag=True, help="Wait for the end and print the result; exit 1 if the job ends dead.")
@json_option
@add_location_options
def enqueue(
    kind: str, payload: str, run_at: str | None, expires_at: str | None, wait: bool, as_json: bool,
    app_name: str | None, database: str | None, config: str | None, **plain: Any,
) -> None:  # fmt: skip
    """Store one job and print its id.

    Where the application is known (--app, FORGE_APP, pyproject.toml) the payload is checked against its handler.
    """
    jobs = opened(app_name, database, config)
    check_kind(jobs, kind)
    given = plain | {
        "run_at": None if run_at is None else moment(run_at),
        "expires_at": None if expires_at is None else moment(expires_at),
    }
    options = {name: value for name, value in given.items() if value is not None}
    arguments = read_payload(payload)
    _check_shipped(jobs, kind, arguments)
    job = jobs.enqueue(kind, arguments, **options)
    if not wait:
        if as_json:
            print_json({"id": job.id, "deduplicated": job.deduplicated})
        else:
            echo(job.id)
        return
    try:
        result = job.result()
    except JobFailed as failed:
        echo(f"forge-jobs: {failed}", err=True)
        sys.exit(FAILURE)
    print_json({"id": job.id, "deduplicated": job.deduplicated, "value": result} if as_json else result)


def check_kind(jobs: ForgeJobs, kind: str) -> None:
    """Raise UsageError where the application is known and has no handler of a kind."""
    if jobs.handlers and kind not in jobs.handlers and not kind.startswith(RESERVED):
        near = difflib.get_close_matches(kind, list(jobs.handlers), n=1)
        hint = f"did you mean {quoted(near[0])}?" if near else f"it has {', '.join(sorted(jobs.handlers))}"
        raise UsageError(f"the application has no handler of kind {quoted(kind)}; {hint}")


def _check_shipped(jobs: ForgeJobs, kind: str, arguments: Any) -> None:
    if not kind.startswith(RESERVED):
        return
    from forge_jobs_supervisor.shipped import shipped  # here: an application's own kinds need nothing of it
    from forge_jobs_supervisor.shipped.rules import Rules

    known = shipped(jobs.client, Rules())
    if kind not in known:
        raise UsageError(f"there is no kind {quoted(kind)}; those that come with the farm are {', '.join(known)}")
    if isinstance(arguments, dict):
        known[kind].parameters.encode(arguments)


def read_payload(given: str) -> Any:
    """Return the JSON that --payload gives: written out, in a file, or on standard input; raise PayloadError."""
    if given == "-":
        text, source = sys.stdin.buffer.read(), "standard input"
    elif given.startswith("@"):
        source = given[1:]
        try:
            text = Path(source).read_bytes()
        except OSError as error:
            raise UsageError(f"payload file {quoted(source)} cannot be read: {error.strerror}") from None
    else:
        text, source = (
            given.encode("utf-8", "surrogateescape"),
            repr(given if len(given) <= 60 else given[:60] + "…"),
        )
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:  # so are msgspec's, and those of UTF-8
        raise PayloadError(f"the payload {source} is not JSON: {error}") from None
