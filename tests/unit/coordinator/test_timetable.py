"""When each duty is next due."""

from __future__ import annotations

from forge_jobs_supervisor.coordinator.timetable import Duty, Timetable


def nothing() -> None: ...


def a_timetable(**every: float) -> Timetable:
    return Timetable([Duty(name, seconds, nothing) for name, seconds in every.items()])


def names(duties: list[Duty]) -> list[str]:
    return [duty.name for duty in duties]


def test_at_first_everything_is_due_in_the_order_given() -> None:
    assert names(a_timetable(b=1, a=2).due(100.0)) == ["b", "a"]


def test_a_duty_is_due_again_after_its_time() -> None:
    timetable = a_timetable(look=0.5, beat=2)
    timetable.due(100.0)

    assert names(timetable.due(100.4)) == []
    assert names(timetable.due(100.5)) == ["look"]
    assert names(timetable.due(102.0)) == ["look", "beat"]


def test_a_late_duty_is_not_caught_up() -> None:
    timetable = a_timetable(look=0.5)
    timetable.due(100.0)

    assert names(timetable.due(200.0)) == ["look"]
    assert names(timetable.due(200.4)) == []


def test_duties_come_together_whose_periods_are_multiples_however_late_they_come() -> None:
    timetable = a_timetable(look=0.5, beat=2, lead=5)
    timetable.due(100.0)
    timetable.due(100.5003)
    timetable.due(101.2)

    assert timetable.next() == 101.5
    assert names(timetable.due(102.0)) == ["look", "beat"]
    timetable.due(104.0001)
    assert timetable.next() == 104.5
    assert names(timetable.due(105.0)) == ["look", "lead"]


def test_no_duty_comes_twice_for_one_time() -> None:
    timetable = a_timetable(often=0.1)
    timetable.due(0.7)
    for _ in range(10_000):
        now = timetable.next()
        assert names(timetable.due(now)) == ["often"]
        assert timetable.next() > now + 0.05


def test_the_next_duty_is_the_earliest() -> None:
    timetable = a_timetable(look=0.5, beat=2)
    timetable.due(100.0)

    assert timetable.next() == 100.5


def test_a_duty_may_be_hastened_and_never_delayed() -> None:
    timetable = a_timetable(look=0.5, beat=2)
    timetable.due(100.0)

    timetable.hasten("beat", 100.1)
    timetable.hasten("beat", 105.0)
    assert timetable.next() == 100.1
    assert names(timetable.due(100.1)) == ["beat"]
    assert timetable.next() == 100.5
    assert names(timetable.due(102.1)) == ["look", "beat"]


def test_hastening_what_is_not_there_changes_nothing() -> None:
    timetable = a_timetable(look=0.5)
    timetable.due(100.0)
    timetable.hasten("nobody", 0.0)

    assert timetable.next() == 100.5
