"""Doorbells on SQLite: datagram sockets in a short directory."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from forge_jobs.storage import Storage
from forge_jobs.storage.sqlite.doorbell import SqliteDoorbell, bell_directory
from tests.support.builders import enqueue

LONGEST_SOCKET_PATH = 107


def bells(path: Path) -> list[str]:
    return sorted(p.name for p in bell_directory(path).glob("*.sock"))


def test_each_database_has_a_directory_of_its_own(tmp_path: Path) -> None:
    one, other = bell_directory(tmp_path / "a.sqlite"), bell_directory(tmp_path / "b.sqlite")

    assert one != other
    assert one == bell_directory(tmp_path / "x" / ".." / "a.sqlite")


def test_a_link_to_a_database_has_the_bells_of_the_database(storage: Storage, path: Path) -> None:
    enqueue(storage)
    link = path.with_name("link.sqlite")
    link.symlink_to(path)

    assert bell_directory(link) == bell_directory(path)


def test_the_directory_is_short_however_long_the_databases_path_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path.joinpath(*["a" * 100] * 5) / "queue.sqlite"
    assert len(str(bell_directory(deep) / ("f" * 16 + ".sock"))) <= LONGEST_SOCKET_PATH

    monkeypatch.setenv("XDG_RUNTIME_DIR", "/very" * 30)
    assert len(str(bell_directory(deep) / ("f" * 16 + ".sock"))) <= LONGEST_SOCKET_PATH


def test_the_directory_is_for_its_owner_only(path: Path) -> None:
    bell = SqliteDoorbell(path, "host-a")

    assert bell_directory(path).stat().st_mode & 0o777 == 0o700
    bell.close()


def test_a_bell_that_nobody_hears_any_more_is_removed_by_the_next_one(path: Path) -> None:
    left_behind = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell_directory(path).mkdir(parents=True)
    left_behind.bind(str(bell_directory(path) / "dead.sock"))
    left_behind.close()
    assert bells(path) == ["dead.sock"]

    bell = SqliteDoorbell(path, "host-a")
    assert bells(path) == ["host-a.sock"]
    bell.close()
    assert bells(path) == []


def test_the_bell_of_a_living_host_stays_when_another_hangs_up_its_own(path: Path) -> None:
    one = SqliteDoorbell(path, "host-a")
    other = SqliteDoorbell(path, "host-b")

    assert bells(path) == ["host-a.sock", "host-b.sock"]
    one.close()
    other.close()


def test_noise_on_the_line_is_passed_over(storage: Storage, path: Path) -> None:
    bell = SqliteDoorbell(path, "host-a")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as noise:
        for datagram in (b"", b"\xff", b"a\tb\tc", b"x" * 500):
            noise.sendto(datagram, str(bell_directory(path) / "host-a.sock"))
    enqueue(storage)

    assert bell.rings() == [("default", 1, None)]
    bell.close()


def test_a_directory_that_is_not_ours_keeps_nobody_from_enqueueing(storage: Storage, path: Path) -> None:
    directory = bell_directory(path)
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.write_text("a file, and no directory")

    job_id = enqueue(storage)

    assert storage.operator.get(job_id) is not None
