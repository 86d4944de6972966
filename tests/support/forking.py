"""What a forked child of this process finds."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable


def in_child(act: Callable[[], str]) -> str:
    """Fork, run ``act`` in the child and return what it returned there; fail where it raised."""
    child = fork(act)
    return child()


def fork(act: Callable[[], str], *, may_die: signal.Signals | None = None) -> Callable[[], str]:
    """Fork a child that runs ``act``; return a function that waits for the answer, once.

    That is empty where the child died of the signal of which it may die.
    """
    mine, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: "this process is multi-threaded"
        pid = os.fork()
    if pid == 0:
        _answer(act, theirs)
    os.close(theirs)

    def answer() -> str:
        with os.fdopen(mine, encoding="utf-8") as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code == 0 or (may_die and code == -may_die), told
        return told

    return answer


def _answer(act: Callable[[], str], theirs: int) -> None:
    """Write the answer and leave the child, whatever happens, without running anything of the parent's."""
    code = 1
    try:
        told = act()
        code = 0
    except BaseException:
        told = traceback.format_exc()
    try:
        sys.stdout.flush()
        os.write(theirs, told.encode())
    finally:
        os._exit(code)
