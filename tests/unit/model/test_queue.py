"""Changes of a queue's settings: which are taken, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.errors import InvalidValue
from forge_jobs.model.queue import MAX_WORKERS, QueueSettings, checked_changes

GOOD: dict[str, list[Any]] = {
    "paused": [True, False],
    "backoff_enabled": [True, False],
    "backoff_base": [0, 0.5, 10],
    "backoff_max": [0, 1800.0],
    "keep_done": [None, 0, 0.5, 36_500],
    "keep_dead": [None, 0, 365],
    "max_workers": [None, 0, 1, MAX_WORKERS],
    "memory_limit": [None, 2**20],
    "keep_done_jobs": [None, 0, 10],
    "keep_dead_jobs": [None, 10**12],
    "cool_down": [True, False],
}
BAD: dict[str, list[Any]] = {
    "paused": [None, 0, 1, "yes"],
    "backoff_enabled": [None, "true"],
    "backoff_base": [-1, None, "1", True, float("nan"), float("inf")],
    "backoff_max": [-0.1, False, 1e12],
    "keep_done": [-1, 36_501, "1", True, float("nan")],
    "keep_dead": [-1, "1"],
    "max_workers": [-1, MAX_WORKERS + 1, 1.0, True, "3"],
    "memory_limit": [0, "1KB", "much", True],
    "keep_done_jobs": [-1, 1.0, True, "3"],
    "keep_dead_jobs": [10**12 + 1],
    "cool_down": [None, 1],
}


def cases(table: dict[str, list[Any]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, values in table.items() for value in values]


def test_no_setting_is_missing_here() -> None:
    state = {"throttles", "throttled_until"}
    assert {"name", *state, *GOOD} == {"name", *state, *BAD} == set(QueueSettings.__struct_fields__)


@pytest.mark.parametrize(("name", "value"), cases(GOOD))
def test_a_good_value_is_taken(name: str, value: Any) -> None:
    assert checked_changes({name: value})[name] == value


@pytest.mark.parametrize(("name", "value"), cases(BAD))
def test_any_other_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidValue, match=f"^{name} ") as told:
        checked_changes({"paused": False, name: value})
    assert repr(value) in str(told.value)


def test_a_memory_limit_may_be_said_in_words() -> None:
    assert checked_changes({"memory_limit": "512MB", "paused": True}) == {"memory_limit": 2**29, "paused": True}


@pytest.mark.parametrize("name", ["name", "pause", "", "keep"])
def test_an_unknown_setting_is_refused_and_the_known_ones_are_told(name: str) -> None:
    with pytest.raises(InvalidValue, match="unknown setting") as told:
        checked_changes({name: 1})
    assert str(told.value).endswith(", ".join(GOOD))


def test_no_change_is_no_error() -> None:
    assert checked_changes({}) == {}


def test_without_cool_down_an_open_window_ends_too() -> None:
    assert checked_changes({"cool_down": False}) == {"cool_down": False, "throttles": 0, "throttled_until": None}
    assert checked_changes({"cool_down": True}) == {"cool_down": True}
