"""A handler that is stopped while it enters a transaction: nobody keeps the lock of a block that never began."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.model.stops import JobCancelled
from forge_jobs.storage import open_storage
from forge_jobs_supervisor.worker.stopping import Where, where_is
from tests.support.builders import a_job
from tests.support.hands import Hand
from tests.support.stopping import Place, strike, taking_the_signal
from tests.support.until import until

HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.lockf(fd, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    with taking_the_signal(made):
        yield made


@contextlib.contextmanager
def another_process_writes(database: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDER, f"{database}-turnstile"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield holder


def strike_while_it_waits(holder: subprocess.Popen[bytes]) -> None:
    """Send the signal while the main thread waits for its turn; only then let it have its turn."""
    main = threading.main_thread().ident
    assert main is not None
    until(lambda: where_is(sys._current_frames()[main]) is Where.DATABASE, within=60)
    signal.pthread_kill(main, signal.SIGUSR1)
    assert holder.stdin is not None
    holder.stdin.close()


def test_a_stop_that_comes_while_a_transaction_begins_leaves_no_lock_behind(place: Place, tmp_path: Path) -> None:
    database = tmp_path / "queue.sqlite"
    url = f"sqlite:///{database}"
    went_by: list[str] = []
    with contextlib.closing(open_storage(url)) as storage, contextlib.closing(open_storage(url, deadline=1)) as other:
        storage.producer.enqueue([a_job()])
        hand = Hand(storage)
        (claim,) = hand.claim()
        place.ask()

        def handler() -> None:
            with storage.worker_queue.completing(lambda: hand.done(claim)):
                went_by.append("in the block")
                strike()  # the parent repeats its signal
                went_by.append("and on")

        with another_process_writes(database) as holder:
            threading.Thread(target=strike_while_it_waits, args=(holder,)).start()
            assert isinstance(place.stopped(handler), JobCancelled)
        place.stopper.end()

        assert went_by == ["in the block"]
        other.producer.enqueue([a_job()])
        assert [claim.id for claim in storage.registry.claims_of([hand.process_id])[hand.process_id]] == [claim.id]


@pytest.mark.parametrize("moment", ["before it begins", "after it has ended"])
def test_nothing_is_raised_between_a_generator_and_its_block(place: Place, moment: str) -> None:
    """The frame there is that of contextlib, which would leave the generator as it is."""
    seen: list[Where] = []

    @contextlib.contextmanager
    def block() -> Iterator[None]:
        if moment == "before it begins":
            seen.append(where_is(sys._getframe(1)))
        yield
        seen.append(where_is(sys._getframe(1)))

    def handler() -> None:
        with block():
            pass

    place.run(handler)
    assert seen[0] is Where.ELSEWHERE


def test_what_a_stopped_handler_held_is_let_go_when_it_has_ended(place: Place) -> None:
    let_go: list[str] = []

    def held() -> Iterator[None]:
        try:
            yield
        finally:
            let_go.append("let go")

    def handler() -> None:
        holds = held()
        next(holds)
        place.stop()

    place.stopped(handler)
    assert let_go == [], "the exception that stopped it has its frames"
    place.stopper.end()
    assert let_go == ["let go"]
