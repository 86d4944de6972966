"""The live progress bar of a drain. It is redrawn by the supervisor's own loop: no thread."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from forge_jobs_supervisor.messages import Totals


class Progress:
    """Shows how many jobs have ended, of how many that are known."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Bar(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
        self._task = self._bar.add_task("jobs", total=None)

    def start(self) -> None:
        """Draw the bar for the first time."""
        self._bar.start()

    def show(self, totals: Totals) -> None:
        """Redraw the bar."""
        ended = totals.done + totals.dead
        notes = [f"{totals.failed} attempts tried again"] if totals.failed else []
        notes += [f"{totals.dead} dead"] if totals.dead else []
        self._bar.update(
            self._task,
            completed=ended,
            total=ended + totals.left,
            description=f"jobs ({', '.join(notes)})" if notes else "jobs",
        )
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()
