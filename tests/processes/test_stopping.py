"""An orderly stop loses no attempt; boot failures stop a farm that never came up."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.builders import a_job
from tests.support.farm import Farm, eventually, gone

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_running_jobs_finish_and_claims_nothing_more(farm: Farm, number: signal.Signals) -> None:
    go = farm.directory / "go"
    running = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise(workers=1)
    supervised.worker_of(running)
    waiting = farm.jobs.enqueue("noop")
    supervised.signal(number)
    eventually(lambda: "stopping" in supervised.log)
    go.touch()
    assert supervised.wait() == 0
    assert (running.refresh().status, running.attempts) == ("done", 1)
    assert (waiting.refresh().status, waiting.attempts) == ("pending", 0)


def test_what_did_not_finish_in_the_grace_goes_back_with_its_attempt(farm: Farm) -> None:
    child = farm.directory / "child"
    job = farm.jobs.enqueue("spawn_child", {"path": str(child)})
    supervised = farm.supervise("--grace", "0.2")
    eventually(lambda: child.exists() and child.read_text(), told="the handler's child")
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert (job.refresh().status, job.attempts, job.error_history) == ("pending", 0, ())
    eventually(lambda: gone(int(child.read_text())), told="the handler's child to be gone")


def test_a_second_interrupt_gives_no_more_time(farm: Farm) -> None:
    job = farm.jobs.enqueue("wait_for", {"path": str(farm.directory / "never")})
    supervised = farm.supervise("--grace", "3600")
    supervised.worker_of(job)
    supervised.signal(signal.SIGINT)
    eventually(lambda: "stopping: running jobs" in supervised.log)
    supervised.signal(signal.SIGINT)
    assert supervised.wait() == 0
    assert (job.refresh().status, job.attempts) == ("pending", 0)


def test_a_farm_stops_in_order_beside_a_thousand_queues_that_nobody_serves(farm: Farm) -> None:
    queues = [f"tenant-{number:04}" for number in range(1000)]
    farm.jobs.storage.producer.enqueue([a_job("make_thumbnails_of_a_new_upload", queue=queue) for queue in queues])
    supervised = farm.supervise("--drain", workers=1)
    printed, told = supervised.output(), supervised.log
    assert supervised.wait() == 0
    assert "done 0, attempts tried again 0, dead 0" in printed
    waiting = [line for line in told.splitlines() if line.startswith("left waiting: ")]
    assert waiting[0].startswith("left waiting: 1 of kind make_thumbnails_of_a_new_upload in queue tenant-0000 (")
    assert waiting[50:] == ["left waiting: and 950 more kinds in queues: forge-jobs status names all"]


def test_held_jobs_go_back_free_at_a_stop(farm: Farm) -> None:
    jobs = farm.jobs.enqueue_bulk([("noop", {})] * 20_000)
    supervised = farm.supervise(workers=2)
    eventually(lambda: farm.jobs.counts()["default"].done > 0, told="the first results")
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    counts = farm.jobs.counts()["default"]
    assert counts.in_progress == 0
    assert counts.done + counts.pending == len(jobs)
    assert {job.attempts for job in farm.jobs.list(status="pending", limit=1000)} <= {0}


def test_a_worker_that_is_asked_to_leave_finishes_its_job_and_is_replaced(farm: Farm) -> None:
    go = farm.directory / "go"
    job = farm.jobs.enqueue("wait_for", {"path": str(go)})
    supervised = farm.supervise(workers=1)
    worker = supervised.worker_of(job)
    os.kill(worker.pid, signal.SIGTERM)
    go.touch()
    farm.ended(job)
    assert (job.status, job.attempts) == ("done", 1)
    eventually(lambda: [w.pid for w in supervised.workers()] not in ([], [worker.pid]), told="another worker")


def test_the_host_is_off_the_registry_after_a_stop(farm: Farm) -> None:
    supervised = farm.supervise()
    supervised.up(2)
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0
    assert farm.jobs.storage.registry.hosts() == []
    assert farm.jobs.storage.registry.census("nobody", []).dead == []


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_an_application_that_cannot_be_imported_is_named_in_one_sentence(farm: Farm, preload: str) -> None:
    (farm.directory / "broken.py").write_text("import json\nraise ValueError('bad setting')\n")
    supervised = farm.supervise(preload, app="broken:jobs")
    assert supervised.wait() == 2
    assert "'broken:jobs' cannot be imported: ValueError: bad setting" in supervised.log
    assert "Traceback" not in supervised.log


def test_a_farm_that_never_comes_up_stops_with_the_childs_own_message(farm: Farm) -> None:
    (farm.directory / "fickle.py").write_text(
        "import os\nfrom pathlib import Path\nfrom forge_jobs import ForgeJobs\n"
        "mark = Path('mark')\n"
        "if mark.exists():\n    raise RuntimeError('no licence left')\n"
        "mark.touch()\njobs = ForgeJobs()\n"
        "@jobs.handler\ndef noop(): pass\n"
    )
    supervised = farm.supervise("--no-preload", app="fickle:jobs")
    assert "no licence left" in supervised.log if supervised.wait() == 3 else pytest.fail(supervised.log)


def test_an_application_that_starts_threads_is_refused_with_a_way_out(farm: Farm) -> None:
    (farm.directory / "threaded.py").write_text(
        "import threading\nfrom forge_jobs import ForgeJobs\njobs = ForgeJobs()\n"
        "@jobs.handler\ndef noop(): pass\n"
        "threading.Thread(target=threading.Event().wait, name='metrics', daemon=True).start()\n"
    )
    supervised = farm.supervise("--drain", app="threaded:jobs")
    assert supervised.wait() == 2
    assert "started threads (metrics)" in supervised.log
    assert "--no-preload" in supervised.log
    assert farm.supervise("--drain", "--no-preload", app="threaded:jobs").wait() == 0


def test_an_application_that_left_the_database_open_through_sqlite3_is_refused(farm: Farm) -> None:
    (farm.directory / "careless.py").write_text(
        "import sqlite3\nfrom forge_jobs import ForgeJobs\njobs = ForgeJobs()\n"
        "@jobs.handler\ndef noop(): pass\n"
        "kept = sqlite3.connect('queue.sqlite')\nkept.execute('select 1')\n"
    )
    farm.jobs.enqueue("noop")
    supervised = farm.supervise("--drain", app="careless:jobs")
    assert supervised.wait() == 2
    assert "open" in supervised.log
    assert "--no-preload" in supervised.log


def test_an_application_that_enqueues_while_it_is_imported_is_fine(farm: Farm) -> None:
    (farm.directory / "eager.py").write_text(
        "from forge_jobs import ForgeJobs\njobs = ForgeJobs()\n@jobs.handler\ndef noop(): pass\nnoop.enqueue()\n"
    )
    supervised = farm.supervise("--drain", app="eager:jobs")
    assert "done 1" in supervised.output()
