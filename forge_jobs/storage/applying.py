"""Putting the jobs that are there under limits that are new, slice by slice, and to the end whoever dies meanwhile.

What a kind declares is stored with a mark among its events, and in the same transaction every step does a first slice:
mostly that is all there is to do. The mark goes with the last slice. Until then anybody who declares the kind, of this
version or an older one, finds that something else is declared, and does all of it once more. No event is called as the
mark is, so nobody hears of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec

from forge_jobs.ids import new_job_id
from forge_jobs.model.limits import KindRules
from forge_jobs.storage.admission import Tables, admit, locked_rules, rules_row

SLICE = 1000
MARK = "unapplied "
"""How the mark begins; behind it stands whose it is."""

REKEYING = "rekeying"
"""Stands behind the mark where concurrency keys are to be found anew."""


class Transactions(Tables, Protocol):
    """What gives transactions too."""

    def writing(self) -> AbstractContextManager[Any]: ...
    def snapshot(self) -> AbstractContextManager[Any]: ...
    def joined(self) -> AbstractContextManager[Any]: ...
    def many(self, connection: Any, name: str, rows: Sequence[Sequence[Any]]) -> None: ...


Step = Callable[[Any], bool]
"""Does a slice in a transaction; returns whether there may be more."""


class Applying:
    """A kind of which something else is declared: ``declare`` in one transaction, then ``finish`` in others."""

    def __init__(self, database: Transactions, rules: KindRules) -> None:
        self._database = database
        self._rules = rules
        self._marked = rules
        self._left: list[Step] = []

    def declare(self, connection: Any) -> None:
        """Store what the kind declares, and do a first slice of what follows from it."""
        before = locked_rules(self._database, connection, self._rules.kind)
        self._store(connection, self._rules)
        if not is_marked(before) and _limits(before) == _limits(self._rules):
            return
        rekeying = REKEYING in before.events or before.concurrency_key != self._rules.concurrency_key
        self._left = [step for step in self._steps(rekeying) if step(connection)]
        if self._left:
            mark = (MARK + new_job_id(), *([REKEYING] if rekeying else []))
            self._marked = msgspec.structs.replace(self._rules, events=(*self._rules.events, *mark))
            self._store(connection, self._marked)

    def finish(self) -> None:
        """Do what is left. Where others have declared the kind since, they do it."""
        for step in self._left:
            more = True
            while more:
                with self._database.writing() as connection:
                    if not self._stands(connection):
                        return
                    more = step(connection)
                    if step is self._left[-1] and not more:
                        self._store(connection, self._rules)

    def _stands(self, connection: Any) -> bool:
        """Return whether nobody has declared the kind since, nor can until the transaction is over."""
        return locked_rules(self._database, connection, self._rules.kind) == self._marked

    def _store(self, connection: Any, rules: KindRules) -> None:
        self._database.run(connection, "declare_kind", rules_row(rules))

    def _steps(self, rekeying: bool) -> Iterator[Step]:
        if rekeying or self._rules.limited:
            yield _Scheduled(self._database, self._rules, rekeying)
        if rekeying:
            yield functools.partial(_forget_keys, self._database, self._rules)
        if self._rules.limited:
            for name in ("unlabelled_running", "unlabelled_ready"):
                yield functools.partial(_label, self._database, self._rules, name)
        yield _TakingBack(self._database, self._rules)
        yield _Noting(self._database, self._rules)


def note_all(database: Transactions, connection: Any, rules: KindRules) -> None:
    """Note that all places of a kind are to be given out."""
    database.run(connection, "add_admission", (rules.kind, ""))
    noting = _Noting(database, rules)
    while noting(connection):
        pass


def is_marked(rules: KindRules) -> bool:
    """Return whether somebody has declared these rules, and not put all jobs under them yet."""
    return any(event.startswith(MARK) for event in rules.events)


def _limits(rules: KindRules) -> KindRules:
    return msgspec.structs.replace(rules, events=())


def _forget_keys(database: Transactions, rules: KindRules, connection: Any) -> bool:
    """Take jobs that wait out of the limits of a kind, since their keys are found in another way now.

    Those that run get their new ones; before and after, since one may start or end while the others are looked at.
    """
    _rekey_running(database, rules, connection)
    forgotten = len(database.run(connection, "forget_keys", (rules.kind, SLICE)))
    _rekey_running(database, rules, connection)
    return forgotten >= SLICE


def _rekey_running(database: Transactions, rules: KindRules, connection: Any) -> None:
    """Give running jobs places of their new keys: more than there are, perhaps, until they end."""
    rows = database.run(connection, "limited_running", (rules.kind,))
    keys = sorted((seq, rules.key_of(None, payload or b"null"), key) for seq, payload, key in rows)
    database.many(connection, "label", [(seq, new) for seq, new, old in keys if new != old])


def _label(database: Transactions, rules: KindRules, name: str, connection: Any) -> bool:
    """Put jobs of a kind under its limits that are not."""
    rows = database.run(connection, name, (rules.kind, SLICE))
    labels = sorted((seq, rules.key_of(None, payload or b"null")) for seq, payload in rows)
    database.many(connection, "label", labels)
    database.many(connection, "add_admission", [(rules.kind, key) for key in sorted({key for _seq, key in labels})])
    return len(labels) == SLICE


class _Scheduled:
    """Puts jobs that wait for their time under their kind's limits: those that are not, or all, where keys are new.

    It comes before what is due is looked at: nothing is missed that comes due meanwhile.
    """

    def __init__(self, database: Transactions, rules: KindRules, rekeying: bool) -> None:
        self._database = database
        self._rules = rules
        self._rekeying = rekeying
        self._last: tuple[int, str, str, int] = (0, "", "", 0)

    def __call__(self, connection: Any) -> bool:
        if self._rekeying:
            _rekey_running(self._database, self._rules, connection)
        due, *place = self._last
        asked = (self._rules.kind, self._database.stored(due), *place, SLICE)
        rows = self._database.run(connection, "scheduled_page", asked)
        jobs = [(seq, payload, key) for seq, payload, ours, key, *_place in rows if ours]
        self._database.many(connection, "label", self._labels(jobs))
        if rows:
            seq, _payload, _ours, _key, *behind = rows[-1]
            self._last = (*behind, seq)
        return len(rows) == SLICE

    def _labels(self, jobs: Iterable[tuple[int, bytes | None, str | None]]) -> list[tuple[int, str]]:
        keys = ((s, self._rules.key_of(None, p or b"null"), old) for s, p, old in jobs if self._rekeying or old is None)
        return sorted((seq, key) for seq, key, old in keys if key != old)


class _TakingBack:
    """Takes places from ready jobs where a limit was lowered, of keys and of the kind; gives out those of the kind."""

    def __init__(self, database: Transactions, rules: KindRules) -> None:
        self._database = database
        self._rules = rules
        self._last = ""

    def __call__(self, connection: Any) -> bool:
        kind, places = self._rules.kind, self._rules.max_running_per_key
        found = self._database.run(connection, "keys_overfull", (kind, places, self._last, SLICE)) if places else []
        keys = [key for (key,) in found]
        admit(self._database, connection, [(kind, ""), *((kind, key) for key in keys)])
        self._last = keys[-1] if keys else self._last
        return len(keys) == SLICE


class _Noting:
    """Notes that the places of keys for which jobs wait are to be given out."""

    def __init__(self, database: Transactions, rules: KindRules) -> None:
        self._database = database
        self._kind = rules.kind
        self._last = ""

    def __call__(self, connection: Any) -> bool:
        keys = self._database.run(connection, "keys_waiting", (self._kind, self._last, SLICE))
        self._database.many(connection, "add_admission", [(self._kind, key) for (key,) in keys])
        self._last = keys[-1][0] if keys else self._last
        return len(keys) == SLICE
