"""OpenTelemetry: a span where a job is enqueued, one around each run, in one trace, and metrics of both.

Names are those of the semantic conventions for messaging. Only the API is used here; the SDK is the application's to
set up: in a worker, by a function of ``@jobs.worker_start``, since what an SDK starts does not survive a fork.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from forge_jobs import __version__
from forge_jobs.app import ForgeJobs
from forge_jobs.client import Send
from forge_jobs.clock import monotonic
from forge_jobs.context import JobContext
from forge_jobs.model.job import Enqueued, NewJob
from forge_jobs.model.outcome import Dead, Done, Failed, Snoozed, Throttled
from forge_jobs.model.stops import JobInterrupted, JobStopped

try:
    from opentelemetry import context as contexts
    from opentelemetry import metrics, trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise ImportError('forge_jobs.otel needs OpenTelemetry: pip install "forge-jobs[otel]"') from error

_W3C = TraceContextTextMapPropagator()
_SYSTEM = "forge_jobs"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
"""Bounds of the histograms, in seconds: jobs run from milliseconds to hours."""

_FLUSH_MILLISECONDS = 5_000
"""At most, for spans and for metrics: a worker that leaves has 15 seconds."""

_SEPARATOR = " "
"""Between traceparent and tracestate in a job's row; neither has one."""


def instrument(
    jobs: ForgeJobs,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
    continue_traces: bool = True,
) -> None:
    """Trace and measure every enqueue and every run of this application's jobs; once for each ForgeJobs.

    Without providers the global ones are used, and may be set later: so it can be called where the application is
    imported, before the fork. The span of a run continues the trace of the enqueue; without ``continue_traces`` it
    begins one of its own and links to it. It stands outside of all other middleware, whenever it was declared. Spans
    and metrics are flushed when a worker leaves in order; those of one that is killed are lost.
    """
    if jobs.client.sending is not None:
        return
    telemetry = _Telemetry(tracer_provider, meter_provider, continue_traces=continue_traces)
    jobs.client.sending = telemetry.send
    jobs.hooks.surround(telemetry.around, outermost=True)
    jobs.hooks.at_stop(telemetry.flush)


class _Ended(NamedTuple):
    """How a run ended, in the words of the metrics; ``error`` is a type's name, ``told`` a sentence."""

    outcome: str
    error: str | None = None
    told: str | None = None


class _Telemetry:
    def __init__(
        self,
        tracers: trace.TracerProvider | None,
        meters: metrics.MeterProvider | None,
        *,
        continue_traces: bool,
    ) -> None:
        self._tracers, self._meters = tracers, meters
        self._continue = continue_traces
        self._tracer = trace.get_tracer(__name__, __version__, tracers)
        meter = metrics.get_meter(__name__, __version__, meters)
        self._sent = meter.create_counter("messaging.client.sent.messages", "{message}", "Jobs enqueued")
        self._consumed = meter.create_counter("messaging.client.consumed.messages", "{message}", "Runs begun")
        self._sending = _seconds(meter, "messaging.client.operation.duration", "How long an enqueue took")
        self._processing = _seconds(meter, "messaging.process.duration", "How long a run took")

    def send(self, store: Send, jobs: Sequence[NewJob]) -> Sequence[Enqueued]:
        """Store jobs in a span, whose context goes with them."""
        attributes = _of_batch(jobs)
        before = monotonic()
        error: str | None = None
        with self._tracer.start_as_current_span(_name("send", jobs), kind=trace.SpanKind.PRODUCER) as span:
            span.set_attributes(attributes)
            try:
                carried = _carried()
                answers = store([msgspec.structs.replace(job, trace=carried) for job in jobs])
            except BaseException as raised:
                error = type(raised).__qualname__
                span.set_attribute("error.type", error)
                raise
            finally:
                self._count_sent(jobs, monotonic() - before, error)
            if len(answers) == 1:
                span.set_attribute("messaging.message.id", answers[0].id)
                span.set_attribute("forge_jobs.deduplicated", answers[0].deduplicated)
        return answers

    def _count_sent(self, jobs: Sequence[NewJob], seconds: float, error: str | None) -> None:
        failed = {} if error is None else {"error.type": error}
        places: dict[tuple[str, str], int] = {}
        for job in jobs:
            places[job.queue, job.kind] = places.get((job.queue, job.kind), 0) + 1
        for (queue, kind), number in places.items():
            self._sent.add(number, _place("send", queue, kind) | failed)
        self._sending.record(seconds, {"messaging.system": _SYSTEM, "messaging.operation.name": "send"} | failed)

    def around(self, ctx: JobContext, call_next: Callable[[], Any]) -> Any:
        """Run a job in a span; the middleware."""
        place = _place("process", ctx.queue, ctx.kind)
        self._consumed.add(1, place)
        before = monotonic()
        ended = _Ended("failed")
        with self._span(ctx, place) as span:
            try:
                value = call_next()
                ended = _end_of(ctx, value)
                return value
            except BaseException as error:
                ended = _Ended("done") if ctx.completed is not None else _broken(error)
                if not isinstance(error, JobInterrupted):
                    span.record_exception(error)
                raise
            finally:
                _conclude(span, ended)
                more = {"forge_jobs.outcome": ended.outcome} | ({"error.type": ended.error} if ended.error else {})
                self._processing.record(monotonic() - before, place | more)

    @contextlib.contextmanager
    def _span(self, ctx: JobContext, place: dict[str, str]) -> Iterator[trace.Span]:
        sent = _carrier(ctx.trace)
        remote = _W3C.extract(sent, contexts.Context())
        of_sender = trace.get_current_span(remote).get_span_context()
        links = [trace.Link(of_sender)] if of_sender.is_valid and not self._continue else []
        attributes = place | {"messaging.operation.type": "process", "messaging.message.id": ctx.id}
        with self._tracer.start_as_current_span(
            f"process {ctx.kind}",
            remote if self._continue else contexts.Context(),
            trace.SpanKind.CONSUMER,
            attributes | {"forge_jobs.attempt": ctx.attempt, "forge_jobs.max_attempts": ctx.max_attempts},
            links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def flush(self) -> None:
        """Hand over what the SDK still holds, where there is one."""
        for provider in (self._tracers or trace.get_tracer_provider(), self._meters or metrics.get_meter_provider()):
            force = getattr(provider, "force_flush", None)
            if force is not None:
                force(_FLUSH_MILLISECONDS)


def _seconds(meter: metrics.Meter, name: str, told: str) -> metrics.Histogram:
    return meter.create_histogram(name, "s", told, explicit_bucket_boundaries_advisory=_BUCKETS)


def _place(operation: str, queue: str, kind: str) -> dict[str, str]:
    return {
        "messaging.system": _SYSTEM,
        "messaging.operation.name": operation,
        "messaging.destination.name": queue,
        "forge_jobs.kind": kind,
    }


def _name(operation: str, jobs: Sequence[NewJob]) -> str:
    kinds = {job.kind for job in jobs}
    return f"{operation} {kinds.pop() if len(kinds) == 1 else 'jobs'}"


def _of_batch(jobs: Sequence[NewJob]) -> dict[str, str | int]:
    queues, kinds = {job.queue for job in jobs}, {job.kind for job in jobs}
    found: dict[str, str | int] = {
        "messaging.system": _SYSTEM,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
    }
    if len(queues) == 1:
        found["messaging.destination.name"] = queues.pop()
    if len(kinds) == 1:
        found["forge_jobs.kind"] = kinds.pop()
    if len(jobs) != 1:
        found["messaging.batch.message_count"] = len(jobs)
    return found


def _carried() -> str | None:
    """Return the current context as it stands in a job's row."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    parts = [carrier.get("traceparent", ""), carrier.get("tracestate", "").replace(" ", "")]
    return _SEPARATOR.join(part for part in parts if part) or None


def _carrier(stored: str | None) -> dict[str, str]:
    parent, _, state = (stored or "").partition(_SEPARATOR)
    return {name: value for name, value in (("traceparent", parent), ("tracestate", state)) if value}


def _end_of(ctx: JobContext, value: Any) -> _Ended:
    """Return how a run ended that raised nothing."""
    if ctx.completed is not None:
        return _Ended("done")
    match value:
        case Failed(message=told):
            return _Ended("failed", "Failed", told)
        case Dead(message=told):
            return _Ended("dead", "Dead", told)
        case Throttled():
            return _Ended("throttled")
        case Snoozed():
            return _Ended("snoozed")
        case Done() | _:
            return _Ended("done")


def _broken(error: BaseException) -> _Ended:
    """Return how a run ended that was broken off; one that only has to make way has not failed."""
    if isinstance(error, JobInterrupted):
        return _Ended("interrupted")
    outcome = "stopped" if isinstance(error, JobStopped) else "failed"
    return _Ended(outcome, type(error).__qualname__, str(error))


def _conclude(span: trace.Span, ended: _Ended) -> None:
    span.set_attribute("forge_jobs.outcome", ended.outcome)
    if ended.error:
        span.set_attribute("error.type", ended.error)
        span.set_status(trace.Status(trace.StatusCode.ERROR, ended.told))
