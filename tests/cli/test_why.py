"""``forge-jobs why``: a fresh user learns with one command why a job does not run."""

from __future__ import annotations

import json

from tests.support.farm import Farm, eventually


def said(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run("why", *arguments)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_nobody_serves_the_queue(farm: Farm) -> None:
    job = farm.jobs.enqueue("noop", {}, queue="nowhere")

    lines = said(farm, job.id).splitlines()

    assert lines[0] == f"job {job.id} of kind noop in queue nowhere waits"
    assert lines[1:4] == [
        "- no live supervisor serves queue nowhere",
        f"    do: forge-jobs supervise --queue nowhere=N, or forge-jobs move {job.id} --to QUEUE",
        "- it is ready; no job is before it in line",
    ]
    assert [reason["code"] for reason in json.loads(said(farm, job.id, "--json"))["reasons"]] == [
        "no_worker",
        "in_line",
    ]


def test_a_farm_tells_where_a_job_runs_what_waits_and_how_one_died(farm: Farm) -> None:
    supervised = farm.supervise("--queue", "default=1")
    running = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    supervised.worker_of(running)
    waiting, unknown = farm.jobs.enqueue("noop"), farm.jobs.enqueue("nop")

    eventually(lambda: "has been running for" in said(farm, running.id), told="the job to be shown as running")
    assert "worker default #1 on" in said(farm, running.id)
    eventually(lambda: "the one worker is busy" in said(farm, waiting.id), told="the worker to be shown as busy")
    assert "has a handler of kind nop" in said(farm, unknown.id)

    assert running.cancel() == "requested"
    farm.ended(running)
    told = said(farm, running.id)
    assert "it was cancelled" in told
    assert f"do: if it is wanted after all: forge-jobs retry {running.id}" in told
    answer = json.loads(said(farm, running.id, "--json"))
    assert (answer["status"], answer["attempts"][0]["cause"]) == ("dead", "cancelled")
    assert set(answer) == {"id", "kind", "queue", "status", "reasons", "attempts"}
    assert set(answer["reasons"][0]) == {"code", "told", "way_out"}


def test_a_job_that_is_not_there_gets_one_sentence(farm: Farm) -> None:
    farm.jobs.counts()
    assert "there is no job" in said(farm, "01a20c43-72a6-765a-b8d8-ab0b21b3e9aa", code=2)
    assert "'x' is not a job id" in said(farm, "x", code=2)
