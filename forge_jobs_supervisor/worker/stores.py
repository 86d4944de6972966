"""What a worker needs of a storage."""

from __future__ import annotations

from typing import Protocol

from forge_jobs.storage.ports import ProcessRegistry, WorkerQueue


class Stores(Protocol):
    """The ports it holds, and whether one transaction at a time writes."""

    @property
    def worker_queue(self) -> WorkerQueue: ...
    @property
    def registry(self) -> ProcessRegistry: ...
    @property
    def one_writer(self) -> bool: ...
