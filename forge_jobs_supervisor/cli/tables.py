"""Tables for people: one line a row, cut at the terminal's edge; whole when they are piped somewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

UNLIMITED = 10_000


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> None:
    """Print rows under their columns, those named in ``numbers`` to the right. The last column is cut first."""
    cells = [[str(value).replace("[", "\\[") for value in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for position, column in enumerate(columns):
        widest = max([len(column), *(len(row[position]) for row in cells)])
        last = position == len(columns) - 1
        table.add_column(
            column, justify="right" if column in numbers else "left", no_wrap=True, min_width=None if last else widest
        )
    for row in cells:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else UNLIMITED).print(table)
