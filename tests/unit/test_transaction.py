"""ctx.transaction(): what a handler writes and the end of its job, from the handler's side."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs import ForgeJobs, InvalidValue, JobContext, Status
from forge_jobs.testing import run_due
from tests.support.backends import Backend


@pytest.fixture
def table(jobs: ForgeJobs, backend: Backend) -> Any:
    """The application's own table, in the same database."""
    jobs.counts()
    connection = backend.connection()
    connection.execute("CREATE TABLE IF NOT EXISTS written (n integer)")
    connection.execute("DELETE FROM written")
    yield connection
    connection.execute("DROP TABLE written")


def written(table: Any) -> list[int]:
    return [row[0] for row in table.execute("SELECT n FROM written").fetchall()]


def test_the_job_is_done_with_what_it_wrote(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler
    def work(ctx: JobContext) -> str:
        with ctx.transaction() as transaction:
            transaction.connection.execute("INSERT INTO written VALUES (1)")
            transaction.result = {"wrote": 1}
        return "what is returned after it is of no interest"

    (job,) = [work.enqueue()]
    run_due(jobs)

    assert (job.result(timeout=0), job.attempts, written(table)) == ({"wrote": 1}, 1, [1])


def test_it_is_done_whatever_the_handler_does_next(jobs: ForgeJobs, table: Any, caplog: Any) -> None:
    @jobs.handler
    def work(ctx: JobContext) -> None:
        with ctx.transaction() as transaction:
            transaction.connection.execute("INSERT INTO written VALUES (1)")
        raise RuntimeError("too late")

    job = work.enqueue()
    run_due(jobs)

    assert (job.refresh().status, job.value, job.error_history, written(table)) == (Status.DONE, None, (), [1])
    assert "after the job was committed as done, its handler raised RuntimeError: too late" in caplog.text


def test_the_attempt_has_failed_where_the_block_raises(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler(max_attempts=1)
    def work(ctx: JobContext) -> None:
        with ctx.transaction() as transaction:
            transaction.connection.execute("INSERT INTO written VALUES (1)")
            raise RuntimeError("in time")

    job = work.enqueue()
    run_due(jobs)

    assert (job.refresh().status, written(table)) == (Status.DEAD, [])
    assert job.error_history[0].message == "RuntimeError: in time"


def test_a_handler_may_go_on_after_a_block_that_raised(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler
    def work(ctx: JobContext) -> str:
        try:
            with ctx.transaction() as transaction:
                transaction.connection.execute("INSERT INTO nowhere VALUES (1)")
        except Exception:
            return "in another way"
        raise AssertionError

    job = work.enqueue()
    run_due(jobs)

    assert (job.result(timeout=0), written(table)) == ("in another way", [])


def test_a_result_that_cannot_be_stored_fails_the_attempt_and_undoes_the_block(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler(max_attempts=1)
    def work(ctx: JobContext) -> None:
        with ctx.transaction() as transaction:
            transaction.connection.execute("INSERT INTO written VALUES (1)")
            transaction.result = object()

    job = work.enqueue()
    run_due(jobs)

    assert (job.refresh().status, written(table)) == (Status.DEAD, [])
    assert job.error_history[0].message.startswith("PayloadError: work: the result")


def test_jobs_join_the_transaction(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler(queue="later")
    def follow_up(number: int) -> int:
        return number

    @jobs.handler(max_attempts=1)
    def work(ctx: JobContext, fail: bool) -> None:
        with ctx.transaction() as transaction:
            follow_up.using(connection=transaction.connection).enqueue(number=1)
            ctx.enqueue("follow_up", {"number": 2}, connection=transaction.connection)
            jobs.enqueue_bulk([("follow_up", {"number": 3})], connection=transaction.connection)
            if fail:
                raise RuntimeError

    for fail in (True, False):
        work.enqueue(fail=fail)
    run_due(jobs)

    assert sorted(job.value for job in jobs.list(kind="follow_up")) == [1, 2, 3]
    assert written(table) == []


def test_there_is_one_transaction_for_a_job(jobs: ForgeJobs, table: Any) -> None:
    @jobs.handler
    def work(ctx: JobContext) -> None:
        with ctx.transaction():
            pass
        with pytest.raises(InvalidValue, match="this job is done already"), ctx.transaction() as transaction:
            transaction.connection.execute("INSERT INTO written VALUES (1)")

    job = work.enqueue()
    run_due(jobs)

    assert (job.refresh().status, written(table)) == (Status.DONE, [])
