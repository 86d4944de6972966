"""Importing the application that a farm runs."""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import forge_jobs
from forge_jobs.app import ForgeJobs
from forge_jobs.config import project_root
from forge_jobs.errors import UsageError
from forge_jobs.places import working_directory
from forge_jobs.showing import quoted


def load(name: str) -> ForgeJobs:
    """Import ``MODULE:ATTR`` (by default ``jobs``) with the current directory and the project importable.

    Raises UsageError with one sentence where that fails.
    """
    module_name, _, attribute = name.partition(":")
    attribute = attribute or "jobs"
    here = working_directory()
    for place in (str(project_root(here)), str(here)):
        if place not in sys.path:
            sys.path.insert(0, place)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise UsageError(
                f"application {quoted(name)}: there is no module {quoted(error.name)} in {here} or on the path"
                f"{_meant(name)}"
            ) from None
        raise UsageError(f"application {quoted(name)} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"application {quoted(name)} cannot be imported: {type(error).__name__}: {error}{_where(error)}"
        ) from error
    found = module
    for part in attribute.split("."):
        found = getattr(found, part, None)  # type: ignore[assignment]
    if not isinstance(found, ForgeJobs):
        candidates = [k for k, v in vars(module).items() if isinstance(v, ForgeJobs)]
        hint = f"did you mean {module_name}:{candidates[0]}?" if candidates else "it has no ForgeJobs object"
        told = "is not there" if found is None else f"is a {type(found).__name__}, not a ForgeJobs"
        raise UsageError(f"application {quoted(name)}: {attribute} in {module_name} {told}; {hint}")
    return found


def _meant(name: str) -> str:
    """Return a hint for who wrote a dot instead of the colon, or a file's name."""
    module, dot, attribute = name.rpartition(".")
    if not dot or ":" in name:
        return ""
    return f"; did you mean {module}:{'jobs' if attribute == 'py' else attribute}?"


def _where(error: BaseException) -> str:
    """Return at which line of the application it was raised; a SyntaxError says so itself."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_OURS)]
    if isinstance(error, SyntaxError) or not frames:
        return ""
    return f" ({frames[-1].filename}, line {frames[-1].lineno})"


_OURS = (str(Path(forge_jobs.__file__).parent), str(Path(__file__).parent), "<frozen ")
"""Where the files of this package and of the import system are."""
