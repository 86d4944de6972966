"""Whether a peer is installed beside this interpreter, in which version, and where its commands are."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import ClassVar


class Packaged:
    """A contestant that comes as a distribution of ``distribution``'s name, and may need others beside it."""

    distribution: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()

    def missing(self) -> str | None:
        """Return why it cannot run here, or None."""
        for distribution in (self.distribution, *self.needs):
            try:
                importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                return f"{distribution} is not installed"
        return None

    def version(self) -> str:
        """Return the version that is installed."""
        return importlib.metadata.version(self.distribution)


def program(name: str) -> str:
    """Return the path of a command that a distribution installed beside this interpreter."""
    return str(Path(sys.executable).with_name(name))
