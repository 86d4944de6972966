"""An application with OpenTelemetry, set up in each worker as an application does it. Copied beside its database."""

import os
from pathlib import Path

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from forge_jobs import ForgeJobs, JobContext
from forge_jobs.otel import instrument

jobs = ForgeJobs()
instrument(jobs)


@jobs.worker_start
def set_up() -> None:
    """Start the exporters with their threads: one file for each worker, one line for each span."""
    spans = Path(f"spans-{os.getpid()}").open("a")
    exporter = ConsoleSpanExporter(out=spans, formatter=lambda span: span.to_json(indent=None) + "\n")
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=600_000))
    trace.set_tracer_provider(tracers)
    measured = Path(f"metrics-{os.getpid()}").open("a")
    readings = ConsoleMetricExporter(out=measured, formatter=lambda data: data.to_json(indent=None) + "\n")
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(readings, 600_000_000)]))


@jobs.handler
def first(ctx: JobContext) -> str:
    return ctx.enqueue("second").id


@jobs.handler(max_attempts=1)
def second() -> None:
    raise ValueError("odd")
