"""A real farm tells its numbers on a port: through reloads, deaths and restarts."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.farm import Farm, Supervised, eventually, farm_in_schema
from tests.support.postgres import server_url
from tests.support.prometheus import Answer, Samples, asked, free_port, parsed, value_of

pytestmark = pytest.mark.processes


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def farm_on_postgres(tmp_path: Path) -> Iterator[Farm]:
    with farm_in_schema(tmp_path, server_url()) as made:
        yield made


def answered(port: int, path: str) -> Answer | None:
    try:
        return asked(port, path)
    except OSError:
        return None


def is_up(port: int, path: str = "/readyz") -> bool:
    answer = answered(port, path)
    return answer is not None and answer.status == 200


def samples_of(port: int) -> Samples:
    return parsed(asked(port, "/metrics").body)[0]


def start(farm: Farm, port: int, *options: str) -> Supervised:
    supervised = farm.supervise("--metrics-port", str(port), *options)
    eventually(lambda: is_up(port), told="a farm that is ready")
    return supervised


def done_by(port: int, kind: str = "noop") -> float:
    return value_of(samples_of(port), "forge_jobs_done_total", queue="default", kind=kind)


def test_a_farm_tells_what_it_does(farm: Farm, port: int) -> None:
    start(farm, port)
    jobs = farm.jobs.enqueue_bulk([("noop", {})] * 50)
    farm.ended(*jobs)

    eventually(lambda: done_by(port) == 50)
    samples = samples_of(port)
    assert value_of(samples, "forge_jobs_run_seconds_count", queue="default", kind="noop") == 50
    assert value_of(samples, "forge_jobs_queue_done_jobs", queue="default") == 50
    assert value_of(samples, "forge_jobs_enqueued_total", queue="default", kind="noop") == 50
    eventually(lambda: any(name == "forge_jobs_host_memory_bytes" for name, _labels in samples_of(port)))
    assert asked(port, "/healthz").status == 200


def test_the_leader_folds_what_was_noted_and_every_host_notes_what_it_looks_like(farm: Farm, port: int) -> None:
    start(farm, port, "--queue", "default")
    farm.ended(*farm.jobs.enqueue_bulk([("noop", {})] * 50))
    metrics = farm.jobs.storage.metrics

    eventually(lambda: unfolded(farm) == 0)
    eventually(lambda: {host.host_id == "" for host in farm.jobs.stats(hosts=True).hosts} == {True, False})

    assert metrics.totals()["default", "noop"].done == 50
    (host,) = (host for host in farm.jobs.stats(hosts=True).hosts if host.host_id)
    assert host.last["workers"] == 2
    assert host.latency.keys() == {"read", "write"}


def unfolded(farm: Farm) -> int:
    """Return how many entries wait to be folded."""
    database = farm.jobs.storage.metrics._database  # type: ignore[attr-defined]
    with database.reading() as connection:
        return len(database.run(connection, "metric_entries", (1,)))


def test_counters_go_on_where_they_were_when_a_farm_starts_again(farm: Farm, port: int) -> None:
    supervised = start(farm, port)
    farm.ended(*farm.jobs.enqueue_bulk([("noop", {})] * 20))
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert answered(port, "/healthz") is None

    start(farm, port)
    farm.ended(*farm.jobs.enqueue_bulk([("noop", {})] * 5))

    eventually(lambda: done_by(port) == 25)


def test_a_reload_and_the_death_of_the_coordinator_open_the_port_again(farm: Farm, port: int) -> None:
    supervised = start(farm, port)
    (old,) = supervised.children("coordinator")
    supervised.signal(signal.SIGHUP)
    eventually(lambda: not old.is_running() or old.status() == "zombie", told="the old coordinator to leave")
    eventually(lambda: is_up(port), told="the new coordinator to serve")
    assert "cannot be served" not in supervised.log.partition("the new code takes over")[0]

    (now,) = supervised.children("coordinator")
    now.kill()
    eventually(lambda: [p for p in supervised.children("coordinator") if p.pid != now.pid])
    eventually(lambda: is_up(port), told="the coordinator after it to serve")


def test_silent_clients_hold_up_nobody(farm: Farm, port: int) -> None:
    start(farm, port)
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
    try:
        for client in clients:
            client.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert farm.jobs.enqueue("noop").result(timeout=5) is None
        running = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
        eventually(lambda: running.refresh().status == "in_progress")
        running.cancel()
        farm.ended(running)
        eventually(lambda: is_up(port))
    finally:
        for client in clients:
            client.close()


def test_a_farm_without_workers_that_are_up_is_healthy_and_not_ready(farm: Farm, port: int) -> None:
    supervised = start(farm, port)
    for worker in supervised.staffed(2):
        worker.suspend()

    eventually(lambda: not is_up(port), told="a farm that is not ready")
    assert is_up(port, "/healthz")
    for worker in supervised.workers():
        worker.resume()
    eventually(lambda: is_up(port))


def test_nobody_from_elsewhere_is_answered(farm: Farm, port: int) -> None:
    start(farm, port)

    with socket.create_connection(("127.0.0.1", port)) as here:
        assert here.getpeername() == ("127.0.0.1", port)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=2):
        pass


def test_on_postgres_too(farm_on_postgres: Farm, port: int) -> None:
    start(farm_on_postgres, port)
    farm_on_postgres.ended(*farm_on_postgres.jobs.enqueue_bulk([("noop", {})] * 20))

    eventually(lambda: done_by(port) == 20)
    assert ("forge_jobs_database_connections", frozenset()) in samples_of(port)
