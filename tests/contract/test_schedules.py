"""Schedules: a time fires once and is followed by the next one, in one transaction, whoever asks how often."""

from __future__ import annotations

import msgspec
import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import DatabaseBusy, DatabaseError, InvalidValue
from forge_jobs.model.crontab import CATCH_UP, KEPT_FIRES, Firing, Misfire, Overlap, ScheduleRecord
from forge_jobs.model.states import Status
from forge_jobs.schedules import changed_by, firing_of, seeding
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import record
from tests.support.clock import START, FakeClock
from tests.support.hands import Hand
from tests.support.schedules import (
    MINUTE,
    a_schedule,
    add,
    fire,
    fires,
    jobs,
    numbers,
    record_of,
    said_by_code,
    times_made,
)
from tests.support.together import together
from tests.support.until import until

FIRST = (START // MINUTE + 1) * MINUTE
"""The first whole minute of a test."""


def change(storage: Storage, name: str = "report", **fields: object) -> ScheduleRecord | None:
    def act(found: ScheduleRecord | None) -> ScheduleRecord | None:
        assert found is not None
        return changed_by(dict(fields), found, storage.clock.now())

    return storage.schedules.edit(name, act)


def test_a_schedule_is_stored_whole(storage: Storage) -> None:
    said = a_schedule(
        kind="mail",
        payload=b'{"to": "a", "text": "\xc3\xbc"}',
        queue="media",
        priority=-7,
        max_attempts=3,
        expression="0 9 * * 1",
        timezone="Europe/Berlin",
        overlap="allow",
        misfire="all",
        jitter=2.5,
    )
    storage.schedules.edit("report", lambda _: ScheduleRecord(
        **msgspec.structs.asdict(said), enabled=True, declared="d", next_fire_at=5, last_fire_at=4, last_error="ü",
        created_at=1, updated_at=2,
    ))  # fmt: skip

    found = record_of(storage)

    assert {name: getattr(found, name) for name in said.__struct_fields__} == msgspec.structs.asdict(said)
    assert (found.enabled, found.declared, found.next_fire_at, found.last_fire_at) == (True, "d", 5, 4)
    assert (found.last_error, found.created_at, found.updated_at) == ("ü", 1, 2)
    assert storage.schedules.all() == [found]


def test_schedules_are_told_by_name_and_one_that_is_not_there_is_none(storage: Storage) -> None:
    for name in ("b", "c", "a"):
        add(storage, name)

    assert [schedule.name for schedule in storage.schedules.all()] == ["a", "b", "c"]
    assert storage.schedules.get("d") is None


def test_a_new_one_does_not_fire_before_its_first_time(storage: Storage) -> None:
    assert add(storage).next_fire_at == FIRST

    assert numbers(fire(storage)) == (0, 0, 0, 0)
    assert fire(storage).next_due == FIRST
    assert jobs(storage) == []


def test_a_name_is_taken_once(storage: Storage) -> None:
    before = add(storage)

    with pytest.raises(InvalidValue, match="there is a schedule 'report' already"):
        add(storage, expression="0 0 * * *")

    assert record_of(storage) == before


def test_what_is_due_fires_exactly_one_job(storage: Storage, clock: FakeClock) -> None:
    add(storage, payload=b'{"a": 1}', queue="media", priority=4, max_attempts=2)
    clock.advance(60)

    done = fire(storage)

    assert numbers(done) == (1, 0, 0, 0)
    assert done.next_due == FIRST + MINUTE
    (job,) = jobs(storage)
    assert (job.kind, job.queue, job.status, job.priority, job.max_attempts) == ("work", "media", "pending", 4, 2)
    assert (record(storage, job.id).payload, job.scheduled_at) == (b'{"a": 1}', FIRST)
    (fired,) = storage.schedules.fires("report", 9)
    assert (fired.fire_at, fired.outcome, fired.job_id) == (FIRST, "fired", job.id)


def test_it_fires_once_however_often_it_is_asked(storage: Storage, clock: FakeClock) -> None:
    add(storage)
    clock.advance(60)

    assert [numbers(fire(storage))[0] for _ in range(3)] == [1, 0, 0]
    assert (record_of(storage).last_fire_at, record_of(storage).next_fire_at) == (FIRST, FIRST + MINUTE)


def test_of_two_who_saw_the_same_one_fires(storage: Storage, clock: FakeClock, backend: Backend) -> None:
    add(storage, overlap="allow")
    clock.advance(60)
    seen = storage.schedules.due(clock.now(), 9)
    also_seen = backend.open(clock).schedules.due(clock.now(), 9)

    assert storage.schedules.fire(firing_of(seen[0], clock.now())) is not None
    assert storage.schedules.fire(firing_of(also_seen[0], clock.now())) is None
    assert len(jobs(storage)) == 1


def test_many_who_fire_at_once_fire_each_time_once(storage: Storage, clock: FakeClock, backend: Backend) -> None:
    for name in ("a", "b", "c"):
        add(storage, name, overlap="allow", kind=name)

    for _ in range(5):
        clock.advance(60)
        together(backend, clock, lambda one: fire(one))

    assert sorted(times_made(storage).items()) == [(FIRST + n * MINUTE, 3) for n in range(5)]
    assert fires(storage, "a") == [(FIRST + n * MINUTE, "fired") for n in range(5)]


def test_nothing_is_stored_when_storing_the_job_fails(storage: Storage, clock: FakeClock) -> None:
    add(storage)
    clock.advance(60)
    before = record_of(storage)
    firing = firing_of(before, clock.now())
    ((time, job),) = firing.times
    assert job is not None
    broken = msgspec.structs.replace(job, id="nonsense")

    with pytest.raises((DatabaseError, ValueError)):
        storage.schedules.fire(msgspec.structs.replace(firing, times=[(time, broken)]))

    assert record_of(storage) == before
    assert (jobs(storage), fires(storage)) == ([], [])
    assert numbers(fire(storage)) == (1, 0, 0, 0)


def test_nothing_is_stored_when_remembering_the_time_fails(storage: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow")
    clock.advance(60)
    before = record_of(storage)
    firing = firing_of(before, clock.now())

    with pytest.raises(DatabaseError):
        storage.schedules.fire(msgspec.structs.replace(firing, times=[*firing.times, *firing.times]))

    assert record_of(storage) == before
    assert (jobs(storage), fires(storage)) == ([], [])


def test_a_fire_while_the_job_of_the_last_one_is_live_is_skipped(storage: Storage, clock: FakeClock) -> None:
    add(storage)
    hand = Hand(storage)
    clock.advance(60)
    fire(storage)
    running = hand.take()
    clock.advance(60)

    assert numbers(fire(storage)) == (0, 1, 0, 0)
    assert [job.id for job in jobs(storage)] == [running.id]
    skipped, fired = storage.schedules.fires("report", 9)
    assert (skipped.outcome, skipped.job_id, fired.job_id) == ("skipped", running.id, running.id)

    hand.hand_in(hand.done(running))
    clock.advance(60)
    assert numbers(fire(storage)) == (1, 0, 0, 0)


def test_with_overlap_allowed_each_fire_makes_a_job(storage: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow")
    for _ in range(2):
        clock.advance(60)
        assert numbers(fire(storage)) == (1, 0, 0, 0)

    assert [job.unique_key for job in jobs(storage)] == [None, None]


def test_of_missed_times_one_fires_for_the_latest(storage: Storage, clock: FakeClock) -> None:
    add(storage, misfire="one")
    clock.advance(5 * 60)

    assert numbers(fire(storage)) == (1, 4, 0, 0)
    assert times_made(storage) == {FIRST + 4 * MINUTE: 1}
    assert fires(storage)[-2:] == [(FIRST + 3 * MINUTE, "skipped"), (FIRST + 4 * MINUTE, "fired")]


def test_times_that_are_a_minute_back_were_missed_and_are_skipped(storage: Storage, clock: FakeClock) -> None:
    add(storage, misfire="skip", overlap="allow", expression="*/30 * * * * *")
    clock.advance((FIRST - START) / MICROSECONDS + 105)

    assert numbers(fire(storage)) == (2, 2, 0, 0)
    became = ["skipped", "skipped", "fired", "fired"]
    assert fires(storage) == [(FIRST + n * MINUTE // 2, what) for n, what in enumerate(became)]
    assert [fire.job_id is None for fire in storage.schedules.fires("report", 9)] == [False, False, True, True]


def test_all_missed_times_fire(storage: Storage, clock: FakeClock) -> None:
    add(storage, misfire="all", overlap="allow")
    clock.advance(5 * 60)

    assert numbers(fire(storage)) == (5, 0, 0, 0)
    assert times_made(storage) == {FIRST + n * MINUTE: 1 for n in range(5)}


def test_of_very_many_missed_times_the_newest_fire(storage: Storage, clock: FakeClock) -> None:
    add(storage, misfire="all", overlap="allow", expression="*/5 * * * * *")
    now = clock.advance(days=30)

    assert numbers(fire(storage)) == (CATCH_UP, 0, 0, 0)
    newest = now // (5 * MICROSECONDS) * 5 * MICROSECONDS
    assert sorted(times_made(storage)) == [newest - n * 5 * MICROSECONDS for n in reversed(range(CATCH_UP))]
    assert record_of(storage).next_fire_at == newest + 5 * MICROSECONDS


def test_the_newest_fires_are_kept(storage: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow")
    for _ in range(3):
        clock.advance(40 * 60)
        fire(storage)

    kept = storage.schedules.fires("report", 1000)

    assert [f.fire_at for f in kept] == [FIRST + n * MINUTE for n in reversed(range(20, 120))]
    assert len(kept) == KEPT_FIRES


def test_a_clock_that_is_set_back_fires_nothing_twice(storage: Storage, clock: FakeClock) -> None:
    add(storage, overlap="allow")
    clock.advance(5 * 60)
    fire(storage)
    last = record_of(storage).last_fire_at
    assert last is not None
    clock.advance(-3 * 60)

    change(storage, enabled=False)
    change(storage, enabled=True)
    assert record_of(storage).next_fire_at == last + MINUTE
    change(storage, expression="*/1 * * * *")
    assert record_of(storage).next_fire_at == last + MINUTE
    for _ in range(3):
        clock.advance(60)
        assert numbers(fire(storage)) == (0, 0, 0, 0)

    clock.advance(60)
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert max(times_made(storage).values()) == 1


def test_one_without_a_time_gets_one_and_does_not_fire(storage: Storage, clock: FakeClock) -> None:
    seen = add(storage)
    storage.schedules.edit("report", lambda _: msgspec.structs.replace(seen, next_fire_at=None))
    clock.advance(3600)

    assert numbers(fire(storage)) == (0, 0, 1, 0)
    assert record_of(storage).next_fire_at == FIRST + 60 * MINUTE
    assert jobs(storage) == []
    assert storage.schedules.edit("report", seeding(clock.now())) == record_of(storage)


def test_one_that_cannot_be_read_is_told_and_holds_up_nobody(storage: Storage, clock: FakeClock) -> None:
    bad = add(storage, "bad")
    storage.schedules.edit("bad", lambda _: msgspec.structs.replace(bad, expression="61 * * * *"))
    add(storage, "good")
    clock.advance(60)

    for expected in [(1, 0, 0, 1), (0, 0, 0, 1)]:
        assert numbers(fire(storage)) == expected
    assert "minute '61' is not valid" in str(record_of(storage, "bad").last_error)
    assert record_of(storage, "bad").enabled

    change(storage, "bad", expression="* * * * *")
    assert record_of(storage, "bad").last_error is None


def test_what_failed_is_told_and_tried_again(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(storage)
    clock.advance(60)
    with monkeypatch.context() as patch:

        def fail(_firing: Firing) -> None:
            raise DatabaseError("no room")

        patch.setattr(storage.schedules, "fire", fail)
        assert fire(storage).errors == {"report": "no room"}
    assert (record_of(storage).last_error, record_of(storage).next_fire_at) == ("no room", FIRST)

    assert numbers(fire(storage)) == (1, 0, 0, 0)
    assert record_of(storage).last_error is None
    assert times_made(storage) == {FIRST: 1}


def test_a_database_that_is_away_is_told_at_once_and_no_error_of_a_schedule(
    storage: Storage, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        add(storage, name)
    clock.advance(60)
    asked = []

    def fail(firing: Firing) -> None:
        asked.append(firing.seen.name)
        raise DatabaseBusy("away")

    monkeypatch.setattr(storage.schedules, "fire", fail)
    with pytest.raises(DatabaseBusy):
        fire(storage)

    assert len(asked) == 1
    assert record_of(storage, asked[0]).last_error is None


def test_one_that_is_disabled_does_not_fire_and_goes_on_from_when_it_is_enabled(
    storage: Storage, clock: FakeClock
) -> None:
    add(storage)
    change(storage, enabled=False)
    clock.advance(600)
    assert (numbers(fire(storage)), fire(storage).next_due) == ((0, 0, 0, 0), None)

    change(storage, enabled=True)

    assert record_of(storage).next_fire_at == FIRST + 10 * MINUTE
    assert numbers(fire(storage)) == (0, 0, 0, 0)
    clock.advance(60)
    assert numbers(fire(storage)) == (1, 0, 0, 0)


def test_one_that_was_changed_after_it_was_seen_does_not_fire_as_it_was(storage: Storage, clock: FakeClock) -> None:
    add(storage, payload=b'{"old": true}')
    clock.advance(60)
    (seen,) = storage.schedules.due(clock.now(), 9)
    change(storage, payload=b'{"old": false}')

    assert storage.schedules.fire(firing_of(seen, clock.now())) is None
    assert numbers(fire(storage)) == (1, 0, 0, 0)
    (job,) = jobs(storage)
    assert record(storage, job.id).payload == b'{"old": false}'


def test_one_that_was_removed_after_it_was_seen_does_not_fire(storage: Storage, clock: FakeClock) -> None:
    add(storage)
    clock.advance(60)
    (seen,) = storage.schedules.due(clock.now(), 9)

    assert storage.schedules.remove("report")
    assert storage.schedules.fire(firing_of(seen, clock.now())) is None
    assert (jobs(storage), fires(storage), storage.schedules.all()) == ([], [], [])
    assert not storage.schedules.remove("report")


def test_a_change_of_the_payload_leaves_the_times_alone(storage: Storage, clock: FakeClock) -> None:
    add(storage, expression="0 0 * * *")
    before = record_of(storage)
    clock.advance(600)

    change(storage, payload=b"{}", priority=3)

    assert record_of(storage).next_fire_at == before.next_fire_at
    assert record_of(storage).updated_at > before.updated_at


def test_changes_of_two_operators_both_stick(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    add(storage)
    other = backend.open(clock)
    other.schedules.get("report")

    change(storage, queue="one")
    change(other, priority=9)

    assert (record_of(storage).queue, record_of(storage).priority) == ("one", 9)


def test_what_a_change_raises_goes_out_and_nothing_is_changed(storage: Storage) -> None:
    before = add(storage)

    def refuse(_: ScheduleRecord | None) -> ScheduleRecord:
        raise InvalidValue("no")

    with pytest.raises(InvalidValue, match="no"):
        storage.schedules.edit("report", refuse)
    assert storage.schedules.edit("report", lambda _: None) == before
    assert storage.schedules.edit("other", lambda _: None) is None


def test_many_hosts_that_start_at_once_declare_the_same(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    together(backend, clock, lambda one: said_by_code(one) and None)

    assert [schedule.name for schedule in storage.schedules.all()] == ["report"]
    assert said_by_code(storage) == []


def test_code_that_changed_reaches_the_database(storage: Storage) -> None:
    assert said_by_code(storage, expression="0 1 * * *") == ["report"]
    assert said_by_code(storage, expression="0 1 * * *") == []

    assert said_by_code(storage, expression="0 2 * * *", misfire="all") == ["report"]

    found = record_of(storage)
    assert (found.expression, found.misfire, found.overlap) == ("0 2 * * *", Misfire.ALL, Overlap.SKIP)
    assert found.next_fire_at == found.cron.next_after(START)


def test_an_operators_change_stays_until_the_code_changes(storage: Storage) -> None:
    said_by_code(storage, expression="0 1 * * *")
    change(storage, expression="0 5 * * *", priority=2)

    assert said_by_code(storage, expression="0 1 * * *") == []
    assert record_of(storage).expression == "0 5 * * *"

    said_by_code(storage, expression="0 2 * * *")
    assert (record_of(storage).expression, record_of(storage).priority) == ("0 2 * * *", 0)


def test_one_that_an_operator_disabled_stays_so_whatever_the_code_says(storage: Storage) -> None:
    said_by_code(storage, expression="0 1 * * *")
    change(storage, enabled=False)

    said_by_code(storage, expression="0 2 * * *")

    assert (record_of(storage).enabled, record_of(storage).next_fire_at) == (False, None)
    assert record_of(storage).expression == "0 2 * * *"


def test_code_takes_over_what_an_operator_made(storage: Storage) -> None:
    add(storage, expression="0 1 * * *")

    assert said_by_code(storage, expression="0 2 * * *") == ["report"]
    assert record_of(storage).expression == "0 2 * * *"


def test_jitter_spreads_the_jobs_in_the_same_way_for_all(storage: Storage, clock: FakeClock) -> None:
    for number in range(8):
        add(storage, f"s{number}", kind=f"k{number}", jitter=30)
    clock.advance(60)
    fire(storage)

    waits = [job.scheduled_at - FIRST for job in jobs(storage)]

    assert len(set(waits)) == 8
    assert all(0 <= wait < 30 * MICROSECONDS for wait in waits)
    assert {job.status for job in jobs(storage)} == {Status.PENDING}


def test_a_fire_rings(storage: Storage, clock: FakeClock) -> None:
    bell = storage.doorbell("host-a")
    add(storage, queue="media")
    clock.advance(60)
    bell.rings()

    fire(storage)

    heard = until(bell.rings, told="a ring")
    bell.close()
    assert ("media", 1, None) in heard


def test_a_reset_removes_schedules_and_fires(storage: Storage, clock: FakeClock) -> None:
    add(storage)
    clock.advance(60)
    fire(storage)

    storage.schema.reset()

    assert (storage.schedules.all(), fires(storage)) == ([], [])
