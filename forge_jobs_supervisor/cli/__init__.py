"""The command ``forge-jobs``."""

from forge_jobs_supervisor.cli.main import main

__all__ = ["main"]
