"""Text between two markers of a file that is written by hand otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class NoMarkers(Exception):
    """A file lacks the markers that say where the text belongs, or has them more than once."""


def check(places: Mapping[Path, str]) -> None:
    """Raise NoMarkers unless each file has its pair of markers once."""
    for path, name in places.items():
        _around(path, name)


def place(path: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- /name -->``; doing it again changes nothing."""
    before, after = _around(path, name)
    path.write_text(f"{before}\n\n{text.strip()}\n\n{after}", encoding="utf-8")


def _around(path: Path, name: str) -> tuple[str, str]:
    """Return the text up to the opening marker's end, and from the closing one's start."""
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    try:
        whole = path.read_text(encoding="utf-8")
    except OSError as error:
        raise NoMarkers(f"{path} cannot be read: {error.strerror}") from error
    before, _opened, rest = whole.partition(opening)
    _old, _closed, after = rest.partition(closing)
    if whole.count(opening) != 1 or whole.count(closing) != 1 or closing in before:
        raise NoMarkers(f"{path} must have one line {opening} and below it one line {closing}")
    return before + opening, closing + after
