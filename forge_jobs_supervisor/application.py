"""Importing the application that a farm runs."""

from __future__ import annotations

import importlib
import sys
import traceback

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
            ) from None
        raise UsageError(f"application {quoted(name)} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise UsageError(
            f"application {quoted(name)} cannot be imported: {type(error).__name__}: {error} "
            f"({where.filename}, line {where.lineno})"
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
