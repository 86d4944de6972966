"""Numbers as Prometheus reads them: the text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.histogram import Histogram

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = range(8, 43, 2)
"""Upper ends of the buckets told, as powers of two in microseconds: 256 µs to 51 days. Each is exact."""

Labels = Mapping[str, str]


class Exposition:
    """Collects families of samples; each is begun once, and all its samples follow."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def family(self, name: str, kind: str, told: str) -> Family:
        """Begin a family of ``kind`` gauge, counter or histogram."""
        self._lines += [f"# HELP {name} {_escaped(told)}", f"# TYPE {name} {kind}"]
        return Family(name, self._lines)

    def text(self) -> str:
        """Return all of it."""
        return "\n".join([*self._lines, ""])


class Family:
    """The samples of one name."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self._name = name
        self._lines = lines

    def add(self, value: float, **labels: str) -> None:
        """Add one sample."""
        self._lines.append(f"{self._name}{_braced(labels)} {_number(value)}")

    def add_histogram(self, histogram: Histogram, **labels: str) -> None:
        """Add the samples of a histogram of microseconds, told in seconds."""
        for le, number in _cumulated(histogram):
            self._lines.append(f"{self._name}_bucket{_braced(labels | {'le': le})} {number}")
        self._lines.append(f"{self._name}_sum{_braced(labels)} {_number(histogram.sum / MICROSECONDS)}")
        self._lines.append(f"{self._name}_count{_braced(labels)} {histogram.count}")


def _cumulated(histogram: Histogram) -> Iterator[tuple[str, int]]:
    for doublings in BOUNDS:
        yield _number(2**doublings / MICROSECONDS), histogram.at_most(doublings)
    yield "+Inf", histogram.count


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _braced(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value, quoted=True)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str, *, quoted: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quoted else escaped
