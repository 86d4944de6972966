"""This program started anew: beside itself, to see whether it would come up, or in its own place."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from forge_jobs.places import working_directory


def _home() -> str:
    """Return the directory this program was started in, by its name then: a link may lead elsewhere by now."""
    told, here = os.environ.get("PWD", ""), working_directory()
    return told if told and Path(told).is_dir() and Path(told).samefile(here) else str(here)


_HOME = _home()
_COMMAND = (sys.executable, *sys.orig_argv[1:])


def start_beside(environment: Mapping[str, str]) -> int:
    """Start this program as a child with more in its environment; return its pid. It leads a process group."""
    os.chdir(_HOME)
    null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    return os.posix_spawn(
        _COMMAND[0],
        _COMMAND,
        {**os.environ, **environment},
        file_actions=[null],
        setpgroup=0,
        setsigmask=[],
        setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD],
    )


def start_in_place(environment: Mapping[str, str], keep: Iterable[int]) -> None:
    """Become this program anew, keeping descriptors; returns only by raising OSError.

    What of signals is blocked stays blocked: none is lost on the way.
    """
    os.chdir(_HOME)
    for fd in keep:
        os.set_inheritable(fd, True)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(_COMMAND[0], _COMMAND, {**os.environ, **environment})  # noqa: S606 - this very program


def take_back(fds: Iterable[int]) -> None:
    """See to it that descriptors that were kept are not passed on to anybody else."""
    for fd in fds:
        os.set_inheritable(fd, False)


def memory_of(text: bytes) -> int:
    """Return a descriptor of memory that holds a text."""
    fd = os.memfd_create("forge-jobs-handover", os.MFD_CLOEXEC)
    os.write(fd, text)
    return fd


def text_of(fd: int) -> bytes:
    """Return what a descriptor of memory holds, and close it."""
    text = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return text


def told(name: str) -> str | None:
    """Return what the run before has put into this one's environment."""
    return os.environ.get(name)


def forget(name: str) -> None:
    """Take it out of the environment, so that no child sees it."""
    del os.environ[name]
