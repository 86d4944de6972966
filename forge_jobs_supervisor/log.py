"""The log: to standard error, as text or as one JSON object a line. The only file that formats a log line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from forge_jobs.logs import TagWithJob
from forge_jobs.showing import in_json, printable

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
_TOLD = ("job_id", "kind", "attempt", "queue", "cause")
"""What the text form shows of a line's fields; the JSON form has all of them."""

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


_CLEAR_LINE = "\r\x1b[2K"


def set_up(form: str, level: str = "info", *, above_bar: bool = False, quiet: bool = False) -> None:
    """Send this program's log, and that of the application, from ``level`` on to standard error.

    ``above_bar`` wipes the line first: a progress bar stands there, and is drawn again below. ``quiet`` leaves out
    what is no trouble.
    """
    handler = _AboveBar(sys.stderr) if above_bar else logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    handler.addFilter(TagWithJob())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    wanted = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(max(wanted, logging.WARNING) if quiet else wanted)


class _AboveBar(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        return _CLEAR_LINE + super().format(record)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).astimezone()
        line = f"{moment:%H:%M:%S}.{int(record.msecs):03d} {record.levelname.lower():7} {record.getMessage()}"
        fields = {name: getattr(record, name, None) for name in _TOLD}
        extras = " ".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        line = f"{line} [{extras}]" if extras else line
        return printable(f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "at": moment,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        fields = {name: value for name, value in vars(record).items() if name not in _PLAIN and value is not None}
        line = {**fields, **line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return _one_line({name: line[name] for name in sorted(line, key=_place)})


def _place(name: str) -> int:
    """Return where a field stands: what every line has first, traces last, the others between, as they were given."""
    first = ("at", "level", "event", "message", "logger", "process", "job_id", "kind", "queue", "attempt")
    return first.index(name) if name in first else len(first) + (name in ("exception", "stack"))


def _one_line(fields: dict[str, object]) -> str:
    """Return fields as JSON; what JSON cannot hold becomes text."""
    try:
        line = json.dumps(fields, ensure_ascii=False, default=str, allow_nan=False)
    except (ValueError, TypeError):  # NaN, a ring, an odd key
        line = json.dumps({name: str(value) for name, value in fields.items()}, ensure_ascii=False)
    return in_json(line)
