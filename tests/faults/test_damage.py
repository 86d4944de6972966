"""Files that something else has damaged: what cannot go on says so in a sentence, and nothing worse happens."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge_jobs.errors import DatabaseError, DatabaseUnusable
from forge_jobs.examining import examine
from forge_jobs.model.checks import Level
from forge_jobs.storage import Storage, open_storage
from forge_jobs.verifying import verify
from tests.support.builders import ALL, a_host, a_queue, enqueue, enqueue_some
from tests.support.forking import in_child
from tests.support.hands import Hand

PAGE = 4096


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Return a database that nobody has open, all of it in the file."""
    path = tmp_path / "closed" / "queue.sqlite"
    storage = open_storage(f"sqlite:///{path}")
    a_queue(storage, "default")
    storage.registry.announce_host(a_host("host-a"))
    enqueue_some(storage, 300)
    hand = Hand(storage)
    for claim in hand.claim(rows=100):
        hand.hand_in(hand.done(claim) if claim.claim_no % 2 else hand.failed(claim))
    storage.close()
    assert not path.with_name("queue.sqlite-wal").exists()
    return path


def everything(storage: Storage) -> list[str]:
    """Do what farms and people do; return the sentences of what could not be done. Anything else is raised."""
    told = []

    def work() -> None:
        hand = Hand(storage)
        hand.hand_in(*[hand.done(claim) for claim in hand.claim(rows=20)])

    for act in (
        lambda: enqueue(storage),
        work,
        lambda: storage.operator.find(ALL, 1000, None),
        storage.operator.counts,
        lambda: storage.upkeep.look("host-a"),
        lambda: storage.registry.beat("host-a", []),
        lambda: storage.upkeep.prune(100),
        lambda: list(verify(storage.checkup)),
    ):
        try:
            act()
        except DatabaseError as error:
            told.append(str(error))
    return told


def test_a_damaged_page_is_told_of_and_crashes_nobody(closed: Path, tmp_path: Path) -> None:
    pages = closed.stat().st_size // PAGE
    chance = random.Random(0)
    noticed = 0
    for page in range(pages):
        path = tmp_path / f"page-{page}" / "queue.sqlite"
        path.parent.mkdir()
        content = bytearray(closed.read_bytes())
        content[page * PAGE + 100 * (page == 0) : (page + 1) * PAGE] = chance.randbytes(PAGE - 100 * (page == 0))
        path.write_bytes(content)
        storage = open_storage(f"sqlite:///{path}")
        told = everything(storage)
        assert all(str(path) in sentence for sentence in told)
        found = list(examine(storage, deep=True))
        if any(check.level is Level.PROBLEM for check in found):
            noticed += 1
        storage.close()
    assert noticed == pages, "doctor --deep notices each"


def test_a_log_that_is_deleted_leaves_what_was_moved_into_the_file(closed: Path, tmp_path: Path) -> None:
    path = tmp_path / "killed" / "queue.sqlite"
    path.parent.mkdir()
    shutil.copy(closed, path)
    child = os.fork()
    if child == 0:  # dies without moving the log into the file
        enqueue_some(open_storage(f"sqlite:///{path}"), 50)
        os._exit(0)
    os.waitpid(child, 0)
    path.with_name("queue.sqlite-wal").unlink()
    storage = open_storage(f"sqlite:///{path}")
    assert [check for check in verify(storage.checkup) if check.level is Level.PROBLEM] == []
    assert len(storage.operator.find(ALL, 1000, None)[0]) == 300
    assert everything(storage) == []
    storage.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def enqueue_for_ever(storage: Storage, stored: list[str]) -> None:
    while True:
        stored += enqueue_some(storage, 50)


def test_a_full_disk_loses_nothing_and_is_told_of(small_disk: Path) -> None:
    storage = open_storage(f"sqlite:///{small_disk / 'queue.sqlite'}")
    a_queue(storage, "default")
    stored: list[str] = []
    with pytest.raises(DatabaseUnusable, match="the disk is full: nothing was stored"):
        enqueue_for_ever(storage, stored)
    there = {job.id for job in storage.operator.find(ALL, 100_000, None)[0]}
    assert there == set(stored)
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb") as file:  # what is left
        while True:
            file.write(bytes(PAGE))
            file.flush()
    storage.close()
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    storage = open_storage(f"sqlite:///{small_disk / 'queue.sqlite'}")
    stored += enqueue_some(storage, 50)
    assert {job.id for job in storage.operator.find(ALL, 100_000, None)[0]} == set(stored)
    assert [check for check in verify(storage.checkup) if check.level is Level.PROBLEM] == []
    storage.close()


def test_a_read_only_disk_is_told_of(small_disk: Path) -> None:
    storage = open_storage(f"sqlite:///{small_disk / 'queue.sqlite'}")
    stored = [in_child(lambda: enqueue(storage))]  # a process keeps a file open there as long as it lives
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DatabaseUnusable, match="file system is read-only"):
        storage.operator.counts()
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    stored += enqueue_some(storage, 5)
    assert {job.id for job in storage.operator.find(ALL, 100, None)[0]} == set(stored)
    storage.close()
