"""From how an attempt ended to what is recorded of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs.clock import MICROSECONDS
from forge_jobs.model.job import ErrorEntry
from forge_jobs.model.outcome import Verdict
from forge_jobs.model.queue import QueueSettings
from forge_jobs.model.states import Cause, Status
from forge_jobs.model.stops import StopReason, stop_verdict
from forge_jobs.settling import CRASHES, UNKNOWN, Settler, Used
from forge_jobs.storage.claims import Claim, Ended, given_back

NOW = 1_750_000_000 * MICROSECONDS
SETTINGS = QueueSettings(name="default", backoff_base=10, backoff_max=100)
NO_WAIT = QueueSettings(name="default", backoff_enabled=False)
ERROR = Verdict(cause=Cause.ERROR, message="no luck")
CRASH = Verdict(cause=Cause.CRASHED, message="the worker died")
CANCELLED = stop_verdict(StopReason.CANCEL, "cancelled while it was running")
RELEASED = stop_verdict(StopReason.INTERRUPT, "the farm stops")


def a_claim(attempt: int = 1, max_attempts: int = 5, crashes: int = 0) -> Claim:
    return Claim(7, "0192", "work", "default", 3, attempt, max_attempts, crashes, b"{}", NOW - 5)


def settle(
    claim: Claim, verdict: Verdict, settings: QueueSettings = SETTINGS, spread: float = 0.0, used: Used = UNKNOWN
) -> Ended:
    return Settler("machine", 4711, lambda: spread).settle(claim, 99, verdict, settings, NOW, NOW - 2, used)


def wait_of(ended: Ended) -> float:
    assert ended.scheduled_at is not None
    return (ended.scheduled_at - NOW) / MICROSECONDS


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(result=b"1"),
        ERROR,
        CRASH,
        CANCELLED,
        RELEASED,
        Verdict(cause=Cause.ERROR, final=True),
        Verdict(wait_seconds=1),
    ],
)
def test_an_end_names_its_claim_its_times_and_what_it_used(verdict: Verdict) -> None:
    ended = settle(a_claim(), verdict, used=Used(3_000_000, 500_000, 9))

    assert (ended.key, ended.id, ended.queue, ended.process_id, ended.claim_no) == (7, "0192", "default", 99, 3)
    assert (ended.started_at, ended.finished_at) == (NOW - 2, NOW)
    assert (ended.cpu_time, ended.peak_memory) == (500_000, 9)


def test_of_what_is_not_known_nothing_is_recorded() -> None:
    ended = settle(a_claim(), CRASH)

    assert (ended.cpu_time, ended.peak_memory) == (None, None)
    assert ended.error is not None
    assert (ended.error.wall_seconds, ended.error.cpu_seconds, ended.error.peak_memory) == (None, None, None)


def test_what_an_attempt_did_not_use_is_known() -> None:
    ended = settle(a_claim(), CRASH, used=Used(0, 0, 0))

    assert (ended.cpu_time, ended.peak_memory) == (0, 0)
    assert ended.error is not None
    assert (ended.error.wall_seconds, ended.error.cpu_seconds, ended.error.peak_memory) == (0, 0, 0)


def test_a_result_makes_the_job_done() -> None:
    ended = settle(a_claim(crashes=2), Verdict(result=b"1"))

    assert (ended.status, ended.result, ended.error, ended.crashes) == (Status.DONE, b"1", None, 0)


@pytest.mark.parametrize(("attempt", "wait"), [(1, 10), (2, 20), (3, 40), (4, 80)])
def test_an_error_waits_by_the_number_of_the_attempt(attempt: int, wait: float) -> None:
    ended = settle(a_claim(attempt), ERROR)

    assert (ended.status, wait_of(ended), ended.attempt_back) == (Status.FAILED, wait, False)


def test_with_backoff_off_an_error_is_tried_again_at_once() -> None:
    assert wait_of(settle(a_claim(4), ERROR, NO_WAIT)) == 0


def test_the_wait_is_spread_as_drawn() -> None:
    assert wait_of(settle(a_claim(), ERROR, spread=1)) == 11


@pytest.mark.parametrize("verdict", [ERROR, CRASH])
@pytest.mark.parametrize(
    ("attempt", "maximum", "status"), [(4, 5, "failed"), (5, 5, "dead"), (6, 5, "dead"), (1, 1, "dead")]
)
def test_the_last_attempt_is_the_end(verdict: Verdict, attempt: int, maximum: int, status: str) -> None:
    assert settle(a_claim(attempt, maximum), verdict).status == status


def test_a_final_failure_is_not_tried_again() -> None:
    ended = settle(a_claim(), Verdict(cause=Cause.ERROR, message="never", final=True))

    assert (ended.status, ended.scheduled_at) == (Status.DEAD, None)
    assert ended.error is not None
    assert ended.error.message == "never"


def test_the_history_gets_all_that_is_known() -> None:
    verdict = Verdict(
        cause=Cause.CRASHED,
        message="the worker died",
        traceback="…",
        exit_signal="SIGKILL",
        exit_code=1,
        pid=12,
    )

    assert settle(a_claim(2), verdict, used=Used(2_000_000, 500_000, 9)).error == ErrorEntry(
        at=NOW,
        attempt=2,
        cause=Cause.CRASHED,
        message="the worker died",
        traceback="…",
        host="machine",
        pid=12,
        exit_signal="SIGKILL",
        exit_code=1,
        wall_seconds=2.0,
        cpu_seconds=0.5,
        peak_memory=9,
    )


def test_the_history_names_this_process_where_no_other_died() -> None:
    ended = settle(a_claim(), ERROR)

    assert ended.error is not None
    assert ended.error.pid == 4711


@pytest.mark.parametrize("cause", sorted(CRASHES))
@pytest.mark.parametrize(("crashes", "wait"), [(0, 0), (1, 10), (2, 20), (3, 40)])
def test_the_first_crash_in_a_row_is_tried_again_at_once(cause: Cause, crashes: int, wait: float) -> None:
    ended = settle(a_claim(attempt=crashes + 1, crashes=crashes), Verdict(cause=cause))

    assert (ended.status, ended.crashes, wait_of(ended)) == (Status.FAILED, crashes + 1, wait)


@pytest.mark.parametrize("cause", sorted(set(Cause) - CRASHES))
def test_any_other_failure_ends_the_row_of_crashes(cause: Cause) -> None:
    assert settle(a_claim(crashes=3), Verdict(cause=cause)).crashes == 0


def test_crashes_are_lost_lives_of_a_process() -> None:
    assert {Cause.CRASHED, Cause.KILLED, Cause.LOST} == CRASHES


def test_a_job_that_waits_gets_its_attempt_back_and_keeps_its_crashes() -> None:
    ended = settle(a_claim(5, 5, crashes=2), Verdict(wait_seconds=30))

    assert (ended.status, ended.attempt_back, ended.crashes, ended.error) == (Status.PENDING, True, 2, None)
    assert wait_of(ended) == 30


def test_a_job_may_wait_until_a_moment() -> None:
    assert settle(a_claim(), Verdict(wait_until=NOW + 5)).scheduled_at == NOW + 5


@pytest.mark.parametrize(("attempt", "maximum"), [(1, 5), (5, 5), (6, 5)])
def test_a_job_that_was_interrupted_goes_back_to_its_old_place_with_its_attempt(attempt: int, maximum: int) -> None:
    ended = settle(a_claim(attempt, maximum, crashes=2), RELEASED)

    assert (ended.status, ended.attempt_back, ended.scheduled_at) == (Status.PENDING, True, None)
    assert (ended.crashes, ended.error, ended.result) == (2, None, None)
    assert not ended.never_started


@pytest.mark.parametrize("verdict", [CANCELLED, Verdict(cause=Cause.CANCELLED)])
@pytest.mark.parametrize("attempt", [1, 5])
def test_a_job_that_was_cancelled_is_not_tried_again_and_its_attempt_counts(verdict: Verdict, attempt: int) -> None:
    ended = settle(a_claim(attempt, 5), verdict)

    assert (ended.status, ended.scheduled_at, ended.attempt_back) == (Status.DEAD, None, False)
    assert ended.error is not None
    assert (ended.error.cause, ended.error.attempt) == (Cause.CANCELLED, attempt)


@pytest.mark.parametrize("reason", [StopReason.TIMEOUT, StopReason.MEMORY])
def test_an_attempt_that_passed_a_limit_has_failed_and_is_tried_again_by_the_queues_policy(reason: StopReason) -> None:
    limit = stop_verdict(reason, "too much")

    assert (settle(a_claim(2), limit).status, wait_of(settle(a_claim(2), limit))) == (Status.FAILED, 20)
    assert settle(a_claim(5, 5), limit).status is Status.DEAD


def test_a_claim_that_counts_as_never_made_goes_back_to_its_old_place() -> None:
    ended = given_back(a_claim(crashes=1), 99, NOW)

    assert (ended.key, ended.id, ended.queue, ended.process_id, ended.claim_no) == (7, "0192", "default", 99, 3)
    assert (ended.status, ended.attempt_back, ended.scheduled_at, ended.crashes) == (Status.PENDING, True, None, 1)
    assert (ended.started_at, ended.error) == (None, None)


verdicts = st.one_of(
    st.builds(Verdict, result=st.just(b"1")),
    st.builds(Verdict, cause=st.sampled_from(Cause), final=st.booleans()),
    st.builds(Verdict, wait_seconds=st.floats(0, 1e6)),
    st.just(RELEASED),
)


@given(
    verdict=verdicts,
    attempt=st.integers(1, 1000),
    maximum=st.integers(1, 1000),
    crashes=st.integers(0, 100),
    spread=st.floats(-1, 1),
)
def test_every_end_is_one_that_can_be_recorded(
    verdict: Verdict, attempt: int, maximum: int, crashes: int, spread: float
) -> None:
    ended = settle(a_claim(attempt, maximum, crashes), verdict, spread=spread)

    waits = ended.status in (Status.PENDING, Status.FAILED)
    assert (ended.scheduled_at is not None) == (waits and not verdict.released)
    assert (ended.error is not None) == (verdict.cause is not None)
    assert (ended.result is not None) == (ended.status is Status.DONE)
    assert ended.scheduled_at is None or wait_of(ended) >= 0
    assert ended.attempt_back == (ended.status is Status.PENDING)
    if ended.status is Status.FAILED:
        assert attempt < maximum
        assert verdict.cause is not Cause.CANCELLED


def test_a_throttled_job_waits_by_the_curve_and_is_counted() -> None:
    claim = msgspec.structs.replace(a_claim(), throttles=1)

    ended = settle(claim, Verdict(wait_seconds=3, throttled=True))

    assert (ended.status, ended.attempt_back, ended.throttled, ended.lets_go) == (Status.PENDING, True, True, False)
    assert wait_of(ended) == 20
    assert wait_of(settle(claim, Verdict(wait_seconds=300, throttled=True))) == 300


def test_a_rate_limited_job_waits_as_long_as_the_limit_says_and_is_not_counted() -> None:
    ended = settle(a_claim(), Verdict(wait_seconds=0.25))

    assert (wait_of(ended), ended.throttled, ended.attempt_back) == (0.25, False, True)


def test_a_snoozed_job_lets_the_next_of_its_key_pass() -> None:
    assert settle(a_claim(), Verdict(wait_seconds=5, lets_go=True)).lets_go


def test_an_end_says_whether_others_may_wait_for_it() -> None:
    assert not settle(a_claim(), ERROR).limited
    assert settle(msgspec.structs.replace(a_claim(), limit_key=""), ERROR).limited
