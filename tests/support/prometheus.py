"""A strict reader of the Prometheus text format, and a client as plain as a socket."""

from __future__ import annotations

import re
import socket
from typing import NamedTuple

_HELP = re.compile(r"# HELP ([a-z_:][a-z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)+)")
_TYPE = re.compile(r"# TYPE ([a-z_:][a-z0-9_:]*) (counter|gauge|histogram)")
_SAMPLE = re.compile(r"([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (-?[0-9][0-9.e+-]*)")
_LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


def parsed(text: str) -> tuple[Samples, dict[str, str]]:
    """Return all samples by name and labels, and the type of each family; raise where anything is not by the rules."""
    assert text.endswith("\n"), "the last line ends too"
    samples: Samples = {}
    types: dict[str, str] = {}
    helped, family = "", ""
    for line in text.removesuffix("\n").split("\n"):
        if told := _HELP.fullmatch(line):
            helped = told[1]
        elif told := _TYPE.fullmatch(line):
            family = told[1]
            assert family == helped, f"{line}: its help comes first"
            assert family not in types, f"{line}: a family is told once, all at one place"
            types[family] = told[2]
        else:
            told = _SAMPLE.fullmatch(line)
            assert told, f"{line!r} is no sample"
            assert _family_of(told[1], types) == family, f"{line}: it stands in another family"
            key = (told[1], frozenset(_labels(told[2] or "")))
            assert key not in samples, f"{line}: it is told twice"
            samples[key] = float(told[3])
    _check_histograms(samples, types)
    return samples, types


def _family_of(name: str, types: dict[str, str]) -> str:
    for suffix in ("_bucket", "_sum", "_count"):
        if types.get(name.removesuffix(suffix)) == "histogram":
            return name.removesuffix(suffix)
    return name


def _labels(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        told = _LABEL.match(text, position)
        assert told, f"{text!r} are no labels"
        found.append((told[1], re.sub(r'\\[\\"n]', lambda escape: _ESCAPES[escape[0]], told[2])))
        position = told.end()
    assert len({name for name, _value in found}) == len(found), f"{text!r} has a label twice"
    return found


def _check_histograms(samples: Samples, types: dict[str, str]) -> None:
    for family in (name for name, kind in types.items() if kind == "histogram"):
        series: dict[frozenset[tuple[str, str]], list[tuple[float, float]]] = {}
        for (name, labels), value in samples.items():
            if name == f"{family}_bucket":
                le = float(dict(labels)["le"])
                series.setdefault(frozenset(p for p in labels if p[0] != "le"), []).append((le, value))
        for labels, buckets in series.items():
            assert buckets == sorted(buckets), f"{family}: the buckets rise"
            assert [n for _le, n in buckets] == sorted(n for _le, n in buckets), f"{family}: the buckets are cumulative"
            assert buckets[-1] == (float("inf"), samples[f"{family}_count", labels])
            assert samples[f"{family}_sum", labels] >= 0


def value_of(samples: Samples, name: str, **labels: str) -> float:
    """Return one sample, 0 where it is not told."""
    return samples.get((name, frozenset(labels.items())), 0.0)


def free_port() -> int:
    """Return a port of this machine that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def asked(port: int, path: str, method: str = "GET") -> Answer:
    """Ask on the loopback interface; raise OSError where nobody answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(f"{method} {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = received.decode().partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    return Answer(int(status.split(" ")[1]), dict(line.split(": ", 1) for line in lines), body)
