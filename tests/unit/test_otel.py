"""OpenTelemetry: what is traced and measured, with the real SDK and its exporters into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from forge_jobs import Dead, Failed, ForgeJobs, InvalidValue, JobContext, Snoozed
from forge_jobs.otel import instrument
from forge_jobs.testing import run_due


class Seen:
    """What one application's telemetry has exported."""

    def __init__(self, jobs: ForgeJobs, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.meters = MeterProvider([self._reader])
        instrument(jobs, tracer_provider=self.tracers, meter_provider=self.meters, **options)

    def spans(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.kind is kind]

    def sent(self) -> ReadableSpan:
        (span,) = self.spans(SpanKind.PRODUCER)
        return span

    def run(self) -> ReadableSpan:
        (span,) = self.spans(SpanKind.CONSUMER)
        return span

    def points(self, name: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        metrics = [m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def seen(jobs: ForgeJobs) -> Iterator[Seen]:
    made = Seen(jobs)
    yield made
    made.tracers.shutdown()
    made.meters.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_an_enqueue_is_a_producers_span(jobs: ForgeJobs, seen: Seen) -> None:
    job = jobs.enqueue("resize", {"width": 1}, queue="media")
    span = seen.sent()

    assert span.name == "send resize"
    assert attributes(span) == {
        "messaging.system": "forge_jobs",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "media",
        "messaging.message.id": job.id,
        "forge_jobs.kind": "resize",
        "forge_jobs.deduplicated": False,
    }


def test_a_bulk_is_one_span(jobs: ForgeJobs, seen: Seen) -> None:
    jobs.enqueue_bulk([("resize", {}), ("resize", {}), ("mail", {})])

    assert seen.sent().name == "send jobs"
    assert attributes(seen.sent())["messaging.batch.message_count"] == 3
    counted = {dict(p.attributes)["forge_jobs.kind"]: p.value for p in seen.points("messaging.client.sent.messages")}
    assert counted == {"resize": 2, "mail": 1}


def test_an_enqueue_that_fails_says_so(jobs: ForgeJobs, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_args: Any) -> None:
        raise InvalidValue("no")

    monkeypatch.setattr(jobs.storage.producer, "enqueue", refuses)
    with pytest.raises(InvalidValue):
        jobs.enqueue("resize")

    assert seen.sent().status.status_code is StatusCode.ERROR
    assert attributes(seen.sent())["error.type"] == "InvalidValue"


def test_a_run_is_a_consumers_span(jobs: ForgeJobs, seen: Seen) -> None:
    within: list[Any] = []

    @jobs.handler(queue="media")
    def resize() -> int:
        within.append(trace.get_current_span().get_span_context().span_id)
        return 1

    job = resize.enqueue()
    run_due(jobs)
    span = seen.run()

    assert span.name == "process resize"
    assert span.context is not None
    assert within == [span.context.span_id]
    assert span.status.status_code is StatusCode.UNSET
    assert attributes(span) == {
        "messaging.system": "forge_jobs",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "media",
        "messaging.message.id": job.id,
        "forge_jobs.kind": "resize",
        "forge_jobs.attempt": 1,
        "forge_jobs.max_attempts": 5,
        "forge_jobs.outcome": "done",
    }
    assert job.result(timeout=0) == 1


def broken() -> None:
    raise ValueError("odd")


def committed(ctx: JobContext) -> None:
    with ctx.transaction():
        pass
    raise ValueError("too late")


ENDS = [
    (broken, "failed", "ValueError", StatusCode.ERROR, ["exception"]),
    (lambda: Failed("no luck"), "failed", "Failed", StatusCode.ERROR, []),
    (lambda: Dead("never"), "dead", "Dead", StatusCode.ERROR, []),
    (lambda: Snoozed(delay=60), "snoozed", None, StatusCode.UNSET, []),
    (committed, "done", None, StatusCode.UNSET, ["exception"]),
]


@pytest.mark.parametrize(("function", "outcome", "error", "status", "events"), ENDS, ids=lambda v: str(v)[:12])
def test_how_a_run_ended_is_on_its_span_and_in_the_metrics(
    jobs: ForgeJobs, seen: Seen, function: Any, outcome: str, error: str | None, status: StatusCode, events: list[str]
) -> None:
    jobs.handler("work")(function)
    jobs.enqueue("work")
    run_due(jobs)
    span = seen.run()

    assert (attributes(span)["forge_jobs.outcome"], attributes(span).get("error.type")) == (outcome, error)
    assert (span.status.status_code, [event.name for event in span.events]) == (status, events)
    (point,) = seen.points("messaging.process.duration")
    assert (point.count, point.attributes["forge_jobs.outcome"]) == (1, outcome)
    assert point.attributes.get("error.type") == error
    (begun,) = seen.points("messaging.client.consumed.messages")
    assert begun.value == 1


def test_it_stands_outside_of_all_other_middleware(jobs: ForgeJobs) -> None:
    inside: list[bool] = []

    @jobs.middleware
    def looks(ctx: JobContext, call_next: Any) -> Any:
        inside.append(trace.get_current_span().get_span_context().is_valid)
        return call_next()

    Seen(jobs)
    jobs.handler("work")(lambda: None)
    jobs.enqueue("work")
    run_due(jobs)

    assert inside == [True]


def test_without_an_sdk_nothing_is_different(jobs: ForgeJobs) -> None:
    instrument(jobs)
    instrument(jobs)
    jobs.handler("work")(lambda ctx: ctx.trace)
    job = jobs.enqueue("work", delay=0)
    run_due(jobs)
    jobs.hooks.stop()

    assert job.result(timeout=0) is None
    assert len(jobs.hooks.middleware) == 1


# -- one trace from enqueue to run ------------------------------------------------------------------------------------


def test_a_run_continues_the_trace_of_its_enqueue_and_hands_it_on(jobs: ForgeJobs, seen: Seen) -> None:
    @jobs.handler
    def first(ctx: JobContext) -> None:
        ctx.enqueue("second")

    jobs.handler("second")(lambda: None)
    with trace.use_span(seen.tracers.get_tracer("test").start_span("request")) as request:
        jobs.enqueue("first")
    run_due(jobs)
    sent = {span.name: span for span in seen.spans(SpanKind.PRODUCER)}
    ran = {span.name: span for span in seen.spans(SpanKind.CONSUMER)}

    lineage = [sent["send first"], ran["process first"], sent["send second"], ran["process second"]]
    assert {span.context.trace_id for span in lineage} == {request.get_span_context().trace_id}  # type: ignore[union-attr]
    parents = [span.parent.span_id for span in lineage]  # type: ignore[union-attr]
    assert parents == [request.get_span_context().span_id, *(span.context.span_id for span in lineage[:-1])]  # type: ignore[union-attr]


def test_each_of_a_bulk_and_each_attempt_continues_it(jobs: ForgeJobs, seen: Seen, clock: Any) -> None:
    @jobs.handler
    def flaky(ctx: JobContext) -> None:
        if ctx.attempt == 1:
            raise ValueError("at first")

    jobs.enqueue_bulk([("flaky", {}), ("flaky", {}, {"unique_key": "a"})])
    run_due(jobs)
    clock.advance(15)
    run_due(jobs)

    sent = seen.sent().context
    assert sent is not None
    assert len(seen.spans(SpanKind.CONSUMER)) == 4
    assert {span.parent.span_id for span in seen.spans(SpanKind.CONSUMER)} == {sent.span_id}  # type: ignore[union-attr]


def test_it_may_begin_a_trace_of_its_own_with_a_link(jobs: ForgeJobs) -> None:
    seen = Seen(jobs, continue_traces=False)
    jobs.handler("work")(lambda: None)
    jobs.enqueue("work")
    run_due(jobs)
    sent, run = seen.sent().context, seen.run()

    assert sent is not None
    assert run.parent is None
    assert run.context is not None
    assert run.context.trace_id != sent.trace_id
    assert [link.context.span_id for link in run.links] == [sent.span_id]


def test_the_state_of_a_trace_goes_with_it(jobs: ForgeJobs, seen: Seen) -> None:
    jobs.handler("work")(lambda: None)
    state = trace.TraceState([("vendor", "a-b"), ("other", "x")])
    caller = trace.SpanContext(7, 9, is_remote=True, trace_flags=trace.TraceFlags(1), trace_state=state)
    with trace.use_span(trace.NonRecordingSpan(caller)):
        jobs.enqueue("work")
    run_due(jobs)
    context = seen.run().context

    assert context is not None
    assert (context.trace_id, dict(context.trace_state)) == (7, {"vendor": "a-b", "other": "x"})


@pytest.mark.parametrize("stored", ["", "nonsense", "00-00-00-00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01 a=b"])
def test_a_trace_that_nobody_can_read_is_none(stored: str) -> None:
    from opentelemetry.context import Context

    from forge_jobs.otel import _W3C, _carrier

    context = _W3C.extract(_carrier(stored), Context())

    assert not trace.get_current_span(context).get_span_context().is_valid
