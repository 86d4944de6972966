"""How values and texts from outside are shown: in messages, in the log, on a terminal."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 150
"""Characters of a value that a message shows."""

_BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0), *_BIDIRECTIONAL, *range(0xD800, 0xE000))
_SHOWN: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x7F}
_SHOWN_LINES: Final = {code: told for code, told in _SHOWN.items() if chr(code) not in "\n\t"}


def quoted(value: object) -> str:
    """Return how a message shows a value that somebody gave: as Python writes it, and of a long one the beginning."""
    try:
        told = repr(value)
    except Exception:  # noqa: BLE001 - whatever its own repr does; Python itself writes no number of 5000 digits
        told = f"a {type(value).__name__} that cannot be shown"
    return one_line(told if len(told) <= LONGEST else f"{told[:LONGEST]}…")


def printable(text: str) -> str:
    """Return a text of several lines as a terminal may get it: what would command it is written out."""
    return text.translate(_SHOWN_LINES)


def one_line(text: str) -> str:
    """Return a text as one line that a terminal may get."""
    return text.translate(_SHOWN)


def in_json(text: str) -> str:
    """Return JSON of the same meaning that a terminal may get: JSON itself writes out only half of what commands it."""
    return text.translate(_IN_JSON)
