"""When jobs were enqueued, started and ended, in the file that they share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.marks import MARKS, Marks, here


def test_marks_not_made_yet_are_zero(tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 3) as marks:
        assert len(marks) == 3
        assert marks.enqueues == marks.starts == marks.ends == [0.0, 0.0, 0.0]


def test_a_mark_is_the_time_of_its_job_alone(tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 3) as marks:
        before = time.time()
        marks.enqueued(0)
        marks.started(1)
        marks.ended(2)
        after = time.time()
        for column, number in ((marks.enqueues, 0), (marks.starts, 1), (marks.ends, 2)):
            assert before <= column[number] <= after
            assert [instant for other, instant in enumerate(column) if other != number] == [0.0, 0.0]


def test_a_process_started_in_the_block_marks_the_same_file(tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 2) as marks:
        subprocess.run([sys.executable, "-c", "from benchmarks.jobs import mark; mark(1)"], check=True, timeout=30)
        assert marks.starts[0] == marks.ends[0] == 0.0
        assert 0.0 < marks.starts[1] <= marks.ends[1] <= time.time()
        assert marks.enqueues == [0.0, 0.0]


def test_the_environment_names_the_file_in_the_block_only(tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 1):
        assert os.environ[MARKS] == str(tmp_path / "marks")
        assert here().path == tmp_path / "marks"
    assert MARKS not in os.environ


def test_a_job_that_has_no_row_cannot_be_marked(tmp_path: Path) -> None:
    with Marks(tmp_path / "marks", 1) as marks, pytest.raises(Exception, match="buffer"):
        marks.started(1)
