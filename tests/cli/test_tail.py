"""``forge-jobs tail`` as typed: what happens comes out, line by line, until Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.farm import PATIENCE, Farm, eventually


class Tail:
    """A tail that runs."""

    def __init__(self, farm: Farm, *options: str) -> None:
        self._out = farm.directory / f"tail-{len(options)}.txt"
        self._err = self._out.with_suffix(".err")
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "forge_jobs_supervisor", "tail", *options],
                cwd=farm.directory, env=farm.environment, stdout=out, stderr=err,
            )  # fmt: skip

    @property
    def lines(self) -> list[str]:
        return self._out.read_text().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_text().split("\n")[:-1]]

    @property
    def complaints(self) -> str:
        return self._err.read_text()


@contextlib.contextmanager
def tailing(farm: Farm, *options: str) -> Iterator[Tail]:
    tail = Tail(farm, *options)
    try:
        yield tail
    finally:
        if tail.process.poll() is None:
            tail.process.kill()
        tail.process.wait()


def test_the_life_of_jobs_is_followed_to_ctrl_c(farm: Farm) -> None:
    farm.supervise().up(2)
    early = farm.jobs.enqueue("noop")
    farm.ended(early)
    with tailing(farm, "--json", "--since", "1h") as tail:
        eventually(
            lambda: [e["event"] for e in tail.events if e["id"] == early.id] == ["enqueued", "done"], told="news"
        )
        job = farm.jobs.enqueue("doomed")
        farm.ended(job)
        eventually(lambda: any(e["id"] == job.id and e["event"] == "dead" for e in tail.events), told="its death")
        dead = next(e for e in tail.events if e["event"] == "dead")
        assert set(dead) == {
            "event", "at", "id", "kind", "queue", "status", "attempt", "wall_seconds", "next_at", "cause", "message",
        }  # fmt: skip
        assert (dead["kind"], dead["queue"], dead["status"], dead["cause"]) == ("doomed", "default", "dead", "error")
        assert "never again" in dead["message"]
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(PATIENCE) == 0
        assert tail.complaints == ""


def test_lines_for_people_and_filters(farm: Farm) -> None:
    farm.jobs.counts()
    with tailing(farm, "--status", "pending", "--queue", "other", "--since", "1h") as tail:
        farm.jobs.enqueue("noop")
        job = farm.jobs.enqueue("noop", {}, queue="other")
        eventually(lambda: bool(tail.lines), told="a line")
        (line,) = tail.lines
        assert line.endswith(f"enqueued {job.id} noop in other")


def test_it_waits_for_a_database_that_goes_away(farm: Farm) -> None:
    farm.jobs.enqueue("noop")
    file = farm.directory / "queue.sqlite"
    with tailing(farm, "--since", "1h") as tail:
        eventually(lambda: len(tail.lines) == 1, told="the first job")
        farm.jobs.close()
        for part in farm.directory.glob("queue.sqlite*"):
            part.rename(part.with_name(f"away-{part.name}"))
        eventually(lambda: "is not there any more; waiting for it" in tail.complaints, told="a complaint")
        assert not file.exists(), "looking does not create it"
        for part in farm.directory.glob("away-*"):
            part.rename(part.with_name(part.name.removeprefix("away-")))
        eventually(lambda: "the database is back" in tail.complaints, told="the database to be back")
        farm.jobs.enqueue("noop")
        eventually(lambda: len(tail.lines) == 2, told="the next job")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "since 'yesterday' is not valid"),
        (["--queue", "a b"], "queue name 'a b' is not valid"),
        (["--status", "running"], "'running' is not one of"),
    ],
)
def test_bad_input_gets_one_sentence(farm: Farm, arguments: list[str], said: str) -> None:
    farm.jobs.counts()
    done = farm.run("tail", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
