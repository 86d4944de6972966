"""Whoever kills, and freezes: what it does is in the ledger before it is done."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

VICTIMS = {"worker": 69, "coordinator": 12, "supervisor": 6, "host": 4, "producer": 7, "operator": 2}
"""Who is killed, and how often each. A host is a supervisor and all its children at once."""

FROZEN = {"frozen worker": 15, "frozen coordinator": 8, "frozen supervisor": 4, "frozen host": 4, "frozen producer": 2}
"""Who is stopped (SIGSTOP) for a while and goes on as if nothing had been, where that is wanted."""

FREEZE, LONG_FREEZE = (0.2, 7.0), (16.0, 40.0)
"""Seconds; a host on PostgreSQL is dead after five here, a leader is none after 15, a coordinator is stuck after 30."""

LONG = 0.1
"""The share of long ones."""


class Target(NamedTuple):
    """Processes that are hit, and those that die with them."""

    pids: list[int]
    with_them: list[int]


class Killer:
    """Hits processes of farms, named by their supervisors' pids, and of others, by what they are."""

    def __init__(self, seed: str, ledger: Path, *, freezes: bool) -> None:
        self.chance = random.Random(seed)
        self.hits: Counter[str] = Counter()
        self._ledger = ledger
        self._victims = VICTIMS | (FROZEN if freezes else {})
        self._frozen: dict[int, float] = {}

    @property
    def all_hits(self) -> int:
        """Return how often somebody was hit."""
        return sum(self.hits.values())

    def hit(self, supervisors: Sequence[int], clients: Mapping[str, Sequence[int]]) -> None:
        """Hit somebody."""
        (victim,) = self.chance.choices(list(self._victims), list(self._victims.values()))
        self.hit_a(victim, supervisors, clients)

    def hit_a(self, victim: str, supervisors: Sequence[int], clients: Mapping[str, Sequence[int]]) -> None:
        """Hit somebody of a sort, if there is one now."""
        how, _, who = victim.rpartition(" ")
        found = self._found(who, supervisors, clients)
        if found is None:
            return
        if how == "frozen":
            self._note("freeze", victim, found.pids)
            lengths = LONG_FREEZE if self.chance.random() < LONG else FREEZE
            until = time.monotonic() + self.chance.uniform(*lengths)
            self._frozen |= dict.fromkeys(found.pids, until)
            self._signal(found.pids, signal.SIGSTOP)
        else:  # when they die is noted too early rather than too late
            self._note("kill", victim, found.pids + found.with_them)
            self._signal(found.pids, signal.SIGKILL)
        self.hits[victim] += 1

    def thaw(self, *, everybody: bool = False) -> None:
        """Let those go on whose time has come."""
        now = time.monotonic()
        for pid, until in list(self._frozen.items()):
            if everybody or until <= now:
                del self._frozen[pid]
                self._signal([pid], signal.SIGCONT)

    def _found(self, who: str, supervisors: Sequence[int], clients: Mapping[str, Sequence[int]]) -> Target | None:
        if who in clients:
            return Target([self.chance.choice(clients[who])], [])
        supervisor = self.chance.choice(supervisors)
        children = _children(supervisor)
        if who == "host":
            return Target([supervisor, *children], [])
        if who == "supervisor":
            return Target([supervisor], list(children))
        found = [pid for pid, title in children.items() if title.startswith(f"forge-jobs: {who}")]
        return Target([self.chance.choice(found)], []) if found else None

    def _note(self, what: str, victim: str, pids: Sequence[int]) -> None:
        with self._ledger.open("a") as ledger:
            now, me = time.monotonic_ns(), os.getpid()
            ledger.writelines(f"{what} {pid} {victim.replace(' ', '-')} {me} {now}\n" for pid in pids)

    def _signal(self, pids: Sequence[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _children(pid: int) -> dict[int, str]:
    """Return the children of a process and their titles."""
    with contextlib.suppress(psutil.Error):
        return {child.pid: " ".join(child.cmdline()) for child in psutil.Process(pid).children()}
    return {}
