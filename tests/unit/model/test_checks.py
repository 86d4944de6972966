"""How the numbers that a check finds are judged."""

from __future__ import annotations

from typing import Any

import pytest

from forge_jobs.model import checks
from forge_jobs.model.checks import Check, Level

MIB = 2**20
GIB = 2**30

CASES: list[tuple[Check, Level, str]] = [
    (checks.file_system("ext4", "/x"), Level.OK, "local file system (ext4)"),
    (checks.file_system(None, "/x"), Level.OK, "of unknown type"),
    (checks.file_system("tmpfs", "/x"), Level.WARNING, "gone after a restart"),
    (checks.file_system("overlay", "/x"), Level.WARNING, "gone with the container"),
    (checks.free_space(50 * GIB, 100 * GIB), Level.OK, "50 GiB of 100 GiB are free"),
    (checks.free_space(GIB - 1, 100 * GIB), Level.WARNING, "are free"),
    (checks.free_space(100 * MIB - 1, 100 * GIB), Level.PROBLEM, "are free"),
    (checks.sync_cost(0.0001), Level.OK, "0.10 ms"),
    (checks.sync_cost(0.011), Level.WARNING, "11.00 ms"),
    (checks.sync_cost(0.2), Level.PROBLEM, "200.00 ms"),
    (checks.log_size(4 * MIB), Level.OK, "4.0 MiB"),
    (checks.log_size(64 * MIB), Level.WARNING, "keeps a read transaction open"),
    (checks.log_size(2 * GIB), Level.PROBLEM, "keeps a read transaction open"),
    (checks.clock_skew(0.4, "the server's clock"), Level.OK, "agree within 1 s"),
    (checks.clock_skew(-3, "the server's clock"), Level.WARNING, "3.0 s behind this machine's"),
    (checks.clock_skew(40, "the server's clock"), Level.PROBLEM, "40.0 s ahead of"),
    (checks.connections(10, 97), Level.OK, "10 of 97"),
    (checks.connections(80, 97), Level.WARNING, "80 of 97"),
    (checks.connections(96, 97), Level.PROBLEM, "96 of 97"),
    (checks.dead_rows(200_001, 300_000, None), Level.OK, "vacuumed last never"),
    (checks.dead_rows(300_000, 200_001, "today"), Level.WARNING, "300,000 dead rows"),
]


@pytest.mark.parametrize(("found", "level", "said"), CASES)
def test_a_finding_is_judged(found: Check, level: Level, said: Any) -> None:
    assert found.level is level
    assert said in found.told
    assert (found.way_out is None) == (level is Level.OK), "what is not well has a way out"
