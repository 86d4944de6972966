"""From measures to rows."""

from __future__ import annotations

import pytest

from forge_jobs.clock import MICROSECONDS
from forge_jobs.errors import InvalidValue
from forge_jobs.model.histogram import Histogram
from forge_jobs.model.metrics import MINUTE, Gauges, Measure, Observed, minute_of
from forge_jobs.model.stats import checked_groups, hosts_of, rows_of, step_of


def a_measure(done: int, *, seconds: int = 1) -> Measure:
    made = Measure()
    made.take(Observed(done=done, claimed=done, cpu=done, waits=[0] * done, runs=[seconds * MICROSECONDS] * done))
    return made


def test_an_instant_belongs_to_the_minute_it_is_in() -> None:
    assert [minute_of(instant) for instant in (0, 1, MINUTE - 1, MINUTE, MINUTE + 1)] == [0, 0, 0, MINUTE, MINUTE]


def test_measures_add_up() -> None:
    measure = a_measure(2)
    measure.merge(a_measure(3, seconds=4))

    assert (measure.done, measure.started, measure.cpu, measure.run.sum) == (5, 5, 5, 14 * MICROSECONDS)
    assert measure.run == Histogram.of([MICROSECONDS] * 2 + [4 * MICROSECONDS] * 3)


def test_a_measure_does_not_share_what_it_counts_with_another() -> None:
    one, other = Measure(), Measure()
    one.take(Observed(waits=[5], runs=[6]))

    assert other == Measure()
    assert other.wait.count == 0


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (("queue", "kind"), [("a", "x", 1), ("a", "y", 2), ("b", "x", 4)]),
        (("queue",), [("a", None, 3), ("b", None, 4)]),
        (("kind",), [(None, "x", 5), (None, "y", 2)]),
        ((), [(None, None, 7)]),
    ],
)
def test_rows_are_told_by_what_is_asked_for(groups: tuple[str, ...], told: list[object]) -> None:
    measures = {(0, "a", "x"): a_measure(1), (0, "a", "y"): a_measure(2), (0, "b", "x"): a_measure(4)}

    rows = rows_of(measures, groups, 0, 2 * MINUTE)

    assert [(row.queue, row.kind, row.done) for row in rows] == told
    assert all(row.at is None for row in rows)
    assert rows[0].done_per_minute == rows[0].done / 2


def test_grouping_leaves_what_is_grouped_alone() -> None:
    measures = {(0, "a", "x"): a_measure(1), (0, "a", "y"): a_measure(2)}

    first = rows_of(measures, ("queue",), 0, MINUTE)

    assert rows_of(measures, ("queue",), 0, MINUTE) == first


def test_rows_by_minute_stand_under_its_beginning_and_a_minute_that_runs_counts_as_far_as_it_is() -> None:
    measures = {(MINUTE, "a", "x"): a_measure(6), (2 * MINUTE, "a", "x"): a_measure(6)}

    rows = rows_of(measures, ("minute",), MINUTE, 2 * MINUTE + MINUTE // 2)

    assert [(row.at, row.done_per_minute) for row in rows] == [(MINUTE, 6), (2 * MINUTE, 12)]


def test_times_are_told_in_seconds() -> None:
    (row,) = rows_of({(0, "a", "x"): a_measure(3, seconds=8)}, ("queue",), 0, MINUTE)

    assert row.run is not None
    assert (row.run.count, row.run.mean, row.run.max) == (3, 8.0, 8.0)
    assert row.run.p50 == row.run.p99 == pytest.approx(8.0, rel=0.05)


def test_what_never_ran_has_no_times() -> None:
    (row,) = rows_of({(0, "a", "x"): Measure(enqueued=3)}, ("queue",), 0, MINUTE)

    assert (row.enqueued, row.wait, row.run) == (3, None, None)


def test_groups_are_checked() -> None:
    assert (checked_groups("kind"), checked_groups(["queue", "hour"])) == (("kind",), ("queue", "hour"))
    assert (step_of(("kind",)), step_of(("queue", "hour"))) == (0, 60 * MINUTE)
    with pytest.raises(InvalidValue, match="by 'week' is not valid: use queue, kind, minute, hour, day"):
        checked_groups("week")
    with pytest.raises(InvalidValue, match="more than one of"):
        checked_groups(("minute", "hour"))


def test_hosts_are_told_by_means_and_last_values_and_the_database_first() -> None:
    calls = [Histogram.of([1000]), Histogram.of([3000])]
    gauges = [
        (MINUTE, Gauges(host_id="h", label="web", values={"workers": 2, "cpu": 10}, latency={"read": calls[0]})),
        (2 * MINUTE, Gauges(host_id="h", label="web", values={"workers": 4, "cpu": 30}, latency={"read": calls[1]})),
        (2 * MINUTE, Gauges(values={"database_bytes": 7})),
    ]

    database, web = hosts_of(gauges)

    assert (database.host_id, database.last) == ("", {"database_bytes": 7})
    assert (web.host, web.last_at, web.mean, web.last) == (
        *("web", 2 * MINUTE),
        {"workers": 3, "cpu": 20},
        {"workers": 4, "cpu": 30},
    )
    assert web.latency["read"].mean == pytest.approx(0.002)
