"""The ports of those who only look: nothing here changes anything. An internal seam, as the others in ``ports.py``."""

from __future__ import annotations

from typing import Protocol

from forge_jobs.model.why import Facts


class Inspection(Protocol):
    """Held by clients: one job's situation."""

    def facts(self, job_id: str) -> Facts | None:
        """Return what is known of a job's situation, in one snapshot, or None."""
