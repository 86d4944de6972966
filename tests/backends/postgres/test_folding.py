"""Two who fold metrics at once: READ COMMITTED would let the second overwrite what the first has added."""

from __future__ import annotations

import threading

import psycopg
import pytest

from forge_jobs.model.metrics import Measure
from forge_jobs.storage.observing import merged
from forge_jobs.storage.postgres import metrics
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.builders import a_job, enqueue
from tests.support.postgres import server_url


def test_who_folds_waits_for_another_who_has_read_a_minute_and_not_stored_it(
    storage: PostgresStorage, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry of a transaction that is committed late has a lower number: the two do not even want the same rows."""
    late = psycopg.connect(server_url())
    storage.producer.enqueue([a_job()], late)
    enqueue(storage)
    other = PostgresStorage(server_url(), schema=schema)
    second = threading.Thread(target=lambda: other.metrics.fold(1))

    def slowly(measure: Measure, stored: str | bytes | None) -> str:
        if second.ident is None:
            late.commit()
            second.start()
            second.join(timeout=0.5)  # without a lock it is done by then
        return merged(measure, stored)

    monkeypatch.setattr(metrics, "merged", slowly)
    storage.metrics.fold(10)
    second.join()
    late.close()
    other.close()

    assert storage.metrics.totals()["default", "work"].enqueued == 2
    assert storage.metrics.fold(10) == 0
