"""Tables for people: one line a row, its last column cut at a terminal's edge; whole when they are piped somewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.stops import mebibytes
from forge_jobs.showing import one_line
from forge_jobs_supervisor.cli.moments import span

UNLIMITED = 10_000
LAST = 12
"""Characters that the last column has at least."""


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Print rows under their columns, those named in ``numbers`` to the right. Only the last column is cut.

    A terminal that is too narrow for the others wraps them: better than to leave columns out.
    """
    from rich.console import Console  # here: it takes as long as the rest of a command that prints no table
    from rich.table import Table
    from rich.text import Text

    cells = [[one_line(str(value)) for value in row] for row in rows]
    widths = [max(len(column), *(len(row[position]) for row in cells), 0) for position, column in enumerate(columns)]
    needed = sum(width + 1 for width in widths[:-1]) + min(widths[-1], LAST)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for position, (column, width) in enumerate(zip(columns, widths, strict=True)):
        last = position == len(columns) - 1
        table.add_column(
            column, justify="right" if column in numbers else "left", no_wrap=True, min_width=None if last else width
        )
    for row in cells:
        table.add_row(*map(Text, row))  # as text it is no markup
    console = Console(width=None if sys.stdout.isatty() else UNLIMITED)
    console.width = max(console.width, needed)
    console.print(table)


def print_queues(settings: Iterable[QueueSettings]) -> None:
    """Print queues' settings."""
    columns = [
        "queue",
        "paused",
        "max workers",
        "memory limit",
        "backoff",
        "base",
        "max",
        "keep done",
        "keep dead",
        "cools down",
    ]
    rows = [
        [q.name, "yes" if q.paused else "no", "–" if q.max_workers is None else q.max_workers,
         "–" if q.memory_limit is None else mebibytes(q.memory_limit), "on" if q.backoff_enabled else "off",
         span(q.backoff_base), span(q.backoff_max), _kept(q, "done"), _kept(q, "dead"), "yes" if q.cool_down else "no"]
        for q in settings
    ]  # fmt: skip
    print_table(columns, rows, numbers=columns[2:])


def _kept(settings: QueueSettings, outcome: str) -> str:
    days, jobs = settings.kept(outcome)
    age = "for ever" if days is None else f"{days:g} d"
    return age if jobs is None else f"{age}, {jobs} jobs"
