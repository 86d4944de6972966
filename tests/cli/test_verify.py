"""``forge-jobs verify``: whether all rows fit together, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import apsw

from forge_jobs.verifying import RULES
from tests.support.farm import Farm


def break_by_hand(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO tally (queue, outcome, change) VALUES ('default', 'done', 3)")
    connection.close()


def test_a_database_that_is_whole(farm: Farm) -> None:
    farm.jobs.enqueue_bulk([("noop", {})] * 5)
    told = farm.run("verify")
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.split()[:2] for line in told.stdout.splitlines()] == [["OK", f"{name}:"] for name in RULES]


def test_what_does_not_fit_is_told_with_a_way_out(farm: Farm) -> None:
    farm.jobs.enqueue("noop", {})
    farm.jobs.close()
    break_by_hand(farm.directory / "queue.sqlite")
    told = farm.run("verify")
    assert told.returncode == 1
    assert "PROBLEM  tallies:       queue default counts 3 done and has 0" in told.stdout
    assert "do: keep a copy" in told.stdout
    checks = json.loads(farm.run("verify", "--json").stdout)["checks"]
    assert [check["name"] for check in checks if check["level"] == "problem"] == ["tallies"]


def test_where_there_is_no_database_that_is_said(farm: Farm) -> None:
    told = farm.run("verify", "--database", "sqlite:///nowhere.sqlite")
    assert told.returncode == 1
    assert "there is no database" in told.stderr
