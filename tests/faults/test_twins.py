"""SQLite, PostgreSQL and a plain dictionary do the same: a search for a short way to a difference, and a walk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.faults.model import Expected
from tests.faults.twins import Twins
from tests.faults.walk import ANY_VERB, walk


class Search(RuleBasedStateMachine):
    """Any verb may follow any other."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory(prefix="fj-twins-")
        self.twins = Twins(Path(self.directory.name))

    def teardown(self) -> None:
        try:
            self.twins.rows_fit()
        finally:
            self.twins.close()
            self.directory.cleanup()

    @rule(verb=st.sampled_from(ANY_VERB), data=st.data())
    def act(self, verb: object, data: st.DataObject) -> None:
        verb(self.twins, lambda these: data.draw(st.sampled_from(these)))

    @invariant()
    def all_three_agree(self) -> None:
        self.twins.check()


def test_no_short_way_leads_to_a_difference() -> None:
    case = Search.TestCase
    case.settings = settings(stateful_step_count=60, max_examples=30)
    case("runTest").runTest()


def test_a_difference_is_told_with_the_way_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Expected, "move", lambda _expected, _job_id, _queue: "skipped")
    with pytest.raises(AssertionError, match=r"seed planted, verb \d+, after .*move"):
        walk(tmp_path, "planted", 1000)


def test_no_difference_shows_on_a_long_way(tmp_path: Path) -> None:
    walk(tmp_path, "a long way", 1000)
