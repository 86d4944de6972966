"""What is looked at before a farm is started, so that it fails in one sentence, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from forge_jobs.app import ForgeJobs
from forge_jobs.config import Location
from forge_jobs.errors import DatabaseError, ForgeJobsError, UsageError
from forge_jobs.storage import close_idle, is_postgres, open_storage, sqlite_path
from forge_jobs_supervisor import application
from forge_jobs_supervisor.messages import BootFailed, Manifest, Message, Ready, decoded, encoded
from forge_jobs_supervisor.shipped import COMMAND, ECHO
from forge_jobs_supervisor.unix import forksafety, processes
from forge_jobs_supervisor.unix.lifeline import MAX_DATAGRAM, Lifeline
from forge_jobs_supervisor.unix.listening import listen, why

SPARE_DESCRIPTORS = 32
INSPECTION_SECONDS = 120.0


def check_fork_safety(app_name: str, location: Location) -> None:
    """Raise UsageError where a thread runs in this process or it has the database open."""
    threads = forksafety.unsafe_threads()
    if threads:
        raise UsageError(
            f"importing {app_name} started threads ({', '.join(threads)}), and a process with threads "
            "cannot be forked safely: start them in the handlers, or use --no-preload"
        )
    close_idle()  # what is left open then is another library's
    file = database_file(location)
    if file and forksafety.open_files([file]):
        raise UsageError(
            f"importing {app_name} left the database {file} open in the supervisor, and its locks would not survive a "
            "fork: close it after use, or use --no-preload"
        )


def check_descriptors(workers: int) -> None:
    """Raise UsageError where this process may not open a descriptor for each worker."""
    most = processes.most_descriptors()
    if workers + SPARE_DESCRIPTORS > most:
        raise UsageError(
            f"{workers} workers need {workers + SPARE_DESCRIPTORS} open files in the supervisor, {most} are allowed: "
            "raise the limit (ulimit -n), or start fewer"
        )


def check_port(serve_on: tuple[str, int] | None) -> None:
    """Raise UsageError where nothing can be served on this address and port."""
    if serve_on is not None:
        try:
            listen(*serve_on).close()
        except OSError as error:
            address, port = serve_on
            raise UsageError(
                f"--metrics-port {port}: nothing can be served on {address}: {why(error)}; "
                "choose another port or --metrics-address"
            ) from None


def database_file(location: Location) -> Path | None:
    """Return the file of a SQLite database, None for any other."""
    return None if is_postgres(location.url) else sqlite_path(location.url).resolve()


def life_file(location: Location) -> Path | None:
    """Return the file in which this host holds a byte locked, None where it lives by its beats."""
    file = database_file(location)
    return file.with_name(file.name + "-hosts") if file else None


def inspect(app_name: str) -> Manifest:
    """Import the application in a throw-away child and return what it is; raise UsageError."""

    def look() -> Message:
        app = application.load(app_name)
        manifest = manifest_of(app, app.location)
        if len(encoded(manifest)) > MAX_DATAGRAM:
            raise UsageError(
                f"application {app_name!r}: what it declares is too much for --no-preload: make the payloads of its "
                "schedules smaller, or leave --no-preload out"
            )
        return manifest

    answer = _in_child(look, doing=f"importing application {app_name!r}")
    assert isinstance(answer, Manifest)
    return answer


def manifest_of(app: ForgeJobs, location: Location) -> Manifest:
    """Return what an application is."""
    return Manifest(
        url=location.url,
        origin=location.origin,
        queues=list(app.handlers.queues()),
        kinds=list(app.handlers),
        heard={kind: app.listeners.heard_of(kind) for kind in (ECHO, COMMAND)},
        declared=app.declared(),
    )


def check_database(location: Location) -> None:
    """Open the database in a throw-away child, which creates or upgrades it; raise where it cannot be used."""

    def look() -> Message:
        storage = open_storage(location.url)
        storage.queue_config.queues()
        storage.close()
        return Ready()

    _in_child(look, doing=f"opening the database {location.shown}")


def _in_child(look: Callable[[], Message], *, doing: str) -> Message:
    """Do something in a child of its own, so that this process stays as it is; raise what it could not do."""
    mine, theirs = Lifeline.pair()

    def life() -> int:
        processes.unblock_signals()
        try:
            theirs.send(encoded(look()))
        except ForgeJobsError as error:
            theirs.send(encoded(BootFailed.of(error, usage=isinstance(error, UsageError))))
        return 0

    pid = processes.fork(life, close=mine.close, dies_with_parent=True, niceness=0)
    theirs.close()
    datagram = mine.receive_within(INSPECTION_SECONDS)
    mine.close()
    processes.kill_group(pid)
    processes.wait_until_gone([pid], seconds=5.0)
    processes.collect([pid])
    answer = decoded(datagram) if datagram else BootFailed(reason=f"{doing} ended the process", usage=True)
    if isinstance(answer, BootFailed):
        raise (UsageError if answer.usage else DatabaseError)(answer.reason)
    return answer
