"""The log: to standard error, as text or as one JSON object a line. The only file that formats a log line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

FORMATS = ("text", "json")
_EXTRAS = ("job_id", "kind", "attempt", "queue", "worker", "cause", "pid")


_CLEAR_LINE = "\r\x1b[2K"


def set_up(form: str, *, above_bar: bool = False, quiet: bool = False) -> None:
    """Send this program's log, and that of the application, to standard error.

    ``above_bar`` wipes the line first: a progress bar stands there, and is drawn again below. ``quiet`` leaves out
    what is no trouble.
    """
    handler = _AboveBar(sys.stderr) if above_bar else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if quiet else logging.INFO)


class _AboveBar(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        return _CLEAR_LINE + super().format(record)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in _EXTRAS if getattr(record, name, None) is not None}


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        line = f"{moment:%H:%M:%S}.{int(record.msecs):03d} {record.levelname.lower():7} {record.getMessage()}"
        extras = " ".join(f"{name}={value}" for name, value in _extras(record).items())
        line = f"{line} [{extras}]" if extras else line
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {
            "process": str(record.process),
            **{name: str(value) for name, value in _extras(record).items()},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
