"""Which goals a run reached."""

from __future__ import annotations

import pytest

from benchmarks.suite.targets import TARGETS, Target, judge, table
from tests.unit.benchmarks.made_up import SQLITE, figure

RATE = Target(what="a drain", key=f"drain/2/{SQLITE}", bound=30_000, unit="jobs/s")
TIMES = Target(what="a drain", key=f"drain/2/{SQLITE}", bound=8, unit="×", peer="huey")
WAIT = Target(what="a wait", key="startup/help", bound=150, unit="ms", at_most=True)


@pytest.mark.parametrize(
    ("target", "figures", "met"),
    [
        (RATE, [figure(RATE.key, 30_000)], True),
        (RATE, [figure(RATE.key, 29_999)], False),
        (WAIT, [figure(WAIT.key, 150, unit="ms")], True),
        (WAIT, [figure(WAIT.key, 151, unit="ms")], False),
        (TIMES, [figure(RATE.key, 24_000), figure("drain/2/huey", 3_000)], True),
        (TIMES, [figure(RATE.key, 24_000), figure("drain/2/huey", 3_001)], False),
        (RATE, [], None),
        (RATE, [figure(RATE.key)], None),
        (TIMES, [figure(RATE.key, 24_000)], None),
        (TIMES, [figure("drain/2/huey", 3_000)], None),
    ],
)
def test_a_target_is_met_missed_or_not_measured(target, figures, met):
    (verdict,) = judge(figures, [target])
    assert verdict.met is met


def test_a_peer_counts_at_its_best_setting_and_no_other_peer_counts():
    figures = [
        figure(RATE.key, 24_000), figure("drain/2/huey", 2_000), figure("drain/2/huey (threads)", 4_000),
        figure("drain/2/hueyish", 90_000), figure("drain/8/huey", 90_000),
    ]  # fmt: skip
    (verdict,) = judge(figures, [TIMES])
    assert verdict.measured == 6


def test_the_table_shows_what_was_measured():
    rows = table(judge([figure(RATE.key, 31_234.4), figure("drain/2/huey", 4_000)], [RATE, TIMES, WAIT])).splitlines()
    assert rows[2:] == [
        "| a drain | ≥ 30,000 jobs/s | 31,234 jobs/s | ✓ |",
        "| a drain | ≥ 8 × huey | 7.81 × | ✗ |",
        "| a wait | ≤ 150 ms | not measured |  |",
    ]


def test_no_target_stands_twice():
    assert len({(target.key, target.peer) for target in TARGETS}) == len(TARGETS)
