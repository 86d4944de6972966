"""Everything that an application's code declares and the database must know, as one process tells it to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from forge_jobs.model.crontab import Schedule
from forge_jobs.model.limits import KindRules, RateLimit


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of kinds, of rate limits and of schedules."""

    rules: Sequence[KindRules] = ()
    rate_limits: Sequence[RateLimit] = ()
    schedules: Sequence[Schedule] = ()

    def also(self, rules: Iterable[KindRules]) -> Declared:
        """Return it with the rules of further kinds."""
        return msgspec.structs.replace(self, rules=[*self.rules, *rules])
