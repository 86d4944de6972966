"""Everything that is said between the parent and its children survives the way."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.model.crontab import Misfire, Schedule
from forge_jobs.model.declared import Declared
from forge_jobs.model.limits import KindRules, RateLimit
from forge_jobs.model.stops import StopReason
from forge_jobs_supervisor import messages
from forge_jobs_supervisor.messages import (
    BootFailed,
    Died,
    Drained,
    Drop,
    Dump,
    Farewell,
    Leave,
    Manifest,
    Message,
    Ready,
    Settled,
    Stop,
    Targets,
    Token,
    Totals,
    Wake,
    Watch,
    decoded,
    encoded,
)
from forge_jobs_supervisor.unix.lifeline import MAX_DATAGRAM

A_SCHEDULE = Schedule(
    name="n", kind="b", expression="@daily", payload='{"a": "é"}'.encode(), misfire=Misfire.ALL, jitter=2.5
)

EVERY: list[Message] = [
    Ready(),
    BootFailed(reason="the application 'x:jobs' cannot be imported: é 漢"),
    Watch(),
    Token(),
    Drop(claim_no=2**62),
    Leave(),
    Died(
        process_id=2**62,
        queue="media",
        number=1,
        pid=4711,
        running=True,
        started_no=7,
        exit_code=None,
        signal="SIGKILL",
        wall_time=2_500_000,
        cpu_time=1_500_000,
        peak_memory=10**10,
        stopped_claim=7,
        stop_reason=StopReason.MEMORY,
        stopped_for="the job used 3.0 MiB more than its idle worker; its limit is 1.0 MiB",
        killed_by_us=True,
        out_of_memory=True,
        with_supervisor=True,
    ),
    Settled(process_id=2**62),
    Wake(queue="media", jobs=3),
    Stop(claims=[(2**62, 7), (1, 2**62)]),
    Targets(caps={"media": 3, "default": None, "idle": 0}),
    Dump(process_ids=[2**62, 1]),
    Drained(),
    Totals(done=1, failed=2, dead=3, left=4),
    Farewell(done=1, failed=2, dead=3, unserved=["2 of kind x"]),
    Manifest(
        url="sqlite:////srv/q.sqlite",
        origin="the test",
        queues=["a"],
        kinds=["b", "c"],
        heard={"forge.echo": ("dead",)},
        declared=Declared(
            rules=[KindRules(kind="b", max_running=2)],
            rate_limits=[RateLimit(scope="s", capacity=1.0, refill=2.0)],
            schedules=[A_SCHEDULE],
        ),
    ),
]


@pytest.mark.parametrize("message", EVERY, ids=lambda m: type(m).__name__)
def test_a_message_comes_back_as_it_was(message: Message) -> None:
    assert decoded(encoded(message)) == message


def test_none_is_missing_here() -> None:
    assert {type(message) for message in EVERY} == set(Message.__subclasses__()) == set(messages.ANY.__args__)


@pytest.mark.parametrize("datagram", [b"", b"{}", b'{"type":"Nobody"}', b'{"type":"Wake"}', b"\xff"])
def test_anything_else_is_refused(datagram: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(datagram)


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\x01" * 10_000, "é\ud800\0" * 10_000, "\U0001f600" * 20_000])
def test_whatever_an_error_says_it_is_told_in_a_datagram(text: str) -> None:
    datagram = encoded(BootFailed.of(ValueError(text)))

    assert len(datagram) <= MAX_DATAGRAM
    assert isinstance(decoded(datagram), BootFailed)
