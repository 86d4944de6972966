"""What cannot be a queue's database is refused in one sentence, and nothing is left behind."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import apsw
import pytest

from forge_jobs.errors import DatabaseError, DatabaseUnusable
from forge_jobs.storage import Storage, open_storage
from forge_jobs.storage.sqlite import opening
from forge_jobs.storage.sqlite.opening import NETWORK_FILE_SYSTEMS, file_system_of, has_open
from tests.support.builders import ALL, enqueue, enqueue_some, record


def refused(path: Path) -> str:
    """Return what an enqueue, a look and a description are told, which must be the same."""
    told = set()
    for act in (
        enqueue,
        lambda storage: storage.operator.counts(),
        lambda storage: storage.schema.describe(),
    ):
        with pytest.raises(DatabaseUnusable) as error:
            act(open_storage(f"sqlite:///{path}"))
        told.add(str(error.value))
    assert len(told) == 1
    (sentence,) = told
    assert str(path) in sentence
    assert "\n" not in sentence
    return sentence


def test_a_directory(tmp_path: Path) -> None:
    assert refused(tmp_path) == (
        f"database {tmp_path} is a directory: name a file in it, for example {tmp_path}/queue.sqlite"
    )
    assert list(tmp_path.iterdir()) == []


def test_something_that_is_no_regular_file(path: Path) -> None:
    os.mkfifo(path)

    assert "is not a regular file" in refused(path)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"This is a text, and rather a long one for a header. " * 100)

    assert "is not a SQLite database: name another file, or move it away" in refused(path)
    assert path.read_bytes().startswith(b"This is a text")


@pytest.mark.parametrize("version", [0, 1, 99])
def test_a_database_of_another_program(path: Path, version: int) -> None:
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE job (mine TEXT)")
    other.pragma("user_version", version)
    other.close()

    assert "is a SQLite database of another program: name another file" in refused(path)


def test_a_damaged_database(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    for _ in range(100):
        enqueue(storage, payload=b'"' + b"x" * 900 + b'"')
    storage.close()
    with path.open("r+b") as file:
        for page in range(1, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(4096))

    with pytest.raises(DatabaseUnusable, match="is damaged") as told:
        open_storage(f"sqlite:///{path}").operator.counts()
    assert ".recover" in str(told.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_written(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    enqueue(storage)
    storage.close()
    path.chmod(0o400)

    assert "cannot be opened for reading and writing: permission denied" in refused(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o500)

    with pytest.raises(DatabaseUnusable, match="Permission denied"):
        enqueue(open_storage(f"sqlite:///{tmp_path}/shut/deep/queue.sqlite"))


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseUnusable, match=f"cannot be created: {tmp_path}/file is not a directory"):
        enqueue(open_storage(f"sqlite:///{tmp_path}/file/queue.sqlite"))


@pytest.mark.parametrize("kind", sorted(NETWORK_FILE_SYSTEMS))
def test_a_network_file_system(path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "file_system_of", lambda _path: kind)

    with pytest.raises(DatabaseUnusable, match=rf"is on a network file system \({kind}\)") as told:
        enqueue(open_storage(f"sqlite:///{path}"))
    assert "put it on a local disk" in str(told.value)
    assert not path.exists()


def test_the_file_system_is_the_kernels_word_for_the_innermost_mount(tmp_path: Path) -> None:
    assert file_system_of(Path("/proc/self/status")) == "proc"
    assert file_system_of(tmp_path / "not" / "there" / "yet") == file_system_of(tmp_path)
    assert file_system_of(tmp_path) not in (None, *NETWORK_FILE_SYSTEMS)


def test_a_file_that_another_sqlite_library_has_open_in_this_process(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    job_id = enqueue(storage)
    storage.close()

    other = sqlite3.connect(path)
    other.execute("SELECT count(*) FROM job").fetchall()
    assert "is already open in this process through another SQLite library" in refused(path)
    other.close()

    assert record(storage, job_id).id == job_id
    storage.close()


def test_a_file_that_the_same_library_has_open_in_this_process(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}")
    enqueue(storage)
    mine = apsw.Connection(str(path))

    assert enqueue(open_storage(f"sqlite:///{path}"))
    mine.close()


def test_an_open_file_is_found_under_any_name(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (tmp_path / "link").symlink_to(file)
    assert not has_open(file)
    with file.open():
        assert has_open(file)
        assert has_open(tmp_path / "link")
    assert not has_open(file)
    assert not has_open(tmp_path / "missing")


def test_the_file_is_readable_by_its_owner_only(storage: Storage, path: Path) -> None:
    enqueue(storage)

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_loses_nothing_and_leaves_nothing_half_written(
    storage: Storage, connection: apsw.Connection
) -> None:
    job_id = enqueue(storage)
    connection.pragma("max_page_count", connection.pragma("page_count") + 5)

    with pytest.raises(DatabaseUnusable, match="the disk is full: nothing was stored"):
        enqueue_some(storage, 100, payload=b'"' + b"x" * 50_000 + b'"')

    connection.pragma("max_page_count", 1_000_000)
    assert record(storage, job_id).payload == b"{}"
    assert [job.id for job in storage.operator.find(ALL, 200, None)[0]] == [job_id]
    assert enqueue(storage)


def test_a_program_that_does_not_stand_in_line_is_waited_for_and_then_told_of(path: Path) -> None:
    storage = open_storage(f"sqlite:///{path}", deadline=0.2)
    enqueue(storage)
    browser = apsw.Connection(str(path))
    browser.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseError, match="is locked by another program"):
        enqueue(storage)

    browser.execute("ROLLBACK")
    browser.close()
    assert enqueue(storage)
    storage.close()
