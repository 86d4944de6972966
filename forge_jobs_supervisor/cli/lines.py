"""Reading lines as they come: as many at once as there are, and never more than fit into one transaction."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

from forge_jobs.errors import InvalidValue
from forge_jobs.showing import quoted

MOST_LINES = 500
MOST_BYTES = 4 * 1024 * 1024
"""Of the lines that are given at once."""

LONGEST = 1024 * 1024
"""Bytes of a line: no payload holds more."""

_CHUNK = 64 * 1024


def batches(fd: int, separator: bytes = b"\n") -> Iterator[list[tuple[int, str]]]:
    """Give (number, line) of every line that is not empty, in lists: as soon as no more is there, or enough are.

    Raises InvalidValue for a line that is not UTF-8, or longer than ``LONGEST``; those before it are given first.
    """
    ready = select.poll()
    ready.register(fd, select.POLLIN)
    batch: list[tuple[int, str]] = []
    size = number = 0
    rest = b""
    while chunk := os.read(fd, _CHUNK):
        *whole, rest = (rest + chunk).split(separator)
        for line in [*whole, rest] if len(rest) > LONGEST else whole:
            number += 1
            try:
                text = _text(line, number)
            except InvalidValue:
                if batch:
                    yield batch
                raise
            size += len(line)
            if text:
                batch.append((number, text))
            if len(batch) == MOST_LINES or size > MOST_BYTES:
                yield batch
                batch, size = [], 0
        if batch and not ready.poll(0):
            yield batch
            batch, size = [], 0
    if rest:
        batch.append((number + 1, _text(rest, number + 1)))
    if batch:
        yield batch


def _text(line: bytes, number: int) -> str:
    if len(line) > LONGEST:
        raise InvalidValue(f"line {number} is longer than {LONGEST:,} bytes: for NUL-separated input say -0")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise InvalidValue(f"line {number} is not UTF-8 ({quoted(line[:60])}), and JSON holds nothing else") from None
