"""Numbers as Prometheus reads them, by a strict reader."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from forge_jobs.model.histogram import Histogram
from forge_jobs_supervisor.coordinator.exposition import Exposition
from tests.support.prometheus import parsed, value_of


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r")), st.text(st.characters(codec="utf-8")))
@example("a\nb", "a\nb")
@example("\\n\\", '\\n"\\')
def test_any_text_may_be_a_label_or_help(help_: str, label: str) -> None:
    told = Exposition()
    told.family("x_total", "counter", f"a{help_}").add(3, queue=label)

    samples, types = parsed(told.text())

    assert samples == {("x_total", frozenset({("queue", label)})): 3.0}
    assert types == {"x_total": "counter"}


def test_numbers_keep_their_value() -> None:
    told = Exposition()
    family = told.family("x", "gauge", "numbers")
    numbers = [0.0, 1.0, -2.5, 1e-7, 2.0**60, 0.1, True]
    for place, number in enumerate(numbers):
        family.add(number, place=str(place))

    samples, _types = parsed(told.text())

    assert [value_of(samples, "x", place=str(place)) for place in range(len(numbers))] == numbers


@given(st.lists(st.integers(0, 2**45), max_size=50))
def test_a_histogram_is_told_in_seconds_with_exact_buckets(durations: list[int]) -> None:
    told = Exposition()
    told.family("x_seconds", "histogram", "durations").add_histogram(Histogram.of(durations), kind="a")

    samples, _types = parsed(told.text())

    bounds = {dict(labels)["le"]: value for (name, labels), value in samples.items() if name == "x_seconds_bucket"}
    assert bounds == {le: sum(d / 1e6 <= float(le) for d in durations) for le in bounds}
    assert {"0.001024", "1.048576", "+Inf"} <= bounds.keys()
    assert value_of(samples, "x_seconds_count", kind="a") == len(durations)
    assert value_of(samples, "x_seconds_sum", kind="a") == sum(durations) / 1e6


def test_a_family_without_samples_is_told_all_the_same() -> None:
    told = Exposition()
    told.family("x", "gauge", "nothing yet")

    assert parsed(told.text()) == ({}, {"x": "gauge"})
