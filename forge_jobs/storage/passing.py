"""What a caller's block raises inside of our own blocks goes out as it came: it is not the database's error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class _Passed(BaseException):
    def __init__(self, error: BaseException) -> None:
        self.error = error


@contextlib.contextmanager
def callers_block() -> Iterator[None]:
    """Mark what is raised here as the caller's."""
    try:
        yield
    except BaseException as error:
        raise _Passed(error) from error


@contextlib.contextmanager
def passing() -> Iterator[None]:
    """Raise what was marked inside, as it was."""
    try:
        yield
    except _Passed as passed:
        raise passed.error from passed.error.__cause__
