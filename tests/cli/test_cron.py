"""``forge-jobs cron`` as an operator types it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forge_jobs.schedules import fire_due
from tests.support.farm import Farm

APP = ("--app", "application:jobs")
FIELDS = {
    "name", "kind", "expression", "timezone", "enabled", "next_fire_at", "last_fire_at", "last_error", "payload",
    "queue", "priority", "max_attempts", "overlap", "misfire", "jitter", "source", "created_at", "updated_at",
}  # fmt: skip


def told(farm: Farm, *arguments: str, code: int = 0) -> str:
    done = farm.run("cron", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def read(farm: Farm, *arguments: str) -> Any:
    return json.loads(told(farm, *arguments, "--json"))


@pytest.fixture
def nightly(farm: Farm) -> Farm:
    farm.jobs.cron.add("nightly", "30 2 * * *", "fail", payload={"message": "ü"}, timezone="Europe/Berlin")
    return farm


def test_a_schedule_is_made_with_its_handlers_settings_and_shown_whole(farm: Farm) -> None:
    told(farm, "add", "nightly", "30 2 * * *", "--kind", "fail", "--payload", '{"message": "ü"}', "--timezone",
         "Europe/Berlin", *APP)  # fmt: skip

    shown = read(farm, "show", "nightly")

    assert set(shown) == {*FIELDS, "fires"}
    assert (shown["kind"], shown["expression"], shown["timezone"]) == ("fail", "30 2 * * *", "Europe/Berlin")
    assert (shown["payload"], shown["max_attempts"], shown["source"]) == ({"message": "ü"}, 2, "operator")
    assert (shown["enabled"], shown["overlap"], shown["misfire"], shown["fires"]) == (True, "skip", "one", [])
    assert "Europe/Berlin" in told(farm, "show", "nightly")


def test_schedules_are_listed(nightly: Farm) -> None:
    told(nightly, "add", "noop", "@daily", *APP)  # its kind is its name

    listed = read(nightly, "list")["schedules"]

    assert [(schedule["name"], schedule["kind"]) for schedule in listed] == [("nightly", "fail"), ("noop", "noop")]
    assert set(listed[0]) == FIELDS
    assert [line.split()[0] for line in told(nightly, "list").splitlines()] == ["name", "nightly", "noop"]


WRONG = [
    (["add", "a", "61 * * * *", "--kind", "noop"], "minute '61' is not valid: use 0 to 59"),
    (["add", "a", "0 0 30 2 *", "--kind", "noop"], "it never fires"),
    (["add", "a", "* * * * *", "--kind", "nop"], "no handler of kind 'nop'; did you mean 'noop'?"),
    (["add", "a", "* * * * *", "--kind", "note"], "note: argument 'path' is missing"),
    (["add", "a", "* * * * *", "--kind", "noop", "--payload", "{"], "is not JSON"),
    (["add", "a", "* * * * *", "--kind", "noop", "--timezone", "Berlin"], "time zone 'Berlin' is not known"),
    (["add", "a", "* * * * *", "--kind", "noop", "--overlap", "x"], "'x' is not one of 'skip', 'allow'"),
    (["add", "a b", "* * * * *", "--kind", "noop"], "schedule name 'a b' is not valid"),
    (["add", "nightly", "* * * * *", "--kind", "noop"], "there is a schedule 'nightly' already (fail, 30 2 * * *)"),
    (["set", "nightly"], "nothing to set"),
    (["set", "nightly", "--expression", "* * *"], "it has 3 fields"),
    (["set", "nightly", "--payload", '{"text": 1}'], "unknown argument 'text'"),
    (["set", "nightly", "--jitter", "-1"], "jitter -1.0 is out of range"),
    (["set", "nightly", "--kind", "nope"], "no handler of kind 'nope'"),
    (["delete", "nightly"], "without a terminal to ask on, pass --yes"),
    (["next", "nightly", "-n", "0"], "0 is not in the range"),
]


@pytest.mark.parametrize(("arguments", "why"), WRONG)
def test_what_is_wrong_is_told_and_changes_nothing(nightly: Farm, arguments: list[str], why: str) -> None:
    before = nightly.jobs.cron.all()

    assert why in told(nightly, *arguments, *APP, code=2)
    assert nightly.jobs.cron.all() == before


@pytest.mark.parametrize("verb", ["show", "enable", "disable", "trigger", "next", "delete", "set"])
def test_an_unknown_name_is_told_with_those_that_are_known(nightly: Farm, verb: str) -> None:
    more = {"delete": ["--yes"], "set": ["--priority", "1"]}.get(verb, [])

    assert "there is no schedule 'nope'; known: nightly" in told(nightly, verb, "nope", *more, code=2)


def test_a_database_that_is_not_there_is_not_made_by_a_look(farm: Farm) -> None:
    assert "there is no database" in told(farm, "list", code=1)


def test_a_schedule_is_changed_switched_and_deleted(nightly: Farm) -> None:
    changed = read(nightly, "set", "nightly", "--expression", "0 5 * * *", "--timezone", "UTC", "--queue", "media",
                   "--priority", "-3", "--overlap", "allow", "--misfire", "all", "--jitter", "2.5", *APP)  # fmt: skip
    assert (changed["expression"], changed["timezone"], changed["queue"]) == ("0 5 * * *", "UTC", "media")
    assert (changed["priority"], changed["overlap"], changed["misfire"], changed["jitter"]) == (-3, "allow", "all", 2.5)
    assert (changed["payload"], changed["next_fire_at"][11:]) == ({"message": "ü"}, "05:00:00Z")

    off = read(nightly, "disable", "nightly")
    assert (off["enabled"], off["next_fire_at"]) == (False, None)
    assert "disabled" in told(nightly, "list")
    assert read(nightly, "enable", "nightly")["next_fire_at"] == changed["next_fire_at"]

    assert read(nightly, "delete", "nightly", "--yes") == {"deleted": "nightly"}
    assert nightly.jobs.cron.all() == []


def test_a_trigger_makes_a_job_and_obeys_overlap(nightly: Farm) -> None:
    first = told(nightly, "trigger", "nightly").strip()
    again = read(nightly, "trigger", "nightly")

    assert again == {"id": first, "deduplicated": True}
    assert nightly.jobs.get(first).payload == {"message": "ü"}
    assert len(nightly.jobs.list()) == 1
    done = nightly.run("cron", "trigger", "nightly")
    assert (done.stdout.strip(), done.returncode) == (first, 0)
    assert 'its overlap is "skip"' in done.stderr


def test_the_next_times_are_told_in_the_zone_and_in_utc(nightly: Farm) -> None:
    found = read(nightly, "next", "nightly", "-n", "3")

    assert (found["name"], found["timezone"], len(found["next"])) == ("nightly", "Europe/Berlin", 3)
    for time in found["next"]:
        assert time["local"][11:19] in ("02:30:00", "03:00:00")
        assert time["utc"][11:] in ("00:30:00Z", "01:30:00Z", "01:00:00Z")
    lines = told(nightly, "next", "nightly", "-n", "3").splitlines()
    assert lines[0].split() == ["local", "(Europe/Berlin)", "UTC"]
    assert len(lines) == 4
    nightly.jobs.cron.disable("nightly")
    assert read(nightly, "next", "nightly", "-n", "3") == found | {"enabled": False}


def test_the_last_fires_are_shown_with_their_jobs(nightly: Farm) -> None:
    storage = nightly.jobs.storage
    for _ in range(2):
        due = storage.schedules.get("nightly")
        assert due is not None
        assert due.next_fire_at is not None
        fire_due(storage.schedules, due.next_fire_at)

    skipped, fired = read(nightly, "show", "nightly")["fires"]

    assert (fired["outcome"], skipped["outcome"]) == ("fired", "skipped")
    assert fired["job_id"] == skipped["job_id"] == nightly.jobs.list()[0].id
    text = told(nightly, "show", "nightly", "--fires", "1")
    assert f"skipped  {fired['job_id']} (live then)" in text
    assert "fired    " not in text


def test_a_schedule_that_the_code_declares_no_more_is_told(farm: Farm) -> None:
    farm.jobs.cron("@daily", kind="gone")
    farm.jobs.cron.write()

    assert read(farm, "list", *APP)["schedules"][0]["source"] == "former code"
    assert read(farm, "list")["schedules"][0]["source"] == "code", "nobody knows better without the application"
