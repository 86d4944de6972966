"""What the environment says to a farm."""

from __future__ import annotations

import pytest

from forge_jobs.config import queues_from, worker_label, worker_version
from forge_jobs.errors import InvalidValue


@pytest.mark.parametrize(
    ("value", "queues"),
    [("", []), ("a", ["a"]), ("a,b", ["a", "b"]), (" a , ,b,, a ", ["a", "b"]), (",", [])],
)
def test_the_queues_are_a_comma_list_without_blanks_and_repetitions(value: str, queues: list[str]) -> None:
    assert queues_from({"FORGE_QUEUES": value}) == queues


def test_no_variable_means_no_queues() -> None:
    assert queues_from({}) == []


def test_a_bad_name_among_them_is_refused() -> None:
    with pytest.raises(InvalidValue, match="'b c'"):
        queues_from({"FORGE_QUEUES": "a,b c"})


def test_a_host_is_shown_by_its_machines_name_behind_the_prefix() -> None:
    assert worker_label("machine", {}) == "machine"
    assert worker_label("machine", {"FORGE_WORKER_PREFIX": " eu "}) == "eu-machine"
    assert worker_label("machine", {"FORGE_WORKER_PREFIX": "  "}) == "machine"


def test_the_version_of_the_application_may_be_given() -> None:
    assert worker_version({}) == ""
    assert worker_version({"FORGE_WORKER_VERSION": " 1.2.3 "}) == "1.2.3"


def test_the_variables_of_this_process_count_where_none_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_QUEUES", "x")
    monkeypatch.setenv("FORGE_WORKER_PREFIX", "p")
    monkeypatch.setenv("FORGE_WORKER_VERSION", "v")

    assert (queues_from(), worker_label("m"), worker_version()) == (["x"], "p-m", "v")
