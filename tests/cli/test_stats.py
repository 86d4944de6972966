"""``forge-jobs stats`` and ``--metrics-port`` as a user types them."""

from __future__ import annotations

import json
import socket

import pytest

from tests.support.farm import Farm


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    """Run a command, expect its exit code, and return what it said where it matters."""
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def test_what_happened_is_told_as_a_table(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 3)
    farm.jobs.enqueue("spin", {"seconds": 1}, queue="media").cancel()
    farm.supervise("--drain").wait()

    heading, columns, first, second = told(farm, "stats").splitlines()

    assert heading.startswith(f"database {farm.directory / 'queue.sqlite'}, since 20")
    named = ("queue", "kind", "enqueued", "started", "done", "failed", "retried", "dead", "cancelled", "crashed")
    assert tuple(columns.split()[:10]) == named
    assert first.split()[:10] == ["default", "noop", "3", "3", "3", "0", "0", "0", "0", "0"]
    assert second.split()[:10] == ["media", "spin", "1", "0", "0", "0", "0", "1", "1", "0"]
    assert first.count(" / ") == 4, "three percentiles of wait and run each"
    assert told(farm, "stats", "--queue", "media").splitlines()[-1].split()[0] == "media"
    assert told(farm, "stats", "--by", "kind", "--kind", "noop").splitlines()[-1].split()[:2] == ["noop", "3"]
    assert told(farm, "stats", "--kind", "other").splitlines()[-1] == "nothing happened since then"


def test_what_happened_is_told_as_json(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 3)
    farm.supervise("--drain").wait()

    answer = json.loads(told(farm, "stats", "--json", "--since", "5m", "--by", "queue", "--by", "minute"))

    assert answer.keys() == {"database", "since", "until", "rows", "hosts"}
    assert sum(row["done"] for row in answer["rows"]) == sum(row["started"] for row in answer["rows"]) == 3
    assert {(row["queue"], row["kind"]) for row in answer["rows"]} == {("default", None)}
    assert all(row["at"].endswith(":00Z") for row in answer["rows"])
    done = [row for row in answer["rows"] if row["done"]][-1]
    assert done["run"].keys() == {"count", "mean", "p50", "p95", "p99", "max"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "since 'yesterday' is not valid: use a time such as 30s, 5m, 2h, 2d or 1w"),
        (["--by", "minute", "--by", "hour"], "by minute, hour names more than one of minute, hour, day: use one"),
        (["--by", "week"], "'week' is not one of 'queue', 'kind', 'minute', 'hour', 'day'"),
        (["--queue", "a b"], "queue name 'a b' is not valid"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_sentence(farm: Farm, arguments: list[str], said: str) -> None:
    farm.jobs.enqueue("noop")

    assert said in told(farm, "stats", *arguments, code=2)


def test_without_a_database_there_is_nothing_to_tell(farm: Farm) -> None:
    done = farm.run("stats")

    assert done.returncode == 1
    assert "there is no database" in done.stderr


def test_a_port_that_is_taken_ends_a_supervisor_at_its_start(farm: Farm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = told(farm, "supervise", "--app", "application:jobs", "--metrics-port", port, code=2)

    assert said.splitlines()[-1] == (
        f"forge-jobs: --metrics-port {port}: nothing can be served on 127.0.0.1: address already in use; "
        "choose another port or --metrics-address"
    )


@pytest.mark.parametrize("address", ["no.such.host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_this_machines_ends_it_too(farm: Farm, address: str) -> None:
    options = ("--metrics-port", "9", "--metrics-address", address)

    said = told(farm, "supervise", "--app", "application:jobs", *options, code=2)

    assert f"nothing can be served on {address}: " in said
