"""A network that lies: closes, resets, swallows, halves, delays and freezes, at any message of a connection.

Either at random, by a seed; or once, at the n-th message from now on, which a test chooses.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum

from tests.support.proxy import Link, Proxy, Way


class Fault(StrEnum):
    """What becomes of a message, and of its connection."""

    CLOSED = "closed"
    RESET = "reset"
    HALF = "half a message, then reset"
    UNHEARD = "done, and its answer swallowed"
    LATE = "late"
    HELD = "held up for seconds"
    SILENT = "silent for ever"


ODDS = {
    Fault.CLOSED: 15, Fault.RESET: 20, Fault.HALF: 15, Fault.UNHEARD: 25, Fault.LATE: 40, Fault.HELD: 8,
    Fault.SILENT: 3,
}  # fmt: skip
"""How often each comes where chance decides."""

MESSAGES = 1000
"""That pass in the mean, one way of a connection, before one is struck."""

LATE = (0.01, 0.5)
HELD = (0.5, 8.0)
"""Seconds. A worker waits for four, a client for ten, and a host that was silent for five is taken for dead."""

STORMS = (5.0, 20.0)
"""Seconds from one fault of all connections at once to the next."""

MOST_SILENT = 10
"""Connections that are silent at once, of those that are so for ever: the server has places for so many clients."""


class Network(Proxy):
    """A proxy that lies when it is told to. ``hits`` counts what it did."""

    def __init__(self, url: str) -> None:
        self.hits: Counter[str] = Counter()
        self.passed = 0
        self._fault: tuple[Fault, Way, int] | None = None
        self._chance: random.Random | None = None
        self._storms: asyncio.Task[None] | None = None
        self._due: dict[tuple[int, Way], int] = {}
        self._silent: deque[Link] = deque()
        super().__init__(url)

    # -- once, at a message that is chosen -----------------------------------------------------------------------------

    def arm(self, fault: Fault, way: Way, at: int) -> None:
        """Let ``fault`` happen to the ``at``-th message from now on that goes this way, whatever its connection.

        ``passed`` counts them; the 0th never comes.
        """
        self.passed, self._fault = 0, (fault, way, at)

    def disarm(self) -> bool:
        """Pass everything on; return whether the fault has happened."""
        armed, self._fault = self._fault is not None, None
        return not armed

    # -- at random -----------------------------------------------------------------------------------------------------

    def lie(self, seed: str) -> None:
        """Do so at random from now on."""
        self._do(self._begin(random.Random(seed)))

    def calm(self) -> None:
        """Tell no more lies. Who is silent for ever stays so; who is held up goes on."""
        self._do(self._stop())

    def drop_all(self) -> None:
        """Reset every connection."""
        self._do(self._drop_all())

    def strikes(self, link: Link, way: Way, message: bytes) -> bool:
        """Return whether a message is the one that is chosen, or chance wills it; a farewell never is."""
        if way is Way.REQUESTS and message[:1] == b"X":
            return False
        if link.unheard and way is Way.ANSWERS:
            return True
        if self._fault is not None:
            _fault, this_way, at = self._fault
            self.passed += way is this_way
            return way is this_way and self.passed == at
        return self._chance is not None and self._is_due(link, way, self._chance)

    def _is_due(self, link: Link, way: Way, chance: random.Random) -> bool:
        left = self._due.get((link.number, way), 0) - 1
        self._due[link.number, way] = round(chance.expovariate(1 / MESSAGES)) if left < 0 else left
        return left == 0

    async def strike(self, link: Link, way: Way, message: bytes) -> None:
        """Do it."""
        if not (link.unheard and way is Way.ANSWERS):
            fault = self._drawn()
            self.hits[fault] += 1
            if not await self._happens(fault, link, way, message):
                return
        if message[:1] == b"Z":  # the server is ready for the next request: it has done this one
            link.reset()

    async def _happens(self, fault: Fault, link: Link, way: Way, message: bytes) -> bool:
        """Do it; return whether an answer is dropped now."""
        match fault:
            case Fault.CLOSED:
                link.close()
            case Fault.RESET:
                link.reset()
            case Fault.HALF:
                link.to[way].write(message[: len(message) // 2])
                link.reset()
            case Fault.UNHEARD:
                link.unheard = True
                if way is Way.ANSWERS:
                    return True
                link.to[way].write(message)
            case _:
                await self._delay(fault, link)
                link.to[way].write(message)
        return False

    def _drawn(self) -> Fault:
        if self._fault is not None:
            (fault, _way, _at), self._fault = self._fault, None
            return fault
        assert self._chance is not None
        (fault,) = self._chance.choices(list(ODDS), list(ODDS.values()))
        return fault

    async def _delay(self, fault: Fault, link: Link) -> None:
        """Return when the message may pass."""
        if fault is Fault.SILENT:
            self._silent.append(link)
            if len(self._silent) > MOST_SILENT:
                self._silent.popleft().reset()
            link.open.clear()
            await link.open.wait()
        else:
            await self._hold([link], LATE if fault is Fault.LATE else HELD)

    async def _hold(self, links: Iterable[Link], seconds: tuple[float, float]) -> None:
        """Let nothing pass for a while."""
        held = [link for link in links if link not in self._silent]
        for link in held:
            link.open.clear()
        await asyncio.sleep((self._chance or random.Random(0)).uniform(*seconds))
        for link in held:
            if not self._cut and link not in self._silent:
                link.open.set()

    async def _begin(self, chance: random.Random) -> None:
        self._chance = chance
        self._storms = asyncio.create_task(self._storm(chance))

    async def _storm(self, chance: random.Random) -> None:
        """Let something happen to all connections at once, now and then."""
        while True:
            await asyncio.sleep(chance.uniform(*STORMS))
            fault = chance.choice((Fault.CLOSED, Fault.RESET, Fault.HELD))
            self.hits[f"all {fault}"] += 1
            if fault is Fault.HELD:
                await self._hold(list(self._links), HELD)
                continue
            for link in self._links - set(self._silent):
                link.close() if fault is Fault.CLOSED else link.reset()

    async def _stop(self) -> None:
        self._chance = None
        if self._storms is not None:
            self._storms.cancel()
            self._storms = None
        for link in self._links - set(self._silent):
            link.open.set()

    async def _drop_all(self) -> None:
        for link in list(self._links):
            link.reset()

    async def _end(self) -> None:
        await self._stop()
        await super()._end()
