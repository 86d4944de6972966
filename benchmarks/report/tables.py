"""The figures in Markdown: every contestant beside the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.figures import Figure, number
from benchmarks.report.machine import block
from benchmarks.suite.targets import judge
from benchmarks.suite.targets import table as verdicts

BETWEEN = {
    "drain/2": "drain, 2 workers, jobs/s", "drain/8": "drain, 8 workers, jobs/s",
    "enqueue/one": "enqueue one by one, jobs/s", "enqueue/bulk": "enqueue in bulk, jobs/s",
    "pickup/p50": "pickup p50, ms", "pickup/p95": "pickup p95, ms", "pickup/p99": "pickup p99, ms",
    "recorded/p50": "recorded p50, ms", "recorded/p95": "recorded p95, ms", "recorded/p99": "recorded p99, ms",
    "efficiency/1": "efficiency, 1 ms jobs", "efficiency/20": "efficiency, 20 ms jobs",
    "efficiency/200": "efficiency, 200 ms jobs",
}  # fmt: skip
"""What all contestants take part in: the key without the contestant, and its name."""

SUMMARY = ("drain/2", "drain/8", "enqueue/one", "enqueue/bulk", "pickup/p50", "pickup/p99", "efficiency/20")
OURS = "forge-jobs"
NOTHING = "–"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what was measured, and on what."""

    figures: Sequence[Figure]
    machine: Mapping[str, Any]

    def median(self, key: str) -> float | None:
        """Return the median of a figure, None if it was not measured."""
        return next((figure.median for figure in self.figures if figure.key == key and figure.rounds), None)

    def by_contestant(self, path: str) -> dict[str, float]:
        """Return the medians of one measure by the contestants' names, those who have one."""
        found = ((name, self.median(f"{path}/{name}")) for name in self.names)
        return {name: value for name, value in found if value is not None}

    @property
    def names(self) -> list[str]:
        """All contestants' names, in the order of the roster."""
        return [contestant["name"] for contestant in self.machine["contestants"]]

    @property
    def durable(self) -> dict[str, bool]:
        """Whether each one's jobs outlive its processes."""
        return {contestant["name"]: contestant["durable"] for contestant in self.machine["contestants"]}


def whole(result: Result) -> str:
    """Return everything: machine, contestants, targets, and every figure."""
    sections = [
        "# Results",
        block(result.machine),
        "## Beside the peers",
        between(result, BETWEEN),
        "## Targets",
        verdicts(judge(result.figures)),
        "## Everything",
        everything(result.figures),
    ]
    return "\n\n".join(sections) + "\n"


def summary(result: Result, pictures: Mapping[str, str]) -> str:
    """Return what the README shows: the main table, the plots by their titles, and what it was measured on."""
    machine = result.machine
    lines = [f"![{title}]({path})" for title, path in pictures.items()]
    absent = [contestant["name"] for contestant in machine["contestants"] if contestant["missing"]]
    where = (
        f"Medians of one run ({machine['mode']}) on {machine['cpus']} CPUs, {machine['model']}, {machine['kernel']}, "
        f"Python {machine['python']}; 8 kB and fsync take {machine['fsync_ms']:.2f} ms. *Memory*: nothing is stored, "
        "the jobs are lost with their process."
    )
    if absent:
        where += f" Not there: {', '.join(absent)}."
    return "\n\n".join([between(result, {key: BETWEEN[key] for key in SUMMARY}), where, "\n".join(lines)]).strip()


def details(result: Result, _pictures: Mapping[str, str]) -> str:
    """Return what the benchmarks' own README shows: the contestants' settings, all measures, and the targets."""
    return "\n\n".join([block(result.machine), between(result, BETWEEN), verdicts(judge(result.figures))])


def between(result: Result, columns: Mapping[str, str]) -> str:
    """Return the table of contestants; measures that nobody has are left out, and so are contestants without any."""
    found = {path: result.by_contestant(path) for path in columns}
    shown = [path for path in columns if found[path]]
    if not shown:
        return "Nothing was measured that has peers."
    stores = {contestant["name"]: contestant["store"] for contestant in result.machine["contestants"]}
    lines = [_row(["", "store", *(columns[path] for path in shown)]), "|---|---|" + "---:|" * len(shown)]
    for name in result.names:
        cells = [found[path].get(name) for path in shown]
        if any(cell is not None for cell in cells):
            numbers = [NOTHING if cell is None else number(cell) for cell in cells]
            ours = name.startswith(OURS)
            lines.append(_row([_bold(text) if ours else text for text in (name, stores[name], *numbers)]))
    return "\n".join(lines)


def everything(figures: Sequence[Figure]) -> str:
    """Return every figure with the spread of its rounds."""
    lines = [_row(["what", "median", "lowest", "highest", "unit"]), "|---|---:|---:|---:|---|"]
    for figure in figures:
        if figure.rounds:
            numbers = (figure.median, min(figure.rounds), max(figure.rounds))
            lines.append(_row([f"{figure.group}: {figure.name}", *map(number, numbers), figure.unit]))
    return "\n".join(lines)


def _bold(text: str) -> str:
    return text if text == NOTHING else f"**{text}**"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
