"""The life of a job: the table of transitions."""

from __future__ import annotations

import pytest

from forge_jobs.model.states import (
    DELETABLE,
    FINISHED,
    LIVE,
    RETRYABLE,
    TRANSITIONS,
    WAITING,
    Event,
    IllegalTransition,
    Status,
    after,
    diagram,
)

EVERY_PAIR = [(status, event) for status in [None, *Status] for event in Event]


@pytest.mark.parametrize(
    ("status", "event", "then"),
    [
        (None, Event.ENQUEUE, Status.PENDING),
        (Status.PENDING, Event.CLAIM, Status.IN_PROGRESS),
        (Status.FAILED, Event.CLAIM, Status.IN_PROGRESS),
        (Status.IN_PROGRESS, Event.SUCCEED, Status.DONE),
        (Status.IN_PROGRESS, Event.FAIL, Status.FAILED),
        (Status.IN_PROGRESS, Event.GIVE_UP, Status.DEAD),
        (Status.IN_PROGRESS, Event.GIVE_BACK, Status.PENDING),
        (Status.IN_PROGRESS, Event.CANCEL, Status.DEAD),
        (Status.PENDING, Event.CANCEL, Status.DEAD),
        (Status.FAILED, Event.CANCEL, Status.DEAD),
        (Status.PENDING, Event.EXPIRE, Status.DEAD),
        (Status.FAILED, Event.EXPIRE, Status.DEAD),
        (Status.FAILED, Event.OPERATOR_RETRY, Status.PENDING),
        (Status.DEAD, Event.OPERATOR_RETRY, Status.PENDING),
        (Status.DONE, Event.DELETE, None),
        (Status.DEAD, Event.DELETE, None),
        (Status.PENDING, Event.DELETE, None),
        (Status.FAILED, Event.DELETE, None),
    ],
)
def test_what_may_happen_leads_where_the_plan_says(status: Status | None, event: Event, then: Status | None) -> None:
    assert after(status, event) is then


def test_nothing_else_may_happen() -> None:
    assert len(TRANSITIONS) == 18
    for status, event in EVERY_PAIR:
        if (status, event) not in TRANSITIONS:
            with pytest.raises(IllegalTransition, match=event.value):
                after(status, event)


def test_a_success_cannot_be_undone() -> None:
    assert {event for status, event in TRANSITIONS if status is Status.DONE} == {Event.DELETE}


def test_a_running_job_cannot_be_removed() -> None:
    assert Status.IN_PROGRESS not in DELETABLE


def test_live_and_finished_are_all_there_is() -> None:
    assert set(Status) == LIVE | FINISHED
    assert not LIVE & FINISHED
    assert WAITING < LIVE


def test_the_sets_are_those_of_the_table() -> None:
    assert {status for status, event in TRANSITIONS if event is Event.CLAIM} == WAITING
    assert {Status.FAILED, Status.DEAD} == RETRYABLE
    assert {Status.PENDING, Status.FAILED, Status.DONE, Status.DEAD} == DELETABLE


def test_every_status_can_be_reached_and_left() -> None:
    reached = {then for then in TRANSITIONS.values() if then}
    assert reached == set(Status)
    assert {status for status, _event in TRANSITIONS if status} == set(Status)


def test_the_diagram_has_a_line_for_each_transition() -> None:
    lines = diagram().splitlines()

    assert lines[0] == "stateDiagram-v2"
    assert len(lines) == 1 + len(TRANSITIONS)
    assert "    [*] --> pending: enqueue" in lines
    assert "    in_progress --> done: succeed" in lines
    assert "    dead --> [*]: delete" in lines
