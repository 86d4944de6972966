"""How growth is told from noise."""

from __future__ import annotations

import pytest

from tests.faults.soak import slope

TIMES = [float(second) for second in range(100)]


@pytest.mark.parametrize(
    ("name", "values", "flat"),
    [
        ("memory", [50e6] * 100, True),
        ("memory", [50e6 + 1e6 * (second % 3) for second in range(100)], True),
        ("memory", [50e6 + 0.3e6 * second for second in range(100)], False),
        ("memory", [50e6 + 0.05e6 * second for second in range(100)], False),
        ("memory", [50e6 + 0.05e6 * second + 20e6 * (second % 2) for second in range(100)], True),
        ("memory", [50e6 - 0.3e6 * second for second in range(100)], True),
        ("descriptors", [100.0 + second / 100 for second in range(100)], True),
        ("descriptors", [100.0 + second for second in range(100)], False),
        ("dead rows", [100_000.0 + 120 * second for second in range(100)], True),
        ("dead rows", [100_000.0 + 200 * second for second in range(100)], False),
        ("latency", [0.001 + 0.0001 * (second % 7) for second in range(100)], True),
        ("latency", [0.01 * second for second in range(100)], False),
    ],
)
def test_what_rises_is_not_flat(name: str, values: list[float], flat: bool) -> None:
    assert slope(name, TIMES, values).flat is flat


def test_the_rise_is_that_of_the_line_through_all_samples() -> None:
    found = slope("log", TIMES, [7.0 + 2.0 * second for second in range(100)])
    assert found.rise == pytest.approx(198.0)
    assert found.mean == pytest.approx(106.0)
