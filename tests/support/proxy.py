"""Stands between clients and a PostgreSQL server, and sees every message that passes; a cable that can be pulled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from psycopg import conninfo

T = TypeVar("T")

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is closed is reset


class Way(StrEnum):
    """Where a message goes."""

    REQUESTS = "to the server"
    ANSWERS = "to the client"


class Messages:
    """Cuts a stream of bytes into messages of PostgreSQL's protocol. The first of a client's has no type."""

    def __init__(self, way: Way) -> None:
        self._rest = b""
        self._typed = way is Way.ANSWERS

    def of(self, chunk: bytes) -> Iterator[bytes]:
        """Give the messages that are complete now."""
        self._rest += chunk
        at = 0
        while len(self._rest) >= at + 4 + self._typed:
            (length,) = struct.unpack_from("!i", self._rest, at + self._typed)
            end = at + length + self._typed
            if len(self._rest) < end:
                break
            self._typed, message, at = True, self._rest[at:end], end
            yield message
        self._rest = self._rest[at:]


class Link:
    """One connection of a client, and the one to the server that belongs to it."""

    def __init__(self, number: int, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.number = number
        self.to = {Way.REQUESTS: server, Way.ANSWERS: client}
        self.open = asyncio.Event()
        """Set unless nothing passes."""

        self.open.set()
        self.unheard = False
        """Whether answers are dropped."""

    def close(self) -> None:
        """Close both sides in good order."""
        for end in self.to.values():
            end.close()

    def reset(self) -> None:
        """Close both sides so that their next word is answered with an error."""
        for end in self.to.values():
            if not end.transport.is_closing():
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            end.transport.abort()
        self.open.set()


class Proxy:
    """Forwards every connection to the server of a URL. While it is cut, nothing goes through and nobody is told.

    ``refused`` counts the connections that were tried meanwhile.
    """

    def __init__(self, url: str) -> None:
        told = conninfo.conninfo_to_dict(url.partition("?")[0] + _where(url))
        self._host, self._port = str(told.get("host") or "localhost"), int(told.get("port") or 5432)
        self._cut = False
        self._links: set[Link] = set()
        self._made = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.refused = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Pull the cable."""
        self._do(self._cut_all())

    def mend(self) -> None:
        """Put it back: what was said meanwhile is lost, connections of before stay silent for ever."""
        self._cut = False

    def close(self) -> None:
        """Stop; every connection is reset."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def through(self, url: str, *, times: int = 1) -> str:
        """Return a URL of the server by which it is reached through here; this address may be named several times."""
        place, _mark, query = url.partition("?")
        scheme, _slashes, place = place.partition("://")
        user, at, address = place.rpartition("@")
        database = address.partition("/")[2]
        options = [(k, v) for k, v in parse_qsl(query) if k not in ("host", "port", "sslmode", "gssencmode")]
        plain = urlencode([*options, ("sslmode", "disable"), ("gssencmode", "disable")])
        here = ",".join([f"127.0.0.1:{self.port}"] * times)
        return f"{scheme}://{user}{at}{here}/{database}?{plain}"

    def strikes(self, _link: Link, _way: Way, _message: bytes) -> bool:
        """Return whether a message is not just passed on."""
        return False

    async def strike(self, _link: Link, _way: Way, _message: bytes) -> None:
        """Do something else with such a message."""

    def _do(self, act: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result()

    async def _cut_all(self) -> None:
        self._cut = True
        for link in self._links:
            link.open.clear()

    async def _end(self) -> None:
        self._server.close()
        for link in list(self._links):
            link.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Carry both ways until both have ended."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # streams take it for a fault
                await self._forward(reader, client)
        finally:
            client.transport.abort()
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._cut:
            self.refused += 1
            await asyncio.Event().wait()
        with contextlib.suppress(OSError):
            answers, server = await self._connected()
            self._made += 1
            link = Link(self._made, client, server)
            self._links.add(link)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._carry(link, Way.REQUESTS, reader))
                    both.create_task(self._carry(link, Way.ANSWERS, answers))
            finally:
                self._links.discard(link)
                server.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._host.startswith("/"):
            return await asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        return await asyncio.open_connection(self._host, self._port)

    async def _carry(self, link: Link, way: Way, reader: asyncio.StreamReader) -> None:
        messages, to = Messages(way), link.to[way]
        with contextlib.suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                pass_on: list[bytes] = []
                for message in messages.of(chunk):
                    struck = self.strikes(link, way, message)
                    if struck or not link.open.is_set():
                        to.write(b"".join(pass_on))
                        pass_on.clear()
                        await link.open.wait()
                    if struck:
                        await self.strike(link, way, message)
                        if to.is_closing():
                            return
                    else:
                        pass_on.append(message)
                to.write(b"".join(pass_on))
                await to.drain()
        await link.open.wait()
        link.close()


def _where(url: str) -> str:
    """Return those options of a URL that say where the server is."""
    options = [(k, v) for k, v in parse_qsl(url.partition("?")[2]) if k in ("host", "port")]
    return f"?{urlencode(options)}"
