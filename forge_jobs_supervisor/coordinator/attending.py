"""What operators want of this host: jobs stopped, workers fewer or more, stacks, and a closer look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from forge_jobs.clock import monotonic
from forge_jobs.model.shares import shares_of
from forge_jobs.storage.records import Glance, HostRecord, Request
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable
from forge_jobs_supervisor.messages import Dump, Message, Stop, Targets
from forge_jobs_supervisor.unix import stacks

SHARES_EVERY = 2.0
"""Seconds between looks at which other hosts live, while a queue of this host has a cap."""

WATCHED_FOR = 5.0
BEAT_WHILE_WATCHED = 0.5
STACK_WITHIN = 2.0
STACK_LOOK = 0.02
STACKS_EVERY = 10.0  # when nobody has asked
MOST_CLAIMS = 500
"""Claims in one message: it must fit a datagram."""


class Attendant:
    """Sees to cancels, caps and questions, after a look has shown that there are any."""

    def __init__(
        self,
        host: HostRecord,
        stores: Stores,
        view: BoardView,
        timetable: Timetable,
        say: Callable[[Message], None],
    ) -> None:
        self._host = host
        self._stores = stores
        self._view = view
        self._timetable = timetable
        self._say = say
        self._caps: Mapping[str, int] = {}
        self._shares: Mapping[str, int | None] = {}
        self._shared_at = float("-inf")
        self._watched_until = 0.0
        self._stacks: dict[int, _Asked] = {}
        timetable.add(Duty("stacks", STACKS_EVERY, self._read_stacks))

    def see(self, seen: Glance) -> None:
        """Pass on what operators want."""
        self._pass_shares({queue: cap for queue, cap in seen.caps.items() if queue in self._host.queues})
        if not seen.wanted:
            return
        self._stop_cancelled()
        for request in self._stores.control.asked(self._host.host_id):
            if request.verb == "watch":
                self._watched_until = monotonic() + WATCHED_FOR
                self._timetable.hasten("beat", monotonic())
            elif request.number not in self._stacks:
                self._ask_for_stack(request)

    def beat_again(self) -> None:
        """While somebody watches, let the next beat come soon."""
        if monotonic() < self._watched_until:
            self._timetable.hasten("beat", monotonic() + BEAT_WHILE_WATCHED)

    def _stop_cancelled(self) -> None:
        wanted = self._stores.control.cancel_requests()
        if wanted:
            mine = set(self._view.process_ids())
            claims = [claim for claim in wanted if claim[0] in mine]
            for first in range(0, len(claims), MOST_CLAIMS):
                self._say(Stop(claims=claims[first : first + MOST_CLAIMS]))

    def _pass_shares(self, caps: Mapping[str, int]) -> None:
        """Tell how many workers this host may have of each queue: its share among the hosts that serve it.

        Every host computes the same from the same rows, so nobody need assign anything; while two see different rows,
        the claim itself keeps the cap.
        """
        if self._shares and caps == self._caps and (not caps or monotonic() - self._shared_at < SHARES_EVERY):
            return
        shares: dict[str, int | None] = dict.fromkeys(self._host.queues)
        hosts = [host for host in self._stores.registry.hosts() if host.alive] if caps else []
        for queue, cap in caps.items():
            serving = [host.host_id for host in hosts if queue in host.queues]
            # Off the registry, for a moment: as before.
            shares[queue] = shares_of(queue, cap, serving).get(self._host.host_id, self._shares.get(queue))
        self._caps, self._shared_at = caps, monotonic()
        if shares != self._shares:
            self._shares = shares
            self._say(Targets(caps=shares))

    def _ask_for_stack(self, request: Request) -> None:
        place = self._view.stack_of(request.process_id)
        if place is None:
            self._stores.control.answer(request.number, "")
            return
        stacks.clear(*place)
        self._stacks[request.number] = _Asked(request.process_id, monotonic() + STACK_WITHIN)
        self._say(Dump(process_ids=[request.process_id or 0]))
        self._timetable.hasten("stacks", monotonic() + STACK_LOOK)

    def _read_stacks(self) -> None:
        """Answer with what is written, once it does not grow any more."""
        for number, asked in list(self._stacks.items()):
            place = self._view.stack_of(asked.process_id)
            text = stacks.read(*place) if place else ""
            if (text and text == asked.text) or place is None or monotonic() > asked.until:
                self._stores.control.answer(number, text)
                del self._stacks[number]
            else:
                self._stacks[number] = asked._replace(text=text)
        if self._stacks:
            self._timetable.hasten("stacks", monotonic() + STACK_LOOK)


class _Asked(NamedTuple):
    """A stack that is being written: whose, until when that is waited for, and what was read of it last."""

    process_id: int | None
    until: float
    text: str = ""
