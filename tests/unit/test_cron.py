"""``jobs.cron``: what code may say, what is checked when, and what reaches the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forge_jobs import ForgeJobs, HandlerError, InvalidValue, PayloadError
from forge_jobs.handlers import Handler
from forge_jobs.model.crontab import Misfire, Overlap, Schedule, delay_of
from forge_jobs.testing import ManualClock, run_due, use_clock
from tests.support.clock import FakeClock


def said(jobs: ForgeJobs) -> list[tuple[str, str, str, bytes]]:
    return [(s.name, s.kind, s.expression, s.payload) for s in jobs.cron.declared()]


def test_a_plain_function_becomes_a_handler(jobs: ForgeJobs) -> None:
    @jobs.cron("*/15 * * * *", queue="media", priority=-2, max_attempts=7)
    def tidy() -> int:
        return 5

    assert isinstance(tidy, Handler)
    assert (tidy(), tidy.kind, tidy.queue, tidy.priority, tidy.max_attempts) == (5, "tidy", "media", -2, 7)
    (schedule,) = jobs.cron.declared()
    assert (schedule.name, schedule.kind, schedule.expression) == ("tidy", "tidy", "*/15 * * * *")
    assert (schedule.queue, schedule.priority, schedule.max_attempts) == ("media", -2, 7)


def test_a_handlers_own_settings_are_those_of_its_schedule(jobs: ForgeJobs) -> None:
    @jobs.cron("@daily", payload={"day": 1})
    @jobs.handler("daily.report", queue="reports", priority=3, max_attempts=2, timeout=5)
    def report(day: int) -> None: ...

    (schedule,) = jobs.cron.declared()

    assert (schedule.name, schedule.kind, schedule.payload) == ("daily.report", "daily.report", b'{"day":1}')
    assert (schedule.queue, schedule.priority, schedule.max_attempts) == ("reports", 3, 2)
    assert report.timeout == 5


def test_decorators_may_be_stacked(jobs: ForgeJobs) -> None:
    @jobs.cron("0 3 * * *", name="report-full", payload={"full": True})
    @jobs.cron("*/5 * * * *")
    def report(full: bool = False) -> None: ...

    assert said(jobs) == [
        ("report-full", "report", "0 3 * * *", b'{"full":true}'),
        ("report", "report", "*/5 * * * *", b"{}"),
    ]


def test_a_kind_may_be_scheduled_by_its_name(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="elsewhere", payload={"a": [1]})
    jobs.cron("0 4 * * *", kind="elsewhere", name="later", queue="other")

    assert said(jobs) == [
        ("elsewhere", "elsewhere", "0 3 * * *", b'{"a":[1]}'),
        ("later", "elsewhere", "0 4 * * *", b"{}"),
    ]


def test_a_handler_that_is_declared_after_its_schedule_counts(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="report", payload={"wrong": 1})

    @jobs.handler(queue="reports")
    def report(day: int = 1) -> None: ...

    with pytest.raises(PayloadError, match="unknown argument 'wrong'"):
        jobs.cron.declared()


def test_kind_names_a_plain_functions_kind(jobs: ForgeJobs) -> None:
    @jobs.cron("0 3 * * *", kind="nightly")
    def some_function() -> None: ...

    assert some_function.kind == "nightly"
    assert [name for name, *_ in said(jobs)] == ["nightly"]


def test_all_options_arrive(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="k", timezone="Europe/Berlin", overlap="allow", misfire="all", jitter=30)

    (schedule,) = jobs.cron.declared()

    assert (schedule.timezone, schedule.overlap, schedule.misfire, schedule.jitter) == (
        "Europe/Berlin", Overlap.ALLOW, Misfire.ALL, 30.0,
    )  # fmt: skip
    assert (schedule.queue, schedule.priority, schedule.max_attempts) == ("default", 0, 5)


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"expression": "61 * * * *"}, InvalidValue, "minute '61'"),
    ({"expression": "0 0 30 2 *"}, InvalidValue, "it never fires"),
    ({"timezone": "Berlin"}, InvalidValue, "time zone 'Berlin' is not known"),
    ({"overlap": "queue"}, InvalidValue, "overlap 'queue' is not one of skip, allow"),
    ({"misfire": "two"}, InvalidValue, "misfire 'two' is not one of one, skip, all"),
    ({"misfire": 1}, InvalidValue, "misfire 1 is not one of"),
    ({"jitter": -1}, InvalidValue, "jitter -1 is out of range"),
    ({"jitter": "5s"}, InvalidValue, "jitter '5s'"),
    ({"queue": "a b"}, InvalidValue, "queue name 'a b'"),
    ({"priority": 1.5}, InvalidValue, "priority 1.5"),
    ({"max_attempts": 0}, InvalidValue, "max_attempts 0"),
    ({"name": "a b"}, InvalidValue, "schedule name 'a b'"),
    ({"kind": ""}, InvalidValue, "kind ''"),
    ({"payload": [1]}, PayloadError, "the payload is list, it must be a dict"),
    ({"payload": {"a": float("nan")}}, PayloadError, "not finite"),
    ({"payload": {"a": object()}}, PayloadError, "cannot be stored as JSON"),
]


@pytest.mark.parametrize(("wrong", "error", "told"), WRONG)
def test_what_is_wrong_is_refused_where_it_is_written(
    jobs: ForgeJobs, wrong: dict[str, Any], error: type[Exception], told: str
) -> None:
    options = {"expression": "0 3 * * *", "kind": "k"} | wrong
    with pytest.raises(error, match=told):
        jobs.cron(options.pop("expression"), **options)
    if "kind" not in wrong:
        options = {"expression": "0 3 * * *"} | wrong
        with pytest.raises(error, match=told):
            jobs.cron(options.pop("expression"), **options)
    assert jobs.cron.declared() == []


def test_a_payload_that_does_not_fit_the_function_is_refused_where_it_stands(jobs: ForgeJobs) -> None:
    with pytest.raises(PayloadError, match="report: argument 'day' is missing"):

        @jobs.cron("0 3 * * *")
        def report(day: int) -> None: ...


def same_name_twice(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="report")
    jobs.cron("0 4 * * *", kind="report")


def same_name_by_decorators(jobs: ForgeJobs) -> None:
    @jobs.cron("0 3 * * *")
    @jobs.cron("0 4 * * *")
    def report() -> None: ...


def same_name_for_two_kinds(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="a", name="report")
    jobs.cron("0 3 * * *", kind="b", name="report")


@pytest.mark.parametrize("twice", [same_name_twice, same_name_by_decorators, same_name_for_two_kinds])
def test_two_of_one_name_are_an_error(jobs: ForgeJobs, twice: Callable[[ForgeJobs], None]) -> None:
    with pytest.raises(HandlerError, match=r"two schedules are named 'report' .*: give one of them another name"):
        twice(jobs)


def test_a_decorators_kind_that_is_not_the_handlers_is_an_error(jobs: ForgeJobs) -> None:
    @jobs.handler
    def report() -> None: ...

    with pytest.raises(HandlerError, match="kind 'other' stands on the handler of 'report'"):
        jobs.cron("0 3 * * *", kind="other")(report)


def test_a_declaration_that_schedules_nothing_is_an_error(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *")

    with pytest.raises(HandlerError, match=r"jobs.cron\('0 3 \* \* \*'\) schedules nothing"):
        jobs.cron.declared()


def test_what_is_declared_is_written_once(jobs: ForgeJobs) -> None:
    jobs.cron("0 3 * * *", kind="report")

    assert jobs.cron.write() == ["report"]
    assert jobs.cron.write() == []
    assert jobs.cron.get("report").declared


def test_schedules_fire_in_the_tests_of_applications(jobs: ForgeJobs, clock: FakeClock) -> None:
    seen = []

    @jobs.cron("*/10 * * * *", payload={"text": "tick"})
    def note(text: str) -> None:
        seen.append(text)

    assert run_due(jobs) == []
    clock.advance(600)
    assert [job.kind for job in run_due(jobs)] == ["note"]
    clock.advance(599)
    assert len(run_due(jobs)) == 1
    assert run_due(jobs) == []
    assert seen == ["tick", "tick"]


def test_a_clock_to_turn_lets_schedules_fire(tmp_path: Path) -> None:
    jobs, clock = ForgeJobs(f"sqlite:///{tmp_path}/queue.sqlite"), ManualClock()

    @jobs.cron("*/15 * * * *")
    def tidy() -> None: ...

    use_clock(jobs, clock)
    clock.advance(15 * 60)

    assert [job.kind for job in run_due(jobs)] == ["tidy"]
    jobs.close()


def test_a_digest_knows_what_is_said_and_nothing_of_defaults() -> None:
    plain = Schedule(name="a", kind="k", expression="@daily")
    defaults = {
        "timezone": "".join("UTC"),
        "payload": bytes([*b"{}"]),
        "jitter": float("0"),
        "queue": "".join("default"),
    }

    assert plain.digest() == Schedule(name="a", kind="k", expression="@daily", **defaults).digest()
    assert msgspec.json.decode(msgspec.json.encode(plain), type=Schedule).digest() == plain.digest()
    others = [{"timezone": "Europe/Berlin"}, {"payload": b'{"a":1}'}, {"jitter": 1.0}, {"misfire": Misfire.ALL}]
    digests = {Schedule(name="a", kind="k", expression="@daily", **other).digest() for other in others}
    assert len({plain.digest(), *digests}) == 5


def test_an_operator_makes_changes_and_removes(jobs: ForgeJobs) -> None:
    made = jobs.cron.add("nightly", "0 3 * * *", "report", payload={"a": 1}, priority=4)
    assert (made.kind, made.payload, made.priority, made.declared) == ("report", b'{"a":1}', 4, None)

    changed = jobs.cron.change("nightly", expression="0 4 * * *", payload={"b": 2})
    assert (changed.expression, changed.payload, changed.priority) == ("0 4 * * *", b'{"b":2}', 4)
    assert jobs.cron.change("nightly", kind="other").payload == b'{"b":2}'
    assert not jobs.cron.disable("nightly").enabled
    assert jobs.cron.enable("nightly") == jobs.cron.get("nightly") == jobs.cron.all()[0]

    jobs.cron.remove("nightly")
    assert jobs.cron.all() == []


def test_a_kind_is_changed_only_where_the_payload_fits_it(jobs: ForgeJobs) -> None:
    @jobs.handler
    def report(day: int) -> None: ...

    jobs.cron.add("nightly", "0 3 * * *", "other", payload={"night": 1})

    with pytest.raises(PayloadError, match="report: unknown argument 'night'"):
        jobs.cron.change("nightly", kind="report")
    with pytest.raises(InvalidValue, match="unknown option 'speed' of a schedule"):
        jobs.cron.change("nightly", speed=3)
    with pytest.raises(InvalidValue, match="minute '99'"):
        jobs.cron.change("nightly", expression="99 * * * *")
    assert jobs.cron.get("nightly").kind == "other"


@pytest.mark.parametrize("verb", ["get", "fires", "next", "change", "enable", "disable", "remove", "trigger"])
def test_an_unknown_name_is_told_with_those_that_are_known(jobs: ForgeJobs, verb: str) -> None:
    with pytest.raises(InvalidValue, match="there is no schedule 'nope'; known: there is none yet"):
        getattr(jobs.cron, verb)("nope")
    jobs.cron.add("a", "0 3 * * *", "k")
    jobs.cron.add("b", "0 3 * * *", "k")
    with pytest.raises(InvalidValue, match="there is no schedule 'nope'; known: a, b"):
        getattr(jobs.cron, verb)("nope")


def test_the_next_times_are_told_also_of_one_that_is_disabled(jobs: ForgeJobs) -> None:
    jobs.cron.add("a", "*/10 * * * *", "k")
    times = jobs.cron.next("a", 3)

    assert times[0] == jobs.cron.get("a").next_fire_at
    assert [later - times[0] for later in times] == [0, 600_000_000, 1_200_000_000]
    jobs.cron.disable("a")
    assert jobs.cron.next("a", 3) == times


def test_a_trigger_makes_a_job_at_once_and_moves_no_time(jobs: ForgeJobs, clock: FakeClock) -> None:
    jobs.cron.add("a", "*/10 * * * *", "k", payload={"x": 1}, jitter=500)
    before = jobs.cron.get("a")

    job = jobs.cron.trigger("a")

    assert (job.kind, job.payload, job.deduplicated) == ("k", {"x": 1}, False)
    assert job.record.scheduled_at == clock.now()
    assert jobs.cron.get("a") == before
    assert jobs.cron.fires("a") == []


def test_a_trigger_obeys_overlap(jobs: ForgeJobs) -> None:
    jobs.cron.add("one", "@daily", "k")
    jobs.cron.add("many", "@daily", "k", overlap="allow")

    first = jobs.cron.trigger("one")
    second = jobs.cron.trigger("one")
    assert (second, second.deduplicated) == (first, True)
    assert not jobs.cron.trigger("many").deduplicated
    assert not jobs.cron.trigger("many").deduplicated


def test_the_delay_is_within_the_jitter_and_always_the_same() -> None:
    delays = [delay_of("a", n * 60_000_000, 10) for n in range(1000)]

    assert delays == [delay_of("a", n * 60_000_000, 10) for n in range(1000)]
    assert 0 <= min(delays) < 100_000
    assert 9_900_000 < max(delays) < 10_000_000
    assert len(set(delays)) > 990
    assert delay_of("a", 5, 10) != delay_of("b", 5, 10)
    assert delay_of("a", 5, 0) == 0
