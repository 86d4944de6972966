"""The log: every line of a running job carries its id, in both forms."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from forge_jobs import ForgeJobs, JobContext
from forge_jobs.logs import TagWithJob, current_job, note_running
from forge_jobs.storage.claims import Claim
from forge_jobs.testing import run_due
from forge_jobs_supervisor import log

CLAIM = Claim(1, "0192", "resize", "media", 3, 2, 5, 0, b'{"secret": 1}')
library = logging.getLogger("a.library")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Set the log up as a supervisor does and give what is written; afterwards all is as it was."""
    root = logging.getLogger()
    before = list(root.handlers), root.level

    def set_up(form: str, level: str = "info") -> io.StringIO:
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        log.set_up(form, level)
        return stream

    yield set_up
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    note_running(None)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_any_line_that_is_logged_while_a_job_runs_is_tagged(written: Callable[..., io.StringIO]) -> None:
    stream = written("json")
    library.info("before")
    note_running(CLAIM)
    library.info("in the job")
    thread = threading.Thread(target=lambda: library.warning("in a thread of it"))
    thread.start()
    thread.join()
    note_running(None)
    library.info("after")

    before, within, threaded, after = lines(stream)
    tags = {"job_id": "0192", "kind": "resize", "queue": "media", "attempt": 2}
    assert tags.items() <= within.items()
    assert tags.items() <= threaded.items()
    assert "job_id" not in before
    assert "job_id" not in after


def test_a_line_about_another_job_keeps_what_it_says(written: Callable[..., io.StringIO]) -> None:
    stream = written("json")
    note_running(CLAIM)
    library.info("another", extra={"job_id": "77"})

    (line,) = lines(stream)
    assert line["job_id"] == "77"
    assert "kind" not in line


def test_text_is_tagged_too(written: Callable[..., io.StringIO]) -> None:
    stream = written("text")
    note_running(CLAIM)
    library.info("resized")

    assert stream.getvalue().rstrip().endswith("info    resized [job_id=0192 kind=resize attempt=2 queue=media]")


def test_a_json_line_has_what_was_given_to_it(written: Callable[..., io.StringIO]) -> None:
    stream = written("json")
    try:
        int("odd")
    except ValueError:
        library.exception("failed\nhere", extra={"event": "x.y", "width": 320, "ratio": float("nan"), "at": "noon"})

    (line,) = lines(stream)
    assert list(line)[:5] == ["at", "level", "event", "message", "logger"]
    assert (line["level"], line["event"], line["message"]) == ("error", "x.y", "failed\nhere")
    assert line["at"] != "noon"
    assert "ValueError: invalid" in line["exception"]
    assert line["ratio"] == "nan"


def test_numbers_stay_numbers_and_odd_objects_become_text(written: Callable[..., io.StringIO]) -> None:
    stream = written("json")
    ring: list[Any] = []
    ring.append(ring)
    library.info("one", extra={"width": 320, "where": {"path": object}})
    library.info("two", extra={"ring": ring})

    one, two = lines(stream)
    assert one["width"] == 320
    assert one["where"] == {"path": "<class 'object'>"}
    assert two["ring"] == "[[...]]"


@pytest.mark.parametrize(("level", "told"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_the_level_decides_what_is_written(written: Callable[..., io.StringIO], level: str, told: int) -> None:
    stream = written("json", level)
    library.debug("a")
    library.info("b")
    library.warning("c")

    assert len(lines(stream)) == told


def test_the_running_job_is_known_to_the_applications_own_handlers(jobs: ForgeJobs) -> None:
    seen: list[Any] = []
    handler = logging.Handler()
    handler.addFilter(TagWithJob())
    handler.emit = lambda record: seen.append((record.getMessage(), getattr(record, "job_id", None)))  # type: ignore[method-assign]
    library.addHandler(handler)
    try:

        @jobs.handler
        def logs(ctx: JobContext) -> str:
            library.warning("within")
            job = current_job()
            assert job is not None
            return job.id

        job = logs.enqueue()
        run_due(jobs)
        library.warning("after")
    finally:
        library.removeHandler(handler)

    assert job.result(timeout=0) == job.id
    assert seen == [("within", job.id), ("after", None)]
    assert current_job() is None
