"""Who exists: the parent's book of its children, with no process at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_jobs_supervisor.messages import Died
from forge_jobs_supervisor.parent.children import Child, Children, Phase
from forge_jobs_supervisor.unix.lifeline import Lifeline


class Lines:
    """Lifelines for children that do not exist."""

    def __init__(self) -> None:
        self._ends: list[Lifeline] = []

    def one(self) -> Lifeline:
        mine, theirs = Lifeline.pair()
        self._ends += [mine, theirs]
        return mine

    def close(self) -> None:
        for end in self._ends:
            end.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    made = Lines()
    yield made
    made.close()


@pytest.fixture
def children() -> Children:
    return Children(slots=3)


def a_worker(lines: Lines, pid: int, queue: str = "media", number: int = 1, slot: int = 0) -> Child:
    return Child(pid=pid, lifeline=lines.one(), queue=queue, number=number, slot=slot)


def a_coordinator(lines: Lines, pid: int) -> Child:
    return Child(pid=pid, lifeline=lines.one())


def died(process_id: int) -> Died:
    return Died(
        process_id=process_id,
        queue="media",
        number=1,
        pid=1,
        running=False,
        started_no=0,
        exit_code=1,
        signal=None,
        cpu_time=0,
        peak_memory=0,
    )


def test_a_child_is_born_booting(lines: Lines) -> None:
    child = a_worker(lines, 1)

    assert (child.phase, child.boot_error, child.killed_by_us) == (Phase.BOOTING, None, False)


def test_a_worker_and_the_coordinator_are_told_apart(lines: Lines) -> None:
    worker, coordinator = a_worker(lines, 1, "media", 3), a_coordinator(lines, 2)

    assert (worker.is_worker, coordinator.is_worker) == (True, False)
    assert (worker.name, coordinator.name) == ("worker media #3", "coordinator")


def test_the_book_knows_who_lives(children: Children, lines: Lines) -> None:
    worker, coordinator = a_worker(lines, 1), a_coordinator(lines, 2)
    assert (children.pids, children.workers, children.coordinator) == ([], [], None)

    children.add(coordinator)
    children.add(worker)
    assert (children.pids, children.workers, children.coordinator) == ([2, 1], [worker], coordinator)
    assert list(children) == [coordinator, worker]

    assert children.remove(2) is coordinator
    assert (children.pids, children.coordinator) == ([1], None)


def test_the_book_may_be_changed_while_it_is_read(children: Children, lines: Lines) -> None:
    for pid in (1, 2, 3):
        children.add(a_worker(lines, pid, slot=pid - 1))
    for child in children:
        children.remove(child.pid)

    assert children.pids == []


def test_a_child_is_found_by_its_lifeline(children: Children, lines: Lines) -> None:
    one, other = a_worker(lines, 1), a_worker(lines, 2, slot=1)
    children.add(one)
    children.add(other)

    assert children.by_fd(other.lifeline.fileno()) is other
    assert children.by_fd(-5) is None


def test_the_lowest_free_slot_is_given(children: Children, lines: Lines) -> None:
    assert children.free_slot() == 0
    children.add(a_worker(lines, 1, slot=0))
    children.add(a_worker(lines, 2, slot=2))
    assert children.free_slot() == 1
    children.add(a_worker(lines, 3, slot=1))
    assert children.free_slot() is None


def test_the_coordinator_takes_no_slot(children: Children, lines: Lines) -> None:
    children.add(a_coordinator(lines, 1))

    assert children.free_slot() == 0


def test_the_slot_of_a_dead_worker_is_taken_until_it_is_settled(children: Children, lines: Lines) -> None:
    children.add(a_worker(lines, 1, slot=0))
    children.remove(1)
    children.unsettled[0] = died(77)
    assert children.free_slot() == 1

    assert children.settle(77) == 0
    assert children.free_slot() == 0


def test_settling_somebody_unknown_frees_nothing(children: Children) -> None:
    children.unsettled[0] = died(77)

    assert children.settle(78) is None
    assert children.settle(77) == 0
    assert children.settle(77) is None


@pytest.mark.parametrize(
    ("targets", "present", "missing"),
    [
        ({}, [], []),
        ({"a": 2}, [], [("a", 1), ("a", 2)]),
        ({"a": 2}, [("a", 2)], [("a", 1)]),
        ({"a": 2}, [("a", 1), ("a", 2)], []),
        ({"a": 1}, [("a", 1), ("a", 2)], []),
        ({"a": 3, "b": 1}, [], [("a", 1), ("b", 1), ("a", 2), ("a", 3)]),
        ({"a": 3, "b": 1}, [("a", 2)], [("b", 1), ("a", 1), ("a", 3)]),
        ({"a": 2}, [("a", 3), ("a", 7)], []),
        ({"a": 3}, [("a", 3), ("a", 7)], [("a", 1)]),
        ({"a": 1}, [("b", 1)], [("a", 1)]),
        ({"a": 0, "b": 1}, [], [("b", 1)]),
    ],
)
def test_who_is_missing_is_told_with_a_free_number_where_fewest_are_first(
    children: Children,
    lines: Lines,
    targets: dict[str, int],
    present: list[tuple[str, int]],
    missing: list[tuple[str, int]],
) -> None:
    for pid, (queue, number) in enumerate(present):
        children.add(a_worker(lines, pid, queue, number, slot=pid))

    assert children.missing(targets) == missing


@pytest.mark.parametrize(
    ("phase", "missing"),
    [(Phase.BOOTING, []), (Phase.UP, []), (Phase.RETIRING, []), (Phase.LEAVING, [("media", 2)])],
)
def test_a_worker_has_its_place_until_it_leaves_it_to_others(
    children: Children, lines: Lines, phase: Phase, missing: list[tuple[str, int]]
) -> None:
    worker = a_worker(lines, 1)
    worker.phase = phase
    children.add(worker)

    assert children.missing({"media": 1}) == missing
    assert children.present("media") == ([] if missing else [worker])
    assert children.present("other") == []


def test_a_worker_of_the_code_before_a_reload_has_no_place_any_more(children: Children, lines: Lines) -> None:
    worker = a_worker(lines, 1)
    worker.old = True
    children.add(worker)

    assert children.missing({"media": 1}) == [("media", 2)], "no two workers have one number"
    assert children.workers == [worker]


@given(
    targets=st.dictionaries(st.sampled_from("abc"), st.integers(0, 6)),
    present=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), max_size=12, unique=True),
)
def test_with_the_missing_each_queue_has_what_it_should_have(
    targets: dict[str, int], present: list[tuple[str, int]]
) -> None:
    book, line = Children(slots=99), Lines()
    for pid, (queue, number) in enumerate(present):
        book.add(a_worker(line, pid, queue, number, slot=pid))

    missing = book.missing(targets)
    line.close()

    assert len({*missing, *present}) == len(missing) + len(present), "a number is given twice"
    for queue, target in targets.items():
        there = sum(of == queue for of, _number in present)
        assert there + sum(of == queue for of, _number in missing) == max(target, there)
