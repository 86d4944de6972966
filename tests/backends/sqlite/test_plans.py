"""The plans of the statements that run often: none reads history, none sorts what an index has in order."""

from __future__ import annotations

import re

import apsw
import pytest

from forge_jobs.storage.sql import statement

HOT: dict[str, list[str]] = {
    "admit_key": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING COVERING INDEX job_key_held (kind=? AND limit_key=?)",
        "SEARCH job USING COVERING INDEX job_for_key (kind=? AND limit_key=?)",
        "SEARCH job USING INDEX job_key_held (kind=? AND limit_key=?)",
    ],
    "admit_kind": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING INDEX job_for_kind (kind=?)",
    ],
    "close_kind": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING INDEX job_limited (kind=? AND gate=?)",
    ],
    "close_last": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING INDEX job_limited (kind=? AND gate=?)",
    ],
    "count_limited": ["SEARCH job USING INDEX job_limited (kind=?)"],
    "forget_keys": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING INDEX job_limited (kind=? AND gate=?)",
        "SEARCH job USING COVERING INDEX job_for_key (kind=? AND limit_key>?)",
        "SEARCH job USING INDEX job_for_kind (kind=?)",
        "SEARCH job USING INDEX job_shut (gate=?)",
    ],
    "keys_overfull": ["SEARCH job USING COVERING INDEX job_key_held (kind=? AND limit_key>?)"],
    "keys_waiting": ["SEARCH job USING COVERING INDEX job_for_key (kind=? AND limit_key>?)"],
    "limited_running": ["SCAN job USING INDEX job_running"],
    "key_holders": ["SEARCH job USING INDEX job_key_held (kind=? AND limit_key=?)"],
    "kind_holders": ["SEARCH job USING INDEX job_limited (kind=?)"],
    "metered_waiting": ["SEARCH job EXISTS USING COVERING INDEX job_for_kind (kind=?)"],
    "scheduled_page": ["SEARCH job USING INDEX job_due ((scheduled_at,queue,status)>(?,?,?))"],
    "rekey": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "unlabelled_ready": ["SCAN job USING INDEX job_ready"],
    "unlabelled_running": ["SCAN job USING INDEX job_running"],
    "before_in_line": ["SEARCH job USING COVERING INDEX job_ready (queue=? AND (priority,scheduled_at)<(?,?))"],
    "cancel_requests": ["SCAN job USING INDEX job_stop"],
    "census": [
        "SEARCH job USING COVERING INDEX job_running (process_id=?)",
        "SCAN job USING COVERING INDEX job_running",
    ],
    "claim": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "claim_candidates": ["SEARCH job USING INDEX job_ready (queue=?)"],
    "claim_state": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "claims_before": ["SCAN job USING INDEX job_running"],
    "claims_of": ["SEARCH job USING INDEX job_running (process_id=?)"],
    "count_claimants": ["SCAN job USING COVERING INDEX job_running"],
    "count_due": ["SCAN job USING COVERING INDEX job_due"],
    "count_ready": ["SCAN job USING COVERING INDEX job_ready"],
    "count_running": ["SCAN job USING COVERING INDEX job_running"],
    "count_shut": ["SEARCH job USING COVERING INDEX job_shut (gate>?)"],
    "edit": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "get": ["SEARCH job USING INDEX sqlite_autoindex_job_1 (id=?)"],
    "hand_in_dead": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "hand_in_done": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "hand_in_waiting": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "look": [
        "SEARCH job USING COVERING INDEX job_ready (queue=?)",
        "SEARCH job USING COVERING INDEX job_due",
        "SEARCH job USING INDEX job_expiring (expires_at>?)",
        "SCAN job USING INDEX job_stop",
        "SEARCH job EXISTS USING COVERING INDEX job_for_kind (kind=?)",
    ],
    "move": ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"],
    "next_due": ["SEARCH job USING COVERING INDEX job_due"],
    "oldest_ready": ["SEARCH job USING COVERING INDEX job_ready (queue=?)"],
    "open_due": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING COVERING INDEX job_due (scheduled_at<?)",
    ],
    "park_unserved": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING COVERING INDEX job_ready (queue=?)",
    ],
    "prune_dead": ["SEARCH job USING COVERING INDEX job_dead (queue=? AND finished_at<?)"],
    "prune_done": ["SEARCH job USING COVERING INDEX job_done (queue=? AND finished_at<?)"],
    "ready_of_kinds": [
        "SEARCH job USING COVERING INDEX job_ready (queue=?)",
        "SEARCH job USING COVERING INDEX job_shut (gate=? AND queue=? AND kind=?)",
    ],
    "retrying_in": ["SCAN job USING COVERING INDEX job_due", "SEARCH job USING INDEX job_due (scheduled_at<?)"],
    "running_in": ["SCAN job USING COVERING INDEX job_running"],
    "expired": ["SEARCH job USING INDEX job_expiring (expires_at>? AND expires_at<?)"],
    "find_by_id": ["SEARCH job USING INDEX sqlite_autoindex_job_1 (id=? AND rowid<?)"],
    "select_by_id": ["SEARCH job USING INDEX sqlite_autoindex_job_1 (id=? AND rowid<?)"],
    "seen_dead": ["SEARCH job USING INDEX job_dead (queue=? AND finished_at>?)"],
    "seen_done": ["SEARCH job USING INDEX job_done (queue=? AND finished_at>?)"],
    "seen_enqueued": ["SEARCH job USING INTEGER PRIMARY KEY (rowid>?)"],
    "seen_retrying": ["SEARCH job USING INDEX job_due (scheduled_at>?)"],
    "seen_running": ["SCAN job USING INDEX job_running"],
    "seq_since": ["SEARCH job USING COVERING INDEX sqlite_autoindex_job_1 (id>?)"],
    "statuses": ["SEARCH job USING INDEX sqlite_autoindex_job_1 (id=?)"],
    "unique_holder": ["SEARCH job USING INDEX job_unique (kind=? AND unique_key=?)"],
    "unpark_served": [
        "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH job USING COVERING INDEX job_shut (gate=? AND queue=? AND kind=?)",
    ],
    "ready_kinds": ["SEARCH job USING COVERING INDEX job_ready (queue=?)"],
    "parked_kinds": ["SEARCH job USING COVERING INDEX job_shut (gate=?)"],
}
"""How each statement finds its rows of the job table."""

SORTS_ALLOWED = {
    "admit_key",
    "close_last",
    "census",
    "claims_before",
    "claims_of",
    "count_due",
    "count_ready",
    "count_running",
    "count_shut",
    "find_by_id",
    "kind_holders",
    "select_by_id",
    "ready_kinds",
}
"""These group or sort live rows only, or the few that were named."""


def plan(connection: apsw.Connection, name: str) -> list[str]:
    text = statement("sqlite", name)
    numbered = [int(n) for n in re.findall(r"\?(\d+)", text)]
    values = [None] * (max(numbered) if numbered else text.count("?"))
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]


@pytest.mark.parametrize("name", sorted(HOT))
def test_rows_are_found_by_the_index_made_for_it(connection: apsw.Connection, name: str) -> None:
    steps = [step for step in plan(connection, name) if re.match(r"(SEARCH|SCAN) job\b(?!_)", step)]

    assert steps == HOT[name]


@pytest.mark.parametrize("name", sorted(HOT))
def test_nothing_is_sorted_that_an_index_has_in_order(connection: apsw.Connection, name: str) -> None:
    sorts = [step for step in plan(connection, name) if "TEMP B-TREE" in step]

    assert not sorts or name in SORTS_ALLOWED, sorts


@pytest.mark.parametrize("name", sorted(HOT))
def test_a_scan_reads_an_index_that_holds_live_rows_only(connection: apsw.Connection, name: str) -> None:
    scans = [step for step in plan(connection, name) if step.startswith("SCAN job")]

    for step in scans:
        (index,) = re.findall(r"INDEX (\w+)", step)
        ((made,),) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (index,)).fetchall()
        assert "WHERE gate" in made or "WHERE status = 'in_progress'" in made


def test_registry_rows_are_found_by_their_key(connection: apsw.Connection) -> None:
    assert plan(connection, "registered") == ["SEARCH process USING INTEGER PRIMARY KEY (rowid=?)"]
    assert plan(connection, "queue_settings") == ["SEARCH queue USING PRIMARY KEY (name=?)"]
    assert plan(connection, "errors_of") == ["SEARCH job_error USING PRIMARY KEY (seq=?)"]
    assert plan(connection, "body_of") == ["SEARCH job_body USING INTEGER PRIMARY KEY (rowid=?)"]
