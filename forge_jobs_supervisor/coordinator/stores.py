"""What a coordinator needs of a storage."""

from __future__ import annotations

from typing import Protocol

from forge_jobs.storage.limit_ports import Limits
from forge_jobs.storage.metric_ports import Metrics
from forge_jobs.storage.ports import (
    Control,
    Doorbell,
    Leadership,
    Operator,
    ProcessRegistry,
    QueueConfig,
    Upkeep,
    WorkerQueue,
)
from forge_jobs.storage.schedule_ports import Schedules


class Stores(Protocol):
    """The ports it holds."""

    @property
    def worker_queue(self) -> WorkerQueue: ...
    @property
    def registry(self) -> ProcessRegistry: ...
    @property
    def queue_config(self) -> QueueConfig: ...
    @property
    def control(self) -> Control: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def upkeep(self) -> Upkeep: ...
    @property
    def leadership(self) -> Leadership: ...
    @property
    def operator(self) -> Operator: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def metrics(self) -> Metrics: ...

    def doorbell(self, host_id: str) -> Doorbell: ...
