"""What a check finds about a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from forge_jobs.examining import examine
from forge_jobs.model.checks import Check, Level
from forge_jobs.storage import open_storage
from forge_jobs.storage.sqlite import checkup
from tests.support.builders import enqueue_some


def found(path: Path, *, deep: bool = False) -> dict[str, Check]:
    storage = open_storage(f"sqlite:///{path}")
    try:
        return {check.name: check for check in examine(storage, deep=deep)}
    finally:
        storage.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "queue.sqlite"
    storage = open_storage(f"sqlite:///{made}")
    enqueue_some(storage, 200, payload=b'{"x":"' + b"y" * 3000 + b'"}')
    storage.close()
    return made


def test_a_file_that_is_well_is_well(path: Path) -> None:
    seen = found(path, deep=True)

    assert {seen[name].level for name in ("file mode", "log", "journal", "integrity")} == {Level.OK}
    assert "ms (median)" in seen["fsync"].told
    assert "integrity" not in found(path), "reading all of it is done when it is asked for"


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    before = {file.name for file in path.parent.iterdir() if "queue.sqlite" not in file.name}

    found(path, deep=True)

    assert {file.name for file in path.parent.iterdir() if "queue.sqlite" not in file.name} == before


def test_a_file_that_others_can_read_is_told(path: Path) -> None:
    path.chmod(0o644)

    assert found(path)["file mode"].way_out == f"chmod 600 {path}*"


def test_a_damaged_file_is_found_when_all_of_it_is_read(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xde\xad" * 4096)

    seen = found(path, deep=True)

    broken = seen.get("integrity") or seen["database"]
    assert broken.level is Level.PROBLEM


def test_an_older_schema_is_a_finding_and_is_left_alone(tmp_path: Path) -> None:
    import apsw

    from forge_jobs.storage.sql import migrations
    from forge_jobs.storage.sqlite.migrating import APPLICATION_ID

    path = tmp_path / "old.sqlite"
    connection = apsw.Connection(str(path))
    connection.execute(migrations("sqlite")[0][2])
    connection.pragma("user_version", 1)
    connection.pragma("application_id", APPLICATION_ID)
    connection.close()

    seen = found(path)

    assert list(seen) == ["schema"]
    assert seen["schema"].way_out == "forge-jobs-db migrate"
    assert found(path)["schema"].level is Level.PROBLEM, "it was not migrated by looking"


def test_a_directory_that_cannot_be_written_is_a_finding(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkup.tempfile, "NamedTemporaryFile", refuse)

    assert (found(path)["fsync"].level, "No space left" in found(path)["fsync"].told) == (Level.PROBLEM, True)


def test_a_network_file_system_is_a_finding(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forge_jobs.storage.sqlite import opening

    monkeypatch.setattr(opening, "file_system_of", lambda _path: "nfs4")

    seen = found(path)

    assert list(seen) == ["database"]
    assert "network file system (nfs4)" in seen["database"].told
