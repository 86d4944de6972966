"""QueueConfig: queues are created once; afterwards they are their operator's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage import Storage
from tests.support.backends import Backend
from tests.support.builders import a_queue
from tests.support.clock import FakeClock


def test_a_new_queue_has_the_settings_given(storage: Storage) -> None:
    settings = QueueSettings(
        name="media",
        paused=True,
        backoff_enabled=False,
        backoff_base=2.5,
        backoff_max=99.5,
        keep_done=0.5,
        keep_dead=365,
        max_workers=7,
        memory_limit=2**31,
        keep_done_jobs=0,
        keep_dead_jobs=10**9,
    )

    storage.queue_config.ensure_queue(settings)

    assert storage.queue_config.queues() == [settings]


def test_the_defaults_are_those_of_a_new_queue(storage: Storage) -> None:
    a_queue(storage, "new")

    (found,) = storage.queue_config.queues()

    assert (found.paused, found.backoff_enabled, found.backoff_base, found.backoff_max) == (False, True, 10, 1800)
    assert (found.keep_done, found.keep_dead, found.max_workers, found.memory_limit) == (7, 30, None, None)


def test_an_existing_queue_is_never_changed_by_ensuring_it(storage: Storage) -> None:
    changed = QueueSettings(name="default", paused=True, max_workers=5)
    a_queue(storage)
    storage.queue_config.change_queue("default", {"paused": True, "max_workers": 5})

    storage.queue_config.ensure_queue(QueueSettings(name="default", max_workers=1, keep_done=0))

    assert storage.queue_config.queues() == [changed]


def test_a_change_changes_what_it_names_and_answers_with_all_settings(storage: Storage) -> None:
    before = a_queue(storage, paused=True, backoff_base=3, keep_done=2, max_workers=9, memory_limit=2**30)
    a_queue(storage, "other")
    changed = msgspec.structs.replace(before, backoff_base=1, max_workers=3)

    assert storage.queue_config.change_queue("default", {"backoff_base": 1, "max_workers": 3}) == changed

    assert storage.queue_config.queues() == [changed, QueueSettings(name="other")]


CHANGES: dict[str, Any] = {
    "cool_down": True,
    "throttles": 3,
    "throttled_until": 1_750_000_000_000_000,
    "paused": True,
    "backoff_enabled": False,
    "backoff_base": 2.5,
    "backoff_max": 99.5,
    "keep_done": 0.5,
    "keep_dead": 365.0,
    "max_workers": 7,
    "memory_limit": 2**40,
    "keep_done_jobs": 1000,
    "keep_dead_jobs": 0,
}


@pytest.mark.parametrize("setting", CHANGES)
def test_every_setting_can_be_changed_alone(storage: Storage, setting: str) -> None:
    before = a_queue(storage)

    storage.queue_config.change_queue("default", {setting: CHANGES[setting]})

    assert storage.queue_config.queues() == [msgspec.structs.replace(before, **{setting: CHANGES[setting]})]


def test_no_setting_is_missing_here() -> None:
    assert {"name", *CHANGES} == set(QueueSettings.__struct_fields__)


@pytest.mark.parametrize("cap", ["max_workers", "memory_limit", "keep_done_jobs", "keep_dead_jobs"])
def test_a_cap_can_be_lifted_again(storage: Storage, cap: str) -> None:
    a_queue(storage, **{cap: CHANGES[cap]})

    assert storage.queue_config.change_queue("default", {cap: None}) == QueueSettings(name="default")


@pytest.mark.parametrize("setting", ["keep_done", "keep_dead"])
def test_jobs_can_be_kept_for_ever(storage: Storage, setting: str) -> None:
    a_queue(storage)

    kept: dict[str, Any] = {setting: None}
    assert storage.queue_config.change_queue("default", kept) == QueueSettings(name="default", **kept)
    assert getattr(storage.queue_config.queues()[0], setting) is None


def test_changes_of_two_operators_both_stick(storage: Storage, backend: Backend, clock: FakeClock) -> None:
    a_queue(storage)
    other = backend.open(clock)
    other.queue_config.queues()  # what it has seen is old when it changes something

    storage.queue_config.change_queue("default", {"paused": True})
    other.queue_config.change_queue("default", {"max_workers": 3})

    assert storage.queue_config.queues() == [QueueSettings(name="default", paused=True, max_workers=3)]


def test_a_change_of_a_queue_that_is_not_there_says_so(storage: Storage) -> None:
    assert storage.queue_config.change_queue("nobody", {"paused": True}) is None
    assert storage.queue_config.queues() == []


def test_a_change_that_changes_nothing_is_still_answered(storage: Storage) -> None:
    settings = a_queue(storage)

    assert storage.queue_config.change_queue("default", {"paused": False}) == settings
    assert storage.queue_config.change_queue("default", {}) == settings


def test_queues_are_told_by_name(storage: Storage) -> None:
    for name in ("b", "c", "a"):
        a_queue(storage, name)

    assert [settings.name for settings in storage.queue_config.queues()] == ["a", "b", "c"]
