"""The tree of errors: one root, split by who must act."""

from __future__ import annotations

import inspect

import pytest

import forge_jobs
from forge_jobs import errors
from forge_jobs.errors import DatabaseError, ForgeJobsError, JobFailed, ResultTimeout, UsageError
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.states import Cause

ALL = [getattr(errors, name) for name in errors.__all__]


def test_every_error_is_public() -> None:
    defined = {e for _name, e in inspect.getmembers(errors, inspect.isclass) if e.__module__ == errors.__name__}

    assert defined == set(ALL)
    for error in ALL:
        assert getattr(forge_jobs, error.__name__) is error


@pytest.mark.parametrize("error", ALL)
def test_every_error_says_who_must_act(error: type[ForgeJobsError]) -> None:
    assert issubclass(error, ForgeJobsError)
    kinds = [UsageError, DatabaseError, JobFailed, ResultTimeout]
    assert error is ForgeJobsError or sum(issubclass(error, kind) for kind in kinds) == 1


def test_a_failed_job_tells_its_newest_line() -> None:
    entry = ErrorEntry(at=0, attempt=1, cause=Cause.CRASHED, message="killed by SIGSEGV")

    error = JobFailed("0192", "resize", entry)

    assert (error.job_id, error.kind, error.cause, error.entry) == ("0192", "resize", Cause.CRASHED, entry)
    assert str(error) == "job 0192 (resize) ended dead, crashed: killed by SIGSEGV"


def test_a_failed_job_without_a_line_says_so() -> None:
    error = JobFailed("0192", "resize", None)

    assert (str(error), error.cause) == ("job 0192 (resize) ended dead, no error was recorded", None)
