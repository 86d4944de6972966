"""The server's clock as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from forge_jobs.errors import DatabaseUnusable
from forge_jobs.storage.postgres import server_clock
from forge_jobs.storage.postgres.server_clock import TRIES, ServerClock
from tests.support.clock import FakeClock

HOUR = 3600 * 1_000_000
BOOTED = 1_700_000_000_000_000


class Server:
    """A server some way off; each question takes as many microseconds as it is told."""

    def __init__(self, clock: FakeClock, ahead: int) -> None:
        self.clock = clock
        self.ahead = ahead
        self.there = True
        self.asked = 0
        self.ways: Iterator[int] = iter(())

    def ask(self) -> int | None:
        self.asked += 1
        if not self.there:
            return None
        way = next(self.ways, 200)
        self.clock.advance(way / 2e6)
        told = self.clock.now() + self.ahead
        self.clock.advance(way / 2e6)
        return told


@pytest.fixture
def server(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(server_clock, "SystemClock", lambda: clock)
    monkeypatch.setattr(server_clock, "monotonic", lambda: clock.now() / 1e6)
    monkeypatch.setattr(server_clock, "boottime_us", lambda: clock.now() - BOOTED)
    return Server(clock, HOUR)


def test_it_is_the_servers(server: Server, clock: FakeClock) -> None:
    assert ServerClock(server.ask).now() == clock.now() + HOUR


def test_the_quickest_answer_is_believed(server: Server, clock: FakeClock) -> None:
    def slow_back() -> int:
        told = clock.now() + server.ahead
        clock.advance(0.5)
        return told

    answers = iter([slow_back, server.ask, slow_back])
    seen = ServerClock(lambda: next(answers)())

    assert seen.now() == clock.now() + HOUR


@pytest.mark.parametrize(("ahead", "believed"), [(90, 0), (-90, 0), (150, 150), (-150, -150)])
def test_a_difference_that_may_be_the_ways_is_none(server: Server, clock: FakeClock, ahead: int, believed: int) -> None:
    server.ahead = ahead

    assert ServerClock(server.ask).now() - clock.now() == believed


def test_it_is_asked_now_and_then_only(server: Server, clock: FakeClock) -> None:
    seen = ServerClock(server.ask)
    seen.now()
    clock.advance(seen.EVERY - 1)
    seen.now()
    assert server.asked == TRIES

    server.ahead = 2 * HOUR
    clock.advance(2)

    assert seen.now() == clock.now() + 2 * HOUR
    assert server.asked == 2 * TRIES


def test_while_the_server_is_away_the_last_difference_holds(server: Server, clock: FakeClock) -> None:
    def refuse() -> int:
        raise DatabaseUnusable("away")

    seen = ServerClock(server.ask)
    seen.now()
    clock.advance(1000)

    server.there = False
    assert seen.now() == clock.now() + HOUR
    seen._ask = refuse
    assert seen.now() == clock.now() + HOUR


def test_before_there_is_a_server_the_machines_own_holds(server: Server, clock: FakeClock) -> None:
    server.there = False

    assert ServerClock(server.ask).now() == clock.now()


def test_setting_the_machines_clock_changes_nothing(
    server: Server, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = ServerClock(server.ask)
    before = seen.now()
    stepped = FakeClock()
    stepped.advance(seconds=3600 * 24)
    monkeypatch.setattr(server_clock, "SystemClock", lambda: stepped)

    clock.advance(5)

    assert seen.now() == before + 5_000_000


def test_a_server_that_did_not_answer_is_left_alone_for_a_while(server: Server, clock: FakeClock) -> None:
    server.there = False
    seen = ServerClock(server.ask)
    for _ in range(10):
        seen.now()
    assert server.asked == TRIES

    server.there = True
    clock.advance(seen.AGAIN_AFTER + 1)

    assert seen.now() == clock.now() + HOUR
