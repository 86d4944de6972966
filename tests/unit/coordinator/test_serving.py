"""The port of a coordinator, over real sockets and a real storage."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.errors import DatabaseError
from forge_jobs.storage import Storage
from forge_jobs_supervisor.coordinator import serving
from forge_jobs_supervisor.coordinator.exposition import CONTENT_TYPE
from forge_jobs_supervisor.coordinator.figures import COUNTERS, DATABASE_GAUGES, HOST_GAUGES, QUEUE_GAUGES
from forge_jobs_supervisor.coordinator.observing import Observer
from forge_jobs_supervisor.coordinator.serving import ALIVE_SECONDS, MAX_REQUEST, THREADS, Server
from forge_jobs_supervisor.coordinator.timetable import Timetable
from tests.architecture.source import ROOT
from tests.support.backends import Backend
from tests.support.builders import a_host, a_queue, enqueue, enqueue_some
from tests.support.clock import FakeClock
from tests.support.hands import Hand
from tests.support.prometheus import Answer, asked, free_port, parsed, value_of
from tests.support.until import until
from tests.unit.coordinator.test_observing import a_view


class Scene:
    """One server and its observer."""

    def __init__(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(serving, "FRESH_SECONDS", -1.0)
        self.port = free_port()
        self.storage = storage
        self.observer = Observer(a_host("host-a"), storage.metrics, Timetable())
        self.server = Server(a_host("host-a"), storage, ("127.0.0.1", self.port))
        self.server.watch(self.observer)
        self.server.keep()

    def ask(self, path: str, method: str = "GET") -> Answer:
        return asked(self.port, path, method)


@pytest.fixture
def scene(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene(storage, monkeypatch)
    yield made
    made.server.close()


def test_metrics_are_told_in_the_text_format(scene: Scene) -> None:
    enqueue_some(scene.storage, 3, queue="media")
    a_queue(scene.storage, "media", max_workers=7)
    hand = Hand(scene.storage, queue="media")
    hand.finish()
    hand.bury_one()

    answer = scene.ask("/metrics")

    assert (answer.status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
    assert answer.headers["Content-Length"] == str(len(answer.body.encode()))
    samples, types = parsed(answer.body)
    assert value_of(samples, "forge_jobs_queue_pending_jobs", queue="media") == 1
    assert value_of(samples, "forge_jobs_queue_dead_jobs", queue="media") == 1
    assert value_of(samples, "forge_jobs_queue_max_workers", queue="media") == 7
    assert value_of(samples, "forge_jobs_done_total", queue="media", kind="work") == 1
    assert value_of(samples, "forge_jobs_wait_seconds_count", queue="media", kind="work") == 2
    assert {types[name] for name in types if name.endswith("_total")} == {"counter"}


def test_every_state_of_a_queue_is_told(scene: Scene) -> None:
    _samples, types = parsed(scene.ask("/metrics").body)

    told = ("pending_jobs", "scheduled_jobs", "in_flight_jobs", "done_jobs", "failed_jobs", "dead_jobs", "max_workers")
    told += ("oldest_pending_age_seconds", "paused", "throttled")
    assert {f"forge_jobs_queue_{name}" for name in told} <= types.keys()


def test_every_name_is_documented() -> None:
    told = (ROOT / "docs" / "metrics.md").read_text()
    names = [f"forge_jobs_queue_{name}" for name in (*QUEUE_GAUGES, "throttled", "max_workers")]
    names += [f"forge_jobs_{name}_total" for name in (*COUNTERS, "cpu_seconds")]
    names += [f"forge_jobs_host_{name}" for name in HOST_GAUGES]
    names += [f"forge_jobs_database_{name.removeprefix('database_')}" for name in DATABASE_GAUGES]
    names += ["forge_jobs_wait_seconds", "forge_jobs_run_seconds", "forge_jobs_database_seconds"]

    assert [name for name in names if f"`{name}`" not in told] == []


def test_counters_do_not_fall_when_minutes_are_folded_and_forgotten(scene: Scene, clock: FakeClock) -> None:
    enqueue_some(scene.storage, 4)
    hand = Hand(scene.storage)
    hand.finish()
    before, types = parsed(scene.ask("/metrics").body)
    scene.storage.metrics.fold(1000)
    clock.advance(days=31)
    while scene.storage.metrics.forget(clock.now(), 100):
        pass
    hand.finish()

    after, _types = parsed(scene.ask("/metrics").body)

    counters = [key for key in before if types.get(key[0]) == "counter"]
    assert counters
    assert [key for key in counters if after[key] < before[key]] == []
    assert value_of(after, "forge_jobs_done_total", queue="default", kind="work") == 2


def test_an_answer_is_good_for_a_moment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "FRESH_SECONDS", 3600.0)
    first = scene.ask("/metrics").body
    enqueue(scene.storage)

    assert scene.ask("/metrics").body == first
    monkeypatch.setattr(serving, "FRESH_SECONDS", -1.0)
    assert scene.ask("/metrics").body != first


def test_a_coordinator_that_turns_is_healthy_and_one_that_stands_still_is_not(scene: Scene) -> None:
    scene.observer.turned()
    assert scene.ask("/healthz")[::2] == (200, "ok\n")

    scene.observer.see([a_view(1, "idle")])
    scene.observer.pulse = type(scene.observer.pulse)(turned_at=scene.observer.pulse.turned_at - ALIVE_SECONDS - 1)

    assert scene.ask("/healthz").status == 503
    assert scene.ask("/readyz").status == 503


def test_a_host_is_ready_when_a_worker_is_up(scene: Scene) -> None:
    a_queue(scene.storage, "default")
    assert scene.ask("/readyz")[::2] == (503, "no worker is up\n")
    scene.observer.see([a_view(1, "booting")])
    assert scene.ask("/readyz").status == 503

    scene.observer.see([a_view(1, "idle")])
    assert scene.ask("/readyz")[::2] == (200, "ok\n")


def test_a_host_that_is_to_have_no_workers_is_ready_without(scene: Scene) -> None:
    a_queue(scene.storage, "default", max_workers=0)

    assert scene.ask("/readyz").status == 200


def test_without_a_database_a_host_is_healthy_and_not_ready(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise DatabaseError("the database is away")

    scene.observer.see([a_view(1, "idle")])
    monkeypatch.setattr(scene.storage.queue_config, "queues", away)

    assert scene.ask("/healthz").status == 200
    assert scene.ask("/readyz")[::2] == (503, "the database is away\n")
    assert scene.ask("/metrics")[::2] == (503, "the database is away\n")


def test_other_paths_and_methods_are_refused(scene: Scene) -> None:
    assert [scene.ask(path).status for path in ("/", "/metrics/", "/admin", "//metrics")] == [404] * 4
    assert [scene.ask("/metrics", method).status for method in ("POST", "DELETE", "get")] == [405] * 3
    assert scene.ask("/healthz?verbose=1").status == 200


def test_head_is_answered_without_a_body(scene: Scene) -> None:
    answer = scene.ask("/healthz", "HEAD")

    assert (answer.status, answer.headers["Content-Length"], answer.body) == (200, "3", "")


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n", b"\0\xff\r\n\r\n", b"GET\r\n\r\n", b"x" * (2 * MAX_REQUEST)])
def test_nonsense_does_no_harm(scene: Scene, sent: bytes) -> None:
    for _ in range(THREADS + 1):
        with socket.create_connection(("127.0.0.1", scene.port)) as client, contextlib.suppress(OSError):
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            client.recv(65536)

    assert scene.ask("/healthz").status == 200


def test_clients_that_say_nothing_are_put_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CLIENT_SECONDS", 0.2)
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", scene.port), timeout=30))
            for _ in range(3 * THREADS)
        ]
        for client in silent:
            client.sendall(b"GET /metrics")

        assert scene.ask("/healthz").status == 200
        assert silent[0].recv(1) == b""


def test_a_client_that_sends_a_byte_now_and_then_is_put_out_too(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CLIENT_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", scene.port)) as client:

        def is_out() -> bool:
            try:
                client.sendall(b"x")
            except OSError:
                return True
            return False

        until(is_out)


def test_a_port_that_is_taken_is_taken_over_as_soon_as_it_is_free(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    server = Server(a_host("host-a"), storage, ("127.0.0.1", port))
    server.watch(Observer(a_host("host-a"), storage.metrics, Timetable()))
    server.keep()
    server.keep()
    assert [record.message for record in caplog.records] == [
        f"metrics cannot be served on 127.0.0.1 port {port} yet: address already in use"
    ]

    taken.close()
    server.keep()

    assert asked(port, "/healthz").status == 200
    server.close()


def test_a_server_that_is_closed_leaves_no_thread_and_no_port(scene: Scene) -> None:
    def threads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("metrics-")]

    assert len(threads()) == THREADS
    scene.server.close()

    until(lambda: not threads())
    with pytest.raises(ConnectionRefusedError):
        scene.ask("/healthz")


def test_the_storage_of_a_thread_is_its_own(
    storage: Storage, backend: Backend, clock: FakeClock, tmp_path: Path
) -> None:
    """Many ask at once while the coordinator writes: nobody is answered wrongly."""
    own = backend.open(clock)
    server = Server(a_host("host-a"), own, ("127.0.0.1", port := free_port()))
    server.watch(Observer(a_host("host-a"), own.metrics, Timetable()))
    server.keep()
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(asked(port, "/metrics"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        enqueue(storage)
    for thread in threads:
        thread.join()

    assert [answer.status for answer in answers] == [200] * 20
    for answer in answers:
        parsed(answer.body)
    server.close()
