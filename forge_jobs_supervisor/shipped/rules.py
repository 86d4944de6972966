"""What a command may be, and where it may run: the rules of the supervisor, looked at again before each run."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from forge_jobs.errors import InvalidValue, UsageError
from forge_jobs.showing import quoted

_NAME = re.compile(r"[^=\0]+")
_CODES = range(256)


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Where programs may run and which: ``root`` confines their directory; ``only``, if not empty, names them."""

    root: str | None = None
    only: Sequence[str] = ()

    def refusal_of_directory(self, real: str) -> str | None:
        """Return why a command may not run in this directory, whose links are all followed; None if it may."""
        if self.root is None:
            return None
        root = os.path.realpath(self.root)
        if os.path.commonpath([root, real]) == root:
            return None
        return f"the cwd {real} is not inside of {root}, to which this host confines commands (--commands-root)"

    def refusal_of_program(self, program: str, path: str) -> str | None:
        """Return why this program may not run; None if it may. ``path`` is the PATH of the worker."""
        if not self.only:
            return None
        allowed = {_settled(found) for name in self.only if (found := shutil.which(name, path=path))}
        if _settled(program) in allowed:
            return None
        return f"{program} is not among the programs that this host allows ({', '.join(self.only)})"


def checked_rules(*, allowed: bool, only: Sequence[str], root: str | None) -> Rules | None:
    """Return the rules that the options of a supervisor make, None: no commands; raise UsageError."""
    for name in only:
        if not name or ("/" in name and not name.startswith("/")):
            raise UsageError(f"--allow-command {quoted(name)}: write a name as in ffmpeg, or an absolute path")
    if not allowed and not only:
        if root is not None:
            raise UsageError("--commands-root says where commands may run, and none may: add --allow-commands")
        return None
    if root is not None and not os.path.isdir(root):  # noqa: PTH112 - Path's own raises for names too long
        raise UsageError(f"--commands-root {quoted(root)} is not a directory")
    return Rules(root=None if root is None else str(Path(root).absolute()), only=list(only))


def check_command(
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    pass_env: Sequence[str] | None = None,
    success_codes: Sequence[int] | None = None,
) -> None:
    """Raise InvalidValue where no system could run this."""
    if not argv or not argv[0]:
        raise InvalidValue("argv is empty: name a program")
    for text in (*argv, *(env or {}).values()):
        if "\0" in text:
            raise InvalidValue(f"{quoted(text)} holds a NUL character, which no program can be given")
    for name in (*(env or {}), *(pass_env or ())):
        if not _NAME.fullmatch(name):
            raise InvalidValue(f"{quoted(name)} cannot name an environment variable")
    for code in success_codes or ():
        if code not in _CODES:
            raise InvalidValue(f"success code {code} is out of range: use 0 to 255")


def _settled(program: str) -> str:
    """Return a path with the links of its directory followed, but not its own: many names may lead to one file."""
    return os.path.join(os.path.realpath(os.path.dirname(program)), os.path.basename(program))  # noqa: PTH118, PTH120, PTH119
