"""A worker's Python stack, written at a signal by real processes, whatever they do."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from forge_jobs_supervisor.unix import stacks
from forge_jobs_supervisor.unix.processes import ask_for_stack
from forge_jobs_supervisor.unix.stacks import StackWriter
from tests.support.forking import in_child
from tests.support.until import until

ROOT = Path(__file__).parents[3]


class Writer(NamedTuple):
    """Another process that writes its stack when it is asked."""

    pid: int
    fd: int

    def stack(self) -> str:
        """Ask as an operator's coordinator does, and return the stack once it is whole."""
        stacks.clear(self.pid, self.fd)
        ask_for_stack(self.pid)
        return until(self._whole, told="a stack")

    def stack_in(self, function: str) -> str:
        """Ask again and again until the process has come to a function, and return the stack."""
        return until(lambda: function in (text := self.stack()) and text, told=f"a stack in {function}")

    def _whole(self) -> str:
        text = stacks.read(self.pid, self.fd)
        return text if "<module>" in text else ""


@contextlib.contextmanager
def busy(code: str) -> Iterator[Writer]:
    """Let another process write its stacks while it runs ``code``."""
    start = f"""
from forge_jobs_supervisor.unix.stacks import StackWriter
writer = StackWriter()
print(writer.fd, flush=True)
{code}
"""
    with subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            assert child.stdout is not None
            yield Writer(child.pid, int(child.stdout.readline()))
        finally:
            child.kill()


SITUATIONS = {
    "a loop": "def work():\n    while True: pass",
    "a call of C code that never returns": (
        "import hashlib\ndef work():\n    hashlib.pbkdf2_hmac('sha256', b'p', b's', 2**31 - 1)"
    ),
    "a sleep": "import threading\ndef work():\n    threading.Event().wait(600)",
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_stack_is_written_whatever_the_process_does(situation: str) -> None:
    with busy(f"{SITUATIONS[situation]}\ndef job():\n    work()\njob()") as writer:
        stack = writer.stack_in("in work")

    assert stack.index("in work") < stack.index("in job") < stack.index("in <module>")


def test_every_stack_stands_alone() -> None:
    with busy("while True: pass") as writer:
        for _ in range(3):
            stack = writer.stack()
            assert stack.startswith("Current thread")
            assert stack.count("<module>") == 1


def test_what_is_cleared_is_gone_until_the_next_is_asked_for() -> None:
    with busy("while True: pass") as writer:
        assert writer.stack()

        stacks.clear(writer.pid, writer.fd)

        assert stacks.read(writer.pid, writer.fd) == ""


def test_stacks_that_nobody_cleared_away_stand_one_after_the_other() -> None:
    with busy("while True: pass") as writer:
        first = writer.stack()
        ask_for_stack(writer.pid)
        both = until(
            lambda: (text := stacks.read(writer.pid, writer.fd)).count("<module>") == 2 and text, told="another stack"
        )

    assert both.startswith(first)


def test_every_thread_is_shown() -> None:
    code = """
import threading
def helper():
    threading.Event().wait()
threading.Thread(target=helper, daemon=True).start()
while True: pass
"""
    with busy(code) as writer:
        assert "in <module>" in writer.stack_in("in helper")


def test_of_a_process_that_is_gone_nothing_is_read_and_nothing_is_cleared() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    stacks.clear(child.pid, 3)
    assert stacks.read(child.pid, 3) == ""


@pytest.fixture
def here() -> Iterator[StackWriter]:
    """This process writes stacks."""
    made = StackWriter()
    yield made
    faulthandler.unregister(signal.SIGUSR2)
    os.close(made.fd)


def stack_here(writer: StackWriter) -> str:
    stacks.clear(os.getpid(), writer.fd)
    os.kill(os.getpid(), signal.SIGUSR2)
    return stacks.read(os.getpid(), writer.fd)


@pytest.mark.parametrize("taken", [signal.SIG_IGN, lambda _number, _frame: None])
def test_a_signal_that_other_code_took_is_taken_back(taken: Any) -> None:
    def child() -> str:
        writer = StackWriter()
        signal.signal(signal.SIGUSR2, taken)
        assert stack_here(writer) == ""
        writer.reclaim()
        return stack_here(writer)

    assert "in stack_here" in in_child(child)


def test_a_signal_that_nobody_took_is_still_there(here: StackWriter) -> None:
    here.reclaim()

    assert "in stack_here" in stack_here(here)


def test_where_a_worker_was_forked_is_left_out(here: StackWriter) -> None:
    born = 'File "/x/forge_jobs_supervisor/compose.py", line 1 in _finished\n  File "/x/cli.py", line 2 in main\n'
    os.write(here.fd, f'Current thread:\n  File "/x/worker.py", line 3 in run\n  {born}'.encode())

    assert stacks.read(os.getpid(), here.fd) == 'Current thread:\n  File "/x/worker.py", line 3 in run\n'
