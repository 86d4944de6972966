"""What must not be seen: the database's password and the payloads, anywhere; the files, by anybody else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from forge_jobs import ForgeJobs
from forge_jobs.errors import ForgeJobsError
from tests.support.farm import Farm, Supervised, eventually, farm_in_schema, farms
from tests.support.postgres import server_url

pytestmark = pytest.mark.processes
PASSWORD = "pass-w0rd"
PAYLOAD = "pay-l0ad"


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    """A farm on a database in a file, whoever makes the file: all its permissions are given away."""
    before = os.umask(0)
    try:
        yield from farms(tmp_path)
    finally:
        os.umask(before)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Farm]:
    """A farm on a server, with a password in its URL."""
    url = server_url().replace("forge@", f"forge:{PASSWORD}@")
    assert PASSWORD in url
    with farm_in_schema(tmp_path, url) as farm:
        yield farm


def modes(directory: Path) -> dict[str, str]:
    """Return the mode of every file of a database."""
    files = [path for path in directory.rglob("*") if "sqlite" in path.name and not path.is_socket()]
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in files}


def command_lines(supervised: Supervised) -> str:
    """Return what everybody sees of the farm's processes."""
    everybody = [psutil.Process(supervised.pid), *psutil.Process(supervised.pid).children(recursive=True)]
    return "\n".join(" ".join(process.cmdline()) for process in everybody)


@pytest.mark.parametrize("maker", ["client", "enqueue", "create", "supervise", "copy"])
def test_only_its_owner_can_read_the_database(farm: Farm, maker: str) -> None:
    url = farm.url
    if maker == "client":
        farm.jobs.enqueue("noop", {})
    elif maker == "enqueue":
        farm.run("enqueue", "noop")
    elif maker == "create":
        farm.run("create", program="forge_jobs.db_cli")
    elif maker == "copy":
        farm.jobs.enqueue("noop", {})
        url = f"sqlite:///{farm.directory / 'other.sqlite'}"
        told = farm.run("copy", "--from", farm.url, "--to", url, program="forge_jobs.db_cli")
        assert told.returncode == 0, told.stderr
    else:
        supervised = farm.supervise(workers=1)
        supervised.up(1)
        ran = farm.jobs.enqueue("noop", {})
        farm.ended(ran)
    found = modes(farm.directory)
    assert found
    assert set(found.values()) == {"0o600"}, found


def test_no_password_and_no_payload_is_seen_of_a_farm(guarded: Farm) -> None:
    supervised = guarded.supervise("--database", guarded.url, workers=1)
    supervised.up(1)
    jobs = [
        guarded.jobs.enqueue("note", {"path": str(guarded.directory / "notes"), "text": PAYLOAD}),
        guarded.jobs.enqueue("doomed", {}),
        guarded.jobs.enqueue("note", {"path": PAYLOAD, "number": 1}),
        guarded.jobs.enqueue("wait_for", {"path": str(guarded.directory / f"{PAYLOAD}-never")}),
    ]
    eventually(lambda: "wait_for" in command_lines(supervised), told="the last to be seen running")
    seen = [command_lines(supervised), supervised.log]
    for command in (["doctor"], ["status", "--json"], ["workers"], ["jobs"], ["supervise", "--app", "nowhere"]):
        told = guarded.run(*command)
        seen += [told.stdout, told.stderr]
    told = guarded.run("status", program="forge_jobs.db_cli")
    seen += [told.stdout, told.stderr]
    stack = guarded.run("stack").stdout
    assert "wait_for" in stack
    whole = "\n".join([*seen, stack])
    assert PASSWORD not in whole
    assert PAYLOAD not in whole
    rows = "\n".join(map(str, [*guarded.jobs.storage.registry.hosts(), *(job.record for job in guarded.jobs.list())]))
    assert PASSWORD not in rows
    jobs[-1].cancel()


@pytest.mark.parametrize("change", [("?host", "nowhere?host"), ("?host=/", "?host=/nowhere/"), ("forge:", "nobody:"),
                                    ("?", "?bogus=1&"), ("?", "?sslmode=bogus&"), ("?", "?port=x&")])  # fmt: skip
def test_no_password_is_in_what_a_server_or_its_library_says(guarded: Farm, change: tuple[str, str]) -> None:
    url = guarded.url.replace(*change, 1)
    assert url != guarded.url
    with pytest.raises(ForgeJobsError) as refused:
        ForgeJobs(url).enqueue("noop", {})
    told = guarded.run("enqueue", "noop", "--database", url)
    assert told.returncode in (1, 2)
    for said in (str(refused.value), repr(refused.value), told.stdout, told.stderr):
        assert PASSWORD not in said
        assert "Traceback" not in said
