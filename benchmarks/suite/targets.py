"""The figures that were set as the goal, and which of them a run reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from benchmarks.figures import Figure, number

SQLITE, POSTGRES = "forge-jobs (SQLite)", "forge-jobs (Postgres)"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One goal: a figure that is to be at least, or at most, so much.

    With ``peer`` it is how many times as large the figure is as that peer's own, or, where several of its settings
    take part, as the best of them.
    """

    what: str
    key: str
    bound: float
    unit: str
    at_most: bool = False
    peer: str | None = None

    @property
    def told(self) -> str:
        """The goal in words."""
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {_amount(self.bound, self.unit)}" + (f" {self.peer}" if self.peer else "")


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a target. ``measured`` is None if a figure that it needs is not there."""

    target: Target
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if that was not measured."""
        if self.measured is None:
            return None
        bound = self.target.bound
        return self.measured <= bound if self.target.at_most else self.measured >= bound


def judge(figures: Sequence[Figure], targets: Sequence[Target] | None = None) -> list[Verdict]:
    """Hold the figures against the targets, by default all of them."""
    medians = {figure.key: figure.median for figure in figures if figure.key and figure.rounds}
    return [
        Verdict(target=target, measured=_measured(target, medians))
        for target in (TARGETS if targets is None else targets)
    ]


def table(verdicts: Sequence[Verdict]) -> str:
    """Return them as a table in Markdown."""
    lines = ["| what | target | measured | |", "|---|---|---|---|"]
    for verdict in verdicts:
        target = verdict.target
        measured = "not measured" if verdict.measured is None else _amount(verdict.measured, target.unit)
        mark = {True: "✓", False: "✗", None: ""}[verdict.met]
        lines.append(f"| {target.what} | {target.told} | {measured} | {mark} |")
    return "\n".join(lines)


def _measured(target: Target, medians: Mapping[str, float]) -> float | None:
    ours = medians.get(target.key)
    if ours is None or target.peer is None:
        return ours
    path = target.key.rpartition("/")[0]
    named = (f"{path}/{target.peer}", f"{path}/{target.peer} (")  # a setting is named in brackets
    best = max((value for key, value in medians.items() if key == named[0] or key.startswith(named[1])), default=0.0)
    return ours / best if best else None


def _amount(value: float, unit: str) -> str:
    if unit == "×":
        return f"{value:.3g} ×"
    return f"{value:.3f}".rstrip("0").rstrip(".") if unit == "ratio" else f"{number(value)} {unit}"


# -- the goals ----------------------------------------------------------------------------------------------------


def _throughput() -> Iterator[Target]:
    drains = (
        (SQLITE, {2: 30_000, 8: 25_000}, {"ProcessPoolExecutor": 3, "huey": 8}),
        (POSTGRES, {2: 20_000, 8: 20_000}, {"pgqueuer": 1.5, "oban": 6, "procrastinate": 30}),
    )  # fmt: skip
    for name, rates, peers in drains:
        for workers, rate in rates.items():
            what, key = f"{name}: drain, no-op, {workers} workers", f"drain/{workers}/{name}"
            yield Target(what=what, key=key, bound=rate, unit="jobs/s")
            for peer, times in peers.items():
                yield Target(what=what, key=key, bound=times, unit="×", peer=peer)
    for name, one, bulk in ((SQLITE, 4_000, 150_000), (POSTGRES, 2_000, 80_000)):
        yield Target(what=f"{name}: enqueue one by one", key=f"enqueue/one/{name}", bound=one, unit="jobs/s")
        yield Target(what=f"{name}: enqueue in bulk", key=f"enqueue/bulk/{name}", bound=bulk, unit="jobs/s")


def _promptness() -> Iterator[Target]:
    for name, p50, p99 in ((SQLITE, 2.0, 6.0), (POSTGRES, 2.5, 6.0)):
        for which, bound in (("p50", p50), ("p99", p99)):
            yield Target(
                what=f"{name}: pickup at 50 jobs/s, {which}", key=f"pickup/{which}/{name}", bound=bound, unit="ms",
                at_most=True,
            )  # fmt: skip
    for name in (SQLITE, POSTGRES):
        for length, least in ((1, 0.80), (20, 0.96), (200, 0.99)):
            yield Target(
                what=f"{name}: efficiency, CPU jobs of {length} ms, 2 workers", key=f"efficiency/{length}/{name}",
                bound=least, unit="ratio",
            )  # fmt: skip


def _thrift() -> Iterator[Target]:
    for name, private in ((SQLITE, 4), (POSTGRES, 8)):
        for what, key, bound, unit in (
            ("CPU of a farm of 8 idle workers", f"idle/8/{name}/cpu", 0.1, "%"),
            ("statements with 64 idle workers", f"idle/64/{name}/statements", 5, "per s"),
            ("private memory of a worker", f"memory/{name}/private", private, "MB"),
        ):
            yield Target(what=f"{name}: {what}", key=key, bound=bound, unit=unit, at_most=True)


def _steadiness() -> Iterator[Target]:
    for name in (SQLITE, POSTGRES):
        for status in ("finished", "scheduled", "pending"):
            yield Target(
                what=f"{name}: drain beside 10⁶ {status} jobs, against an empty table", key=f"crowded/{name}/{status}",
                bound=0.75, unit="ratio",
            )  # fmt: skip
    yield Target(
        what=f"{POSTGRES}: drain while a snapshot is held, against the normal rate", key=f"held/{POSTGRES}",
        bound=0.4, unit="ratio",
    )  # fmt: skip


def _recovery() -> Iterator[Target]:
    for name in (SQLITE, POSTGRES):
        for what, key, bound in (("settled", "worker_settled", 0.2), ("running again", "worker_again", 0.5)):
            yield Target(
                what=f"{name}: SIGKILL of a worker to its job {what}", key=f"stopping/{name}/{key}", bound=bound,
                unit="s", at_most=True,
            )  # fmt: skip
    for what, key, bound in (("import forge_jobs", "import", 60), ("forge-jobs --help", "help", 150)):
        yield Target(what=f"`{what}`", key=f"startup/{key}", bound=bound, unit="ms", at_most=True)


TARGETS: tuple[Target, ...] = (*_throughput(), *_promptness(), *_thrift(), *_steadiness(), *_recovery())
