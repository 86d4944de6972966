"""The plans of the statements that run often, with a million finished and a million scheduled jobs there.

Each is planned as the server plans it at first, knowing the values, and as it plans it for good, not knowing them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from forge_jobs.storage.postgres.connecting import PLANS
from forge_jobs.storage.postgres.database import Database
from forge_jobs.storage.postgres.storage import PostgresStorage
from tests.support.postgres import server_url

MILLION = 1_000_000
PARKED = 200_000
"""Jobs of one concurrency key that wait for a place."""

FEW = 5_000
"""Rows of the job table that a statement may read: live ones, or as many as it was told."""

FILL = f"""
INSERT INTO job (id, queue, kind, status, gate, priority, scheduled_at, enqueued_at, attempts, max_attempts,
                 payload, process_id, claim_no, finished_at, unique_key, expires_at, limit_key, holds_key)
SELECT gen_random_uuid(), 'default', CASE WHEN of_key THEN 'limited' ELSE 'work' END, status, gate, 0,
       now() + n * interval '1 second' * later,
       now() - interval '1 day', 1, 5, '{{}}', CASE WHEN status IN ('done', 'dead', 'in_progress') THEN n % 8 END, n,
       CASE WHEN status IN ('done', 'dead') THEN now() - n * interval '0.1 second' END, 'key-' || status || gate || n,
       CASE WHEN later = 1 AND n % 1000 = 0 THEN now() + interval '30 days' END,
       CASE WHEN gate = 2 THEN 'big' WHEN of_key THEN '' END, NULL
FROM (VALUES ('done', {MILLION}, NULL, 0, false), ('dead', 2000, NULL, 0, false),
             ('pending', {MILLION}, 1, 1, false),
             ('pending', 2000, 0, 0, false), ('pending', 1000, 4, 0, false), ('in_progress', 64, NULL, 0, false),
             ('pending', {PARKED}, 2, 0, true), ('pending', {PARKED // 4}, 5, 0, true), ('pending', 50, 0, 0, true))
     AS f (status, jobs, gate, later, of_key),
     generate_series(1, f.jobs) AS n;
INSERT INTO queue (name, paused, backoff_enabled, backoff_base, backoff_max, keep_done, keep_dead)
SELECT 'default', false, true, 10, 600, 7, 30;
INSERT INTO kind SELECT 'limited', 8, 1, 'tenant', '["slack"]', 1, '[]', true, true;
INSERT INTO process SELECT n, 'host', 'default', n, n, now() FROM generate_series(0, 7) AS n;
INSERT INTO host SELECT 'host', 'h', 1, 'l', 'v', '["default"]', '["work"]', 0, now(), now(), 1, false, '[]';
INSERT INTO tally (queue, outcome, change) VALUES ('default', 'done', {MILLION}), ('default', 'dead', 2000);
VACUUM ANALYZE job;
"""

AN_ID = "gen_random_uuid()"
PK, READY, DUE, SHUT, RUNNING, STOP = "job_pkey", "job_ready", "job_due", "job_shut", "job_running", "job_stop"
CLAIM = "3, 'default', '{work}', 8, 20000, 4000000, now(), '{work}', '{100}', 1000"
FILTER = "9000000000, NULL, NULL, NULL, NULL, NULL, 50"
ENDED = "'{1}', '{1}', '{1}', ARRAY[now()], ARRAY[now()], '{1}', '{1}'"
NEW = "'default', 'work', 0, 0, now(), now(), 5, NULL, NULL, 'a key', '{}', 'channel', 'ring', NULL, NULL, 'look'"

HOT: dict[str, tuple[str, set[str]]] = {
    "admit_key": ("'limited', 'big', 1100, 500", {PK, "job_for_key", "job_key_held"}),
    "admit_kind": ("'limited', 500", {PK, "job_for_kind"}),
    "claim_one": ("3, 'default', '{work}', now(), 7", {READY, PK}),
    "claim_candidates": ("'default', '{work}', 8, now()", {READY}),
    "close_kind": ("'limited', 500", {PK, "job_limited"}),
    "close_last": ("'limited', 500", {PK, "job_limited"}),
    "count_limited": ("'limited'", {"job_limited"}),
    "keys_overfull": ("'limited', 1000, '', 500", {"job_key_held"}),
    "scheduled_page": ("'limited', now() - interval '1 year', '', '', 0, 500", {PK, DUE}),
    "limited_running": ("'limited'", {PK, RUNNING}),
    "key_holders": ("'limited', 'small', 5", {"job_key_held"}),
    "kind_holders": ("'limited', 5", {"job_limited"}),
    "metered_waiting": ("", {"job_for_kind"}),
    "rekey": ("1, 'key'", {PK}),
    "before_in_line": ("'default', 0, now(), 9000000000, 4001", {READY}),
    "cancel_requests": ("", {STOP}),
    "cancel_running": ("now(), 1", {PK}),
    "cancel_waiting": ("now(), 1", {PK}),
    "census": ("", {RUNNING}),
    "claim_states": ("'{1}', '{3}', '{1}'", {PK}),
    "claims_before": ("now()", {RUNNING}),
    "claims_of": ("3", {RUNNING}),
    "count_by_filter": (FILTER, {PK}),
    "count_ready": ("", {READY}),
    "count_running": ("", {RUNNING}),
    "count_shut": ("", {SHUT}),
    "edit": ("NULL, 1, now(), now(), 1", {PK}),
    "enqueue": (f"{AN_ID}, {NEW}", {READY}),
    "expired": ("now(), 500", {"job_expiring"}),
    "exchange": (f"{CLAIM}, {ENDED}, 0, '-infinity', 0, true", {READY, PK, RUNNING, "job_limited"}),
    "find": (FILTER, {PK}),
    "find_by_id": (f"{FILTER}, ARRAY[{AN_ID}]", {"job_id_key"}),
    "get": (AN_ID, {"job_id_key"}),
    "hand_in_dead": ("1, 0, now(), now(), 1, 1, 5, 3, 5", {PK}),
    "hand_in_done": (f"3, {ENDED}, NULL", {PK}),
    "hand_in_waiting": ("'failed', 1, now(), 0, 0, now(), 1, 1, 0, false, 5, 3, 5", {PK}),
    "lock_jobs": ("'{1,2}'", {PK}),
    "look": ("300, 'host', now(), now()", {READY, DUE, "job_expiring", STOP, "job_for_kind"}),
    "move": ("'other', 1", {PK}),
    "newest_seq": ("", {PK}),
    "next_due": ("", {DUE}),
    "oldest_ready": ("'default'", {READY}),
    "open_due": ("now() + interval '100 s', 500", {DUE, PK}),
    "park_unserved": ("'default', 'strange', 500", {READY, PK}),
    "prune_dead": ("'default', now(), 500", {"job_dead"}),
    "prune_done": ("'default', now(), 500", {"job_done"}),
    "ready_of_kinds": ("'default', '{strange}'", {READY, SHUT}),
    "remove_job": ("1", {PK}),
    "retry": ("now(), 1", {PK, "job_unique"}),
    "run_now": ("now(), 1", {PK}),
    "running_in": ("'default'", {RUNNING}),
    "select_by_filter": (FILTER, {PK}),
    "select_by_id": (f"{FILTER}, ARRAY[{AN_ID}]", {"job_id_key"}),
    "seen_dead": ("'default', now() - interval '1 s', 1000", {"job_dead"}),
    "seen_done": ("'default', now() - interval '1 s', 1000", {"job_done"}),
    "unique_holders": ("'{work,work}', '{k,l}'", {"job_unique"}),
    "seen_enqueued": ("0, 2000", {PK}),
    "seen_retrying": ("now(), 1000", {DUE}),
    "seen_running": ("10000", {RUNNING}),
    "seq_since": (AN_ID, {"job_id_key"}),
    "statuses": (f"ARRAY[{AN_ID}]", {"job_id_key"}),
    "unique_holder": ("'work', 'key-pending17'", {"job_unique"}),
    "surplus_dead": ("'default', 1500, 500", {PK, "job_dead"}),
    "surplus_done": (f"'default', {MILLION - 500}, 500", {PK, "job_done"}),
    "unpark_served": ("'{default}', '{work}', 500", {SHUT, PK}),
    "ready_kinds": ("'default', 10000", {READY}),
    "ready_queues": ("", {READY}),
    "parked_kinds": ("", {SHUT}),
}
"""The values each statement is tried with, and by which indexes of the job table it finds its rows."""

COUNTS_PARKED = {"count_shut"}
"""For people: reads the entries of all jobs that wait for places."""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """A schema full of jobs."""
    storage = PostgresStorage(server_url(), schema=f"t{os.urandom(6).hex()}", deadline=300.0)
    storage.schema.create()
    made = storage._database
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(f"SET search_path = {made.schema}")  # type: ignore[arg-type]
        for text in FILL.split(";\n"):
            connection.execute(text)  # type: ignore[arg-type]
    yield made
    storage.schema.drop()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize("name", sorted(HOT))
def test_live_rows_are_found_by_an_index_and_history_is_not_read(database: Database, name: str, mode: str) -> None:
    values, indexes = HOT[name]
    call = f"EXECUTE tried ({values})" if values else "EXECUTE tried"
    with psycopg.connect(server_url(), options=PLANS, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(f"SET LOCAL plan_cache_mode = {mode}")  # type: ignore[arg-type]
        connection.execute(f"PREPARE tried AS {database.text(name)}")  # type: ignore[arg-type]
        ((found,),) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {call}").fetchall()  # type: ignore[arg-type]
        connection.rollback()

    plan = found if isinstance(found, list) else json.loads(found)
    steps = list(nodes(plan[0]["Plan"]))
    of_job = [step for step in steps if step.get("Relation Name") == "job" and step["Node Type"] != "ModifyTable"]
    assert {step.get("Index Name", step["Node Type"]) for step in of_job} == indexes
    read = sum(
        (step["Actual Rows"] + step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0))
        * step["Actual Loops"]
        for step in of_job
    )
    assert read <= (2 * PARKED if name in COUNTS_PARKED else FEW)
