"""ForgeJobs, the front door: declaring handlers, enqueueing."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from forge_jobs import ForgeJobs, Handler, HandlerError, InvalidValue, JobContext, PayloadError
from forge_jobs.clock import as_datetime
from tests.support.clock import FakeClock


def test_making_one_touches_nothing(tmp_path: Path) -> None:
    ForgeJobs(str(tmp_path / "deep" / "queue.sqlite"))

    assert list(tmp_path.iterdir()) == []


def test_enqueueing_creates_the_database_and_its_directory(tmp_path: Path) -> None:
    jobs = ForgeJobs(f"sqlite:///{tmp_path}/deep/queue.sqlite")

    job = jobs.enqueue("work")
    jobs.close()

    assert jobs.get(job.id).status == "pending"
    assert (tmp_path / "deep" / "queue.sqlite").is_file()
    jobs.close()


def test_closing_what_was_never_opened_is_no_error(tmp_path: Path) -> None:
    ForgeJobs(str(tmp_path / "queue.sqlite")).close()


def test_the_location_is_told_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_DATABASE_URL", f"sqlite:///{tmp_path}/env.sqlite")

    assert ForgeJobs().location.origin == "FORGE_DATABASE_URL"
    assert not ForgeJobs().names_database
    assert ForgeJobs("x.sqlite").names_database


# -- declaring ----------------------------------------------------------------------------------------------------


def test_a_handler_declared_bare_has_its_functions_name_and_the_defaults(jobs: ForgeJobs) -> None:
    @jobs.handler
    def resize(path: str) -> str:
        """Make it smaller."""
        return f"small {path}"

    assert isinstance(resize, Handler)
    assert (resize.kind, resize.queue, resize.max_attempts, resize.priority) == ("resize", "default", 5, 0)
    assert resize("a") == "small a"
    assert (resize.__name__, resize.__doc__) == ("resize", "Make it smaller.")
    assert jobs.handlers["resize"] is resize


def test_a_handler_may_be_declared_with_empty_brackets(jobs: ForgeJobs) -> None:
    @jobs.handler()
    def resize() -> None: ...

    assert resize.kind == "resize"


def test_a_handler_may_be_declared_with_everything(jobs: ForgeJobs) -> None:
    @jobs.handler("images/resize", queue="media", max_attempts=1, priority=-5)
    def resize() -> None: ...

    assert (resize.kind, resize.queue, resize.max_attempts, resize.priority) == ("images/resize", "media", 1, -5)
    assert repr(resize) == "<handler 'images/resize' on queue 'media'>"


def test_the_queues_are_those_of_the_handlers_in_order(jobs: ForgeJobs) -> None:
    for number, queue in enumerate(["b", "a", "b", "c"]):
        jobs.handler(f"kind-{number}", queue=queue)(lambda: None)

    assert list(jobs.handlers.queues()) == ["b", "a", "c"]
    assert list(jobs.handlers) == ["kind-0", "kind-1", "kind-2", "kind-3"]


def test_two_functions_cannot_handle_one_kind(jobs: ForgeJobs) -> None:
    @jobs.handler("resize")
    def one() -> None: ...

    with pytest.raises(HandlerError, match=r"kind 'resize' is handled by both .*one and .*other") as told:

        @jobs.handler("resize")
        def other() -> None: ...

    assert "@jobs.handler(kind=...)" in str(told.value)
    assert jobs.handlers["resize"] is one


def test_one_function_may_be_declared_again(jobs: ForgeJobs) -> None:
    """As when its module is imported twice, once as __main__."""

    def declare() -> Handler[..., Any]:
        @jobs.handler
        def resize() -> None: ...

        return resize

    declare()
    assert jobs.handlers["resize"] is declare() or len(jobs.handlers) == 1


@pytest.mark.parametrize(
    "options",
    [{"queue": "a b"}, {"queue": ""}, {"max_attempts": 0}, {"priority": 2**31}, {"kind": "a b"}, {"kind": ""}],
)
def test_options_out_of_range_are_refused_when_they_are_declared(jobs: ForgeJobs, options: dict[str, Any]) -> None:
    def work() -> None: ...

    with pytest.raises(InvalidValue):
        jobs.handler(**options)(work)
    assert len(jobs.handlers) == 0


def test_a_function_without_a_usable_name_needs_a_kind(jobs: ForgeJobs) -> None:
    with pytest.raises(InvalidValue, match="<lambda>"):
        jobs.handler(lambda: None)


# -- enqueueing by handler ------------------------------------------------------------------------------------------


def test_a_handler_enqueues_with_its_own_settings(jobs: ForgeJobs) -> None:
    @jobs.handler(queue="media", max_attempts=2, priority=-5)
    def resize(ctx: JobContext, path: str, width: int = 320) -> None: ...

    job = resize.enqueue(path="a.jpg")

    assert (job.kind, job.queue, job.max_attempts, job.priority) == ("resize", "media", 2, -5)
    assert job.payload == {"path": "a.jpg"}


def test_options_for_one_job_beat_the_handlers(jobs: ForgeJobs, clock: FakeClock) -> None:
    @jobs.handler(queue="media", max_attempts=2, priority=-5)
    def resize(path: str) -> None: ...

    prepared = resize.using(queue="fast", priority=0, delay=2.5, unique_key="a.jpg", max_attempts=9)
    job = prepared.enqueue(path="a.jpg")

    assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("fast", 0, 9, "a.jpg")
    assert job.scheduled_at == as_datetime(clock.now() + 2_500_000)
    assert prepared.enqueue(path="a.jpg").deduplicated


def test_a_moment_to_run_at_may_be_given(jobs: ForgeJobs) -> None:
    @jobs.handler
    def resize() -> None: ...

    moment = datetime(2040, 1, 1, tzinfo=UTC)

    assert resize.using(run_at=moment).enqueue().scheduled_at == moment


def test_arguments_are_checked_when_they_are_enqueued(jobs: ForgeJobs) -> None:
    @jobs.handler
    def resize(path: str) -> None: ...

    with pytest.raises(PayloadError, match="argument 'path' is missing"):
        resize.enqueue()
    with pytest.raises(PayloadError, match="unknown argument 'width'"):
        resize.enqueue(path="a", width=5)
    assert jobs.counts() == {}


# -- enqueueing by kind ---------------------------------------------------------------------------------------------


def test_a_producer_need_not_know_the_handler(jobs: ForgeJobs) -> None:
    job = jobs.enqueue("thumbnail", {"path": "a.jpg"}, queue="media")

    assert (job.kind, job.queue, job.payload) == ("thumbnail", "media", {"path": "a.jpg"})
    assert (job.priority, job.max_attempts) == (0, 5)


def test_no_payload_means_no_arguments(jobs: ForgeJobs) -> None:
    assert jobs.enqueue("thumbnail").payload == {}


def test_a_handler_that_is_known_gives_its_settings_and_checks(jobs: ForgeJobs) -> None:
    @jobs.handler(queue="media", max_attempts=2, priority=-5)
    def resize(path: str) -> None: ...

    job = jobs.enqueue("resize", {"path": "a"}, priority=1)

    assert (job.queue, job.max_attempts, job.priority) == ("media", 2, 1)
    with pytest.raises(PayloadError, match="argument 'path' is missing"):
        jobs.enqueue("resize")


@pytest.mark.parametrize("option", ["queue", "priority", "max_attempts", "run_at", "delay", "unique_key"])
def test_an_option_that_is_none_is_not_given(jobs: ForgeJobs, option: str) -> None:
    @jobs.handler(queue="media", max_attempts=2, priority=-5)
    def resize() -> None: ...

    job = jobs.enqueue("resize", {}, **{option: None})

    assert (job.queue, job.max_attempts, job.priority) == ("media", 2, -5)


@pytest.mark.parametrize("payload", [[], "text", 5, b"{}", ("a",)])
def test_a_payload_is_a_dict(jobs: ForgeJobs, payload: Any) -> None:
    with pytest.raises(PayloadError, match="must be a dict"):
        jobs.enqueue("work", payload)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prio": 1}, "unknown option 'prio'; options are queue, priority, run_at, delay, unique_key, max_attempts"),
        ({"queue": "a b"}, "queue name 'a b'"),
        ({"priority": 2**31}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"unique_key": ""}, "unique_key"),
        ({"run_at": datetime(2030, 1, 1)}, "time zone"),
        ({"run_at": "tomorrow"}, "not a datetime"),
        ({"run_at": datetime(2030, 1, 1, tzinfo=UTC), "delay": 1}, "not both"),
    ],
)
def test_a_bad_option_is_refused_and_nothing_is_stored(jobs: ForgeJobs, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        jobs.enqueue("work", {}, **options)
    assert jobs.counts() == {}


def test_a_bad_kind_is_refused(jobs: ForgeJobs) -> None:
    with pytest.raises(InvalidValue, match="kind 'a b'"):
        jobs.enqueue("a b")


# -- bulk ---------------------------------------------------------------------------------------------------------


def test_a_bulk_takes_jobs_in_three_forms_and_answers_in_their_order(jobs: ForgeJobs) -> None:
    @jobs.handler(queue="media")
    def resize(path: str = "") -> None: ...

    made = jobs.enqueue_bulk(
        [
            ("resize",),
            ("resize", {"path": "a"}),
            ("resize", {"path": "b"}, {"priority": -1, "unique_key": "b"}),
            ("other", None, {"queue": "x"}),
            ("resize", {"path": "b"}, {"unique_key": "b"}),
            ("other", None, None),
        ]
    )

    assert [(j.kind, j.queue, j.payload) for j in made] == [
        ("resize", "media", {}),
        ("resize", "media", {"path": "a"}),
        ("resize", "media", {"path": "b"}),
        ("other", "x", {}),
        ("resize", "media", {"path": "b"}),
        ("other", "default", {}),
    ]
    assert [j.deduplicated for j in made] == [False, False, False, False, True, False]
    assert made[4] == made[2]


def test_a_bulk_may_be_a_generator_and_empty(jobs: ForgeJobs) -> None:
    assert len(jobs.enqueue_bulk(("work", {"n": n}) for n in range(3))) == 3
    assert jobs.enqueue_bulk([]) == []


@pytest.mark.parametrize("odd", ["work", ["work"], (), ("work", {}, {}, 1), None])
def test_what_is_no_job_is_refused_with_its_place_in_the_bulk(jobs: ForgeJobs, odd: Any) -> None:
    with pytest.raises(InvalidValue, match="job 1 of the bulk is"):
        jobs.enqueue_bulk([("work",), odd])
    assert jobs.counts() == {}


@pytest.mark.parametrize("odd", [("work", []), ("work", {}, {"prio": 1}), ("a b",), ("work", {"x": float("nan")})])
def test_a_bulk_with_one_bad_job_stores_none(jobs: ForgeJobs, odd: Any) -> None:
    with pytest.raises((InvalidValue, PayloadError)):
        jobs.enqueue_bulk([("work",), odd])
    assert jobs.counts() == {}


@pytest.mark.parametrize("odd", [True, 1.0, [1], "1"])
def test_what_only_equals_an_option_of_a_bulk_is_refused_there(jobs: ForgeJobs, odd: Any) -> None:
    with pytest.raises(InvalidValue, match="priority"):
        jobs.enqueue_bulk([("work", {}, {"priority": 1}), ("work", {}, {"priority": odd})])
    assert jobs.counts() == {}


def test_times_of_a_bulk_that_come_twice_as_clocks_are_set_back_stay_apart(jobs: ForgeJobs) -> None:
    twice = datetime(2030, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    again = twice.replace(fold=1)
    assert twice == again

    first, second = jobs.enqueue_bulk([("work", {}, {"run_at": twice}), ("work", {}, {"run_at": again})])

    assert second.scheduled_at - first.scheduled_at == timedelta(hours=1)


def test_options_that_differ_from_job_to_job_stay_with_their_jobs(jobs: ForgeJobs) -> None:
    jobs.handler("mine", queue="media", priority=3)(lambda: None)
    given: list[dict[str, Any]] = [{}, {"priority": 5}, {"queue": "a", "priority": 5}, {"priority": 5}, {"queue": "a"}]

    made = jobs.enqueue_bulk((kind, None, options) for options in given for kind in ("mine", "work"))

    assert [(job.kind, job.queue, job.priority) for job in made] == [
        *(("mine", "media", 3), ("work", "default", 0)),
        *(("mine", "media", 5), ("work", "default", 5)),
        *(("mine", "a", 5), ("work", "a", 5)),
        *(("mine", "media", 5), ("work", "default", 5)),
        *(("mine", "a", 3), ("work", "a", 0)),
    ]


def test_one_mapping_that_a_generator_changes_is_read_anew_for_each_job(jobs: ForgeJobs) -> None:
    def generated() -> Iterator[tuple[Any, ...]]:
        payload: dict[str, Any] = {}
        options: dict[str, Any] = {}
        for number in range(10):
            payload["n"] = options["priority"] = number
            yield ("work", payload, options)

    made = jobs.enqueue_bulk(generated())

    assert [(job.payload, job.priority) for job in made] == [({"n": number}, number) for number in range(10)]


def test_options_of_a_bulk_are_not_changed(jobs: ForgeJobs) -> None:
    options: dict[str, Any] = {"unique_key": "k"}
    jobs.handler("work", queue="media")(lambda: None)
    jobs.enqueue_bulk([("work", None, options)])

    assert options == {"unique_key": "k"}


def test_a_handler_that_is_async_is_refused_with_a_way_out(jobs: ForgeJobs) -> None:
    with pytest.raises(HandlerError, match=r"is async.*asyncio\.run"):

        @jobs.handler
        async def later() -> None: ...


def test_a_function_without_a_name_needs_a_kind(jobs: ForgeJobs) -> None:
    nameless = functools.partial(int, base=2)

    with pytest.raises(HandlerError, match="kind="):
        jobs.handler(nameless)


def test_a_stored_payload_with_an_argument_the_handler_lacks_does_not_fit(jobs: ForgeJobs) -> None:
    @jobs.handler
    def resize(width: int) -> None: ...

    with pytest.raises(PayloadError, match="widht"):
        resize.parameters.decode(b'{"width": 1, "widht": 2}')
