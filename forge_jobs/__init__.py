"""forge-jobs: a durable job queue for CPU-bound Python.

    from forge_jobs import ForgeJobs

    jobs = ForgeJobs()

    @jobs.handler
    def double(number: int) -> int:
        return 2 * number

    double.enqueue(number=21).result(timeout=10)

Run the jobs with ``forge-jobs supervise --app module:jobs``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from forge_jobs.errors import (
    ClaimLost,
    ConfigError,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnusable,
    ForgeJobsError,
    ForkedProcess,
    HandlerError,
    InvalidValue,
    JobFailed,
    JobNotFound,
    PayloadError,
    ResultTimeout,
    SchemaMismatch,
    UsageError,
    ValueRefused,
    WorkersAlive,
)

if TYPE_CHECKING:  # a program pays at its start only for what it names
    from forge_jobs.app import ForgeJobs
    from forge_jobs.client import Job, Page
    from forge_jobs.config import QueuePaths
    from forge_jobs.context import JobContext, Transaction
    from forge_jobs.handlers import Handler
    from forge_jobs.logs import RunningJob, TagWithJob, current_job
    from forge_jobs.model.events import JobEvent
    from forge_jobs.model.job import ErrorEntry
    from forge_jobs.model.outcome import Dead, Done, Failed, RateLimited, Snoozed, Throttled
    from forge_jobs.model.states import Cause, Status
    from forge_jobs.model.stops import JobCancelled, JobInterrupted, JobOutOfMemory, JobStopped, JobTimeout
    from forge_jobs.model.why import Why
    from forge_jobs.verbs import Cancelled, Changed
else:
    _HOMES = {
        "app": ("ForgeJobs",),
        "client": ("Job", "Page"),
        "config": ("QueuePaths",),
        "context": ("JobContext", "Transaction"),
        "handlers": ("Handler",),
        "logs": ("RunningJob", "TagWithJob", "current_job"),
        "model.events": ("JobEvent",),
        "model.job": ("ErrorEntry",),
        "model.outcome": ("Dead", "Done", "Failed", "RateLimited", "Snoozed", "Throttled"),
        "model.states": ("Cause", "Status"),
        "model.stops": ("JobCancelled", "JobInterrupted", "JobOutOfMemory", "JobStopped", "JobTimeout"),
        "model.why": ("Why",),
        "verbs": ("Cancelled", "Changed"),
    }

    def __getattr__(name):
        """Import the module that a public name lives in, at its first use."""
        for home, names in _HOMES.items():
            if name in names:
                found = getattr(import_module(f"forge_jobs.{home}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "Cause",
    "Changed",
    "ClaimLost",
    "ConfigError",
    "DatabaseBusy",
    "DatabaseError",
    "DatabaseUnusable",
    "Dead",
    "Done",
    "ErrorEntry",
    "Failed",
    "ForgeJobs",
    "ForgeJobsError",
    "ForkedProcess",
    "Handler",
    "HandlerError",
    "InvalidValue",
    "Job",
    "JobCancelled",
    "JobContext",
    "JobEvent",
    "JobFailed",
    "JobInterrupted",
    "JobNotFound",
    "JobOutOfMemory",
    "JobStopped",
    "JobTimeout",
    "Page",
    "PayloadError",
    "QueuePaths",
    "RateLimited",
    "ResultTimeout",
    "RunningJob",
    "SchemaMismatch",
    "Snoozed",
    "Status",
    "TagWithJob",
    "Throttled",
    "Transaction",
    "UsageError",
    "ValueRefused",
    "Why",
    "WorkersAlive",
    "current_job",
]
