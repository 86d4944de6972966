"""Handlers that come with the farm, for those who have no function: an echo, and programs.

They are not in the application's registry. A supervisor adds them to it: the echo always, programs only where they are
allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forge_jobs.client import Client
from forge_jobs.handlers import DEFAULT_GRACE, Handler
from forge_jobs.model.job import DEFAULT_MAX_ATTEMPTS
from forge_jobs.model.queue import DEFAULT_QUEUE
from forge_jobs_supervisor.shipped.command import Commands
from forge_jobs_supervisor.shipped.echo import echo
from forge_jobs_supervisor.shipped.rules import Rules

ECHO = "forge.echo"
COMMAND = "forge.command"


def shipped(client: Client, rules: Rules | None) -> dict[str, Handler[..., Any]]:
    """Return the shipped handlers by kind; that of programs only where there are ``rules`` for them."""
    functions: dict[str, Callable[..., Any]] = {ECHO: echo}
    if rules is not None:
        functions[COMMAND] = Commands(rules).run
    return {
        kind: Handler(
            function,
            client,
            kind=kind,
            queue=DEFAULT_QUEUE,
            max_attempts=DEFAULT_MAX_ATTEMPTS,
            priority=0,
            cancel_grace=DEFAULT_GRACE,
        )
        for kind, function in functions.items()
    }
