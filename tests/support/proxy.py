"""A cable that can be pulled: passes bytes on between a port of its own and another, until it is told to drop them."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Proxy:
    """Forwards every connection to ``port``. While it is cut, nothing goes through and nobody is told.

    ``refused`` counts the connections that were tried meanwhile.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._cut = threading.Event()
        self._closing = threading.Event()
        self._dropped: list[socket.socket] = []
        self.refused = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        """Pull the cable."""
        self._cut.set()

    def mend(self) -> None:
        """Put it back: what was said meanwhile is lost, connections of before stay silent for ever."""
        self._cut.clear()

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        for end in self._dropped:
            end.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            for key, _events in self._selector.select(0.05):
                with contextlib.suppress(OSError):
                    self._serve(key)

    def _serve(self, key: selectors.SelectorKey) -> None:
        if key.fileobj is self._listener:
            client, _address = self._listener.accept()
            if self._cut.is_set():
                self._dropped.append(client)
                self.refused += 1
                return
            server = socket.create_connection(self._to)
            self._selector.register(client, selectors.EVENT_READ, server)
            self._selector.register(server, selectors.EVENT_READ, client)
            return
        end, other = key.fileobj, key.data
        assert isinstance(end, socket.socket)
        if self._cut.is_set():
            for dropped in (end, other):
                self._selector.unregister(dropped)
                self._dropped.append(dropped)
            return
        said = end.recv(65536)
        if said:
            other.sendall(said)
            return
        for gone in (end, other):
            self._selector.unregister(gone)
            gone.close()


def free_port() -> int:
    """Return a port that nobody uses just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
