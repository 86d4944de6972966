"""OpenTelemetry in a real farm: the SDK is set up in each worker, after the fork, and flushed when it leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.farm import Farm

pytestmark = pytest.mark.processes


def lines(farm: Farm, what: str) -> list[dict[str, Any]]:
    texts = [path.read_text() for path in sorted(farm.directory.glob(f"{what}-*"))]
    return [json.loads(line) for text in texts for line in text.splitlines()]


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_spans_and_metrics_of_all_workers_are_exported_when_they_leave(farm: Farm, preload: str) -> None:
    first = farm.jobs.enqueue("first")
    supervised = farm.supervise("--drain", preload, app="traced_application:jobs")
    supervised.wait()
    second = farm.jobs.get(first.refresh().value)
    spans = lines(farm, "spans")
    runs = {span["attributes"]["messaging.message.id"]: span for span in spans if span["name"].startswith("process")}

    assert runs[second.id]["status"]["status_code"] == "ERROR"
    assert runs[second.id]["attributes"]["error.type"] == "ValueError"
    assert {span["name"] for span in spans} == {"process first", "send second", "process second"}
    assert len({span["context"]["trace_id"] for span in spans}) == 1, "one trace, from the first run to the second"
    measured = json.dumps(lines(farm, "metrics"))
    for name in ("messaging.process.duration", "messaging.client.consumed.messages"):
        assert name in measured
