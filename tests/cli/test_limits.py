"""``forge-jobs limits`` and the limits in ``why``, as a user types them."""

from __future__ import annotations

import json
from typing import Any

from forge_jobs.model.limits import KindRules
from forge_jobs.model.queue import QueueSettings
from tests.support.farm import Farm


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run(*arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def listed(farm: Farm) -> dict[str, Any]:
    return dict(json.loads(told(farm, "limits", "list", "--json")))


def parked(farm: Farm) -> str:
    farm.jobs.storage.limits.declare(
        [KindRules(kind="call", rate_limits=("api",)), KindRules(kind="heavy", max_running=1)]
    )
    farm.jobs.enqueue("heavy", {})
    waiting = farm.jobs.enqueue("heavy", {})
    farm.jobs.enqueue("call", {})
    return waiting.id


def test_a_rate_limit_is_set_drained_and_removed(farm: Farm) -> None:
    farm.jobs.storage.schema.create()
    assert "there are no limits" in told(farm, "limits", "list")

    told(farm, "limits", "set", "api", "--capacity", "10", "--per-minute", "30")
    (limit,) = listed(farm)["rate_limits"]
    assert (limit["scope"], limit["capacity"], limit["refill"], limit["tokens"]) == ("api", 10, 0.5, 10)
    told(farm, "limits", "drain", "api", "--retry-after", "60")
    assert listed(farm)["rate_limits"][0]["tokens"] == 0
    assert "drained until" in told(farm, "limits", "list")
    told(farm, "limits", "delete", "api", "--yes")

    assert listed(farm) == {"rate_limits": [], "kinds": []}


def test_what_cannot_be_is_said_in_one_sentence(farm: Farm) -> None:
    farm.jobs.storage.schema.create()

    assert "say exactly one of" in told(farm, "limits", "set", "api", "--capacity", "10", code=2)
    assert "capacity -1.0 is not valid" in told(
        farm, "limits", "set", "api", "--capacity", "-1", "--per-hour", "1", code=2
    )
    for verb in (["drain"], ["delete", "--yes"]):
        assert "there is no rate limit 'api'" in told(farm, "limits", verb[0], "api", *verb[1:], code=2)
    assert "without a terminal" in told(farm, "limits", "delete", "api", code=2)


def test_kinds_with_limits_are_listed_with_what_runs_and_waits(farm: Farm) -> None:
    parked(farm)

    kinds = {kind["kind"]: kind for kind in listed(farm)["kinds"]}

    assert (kinds["heavy"]["max_running"], kinds["heavy"]["ready"], kinds["heavy"]["waiting"]) == (1, 1, 1)
    assert (kinds["call"]["rate_limits"], kinds["call"]["waiting"]) == (["api"], 1)
    assert "heavy" in told(farm, "limits", "list")


def test_why_tells_who_has_the_place_and_which_limit_is_missing(farm: Farm) -> None:
    waiting = parked(farm)
    (holder,) = [job.id for job in farm.jobs.list(kind="heavy") if job.id != waiting]
    (call,) = farm.jobs.list(kind="call")

    assert f"those of {holder} are taken" in told(farm, "why", waiting)
    assert "forge-jobs limits set api" in told(farm, "why", call.id)


def test_a_queue_can_be_told_to_cool_down(farm: Farm) -> None:
    farm.jobs.storage.queue_config.ensure_queue(QueueSettings(name="default"))

    told(farm, "queue", "set", "default", "--cool-down")

    assert json.loads(told(farm, "queues", "--json"))["queues"][0]["cool_down"] is True


def test_every_verb_answers_a_program_too(farm: Farm) -> None:
    farm.jobs.storage.schema.create()

    made = json.loads(told(farm, "limits", "set", "api", "--capacity", "10", "--per-minute", "30", "--json"))
    drained = json.loads(told(farm, "limits", "drain", "api", "--json"))
    gone = json.loads(told(farm, "limits", "delete", "api", "--yes", "--json"))

    assert (made["tokens"], gone) == (10, {"deleted": "api"})
    assert drained["tokens"] < 1


def test_a_jobs_key_may_be_named(farm: Farm) -> None:
    farm.jobs.storage.limits.declare([KindRules(kind="sync", max_running_per_key=1)])

    job_id = told(farm, "enqueue", "sync", "--concurrency-key", "eu-1").strip()

    assert farm.jobs.get(job_id).record.limit_key == "eu-1"
