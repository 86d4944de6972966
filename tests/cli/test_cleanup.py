"""``forge-jobs cleanup`` and what ``queue set`` says of retention, as typed."""

from __future__ import annotations

import json

from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm
from tests.support.hands import Hand


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def finished(farm: Farm, number: int, queue: str = "default") -> None:
    farm.jobs.enqueue_bulk([("noop", {}, {"queue": queue})] * number)
    hand = Hand(farm.jobs.storage, queue=queue, kinds=["noop"])
    for _ in range(number):
        hand.finish()


def test_retention_is_set_shown_and_done(farm: Farm) -> None:
    for queue in ("default", "other"):
        farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name=queue))
    finished(farm, 5)
    told(farm, "queue", "set", "default", "--keep-done-jobs", "2", "--keep-dead", "none")

    shown = json.loads(told(farm, "queues", "--json"))["queues"][0]
    assert (shown["keep_done"], shown["keep_done_jobs"], shown["keep_dead"], shown["keep_dead_jobs"]) == (
        7.0, 2, None, None,
    )  # fmt: skip
    assert "7 d, 2 jobs for ever" in " ".join(told(farm, "queues").split())

    assert told(farm, "cleanup", "--queue", "other") == "nothing to remove\n"
    assert told(farm, "cleanup") == "queue default: removed 3 done\n"
    assert json.loads(told(farm, "cleanup", "--json")) == {"removed": []}
    told(farm, "queue", "set", "default", "--keep-done-jobs", "none", "--keep-done", "0")
    assert json.loads(told(farm, "cleanup", "--json"))["removed"] == [{"queue": "default", "status": "done", "jobs": 2}]


def test_bad_values_get_one_sentence(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default"))
    for option, value in (("--keep-done-jobs", "-1"), ("--keep-dead", "-2")):
        said = told(farm, "queue", "set", "default", f"{option}={value}", code=2)
        assert "is not valid: use" in said
    assert "queue name 'a b' is not valid" in told(farm, "cleanup", "--queue", "a b", code=2)
