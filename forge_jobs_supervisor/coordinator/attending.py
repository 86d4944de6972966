"""What operators want of this host: jobs stopped, workers fewer or more, stacks, and a closer look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from forge_jobs.clock import monotonic
from forge_jobs.model.shares import fair_shares
from forge_jobs.storage.records import HostRecord, Request
from forge_jobs_supervisor.coordinator.board_view import BoardView
from forge_jobs_supervisor.coordinator.stores import Stores
from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable
from forge_jobs_supervisor.messages import Dump, Message, Stop, Targets
from forge_jobs_supervisor.unix import stacks

ATTEND_EVERY = 0.5
"""Seconds between looks, in case a ring was lost."""

WATCHED_FOR = 5.0
BEAT_WHILE_WATCHED = 0.5
STACK_WITHIN = 2.0
STACK_LOOK = 0.02
STACKS_EVERY = 10.0  # when nobody has asked
MOST_CLAIMS = 500
"""Claims in one message: it must fit a datagram."""


class Attendant:
    """Looks at cancels, settings and questions when somebody rings, and now and then."""

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
        self._caps: Mapping[str, int | None] = {}
        self._watched_until = 0.0
        self._stacks: dict[int, _Asked] = {}
        timetable.add(Duty("attend", ATTEND_EVERY, self.attend), Duty("stacks", STACKS_EVERY, self._read_stacks))

    def attend(self) -> None:
        """Pass on what operators want."""
        self._stop_cancelled()
        self._pass_caps()
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

    def _pass_caps(self) -> None:
        """Tell how many workers this host may have of each queue: its share among the hosts that serve it."""
        capped = {s.name: s.max_workers for s in self._stores.queue_config.queues() if s.name in self._host.queues}
        caps: dict[str, int | None] = dict.fromkeys(self._host.queues)
        if any(cap is not None for cap in capped.values()):
            hosts = [host for host in self._stores.registry.hosts() if host.alive]
            for queue, cap in capped.items():
                serving = sorted(host.host_id for host in hosts if queue in host.queues)
                if cap is None:
                    continue
                caps[queue] = self._caps.get(queue)  # off the registry, for a moment: as before
                if self._host.host_id in serving:
                    caps[queue] = fair_shares(cap, len(serving))[serving.index(self._host.host_id)]
        if caps != self._caps:
            self._caps = caps
            self._say(Targets(caps=caps))

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
