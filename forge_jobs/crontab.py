"""``jobs.cron``: what code declares about schedules, and what an operator does with those in the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from forge_jobs.client import Client, Job
from forge_jobs.errors import HandlerError, InvalidValue, PayloadError
from forge_jobs.handlers import Handler, P, R, Registry, name_of
from forge_jobs.model.crontab import Fire, Schedule, ScheduleRecord, checked_name, checked_schedule
from forge_jobs.model.job import DEFAULT_MAX_ATTEMPTS
from forge_jobs.model.names import checked_kind
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs.payload import decode_json, encode_payload
from forge_jobs.schedules import Change, adding, changed_by, declare, job_of
from forge_jobs.showing import quoted

if TYPE_CHECKING:
    from forge_jobs.storage.ports import Storage

_HANDLERS = ("queue", "priority", "max_attempts")
"""What a schedule takes from the handler of its kind, unless it says it itself."""


class Entry:
    """What one call of ``jobs.cron`` said; also the decorator that gives it its function."""

    def __init__(self, crontab: Crontab, expression: str, name: str | None, kind: str | None, said: dict[str, Any]):
        self._crontab = crontab
        self.expression = expression
        self.given_name = name
        self.kind = kind
        self.said = said

    @property
    def name(self) -> str | None:
        """Its name: that of its kind, unless it was given one."""
        return self.given_name or self.kind

    def __call__(self, function: Callable[P, R] | Handler[P, R]) -> Handler[P, R]:
        """Schedule a handler, or a plain function, which becomes the handler of its kind."""
        return self._crontab.attach(self, function)


class Crontab:
    """The schedules of one application. Calling it declares one; see ``__call__``."""

    def __init__(
        self, handlers: Registry, handler: Callable[..., Any], client: Client, storage: Callable[[], Storage]
    ) -> None:
        self._handlers = handlers
        self._handler = handler
        self._client = client
        self._storage = storage
        self._entries: list[Entry] = []

    def __call__(
        self,
        expression: str,
        *,
        name: str | None = None,
        kind: str | None = None,
        payload: dict[str, Any] | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        timezone: str = "UTC",
        overlap: str = "skip",
        misfire: str = "one",
        jitter: float = 0.0,
    ) -> Entry:
        """Declare that a job is made whenever a cron expression says so, while some host runs.

        As a decorator it schedules the handler, or the plain function, that it stands on; as a plain call with
        ``kind``, a kind by its name. ``name`` is the kind's unless it is given: a second schedule of a kind needs one.
        ``timezone`` is an IANA name. While the job of an earlier fire is live, ``overlap="skip"`` makes none.
        ``misfire`` says what becomes of times at which no host ran: ``"one"`` fire for all, ``"skip"`` those that are
        more than a minute back, ``"all"`` (at most 100). ``jitter`` spreads the jobs over so many seconds.

        Raises InvalidValue or PayloadError for a value that is not valid, HandlerError for a second schedule of one
        name.
        """
        said = {
            "payload": payload, "queue": queue, "priority": priority, "max_attempts": max_attempts,
            "timezone": timezone, "overlap": overlap, "misfire": misfire, "jitter": jitter,
        }  # fmt: skip
        entry = Entry(self, expression, name, kind, said)
        self._check(entry)
        self._entries.append(entry)
        return entry

    def attach(self, entry: Entry, function: Callable[P, R] | Handler[P, R]) -> Handler[P, R]:
        """Schedule a handler, or make one of a function first."""
        handler = function if isinstance(function, Handler) else self._made(entry, function)
        if entry.kind not in (None, handler.kind):
            raise HandlerError(
                f"a schedule of kind {quoted(entry.kind)} stands on the handler of {quoted(handler.kind)}: "
                "leave kind= out"
            )
        entry.kind = handler.kind
        self._check(entry)
        return handler

    def _made(self, entry: Entry, function: Callable[P, R]) -> Handler[P, R]:
        options = {name: entry.said[name] for name in _HANDLERS if entry.said[name] is not None}
        made: Handler[P, R] = self._handler(entry.kind or name_of(function), **options)(function)
        return made

    def _check(self, entry: Entry) -> None:
        """Raise where what is said of one schedule cannot be, or another has its name."""
        self._schedule(entry.name or "undecided", entry.kind, entry.expression, entry.said)
        for other in self._entries:
            if other is not entry and entry.name is not None and other.name == entry.name:
                raise HandlerError(
                    f"two schedules are named {quoted(entry.name)} ({other.expression}; {entry.expression}): "
                    "give one of them another name with name="
                )

    def declared(self) -> list[Schedule]:
        """Return what the code has declared; raise HandlerError for a declaration that schedules nothing."""
        for entry in self._entries:
            if entry.kind is None:
                raise HandlerError(
                    f"jobs.cron({quoted(entry.expression)}) schedules nothing: use it as a decorator, or add kind="
                )
        return [self._schedule(e.name or "", e.kind, e.expression, e.said) for e in self._entries]

    @property
    def names(self) -> set[str]:
        """The names of what the code has declared."""
        return {entry.name for entry in self._entries if entry.name is not None}

    def write(self) -> list[str]:
        """Let the database know what the code declares, as a supervisor does that starts; return what changed."""
        declared = self.declared()
        storage = self._storage()
        return declare(storage.schedules, declared, storage.clock.now()) if declared else []

    def all(self) -> list[ScheduleRecord]:
        """Return the schedules in the database, by name."""
        return self._storage().schedules.all()

    def get(self, name: str) -> ScheduleRecord:
        """Return one schedule; raise InvalidValue where there is none."""
        found = self._storage().schedules.get(checked_name(name))
        if found is None:
            raise self._unknown(name)
        return found

    def fires(self, name: str, limit: int = 20) -> list[Fire]:
        """Return the newest fires of a schedule, newest first; the newest 100 are remembered."""
        return self._storage().schedules.fires(self.get(name).name, limit)

    def next(self, name: str, number: int = 10) -> list[int]:
        """Return the next instants at which a schedule fires, or would if it were enabled."""
        record = self.get(name)
        found = [record.next_fire_at or record.cron.next_after(max(self._now(), record.last_fire_at or 0))]
        while len(found) < number and found[-1] is not None:
            found.append(record.cron.next_after(found[-1]))
        return [instant for instant in found if instant is not None]

    def add(self, name: str, expression: str, kind: str, **options: Any) -> ScheduleRecord:
        """Make a schedule, with the options of a declared one; raise InvalidValue where the name is taken."""
        schedule = self._schedule(name, kind, expression, options)
        return self._edit(name, adding(schedule, self._now()))

    def change(self, name: str, **changes: Any) -> ScheduleRecord:
        """Change some of a schedule (also its ``expression`` and ``kind``) until the code says something new."""

        def change(record: ScheduleRecord | None) -> ScheduleRecord:
            if record is None:
                raise self._unknown(name)
            said = {field: getattr(record, field) for field in Schedule.__struct_fields__}
            said |= {"payload": decode_json(record.payload)} | changes
            after = self._schedule(said.pop("name"), said.pop("kind"), said.pop("expression"), said)
            return changed_by(msgspec.structs.asdict(after), record, now)

        now = self._now()
        return self._edit(name, change)

    def enable(self, name: str) -> ScheduleRecord:
        """Let a schedule fire again, from now on."""
        return self._switch(name, enabled=True)

    def disable(self, name: str) -> ScheduleRecord:
        """Let a schedule not fire until it is enabled; what it has made already goes on."""
        return self._switch(name, enabled=False)

    def _switch(self, name: str, *, enabled: bool) -> ScheduleRecord:
        now = self._now()

        def change(record: ScheduleRecord | None) -> ScheduleRecord | None:
            if record is None:
                raise self._unknown(name)
            return None if record.enabled is enabled else changed_by({"enabled": enabled}, record, now)

        return self._edit(name, change)

    def remove(self, name: str) -> None:
        """Remove a schedule; one that the code declares is there again when a supervisor starts."""
        if not self._storage().schedules.remove(checked_name(name)):
            raise self._unknown(name)

    def trigger(self, name: str) -> Job:
        """Make a schedule's job now; its times stay as they are. Where its overlap forbids it, return the live job."""
        (answer,) = self._storage().producer.enqueue([job_of(self.get(name), None)])
        return Job(self._client, answer.id, deduplicated=answer.deduplicated)

    def _edit(self, name: str, change: Change) -> ScheduleRecord:
        record = self._storage().schedules.edit(checked_name(name), change)
        assert record is not None
        return record

    def _now(self) -> int:
        return self._storage().clock.now()

    def _unknown(self, name: str) -> InvalidValue:
        known = ", ".join(record.name for record in self.all()) or "there is none yet"
        return InvalidValue(f"there is no schedule {quoted(name)}; known: {known}")

    def _schedule(self, name: str, kind: str | None, expression: str, said: dict[str, Any]) -> Schedule:
        """Return a schedule, every value checked, with what the handler of its kind says where nothing is said."""
        handler = None if kind is None else self._handlers.get(checked_kind(kind))
        kind = "undecided" if kind is None else kind  # until the decorator is given its function
        options = {option: value for option, value in said.items() if value is not None}
        defaults = {"queue": DEFAULT_QUEUE, "priority": 0, "max_attempts": DEFAULT_MAX_ATTEMPTS}
        for option in _HANDLERS:
            options.setdefault(option, getattr(handler, option, defaults[option]))
        arguments = options.pop("payload", {})
        if not isinstance(arguments, dict):
            raise PayloadError(f"{kind}: the payload is {type(arguments).__name__}, it must be a dict of arguments")
        try:
            schedule = Schedule(name=name, kind=kind, expression=expression, **options)
        except TypeError:
            unknown = sorted(set(options) - set(Schedule.__struct_fields__))
            known = [field for field in Schedule.__struct_fields__ if field != "name"]
            raise InvalidValue(
                f"unknown option {quoted(unknown[0])} of a schedule; they are {', '.join(known)}"
            ) from None
        payload = handler.parameters.encode(arguments) if handler else encode_payload(arguments, kind)
        return checked_schedule(msgspec.structs.replace(schedule, payload=payload))
