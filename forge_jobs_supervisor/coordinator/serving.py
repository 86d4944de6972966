"""The port on which a coordinator tells its numbers: in threads of its own, so that nobody holds up the housekeeping.

As little of HTTP/1.0 as a scraper needs: the request line decides, the rest is read and forgotten, one answer, the end.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import NamedTuple

from forge_jobs.clock import monotonic
from forge_jobs.errors import ForgeJobsError
from forge_jobs.storage.ports import Storage
from forge_jobs.storage.records import HostRecord
from forge_jobs_supervisor.coordinator.exposition import CONTENT_TYPE
from forge_jobs_supervisor.coordinator.figures import figures
from forge_jobs_supervisor.coordinator.observing import Observer
from forge_jobs_supervisor.unix.listening import listen, why

_log = logging.getLogger(__name__)

THREADS = 4
"""Requests that are answered at the same time; others wait in the port's line."""

CLIENT_SECONDS = 2.0
"""What a client may take for its whole request, and again for reading the answer."""

MAX_REQUEST = 8192
FRESH_SECONDS = 1.0
"""For how long an answer is good: many scrapers cost the database no more than one."""

ALIVE_SECONDS = 30.0
"""After how long without a turn of its loop a coordinator does not run any more."""


class Answer(NamedTuple):
    """What a request is answered."""

    status: str
    body: str
    content_type: str = "text/plain; charset=utf-8"


class Server:
    """Answers requests. ``storage`` is its own."""

    def __init__(self, host: HostRecord, storage: Storage, serve_on: tuple[str, int]) -> None:
        self._host = host
        self._storage = storage
        self._serve_on = serve_on
        self._observer: Observer | None = None
        self._socket: socket.socket | None = None
        self._told = False
        self._fresh = threading.Lock()
        self._text = ""
        self._text_at = float("-inf")

    def watch(self, observer: Observer) -> None:
        """Tell what this observer sees."""
        self._observer = observer

    def keep(self) -> None:
        """Open the port, unless it is open; called now and then: the coordinator before this one may have it still."""
        if self._socket is not None:
            return
        address, port = self._serve_on
        try:
            self._socket = listen(address, port)
        except OSError as error:
            if not self._told:
                _log.error("metrics cannot be served on %s port %d yet: %s", address, port, why(error))
            self._told = True
            return
        for number in range(THREADS):
            threading.Thread(target=self._serve, args=(self._socket,), name=f"metrics-{number}", daemon=True).start()
        _log.info("metrics on http://%s:%d/metrics", f"[{address}]" if ":" in address else address, port)

    def close(self) -> None:
        """Close the port at once, for whoever comes next."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)  # wakes the threads
            self._socket.close()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _address = listening.accept()
            except OSError:
                if listening.fileno() == -1 or self._socket is not listening:
                    return
                continue
            try:
                with client:
                    self._attend(client)
            except OSError:
                pass  # the client is gone, or was too slow
            except Exception:  # noqa: BLE001 - one bad row must not end this thread
                _log.exception("a request for metrics could not be answered")

    def _attend(self, client: socket.socket) -> None:
        request = _read(client)
        if request is None:
            return
        method, _, rest = request.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        answer = self._answer(method, path)
        head = (
            f"HTTP/1.1 {answer.status}\r\nContent-Type: {answer.content_type}\r\nContent-Length: "
            f"{len(answer.body.encode())}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        client.settimeout(CLIENT_SECONDS)  # for all of it: sendall counts so
        client.sendall((head + ("" if method == b"HEAD" else answer.body)).encode())

    def _answer(self, method: bytes, path: str) -> Answer:
        if method not in (b"GET", b"HEAD"):
            return Answer("405 Method Not Allowed", "only GET and HEAD are answered\n")
        match path:
            case "/metrics":
                return self._metrics()
            case "/healthz":
                return self._health()
            case "/readyz":
                return self._readiness()
        return Answer("404 Not Found", "there are /metrics, /healthz and /readyz\n")

    def _metrics(self) -> Answer:
        assert self._observer is not None
        with self._fresh:
            if monotonic() - self._text_at > FRESH_SECONDS:
                try:
                    self._text = figures(self._storage, self._host, self._observer.pulse)
                except ForgeJobsError as error:
                    return Answer("503 Service Unavailable", f"{error}\n")
                self._text_at = monotonic()
            return Answer("200 OK", self._text, CONTENT_TYPE)

    def _health(self) -> Answer:
        """Answer whether this coordinator does its work, whatever the database does: a restart mends no database."""
        assert self._observer is not None
        still = monotonic() - self._observer.pulse.turned_at
        if still > ALIVE_SECONDS:
            return Answer("503 Service Unavailable", f"the coordinator has stood still for {still:.0f} s\n")
        return Answer("200 OK", "ok\n")

    def _readiness(self) -> Answer:
        """Answer whether the database answers and workers are up, or none are wanted."""
        assert self._observer is not None
        health = self._health()
        if health.status != "200 OK":
            return health
        try:
            capped = {queue.name: queue.max_workers == 0 for queue in self._storage.queue_config.queues()}
        except ForgeJobsError as error:
            return Answer("503 Service Unavailable", f"{error}\n")
        if not self._observer.pulse.workers_up and not all(capped.get(name) for name in self._host.queues):
            return Answer("503 Service Unavailable", "no worker is up\n")
        return Answer("200 OK", "ok\n")


def _read(client: socket.socket) -> bytes | None:
    """Return the first line of a request whose head came in time and is not too long; else None."""
    give_up_at = monotonic() + CLIENT_SECONDS
    received = b""
    while b"\r\n\r\n" not in received and b"\n\n" not in received:
        left = give_up_at - monotonic()
        if left <= 0 or len(received) > MAX_REQUEST:
            return None
        client.settimeout(left)
        more = client.recv(4096)
        if not more:
            return None
        received += more
    return received.splitlines()[0] if received.strip() else None
