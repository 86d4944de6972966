"""Schedules on a real farm: each second has its job, also when the leader dies."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.farm import Farm, eventually, gone

pytestmark = pytest.mark.processes

APPLICATION = """
from forge_jobs import ForgeJobs

jobs = ForgeJobs()


@jobs.cron("*/1 * * * * *", overlap="allow", misfire="all")
def tick() -> None:
    pass


jobs.cron("0 0 1 1 *", kind="yearly", queue="other")
"""


@pytest.fixture
def ticking(farm: Farm) -> Farm:
    (farm.directory / "ticking.py").write_text(APPLICATION)
    return farm


def seconds(farm: Farm) -> list[int]:
    """Return for which seconds jobs were made, in order."""
    made = farm.jobs.list(kind="tick", limit=1000)
    return sorted(job.record.scheduled_at // 1_000_000 for job in made)


@pytest.mark.parametrize("preload", ["--preload", "--no-preload"])
def test_a_job_is_made_and_run_each_second(ticking: Farm, preload: str) -> None:
    supervised = ticking.supervise(preload, app="ticking:jobs", workers=1)
    eventually(lambda: ticking.jobs.counts().get("default") and ticking.jobs.counts()["default"].done >= 4)
    supervised.signal(signal.SIGTERM)
    assert supervised.wait() == 0

    made = seconds(ticking)
    assert made == list(range(made[0], made[0] + len(made)))
    assert "schedule tick: what the code declares is new" in supervised.log
    listed = json.loads(ticking.run("cron", "list", "--json").stdout)["schedules"]
    assert [(s["name"], s["queue"], s["source"]) for s in listed] == [
        ("tick", "default", "code"),
        ("yearly", "other", "code"),
    ]
    fires = json.loads(ticking.run("cron", "show", "tick", "--json", "--fires", "100").stdout)["fires"]
    assert {fire["job_id"] for fire in fires} == {job.id for job in ticking.jobs.list(kind="tick", limit=1000)}


def test_no_second_is_lost_or_doubled_when_leaders_are_killed(ticking: Farm) -> None:
    hosts = [ticking.supervise(app="ticking:jobs", workers=1) for _ in range(3)]
    eventually(lambda: len(ticking.jobs.storage.registry.workers()) == 3, told="three hosts")
    for doomed in hosts[:2]:
        before = len(seconds(ticking))
        eventually(lambda before=before: len(seconds(ticking)) >= before + 2, told="seconds to go by")
        doomed.process.kill()
        eventually(lambda pid=doomed.pid: gone(pid))
    before = len(seconds(ticking))
    eventually(lambda: len(seconds(ticking)) >= before + 2, told="seconds to go by")

    made = seconds(ticking)
    assert made == list(range(made[0], made[0] + len(made)))


def test_new_code_reaches_the_database_at_a_reload(ticking: Farm) -> None:
    supervised = ticking.supervise(app="ticking:jobs", workers=1)
    supervised.staffed(1)
    eventually(lambda: ticking.jobs.cron.all(), told="the schedules")
    ticking.run("cron", "set", "yearly", "--priority", "3")
    changed = APPLICATION.replace("*/1 * * * * *", "*/2 * * * * *")
    changed += "# Python takes a file of the same size, changed within the same second, for the one it has compiled\n"
    (ticking.directory / "ticking.py").write_text(changed)
    supervised.signal(signal.SIGHUP)

    eventually(lambda: ticking.jobs.cron.get("tick").expression == "*/2 * * * * *", told="the new code's schedule")
    assert ticking.jobs.cron.get("yearly").priority == 3
    fires = len(ticking.jobs.cron.fires("tick", 100))
    eventually(lambda: len(ticking.jobs.cron.fires("tick", 100)) > fires, told="it to fire")


def test_an_operators_change_is_followed_and_stays(ticking: Farm) -> None:
    ticking.supervise(app="ticking:jobs", workers=1)
    eventually(lambda: len(seconds(ticking)) >= 2)
    assert ticking.run("cron", "disable", "tick").returncode == 0
    still = seconds(ticking)
    assert ticking.run("cron", "add", "often", "*/1 * * * * *", "--kind", "tick", "--overlap", "allow").returncode == 0
    eventually(lambda: len(seconds(ticking)) >= len(still) + 2, told="the new one to fire")

    keys = {job.record.scheduled_at // 1_000_000 for job in ticking.jobs.list(kind="tick", limit=1000)}
    assert len(keys) == len(seconds(ticking)), "the disabled one does not fire any more"
    assert ticking.jobs.cron.fires("tick", 1)[0].fire_at // 1_000_000 <= still[-1]
