"""The picture that ``forge-jobs top`` shows."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from forge_jobs.app import ForgeJobs
from forge_jobs.clock import SystemClock, monotonic
from forge_jobs.model.queue import QueueCounts
from forge_jobs.showing import one_line
from forge_jobs.storage.records import HostRecord, WorkerView
from forge_jobs_supervisor.cli.moments import span

_BAR = 8
WIDE = 120
"""Columns from which on there is room for the jobs' ids."""


class Screen:
    """Reads what there is and draws it; ``seconds`` is how long reading took."""

    def __init__(self, jobs: ForgeJobs, width: int) -> None:
        self._jobs = jobs
        self._width = width
        self._last: tuple[float, Mapping[str, QueueCounts]] | None = None
        self.seconds = 0.0

    def draw(self) -> RenderableType:
        """Return the whole picture, for 80 columns."""
        began = monotonic()
        counts = self._jobs.counts()
        registry = self._jobs.storage.registry
        hosts, workers = registry.hosts(), registry.workers()
        self.seconds = monotonic() - began
        rates = self._rates(began, counts)
        return Group(
            _text(f"forge-jobs · {self._jobs.location.shown}", style="bold"),
            *(_host(host) for host in hosts if host.alive),
            Text(""),
            _queues(counts, rates),
            Text(""),
            _workers(workers, several=sum(host.alive for host in hosts) > 1, wide=self._width >= WIDE),
        )

    def _rates(self, now: float, counts: Mapping[str, QueueCounts]) -> Mapping[str, float]:
        """Return the jobs done a second in each queue since the last picture."""
        last, self._last = self._last, (now, counts)
        if last is None or now <= last[0]:
            return {}
        return {
            queue: max(count.done - last[1][queue].done, 0) / (now - last[0])
            for queue, count in counts.items()
            if queue in last[1]
        }


def _host(host: HostRecord) -> RenderableType:
    beat = span(max(SystemClock().now() - host.beat_at, 0) / 1e6)
    return _text(f"host {host.label} (pid {host.pid}), seen {beat} ago")


def _text(told: str, style: str = "") -> Text:
    """Return a line that is no markup, and commands no terminal."""
    return Text(one_line(told), style=style, no_wrap=True, overflow="ellipsis")


def _table(columns: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", expand=False)
    for column, justify in columns.items():
        table.add_column(column, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    return table


def _queues(counts: Mapping[str, QueueCounts], rates: Mapping[str, float]) -> Table:
    names = ("pending", "scheduled", "running", "retrying", "done", "dead", "oldest", "jobs/s")
    table = _table({"queue": "left"} | dict.fromkeys(names, "right"))
    for name, c in counts.items():
        rate = rates.get(name)
        numbers = (c.pending, c.scheduled, c.in_progress - c.held, c.failed, c.done, c.dead)
        table.add_row(
            _text(f"{name} (paused)" if c.paused else name), *map(str, numbers), span(c.oldest_ready_seconds),
            "–" if rate is None else f"{rate:.1f}",
        )  # fmt: skip
    return table


def _workers(workers: list[tuple[HostRecord, WorkerView]], *, several: bool, wide: bool) -> Table:
    columns = {"worker": "left", "pid": "right", "state": "left", "kind": "left"}
    columns |= {"job": "left"} if wide else {}
    table = _table(columns | {"for": "right", "CPU": "right", "memory": "right", "progress": "left"})
    for host, w in workers:
        where = f"{host.label}/" if several else ""
        table.add_row(
            _text(f"{where}{w.queue} #{w.number}"), str(w.pid), _text(w.state), _text(w.kind or "–"),
            *([_text(w.job_id or "–")] if wide else []), span(w.running_seconds),
            "–" if w.cpu_percent is None else f"{w.cpu_percent:.0f}%",
            "–" if w.memory is None else f"{w.memory / 2**20:.0f}M", _text(_progress(w)),
        )  # fmt: skip
    return table


def _progress(view: WorkerView) -> str:
    if view.progress_done is None:
        return ""
    if not view.progress_total:
        return f"{view.progress_done} {view.progress_note or ''}"
    share = min(max(view.progress_done / view.progress_total, 0.0), 1.0)
    bar = "█" * round(share * _BAR)
    return f"{bar:░<{_BAR}} {share:.0%} {view.progress_note or ''}"
