"""QueueConfig: queues are created once; afterwards they are their operator's."""

from __future__ import annotations

from forge_jobs.model.queue import QueueSettings
from forge_jobs.storage import Storage
from tests.support.builders import a_queue


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
    )

    storage.queue_config.ensure_queue(settings)

    assert storage.queue_config.queues() == [settings]


def test_the_defaults_are_those_of_a_new_queue(storage: Storage) -> None:
    a_queue(storage, "new")

    (found,) = storage.queue_config.queues()

    assert (found.paused, found.backoff_enabled, found.backoff_base, found.backoff_max) == (False, True, 10, 1800)
    assert (found.keep_done, found.keep_dead, found.max_workers) == (7, 30, None)


def test_an_existing_queue_is_never_changed_by_ensuring_it(storage: Storage) -> None:
    changed = QueueSettings(name="default", paused=True, max_workers=5)
    a_queue(storage)
    storage.queue_config.change_queue("default", {"paused": True, "max_workers": 5})

    storage.queue_config.ensure_queue(QueueSettings(name="default", max_workers=1, keep_done=0))

    assert storage.queue_config.queues() == [changed]


def test_an_update_replaces_the_settings(storage: Storage) -> None:
    a_queue(storage)
    a_queue(storage, "other")
    changed = QueueSettings(name="default", backoff_base=1, max_workers=3)

    assert storage.queue_config.update_queue(changed)

    assert storage.queue_config.queues() == [changed, QueueSettings(name="other")]


def test_an_update_of_a_queue_that_is_not_there_says_so(storage: Storage) -> None:
    assert not storage.queue_config.update_queue(QueueSettings(name="nobody"))
    assert storage.queue_config.queues() == []


def test_an_update_that_changes_nothing_is_still_an_update(storage: Storage) -> None:
    settings = a_queue(storage)

    assert storage.queue_config.update_queue(settings)


def test_queues_are_told_by_name(storage: Storage) -> None:
    for name in ("b", "c", "a"):
        a_queue(storage, name)

    assert [settings.name for settings in storage.queue_config.queues()] == ["a", "b", "c"]
