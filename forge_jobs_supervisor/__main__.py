"""``python -m forge_jobs_supervisor`` is ``forge-jobs``."""

from forge_jobs_supervisor.cli import main

main(prog_name="forge-jobs")
